"""Calls of a consumed HTTP API: values become text, and a call becomes a request."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import httpx

TIMEOUT: Final = 60.0
"""Seconds to wait for an answer."""
RETRIES: Final = 2
"""Further tries after one that failed."""
MAX_CONNECTIONS: Final = 100
"""Connections that one client opens at the most."""

ACCEPT: Final = "application/json, */*;q=0.5"
FORM: Final = "application/x-www-form-urlencoded"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+").fullmatch
_LONG: Final = 8000
"""Characters of a URL from which on httpx has to look whether it is too long."""
_AS_IT_IS: Final = re.compile(
    # A port that goes without saying would be left out, and dots resolved.
    r"https?://[a-z0-9-]+(?:\.[a-z0-9-]+)*+(?::(?!80/|443/)[1-9][0-9]{0,4}+)?"
    r"(?:/(?!\.)(?:[\w.~!$&()*+,;=:@-]++|%[0-9A-F]{2})*+)++"
    r"(?:\?(?:[\w.~&=:@,+/-]++|%[0-9A-F]{2})++)?",
    re.ASCII,
).fullmatch
"""Tells URLs that every library writes as they are."""
_SLASHES: Final = re.compile(r"[/\\]")
_NOT_IN_HEADER: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]").search
_IN_COOKIE: Final = "!#$%&'()*+/:<=>?@[]^`{|}~"


class Call(NamedTuple):
    """One request, not yet sent. `path` is percent-encoded; what is None is not sent.

    One of `json`, `form`, `text`, `content` and `parts` is the body. `parts` are of
    multipart form data: an object of their values, or objects with `name`, `value` and
    perhaps `filename` and `content_type`. `media_type` is the type of `text` and of
    `content`. `read` makes the value of an answer that is declared in another format
    than JSON.
    """

    method: str
    path: str
    query: Mapping[str, Any] = {}
    headers: Mapping[str, Any] = {}
    cookies: Mapping[str, Any] = {}
    json: Any = None
    form: Mapping[str, Any] | None = None
    text: Any = None
    content: bytes | AsyncIterator[bytes] | None = None
    parts: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    media_type: str = "text/plain"
    read: Callable[[httpx.Response], Any] | None = None


class Setting(str):
    """Text with settings as `{NAME}`; the client that sends the call knows them."""

    __slots__ = ()

    def filled(self, settings: Mapping[str, str]) -> str:
        """The text with the values of settings in it."""
        return self.format_map(settings)


class ArgumentError(ValueError):
    """An argument cannot be sent; the message says why and holds no secret."""


def segment(value: object) -> str:
    """Percent-encode one path segment: no value can leave it, climb or end the path.

    Raises:
        ArgumentError: the value is empty, is not valid Unicode, or holds a segment `.`
            or `..`, which servers resolve even when it is percent-encoded.
    """
    if isinstance(value, Setting):
        return quote(value, safe="{}")
    text = "" if value is None else as_text(value)
    if _PLAIN(text):
        return text
    if not text:
        raise ArgumentError("a path parameter is empty")
    if not {".", ".."}.isdisjoint(_SLASHES.split(text)):
        raise ArgumentError("a path parameter holds a segment . or ..")
    return quote(text, safe="")


def given(members: Mapping[str, Any]) -> dict[str, Any] | None:
    """The members that are not None; None when that leaves nothing."""
    return {name: value for name, value in members.items() if value is not None} or None


def listed(*elements: Any) -> list[Any] | None:
    """The elements that are not None; None when that leaves nothing."""
    return [element for element in elements if element is not None] or None


def joined(*parts: object) -> str | None:
    """The parts as one text; None when one of them is None."""
    if None in parts:
        return None
    kind = next((type(part) for part in parts if isinstance(part, Setting)), None)
    if kind is None:
        return "".join(as_text(part) for part in parts)
    return kind("".join(_pattern(part) for part in parts))


def filled(*parts: object) -> str:
    """The parts as one text.

    Raises:
        ArgumentError: one of them is None.
    """
    text = joined(*parts)
    if text is None:
        raise ArgumentError("a part of a text is missing")
    return text


def basic(username: str, password: str) -> str:
    """The value of an `Authorization` header for HTTP basic authentication."""
    pair = f"{username}:{password}".encode(errors="surrogateescape")
    return f"Basic {base64.b64encode(pair).decode('ascii')}"


def as_text(value: object) -> str:
    """A value as it stands in a path, a query or a header; structures as JSON.

    Raises:
        ArgumentError: the value is not valid Unicode, or not valid JSON.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return as_json(value)
    text = str(value)
    if isinstance(value, float):
        return text.removesuffix(".0")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ArgumentError("an argument is not valid Unicode text") from None
    return text


def as_json(value: object) -> str:
    """A value as compact JSON in ASCII.

    Raises:
        ArgumentError: JSON cannot write it.
    """
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ArgumentError("a value cannot be written as JSON") from None


def header(name: str, value: str) -> bytes:
    """A header's value as it is sent.

    Raises:
        ArgumentError: it would end the header, or holds characters beyond Latin-1.
    """
    value = value.strip(" \t")
    if _NOT_IN_HEADER(value):
        raise ArgumentError(f"the header {name} cannot hold that value")
    return value.encode("latin-1")


@dataclass(frozen=True, slots=True, repr=False)
class Connection:
    """What all requests of a client share. Its values are secret: it prints none.

    `arrays` and `objects` say how queries and forms write them: arrays as `a=1&a=2`
    ("repeat"), `a[]=1&a[]=2` ("brackets") or `a=1,2` ("comma"), objects as JSON ("json")
    or `a[b]=1` ("brackets").
    """

    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    auth: httpx.Auth | None = None
    arrays: str = "repeat"
    objects: str = "json"
    timeout: float = TIMEOUT
    retries: int = RETRIES
    max_connections: int = MAX_CONNECTIONS

    def further_tries(self, call: Call) -> int:
        """How often a call may be sent again; never, where its body is streamed."""
        return self.retries if isinstance(call.content, bytes | None) else 0

    def arguments(self, call: Call) -> dict[str, Any]:
        """The arguments of `httpx.Client.build_request` for a call.

        Raises:
            ArgumentError: a value cannot be sent.
        """
        arguments: dict[str, Any] = {"method": call.method, "url": self._url(call)}
        headers = {"accept": ACCEPT, **self.headers}
        for name, value in call.headers.items():
            if value is not None:
                headers[name] = self._text(value)
        own = ((n, self._text(v)) for n, v in call.cookies.items() if v is not None)
        cookies = [*self.cookies.items(), *own]
        if cookies:
            pairs = [
                f"{name}={quote(value, safe=_IN_COOKIE)}" for name, value in cookies
            ]
            headers["cookie"] = "; ".join(
                [*filter(None, [headers.get("cookie")]), *pairs]
            )
        arguments |= self._body(call, headers)
        arguments["headers"] = {
            name: header(name, value) for name, value in headers.items()
        }
        return arguments

    def _body(self, call: Call, headers: dict[str, Any]) -> dict[str, Any]:
        """The body's arguments; its type is a header unless there is one already."""
        if call.json is not None:
            headers.setdefault("content-type", "application/json")
            return {"content": as_json(self._filled(call.json)).encode()}
        if call.form is not None:
            headers.setdefault("content-type", FORM)
            return {"content": urlencode([*self._pairs(call.form)]).encode()}
        if call.text is not None:
            headers.setdefault("content-type", call.media_type)
            return {"content": self._text(call.text).encode()}
        if call.content is not None:
            headers.setdefault("content-type", call.media_type)
            return {"content": call.content}
        if call.parts is not None:
            headers.pop("content-type", None)  # httpx says it, with the boundary
            return {"files": [*self._files(call.parts)]}
        return {}

    def _files(
        self, parts: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[str, tuple[str | None, bytes, str | None]]]:
        if isinstance(parts, Mapping):
            pairs = self._pairs(parts)
            parts = [{"name": name, "value": value} for name, value in pairs]
        for part in parts:
            name, value = self._text(part["name"]), part.get("value")
            filename, kind = part.get("filename"), part.get("content_type")
            if value is None:
                continue
            if filename is not None:
                filename = self._text(filename)
            if isinstance(value, bytes):
                filename = filename or name  # servers read what has none as text
            else:
                value = self._text(value).encode()
            if filename and kind is None:
                kind = "application/octet-stream"
            yield name, (filename, value, kind)

    def _url(self, call: Call) -> httpx.URL | str:
        """The URL, as a text where that is what httpx would make of it."""
        path = call.path
        if "{" in path:
            path = path.format_map({k: segment(v) for k, v in self.settings.items()})
        pairs = [*self._pairs(call.query)]
        if self.query:
            names = {name for name, _ in pairs}
            pairs += [pair for pair in self.query.items() if pair[0] not in names]
        url = f"{self.base_url}{path}"
        if pairs:
            separator = "&" if "?" in path else "?"
            url = f"{url}{separator}{urlencode(pairs, quote_via=quote)}"
        if len(url) < _LONG and _AS_IT_IS(url):
            return url
        try:
            return httpx.URL(url)
        except httpx.InvalidURL:
            raise ArgumentError("the arguments make too long a URL") from None

    def _filled(self, value: Any) -> Any:
        """A JSON value with its settings filled in."""
        if not self.settings:
            return value
        if isinstance(value, Setting):
            return self._text(value)
        if isinstance(value, dict):
            return {key: self._filled(member) for key, member in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        return value

    def _pairs(self, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for name, value in values.items():
            yield from self._flat(as_text(name), value)

    def _flat(self, name: str, value: Any) -> Iterator[tuple[str, str]]:
        """A value in as many pairs as it takes; what is None in it is not sent."""
        if isinstance(value, dict) and self.objects == "brackets":
            for key, member in value.items():
                yield from self._flat(f"{name}[{as_text(key)}]", member)
        elif isinstance(value, list):
            yield from self._flat_list(name, [v for v in value if v is not None])
        elif value is not None:
            yield name, self._text(value)

    def _flat_list(self, name: str, items: list[Any]) -> Iterator[tuple[str, str]]:
        nested = any(isinstance(item, dict | list) for item in items)
        if self.arrays == "comma" and items:
            yield name, ",".join(map(self._text, items))
        elif nested and self.objects == "brackets":
            # Only an index says which members belong together.
            for index, item in enumerate(items):
                yield from self._flat(f"{name}[{index}]", item)
        else:
            bare = self.arrays == "brackets" and not name.endswith("[]")
            own = f"{name}[]" if bare else name
            for item in items:
                yield own, self._text(item)

    def _text(self, value: object) -> str:
        if isinstance(value, Setting):
            return value.filled(self.settings)
        return as_text(value)


def _pattern(part: object) -> str:
    if isinstance(part, Setting):
        return part
    return as_text(part).replace("{", "{{").replace("}", "}}")
