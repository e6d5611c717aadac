"""What the spec says must arrive upstream, and what must leave, computed from the IR.

Verification compares the generated code with this. It shares no code with what emits
or runs that code, so that one mistake cannot hide in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from .diagnostics import Origin
from .expect_bodies import cookie_pairs, form, in_header, pairs, parts
from .expect_credentials import authorization
from .expect_places import UnsendableError, text, written_at
from .expect_results import ABSENT
from .expect_values import Values, filled, given_value, resolved
from .ir import (
    ApiKeys,
    Argument,
    Field,
    Interpolated,
    Operation,
    Setting,
    Text,
    Upstream,
)
from .wire import Encoding, Location, Place

_UNRESERVED: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
)
_IN_COOKIE: Final = frozenset(range(0x21, 0x7F)) - frozenset(b'",;\\\\')
"""What a cookie's value may hold as it is (RFC 6265)."""
_PORTS: Final = {"http": ":80", "https": ":443"}


class ExpectedRequest(Struct, frozen=True, kw_only=True):
    """One request as it must arrive.

    `origin` is scheme and host; `path` and `cookies` are as on the wire, percent-encoded;
    `query` is decoded. `headers` has lower-case names and only what the spec
    determines; `unsent` names headers of the spec that must not be there. `body` is what
    stands in it by `encoding`, or `ABSENT`: a JSON value, a text, bytes, the pairs of a form by
    name, or objects that describe the parts of multipart form data.
    """

    method: str
    origin: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    unsent: frozenset[str]
    cookies: Mapping[str, str]
    body: Any
    encoding: Encoding = Encoding.JSON


def expected_request(
    upstream: Upstream,
    operation: Operation,
    values: Values,
    settings: Mapping[str, str],
) -> ExpectedRequest:
    """The request of an operation.

    `settings` maps environment variables to values; it may leave out the base URL's
    where the spec says where the API is.

    Raises:
        KeyError: a setting or a path argument has no value.
        UnsendableError: a value must be refused.
    """
    base = urlsplit(base_url(upstream, settings))
    path = "".join(
        part if isinstance(part, str) else segment(_path_text(part, values, settings))
        for part in operation.path
    )
    body = _body(upstream, operation, values, settings)
    headers = _headers(upstream, operation, values, settings)
    if operation.encoding is Encoding.MULTIPART:
        headers.pop("content-type", None)  # it holds a boundary that nobody foresees
    elif body is not ABSENT:
        headers.setdefault("content-type", operation.media_type)
    declared = {field.name.lower() for field in operation.headers}
    unsent = (declared | {"authorization"}) - headers.keys()
    return ExpectedRequest(
        method=operation.method,
        origin=f"{base.scheme}://{base.netloc.lower().removesuffix(_PORTS[base.scheme])}",
        path=base.path.rstrip("/") + path or "/",
        query=tuple(_query(upstream, operation, values, settings)),
        headers=headers,
        unsent=frozenset(unsent),
        cookies={
            **dict(cookie_pairs(headers.pop("cookie", ""))),
            **_cookies(upstream, operation, values, settings),
        },
        body=body or ABSENT if operation.encoding is not Encoding.JSON else body,
        encoding=operation.encoding,
    )


def base_url(upstream: Upstream, settings: Mapping[str, str]) -> str:
    """Where the upstream is: the setting, else what the spec says.

    Raises:
        KeyError: neither says.
    """
    given = settings.get(upstream.base_url.variable)
    if given is not None:
        return given
    if upstream.published is not None:
        return resolved(upstream.published, settings)
    if upstream.base_url.default is None:
        raise KeyError(upstream.base_url.variable)
    return upstream.base_url.default


def segment(value: str) -> str:
    """A value percent-encoded so that it stays one segment of a path.

    Raises:
        UnsendableError: it is empty, or has a segment `.` or `..`, which many servers
            resolve even when it is percent-encoded.
    """
    if not value or {".", ".."} & set(value.replace("\\", "/").split("/")):
        raise UnsendableError(value)
    return percent_encoded(value)


def percent_encoded(value: str, kept: frozenset[int] = _UNRESERVED) -> str:
    """A text percent-encoded but for the given bytes: the unreserved ones of a URL."""
    return "".join(
        chr(byte) if byte in kept else f"%{byte:02X}" for byte in value.encode()
    )


def _sent(
    fields: tuple[Field, ...], values: Values, settings: Mapping[str, str]
) -> dict[str, Any]:
    """The value of each name; an argument replaces constants of its name."""
    constants: dict[str, list[Any]] = {}
    given: dict[str, list[Any]] = {}
    for field in fields:
        value = given_value(field.value, values, settings)
        if value is ABSENT:
            continue
        kind = given if isinstance(field.value, Argument) else constants
        kind.setdefault(field.name, []).append(value)
    found = constants | given
    return {name: v[0] if len(v) == 1 else v for name, v in found.items()}


def _query(
    upstream: Upstream,
    operation: Operation,
    values: Values,
    settings: Mapping[str, str],
) -> Iterator[tuple[str, str]]:
    sent = _sent(operation.query, values, settings)
    for name, shared in upstream.query:
        sent.setdefault(name, resolved(shared, settings))
    for name, key in _keys(upstream, Location.QUERY):
        sent[name] = resolved(key, settings)
    for name, value in sent.items():
        yield from pairs(upstream, name, value, text)


def _single(
    fields: tuple[Field, ...], values: Values, settings: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Headers and cookies: one text each."""
    for field in fields:
        value = given_value(field.value, values, settings)
        if value is not ABSENT:
            yield field.name, text(value)


def _headers(
    upstream: Upstream,
    operation: Operation,
    values: Values,
    settings: Mapping[str, str],
) -> dict[str, str]:
    headers = {
        name.lower(): resolved(value, settings).strip(" \t")
        for name, value in upstream.headers
    }
    for name, value in _single(operation.headers, values, settings):
        sent = in_header(value)
        if sent is None:
            raise UnsendableError(value)
        headers[name.lower()] = sent
    sent = authorization(upstream.auth, lambda each: resolved(each, settings))
    if sent is not None:
        headers["authorization"] = sent
    for name, key in _keys(upstream, Location.HEADER):
        headers[name.lower()] = resolved(key, settings).strip(" \t")
    return headers


def _keys(upstream: Upstream, location: Location) -> Iterator[tuple[str, Text]]:
    """The API keys that travel at a location."""
    match upstream.auth:
        case ApiKeys(keys=keys):
            yield from ((k.name, k.value) for k in keys if k.location is location)


def _cookies(
    upstream: Upstream,
    operation: Operation,
    values: Values,
    settings: Mapping[str, str],
) -> dict[str, str]:
    cookies = dict(_single(operation.cookies, values, settings))
    for name, key in _keys(upstream, Location.COOKIE):
        cookies[name] = resolved(key, settings)
    return {name: percent_encoded(value, _IN_COOKIE) for name, value in cookies.items()}


def _body(
    upstream: Upstream,
    operation: Operation,
    values: Values,
    settings: Mapping[str, str],
) -> Any:
    template, encoding = operation.body, operation.encoding
    if template is None:
        return ABSENT
    if (
        encoding is Encoding.XML
        and isinstance(template, Interpolated | Text)
        and len(template.parts) > 1
    ):
        settings = {
            name: written_at(Place.XML, held) for name, held in settings.items()
        }
    value = filled(template, values, settings)
    if value is ABSENT or encoding in (Encoding.JSON, Encoding.BINARY):
        return value
    match encoding:
        case Encoding.FORM:
            return form(upstream, value, text)
        case Encoding.MULTIPART:
            return parts(upstream, value, text)
        case Encoding.TEXT | Encoding.XML:
            return text(value)


def _path_text(
    part: Argument | Setting, values: Mapping[Origin, Any], settings: Mapping[str, str]
) -> str:
    if isinstance(part, Setting):
        return settings[part.variable]
    return text(values[part.origin])
