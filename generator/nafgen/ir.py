"""The linked model of consumed APIs, and of the values that travel: nothing is left to
look up.

Passes before `link` know names and strings; passes after it know these objects and those
of `program`. Every object is frozen, refers to the others directly, and carries the
`Origin` it comes from.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from .diagnostics import Origin
from .ir_auth import ApiKey as ApiKey
from .ir_auth import ApiKeys as ApiKeys
from .ir_auth import Auth as Auth
from .ir_auth import Basic as Basic
from .ir_auth import Bearer as Bearer
from .ir_auth import ClientCredentials as ClientCredentials
from .ir_auth import Digest as Digest
from .ir_auth import Negotiated as Negotiated
from .ir_auth import Setting as Setting
from .ir_auth import Supplied as Supplied
from .ir_auth import Text as Text
from .paths import Path
from .wire import (
    AnswerSchema,
    ArrayStyle,
    Encoding,
    Format,
    Location,
    ObjectStyle,
    Place,
    Type,
)


class Argument(Struct, frozen=True, kw_only=True):
    """What the caller of a consumed operation gives; `name` is the name on the wire."""

    name: str
    location: Location
    type: Type
    items: Type | None
    required: bool
    description: str
    origin: Origin


class Input(Struct, frozen=True, kw_only=True):
    """What the caller of a route or tool gives.

    `location` says where a route finds it; a tool's inputs are all members of its
    arguments object. A route's input in the body is the whole body where `whole` is
    set, else the body's member of that name, or the one at `path`. A text has to match
    `pattern`, where there is one.
    """

    name: str
    location: Location
    whole: bool
    path: tuple[str, ...] = ()
    pattern: str = ""
    type: Type
    items: Type | None
    required: bool
    description: str
    origin: Origin


class Constant(Struct, frozen=True):
    """A literal scalar of JSON; literal objects and arrays are `ObjectOf` and `ArrayOf`."""

    value: bool | int | float | str | None


class ObjectOf(Struct, frozen=True):
    """A JSON object; a member whose argument is absent is left out."""

    members: tuple[tuple[str, Template], ...]


class ArrayOf(Struct, frozen=True):
    """A JSON array."""

    elements: tuple[Template, ...]


class StepValue(Struct, frozen=True):
    """What is made of the result of an earlier step, by its name."""

    step: str
    made: Result


class Member(Struct, frozen=True):
    """What is at `path` in an argument that is an object; absent where nothing is."""

    argument: Argument
    path: tuple[str, ...]


class Placed(Struct, frozen=True):
    """A value as it is written at a place of a text in a language of its own."""

    value: Argument | Member
    place: Place


Part: TypeAlias = str | Argument | Member | Placed | Input | Text | StepValue
"""What a text with values inside it is made of."""


class Interpolated(Struct, frozen=True):
    """Text with values inside it; absent when one of them is."""

    parts: tuple[Part, ...]


Template: TypeAlias = (
    Argument
    | Member
    | Input
    | Constant
    | Text
    | ObjectOf
    | ArrayOf
    | Interpolated
    | StepValue
)
"""What fills a body, of arguments, or an argument, of inputs; these keep their type."""

Value: TypeAlias = Argument | Member | Constant | Text | Interpolated
"""What fills a path segment, a query parameter or a header."""


class Field(Struct, frozen=True, kw_only=True):
    """A query parameter, header or cookie that an operation sends."""

    name: str
    value: Value


class Binary(Struct, frozen=True, kw_only=True):
    """Answers of bytes: `limit` of them at the most, passed on as `media_type` or, where
    that is empty, as what the upstream says. `is_default`: the spec gives no limit.
    """

    limit: int
    is_default: bool
    media_type: str


class Operation(Struct, frozen=True, kw_only=True):
    """One consumed HTTP operation.

    `path` holds literal parts, percent-encoded already, arguments, and settings. `query`
    holds what the path template itself says after `?` first. `body` is sent in
    `encoding`, as `media_type` unless a header says otherwise; it is absent when it is
    None, and when it is made of arguments none of which is given. The parts of multipart
    form data are an object, or an array of objects with `name`, `value` and perhaps
    `filename` and `content_type`. `from_settings` names what callers need not give: declared
    parameters that the authentication sends, and variables of the base URL. `extracted`
    names what the spec extracts of the answer, with where it is or what it always is:
    exposed mappings start there, but for those that make more than a scalar of what
    `extracts_scalar` says is one. The answer is declared in `format`; of HTML and
    Markdown, `selector` says which parts count, and of Avro and Protocol Buffers
    `schema` what they are read by.
    """

    namespace: str
    name: str
    method: str
    path: tuple[str | Argument | Setting, ...]
    query: tuple[Field, ...]
    headers: tuple[Field, ...]
    cookies: tuple[Field, ...]
    body: Template | None
    encoding: Encoding
    media_type: str
    arguments: tuple[Argument, ...]
    from_settings: tuple[str, ...]
    extracted: tuple[tuple[str, Pick | Constant], ...]
    extracts_scalar: bool
    format: Format
    selector: str
    schema: AnswerSchema | None = None
    binary: Binary | None = None
    description: str
    origin: Origin


class PasswordDigest(Struct, frozen=True, kw_only=True):
    """Proof that callers know a password (HTTP digest authentication)."""

    username: Text
    password: Text


class AccessTokens(Struct, frozen=True, kw_only=True):
    """JWTs that `issuer` made for `resource` or, where it is not empty, `audience`, with
    all scopes. `token_url` says where callers get them; empty where the spec does not.
    """

    issuer: Text
    resource: Text
    audience: Text
    scopes: tuple[str, ...]
    token_url: str


class IntrospectedTokens(AccessTokens, frozen=True, kw_only=True):
    """Tokens of any kind, about which the issuer is asked as the client that this is."""

    client_id: Text
    client_secret: Text


class Guard(Struct, frozen=True, kw_only=True):
    """What callers of an adapter must show. `realm` is how challenges name the adapter,
    `settings` are those of the scheme, in the order in which it uses them."""

    scheme: Basic | Bearer | ApiKeys | PasswordDigest | AccessTokens
    realm: str
    settings: tuple[Setting, ...]


class Upstream(Struct, frozen=True, kw_only=True):
    """A consumed HTTP API.

    `base_url` is the setting for where it is; `published` is where the spec says it is
    when that needs other settings, else None. `settings` are all others, in the order
    in which the spec uses them; `call_settings` those that calls mention, and
    `negotiated_settings` those that only a `Negotiated` needs. `arrays` and `objects` say how its
    queries and forms write them.
    """

    namespace: str
    base_url: Setting
    published: Text | None
    headers: tuple[tuple[str, Text], ...]
    query: tuple[tuple[str, Text], ...]
    auth: Auth | None
    settings: tuple[Setting, ...]
    call_settings: tuple[Setting, ...]
    negotiated_settings: tuple[Setting, ...]
    arrays: ArrayStyle
    objects: ObjectStyle
    operations: tuple[Operation, ...]
    description: str
    origin: Origin


Given: TypeAlias = (
    Input | Constant | Text | ObjectOf | ArrayOf | Interpolated | StepValue
)
"""What an argument gets; structures and texts hold inputs and results of steps."""


class Relay(Struct, frozen=True):
    """The answer itself: its bytes, whatever they are."""


class Pick(Struct, frozen=True):
    """What is at `path` in the value, None where nothing is; () is the value."""

    path: Path


class Shape(Struct, frozen=True):
    """A JSON object, each member made from the value."""

    members: tuple[tuple[str, Result], ...]


class Each(Struct, frozen=True):
    """A JSON array: `item` made from each element of the array at `path`, else None."""

    path: Path
    item: Result


Result: TypeAlias = Pick | Shape | Each | Constant
"""A JSON value that is made of the one that an answer holds; `Pick(())` is that one."""

READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""
WHOLE = Pick(())
RELAY = Relay()


def segments(
    path: tuple[str | Input | Argument | Setting, ...],
) -> tuple[tuple[str, int], ...]:
    """The segments of a path: the literal text, and the number of other parts, in each."""
    found: list[tuple[str, int]] = [("", 0)]
    for part in path:
        text, inputs = found.pop()
        if isinstance(part, str):
            first, *more = part.split("/")
            found += [(text + first, inputs), *((piece, 0) for piece in more)]
        else:
            found.append((text, inputs + 1))
    return tuple(found)
