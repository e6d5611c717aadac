"""Calls to a consumed HTTP API: one place builds a request, one reads an answer."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import random
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, NamedTuple, Self
from urllib.parse import quote, urlencode

import httpx

TIMEOUT: Final = 60.0
"""Seconds to wait for an answer."""
CONNECT_TIMEOUT: Final = 5.0
"""Seconds to wait for a connection."""
MAX_CONNECTIONS: Final = 100
"""Connections that one client opens at the most."""
RETRIES: Final = 2
"""Further tries after one that failed."""
MAX_DELAY: Final = 8.0
"""Seconds between two tries at the most; an upstream that asks for more is not retried."""

ACCEPT: Final = "application/json, */*;q=0.5"
IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+").fullmatch
_NOT_IN_HEADER: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]").search


class Call(NamedTuple):
    """One request, not yet sent. `path` is percent-encoded; what is None is not sent."""

    method: str
    path: str
    query: Mapping[str, Any] = {}
    headers: Mapping[str, Any] = {}
    cookies: Mapping[str, Any] = {}
    json: Any = None


class Setting(str):
    """Text with settings as `{NAME}`; the client that sends the call knows them."""

    __slots__ = ()


class ArgumentError(ValueError):
    """An argument cannot be sent; the message says why and holds no secret."""


class MissingSettingsError(LookupError):
    """Settings that neither the caller nor the environment gives: `names`."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(f"set {', '.join(names)} in the environment")
        self.names = names


class UpstreamError(Exception):
    """The upstream API answered with status 400 or above, or with broken JSON."""

    def __init__(self, response: httpx.Response, what: str = "") -> None:
        super().__init__(f"the upstream API answered {what or response.status_code}")
        self.response = response


def segment(value: object) -> str:
    """Percent-encode one path segment: no value can leave it, climb or end the path.

    Raises:
        ArgumentError: the value is empty or not valid Unicode.
    """
    text = _text(value)
    if _PLAIN(text):
        return text
    if not text:
        raise ArgumentError("a path parameter is empty")
    if text.strip(".") == "":
        return text.replace(".", "%2E")
    return quote(text, safe="")


def given(members: Mapping[str, Any]) -> dict[str, Any] | None:
    """The members that are not None; None when that leaves nothing."""
    return {name: value for name, value in members.items() if value is not None} or None


def joined(*parts: object) -> str | None:
    """The parts as one text; None when one of them is None."""
    return None if None in parts else "".join(_text(part) for part in parts)


def basic(username: str, password: str) -> str:
    """The value of an `Authorization` header for HTTP basic authentication."""
    pair = f"{username}:{password}".encode()
    return f"Basic {base64.b64encode(pair).decode('ascii')}"


@dataclass(frozen=True, slots=True, repr=False)
class Connection:
    """What all requests of a client share. Its values are secret: it prints none."""

    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    timeout: float = TIMEOUT
    retries: int = RETRIES
    max_connections: int = MAX_CONNECTIONS

    def arguments(self, call: Call) -> dict[str, Any]:
        """The arguments of `httpx.Client.build_request` for a call.

        Raises:
            ArgumentError: a value cannot be sent.
        """
        url = self.base_url + call.path
        query = urlencode([*self._pairs(call.query), *self.query.items()])
        if query:
            url += f"{'&' if '?' in url else '?'}{query}"
        headers = {"accept": ACCEPT, **self.headers, **self._headers(call)}
        if call.json is None:
            return {"method": call.method, "url": url, "headers": headers}
        headers.setdefault("content-type", "application/json")
        return {
            "method": call.method,
            "url": url,
            "headers": headers,
            "content": _json(self._filled(call.json)),
        }

    def _filled(self, value: Any) -> Any:
        """A JSON value with its settings filled in."""
        if not self.settings:
            return value
        if isinstance(value, Setting):
            return self._value(value)
        if isinstance(value, dict):
            return {key: self._filled(member) for key, member in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        return value

    def _pairs(self, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for name, value in values.items():
            for item in value if isinstance(value, list) else (value,):
                if item is not None:
                    yield name, self._value(item)

    def _headers(self, call: Call) -> dict[str, str]:
        headers = {
            name: self._value(value)
            for name, value in call.headers.items()
            if value is not None
        }
        cookies = [*self.cookies.items(), *self._pairs(call.cookies)]
        if cookies:
            headers["cookie"] = "; ".join(
                f"{name}={quote(value)}" for name, value in cookies
            )
        for name, value in headers.items():
            if _NOT_IN_HEADER(value):
                raise ArgumentError(f"the header {name} cannot hold that value")
        return headers

    def _value(self, value: object) -> str:
        if isinstance(value, Setting):
            return value.format_map(self.settings)
        return _text(value)


class Environment:
    """Reads settings and remembers what is missing, to name all of it at once."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._missing: list[str] = []

    def get(
        self, variable: str, given: str | None = None, default: str | None = None
    ) -> str:
        """The given value, else the environment's, else the default."""
        value = given or os.environ.get(variable) or default
        if value is None:
            self._missing.append(variable)
            return ""
        return value

    def connection(self, base_url: str, **shared: Mapping[str, str]) -> Connection:
        """A connection made of the values read.

        Raises:
            MissingSettingsError: some are missing.
            ValueError: the base URL is not one, or a number is not one.
        """
        if self._missing:
            raise MissingSettingsError(tuple(dict.fromkeys(self._missing)))
        if not base_url.startswith(("https://", "http://")):
            raise ValueError(f"{self._prefix}_BASE_URL must begin with https://")
        for secret in shared.get("query", {}).values():
            _hide_in_logs(secret)
        return Connection(
            base_url.rstrip("/"),
            timeout=self._number("TIMEOUT", TIMEOUT),
            retries=int(self._number("RETRIES", RETRIES)),
            max_connections=int(self._number("MAX_CONNECTIONS", MAX_CONNECTIONS)),
            **shared,
        )

    def _number(self, name: str, default: float) -> float:
        variable = f"{self._prefix}_{name}"
        text = os.environ.get(variable)
        try:
            return float(text) if text else default
        except ValueError:
            raise ValueError(f"{variable} must be a number") from None


class AsyncClient:
    """An asynchronous client; one instance holds one connection pool.

    A client of your own, given as `http`, brings its own time-outs and is not closed.
    """

    def __init__(self, connection: Connection, http: httpx.AsyncClient | None) -> None:
        self._connection = connection
        self._owned = http is None
        self._http = http or httpx.AsyncClient(**_options(connection))

    async def send(self, call: Call, *, stream: bool = False) -> httpx.Response:
        """Send a call; the answer comes back whatever its status.

        Raises:
            ArgumentError: an argument cannot be sent.
            httpx.TransportError: the upstream API cannot be reached.
        """
        request = self._http.build_request(**self._connection.arguments(call))
        for attempt in range(self._connection.retries):
            try:
                response = await self._http.send(request, stream=stream)
            except httpx.TransportError as error:
                delay = _delay_after_error(call.method, attempt, error)
                if delay is None:
                    raise
            else:
                delay = _delay_after_answer(call.method, attempt, response)
                if delay is None:
                    return response
                await response.aclose()
            await asyncio.sleep(delay)
        return await self._http.send(request, stream=stream)

    async def call(self, call: Call) -> Any:
        """Send a call and decode its answer; raises what both do."""
        return decode(await self.send(call))

    async def aclose(self) -> None:
        """Close the connection pool."""
        if self._owned:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


class Client:
    """A blocking client, otherwise like `AsyncClient`."""

    def __init__(self, connection: Connection, http: httpx.Client | None) -> None:
        self._connection = connection
        self._owned = http is None
        self._http = http or httpx.Client(**_options(connection))

    def send(self, call: Call, *, stream: bool = False) -> httpx.Response:
        """Like `AsyncClient.send`."""
        request = self._http.build_request(**self._connection.arguments(call))
        for attempt in range(self._connection.retries):
            try:
                response = self._http.send(request, stream=stream)
            except httpx.TransportError as error:
                delay = _delay_after_error(call.method, attempt, error)
                if delay is None:
                    raise
            else:
                delay = _delay_after_answer(call.method, attempt, response)
                if delay is None:
                    return response
                response.close()
            time.sleep(delay)
        return self._http.send(request, stream=stream)

    def call(self, call: Call) -> Any:
        """Like `AsyncClient.call`."""
        return decode(self.send(call))

    def close(self) -> None:
        """Close the connection pool."""
        if self._owned:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def decode(response: httpx.Response) -> Any:
    """The answer as JSON, text or bytes, whichever it is; None when it is empty.

    Raises:
        UpstreamError: the status is 400 or above, or the JSON is broken.
    """
    if response.status_code >= 400:
        raise UpstreamError(response)
    if not response.content:
        return None
    if is_json(response):
        try:
            return response.json()
        except ValueError:
            raise UpstreamError(response, "with broken JSON") from None
    return response.text if is_text(response) else response.content


def is_json(response: httpx.Response) -> bool:
    """Whether the answer is one JSON value; an answer without a type is taken for one."""
    kind = media_type(response)
    return kind in ("", "application/json") or kind.endswith("+json")


def is_text(response: httpx.Response) -> bool:
    """Whether the answer is text that a person could read."""
    kind = media_type(response)
    return (
        is_json(response)
        or kind.startswith("text/")
        or kind.endswith(("json", "jsonl", "xml", "yaml", "javascript", "urlencoded"))
        or "charset" in response.headers.get("content-type", "")
    )


def media_type(response: httpx.Response) -> str:
    """The answer's media type in lower case, without parameters."""
    header: str = response.headers.get("content-type", "")
    return header.partition(";")[0].strip().lower()


def _options(connection: Connection) -> dict[str, Any]:
    return {
        "timeout": httpx.Timeout(connection.timeout, connect=CONNECT_TIMEOUT),
        "limits": httpx.Limits(
            max_connections=connection.max_connections,
            max_keepalive_connections=connection.max_connections,
        ),
    }


def _delay_after_error(method: str, attempt: int, error: Exception) -> float | None:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return _backoff(attempt)
    lost = isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError)
    return _backoff(attempt) if lost and method in IDEMPOTENT else None


def _delay_after_answer(
    method: str, attempt: int, response: httpx.Response
) -> float | None:
    status = response.status_code
    if status not in (429, 502, 503, 504):
        return None
    wait = response.headers.get("retry-after", "")
    if wait.isascii() and wait.isdigit() and status in (429, 503):
        return float(wait) if float(wait) <= MAX_DELAY else None
    return _backoff(attempt) if method in IDEMPOTENT else None


def _backoff(attempt: int) -> float:
    spread = random.uniform(0.5, 1)
    return float(min(0.5 * 2**attempt, MAX_DELAY) * spread)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = json.dumps(value) if isinstance(value, dict | list) else str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ArgumentError("an argument is not valid Unicode text") from None
    return text


def _json(value: object) -> bytes:
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise ArgumentError("the body holds a number that JSON cannot write") from None


class _Hidden(logging.Filter):
    """Keeps secrets that travel in a query out of the log lines of httpx."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        for secret in self.secrets:
            message = message.replace(secret, "[secret]")
        record.msg, record.args = message, ()
        return True


_hidden = _Hidden()


def _hide_in_logs(secret: str) -> None:
    _hidden.secrets.add(urlencode({"": secret})[1:])
    logging.getLogger("httpx").addFilter(_hidden)
