"""Requests to a mocked upstream, held to what the spec says of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qs, unquote

from msgspec import Struct

from .ir import (
    Argument,
    Constant,
    Field,
    Interpolated,
    ObjectOf,
    Operation,
    Text,
    Upstream,
)
from .media_types import of_media_type
from .wire import Encoding, Location

MAX_BODY: Final = 8 * 1024 * 1024
"""Bytes of a request body at the most; larger ones are answered with 413."""

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]


class Request(Struct, frozen=True, kw_only=True):
    """What a request holds, by location; a header's name is in lower case."""

    named: Mapping[Location, Mapping[str, str]]
    query: Mapping[str, list[str]]
    body: Any


class Answer(Struct, frozen=True, kw_only=True):
    status: int
    content: bytes
    headers: tuple[tuple[str, str], ...]


class RefusedError(Exception):
    """Carries the answer to a request that does not fit."""

    def __init__(self, status: int, what: str, *headers: tuple[str, str]) -> None:
        super().__init__(what)
        value = {"error": {"status": status, "message": what}}
        self.answer = json_answer(status, value, *headers)


def json_answer(status: int, value: Any, *headers: tuple[str, str]) -> Answer:
    content = json.dumps(value, ensure_ascii=False).encode()
    kind = ("content-type", "application/json")
    return Answer(status=status, content=content, headers=(kind, *headers))


async def read_request(scope: Message, receive: Receive) -> Request:
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in scope["headers"]
    }
    pairs = (pair.partition("=") for pair in headers.get("cookie", "").split("; "))
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return Request(
        named={
            Location.HEADER: headers,
            Location.COOKIE: {name: unquote(value) for name, _, value in pairs if name},
            Location.QUERY: {name: values[-1] for name, values in query.items()},
        },
        query=query,
        body=_body(await _content(receive), headers.get("content-type", "")),
    )


async def _content(receive: Receive) -> bytes:
    content, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(400, "the request ended early")
        content += message.get("body", b"")
        more = message.get("more_body", False)
        if len(content) > MAX_BODY:
            raise RefusedError(413, f"a body has at most {MAX_BODY} bytes")
    return content


def _body(content: bytes, media_type: str) -> Any:
    """What a body says, by its type: a form and multipart data as an object, bytes in
    base64, but for parts that are text."""
    encoding = of_media_type(media_type).encoding
    try:
        match encoding:
            case _ if not content:
                return None
            case Encoding.JSON:
                return json.loads(content)
            case Encoding.FORM:
                pairs = parse_qs(content.decode(), keep_blank_values=True)
                return {n: v if len(v) > 1 else v[0] for n, v in pairs.items()}
            case Encoding.MULTIPART:
                return dict(_parts(content, media_type))
            case Encoding.TEXT | Encoding.XML:
                return content.decode()
            case Encoding.BINARY:
                return base64.b64encode(content).decode()
    except (ValueError, RecursionError):
        name = "JSON" if encoding is Encoding.JSON else encoding
        raise RefusedError(400, f"the body is not {name}") from None


def _parts(content: bytes, media_type: str) -> Iterator[tuple[str, str]]:
    boundary = f"\r\n--{media_type.partition('boundary=')[2]}".encode()
    for part in (b"\r\n" + content).split(boundary)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = head.decode().partition('; name="')[2].partition('"')[0]
        yield name, _text_or_base64(value)


def _text_or_base64(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return base64.b64encode(content).decode()


def check(upstream: Upstream, operation: Operation, request: Request) -> None:
    """Refuse a request that the consumed side does not allow."""
    shared: tuple[tuple[Location, tuple[tuple[str, Text], ...]], ...] = (
        (Location.HEADER, upstream.headers),
        (Location.QUERY, upstream.query),
    )
    own = {
        Location.QUERY: operation.query,
        Location.HEADER: operation.headers,
        Location.COOKIE: operation.cookies,
    }
    for place, fields in own.items():
        for field in fields:
            _check_field(place, field, request.named[place])
    for place, constants in shared:
        for name, text in constants:
            # What an operation says of its own takes the place of what all share.
            if name.lower() not in {field.name.lower() for field in own[place]}:
                field = Field(name=name, value=text)
                _check_field(place, field, request.named[place])
    _check_body(operation, request.body)


def _check_field(place: Location, field: Field, given: Mapping[str, str]) -> None:
    name = field.name.lower() if place is Location.HEADER else field.name
    match field.value:
        case Argument(required=required):
            if required and name not in given:
                raise RefusedError(400, f"the {place} {field.name} is missing")
        case Interpolated(parts):
            arguments = [part for part in parts if isinstance(part, Argument)]
            if all(a.required for a in arguments) and name not in given:
                raise RefusedError(400, f"the {place} {field.name} is missing")
        case Constant(value):
            _check_constant(place, name, given, _text(value))
        case Text(parts=parts):
            texts = [part for part in parts if isinstance(part, str)]
            # What a setting brings is not known here, only that there is something.
            whole = "".join(texts) if len(texts) == len(parts) else None
            _check_constant(place, name, given, whole)


def _check_constant(
    place: Location, name: str, given: Mapping[str, str], wanted: str | None
) -> None:
    if name not in given:
        raise RefusedError(400, f"the {place} {name} is missing")
    if wanted is not None and given[name] != wanted:
        raise RefusedError(400, f"the {place} {name} is not {wanted}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _check_body(operation: Operation, body: Any) -> None:
    match operation.body:
        case Argument(required=True) if body is None:
            raise RefusedError(400, "the body is missing")
        case ObjectOf(members):
            names = body if isinstance(body, dict) else {}
            in_brackets = operation.encoding is Encoding.FORM
            given = {n.partition("[")[0] if in_brackets else n for n in names}
            required = [
                key
                for key, member in members
                if isinstance(member, Argument) and member.required
            ]
            missing = [key for key in required if key not in given]
            if missing:
                raise RefusedError(400, f"the body lacks {', '.join(missing)}")
        case _:
            return
