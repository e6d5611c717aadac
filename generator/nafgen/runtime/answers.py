"""Answers of a consumed HTTP API: what they hold, and which of them are failures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, NoReturn

import httpx

MAX_READ: Final = 8 * 1024 * 1024
"""Bytes that are read from another format than JSON at the most."""
_MEDIA: Final = frozenset({"audio", "font", "image", "video"})


class UpstreamError(Exception):
    """The upstream API failed: its `response` is an error, a redirect or broken JSON."""

    def __init__(self, response: httpx.Response, what: str = "") -> None:
        what = what or status(response)
        super().__init__(f"the upstream API answered {what}")
        self.response = response


class ServiceError(Exception):
    """This service itself could not do its part; the message says why."""


class StepError(Exception):
    """A step of a flow failed: `step` is its name, `cause` what happened."""

    def __init__(self, step: str, cause: Exception) -> None:
        super().__init__(f"the step {step} failed: {cause}")
        self.step = step
        self.cause = cause


Read = Callable[[httpx.Response], Any]
"""Reads an answer that is declared in another format than JSON."""


class BytesReader:
    """Reads answers in a format of bytes."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def __call__(self, response: httpx.Response) -> Any:
        return self._read(response)


def decode(response: httpx.Response, read: Read | None = None) -> Any:
    """The answer as JSON, text or bytes, whichever it is; None when it is empty.

    What is not JSON is read by `read`, if that is given and reads its kind of answers.

    Raises:
        UpstreamError: the status is 400 or above or a redirect, or what it holds is
            broken.
    """
    if failed(response):
        raise UpstreamError(response)
    if not response.content:
        return None
    if read is not None and _reads(read, response):
        if len(response.content) > MAX_READ:
            raise UpstreamError(response, "with more than can be read")
        return read(response)
    if is_json(response):
        try:
            return response.json(parse_constant=_not_json)
        except (ValueError, RecursionError):
            raise UpstreamError(response, "with broken JSON") from None
    return response.text if is_text(response) else response.content


async def adecode(response: httpx.Response, read: Read | None = None) -> Any:
    """Like `decode`; reads in a thread, for that takes a while."""
    if read is None:
        return decode(response)
    return await asyncio.to_thread(decode, response, read)


def failed(response: httpx.Response) -> bool:
    """Whether the answer is an error, or a redirect: those are never followed."""
    return response.status_code >= 400 or response.has_redirect_location


def status(response: httpx.Response) -> str:
    """The status for a person, as in `404 Not Found`."""
    code = response.status_code
    named = code in HTTPStatus.__members__.values()
    return f"{code} {HTTPStatus(code).phrase}" if named else str(code)


def has_value(response: httpx.Response, read: Read | None) -> bool:
    """Whether the answer holds a JSON value, or one that `read` finds in it."""
    return is_json(response) or (read is not None and _reads(read, response))


def _reads(read: Read, response: httpx.Response) -> bool:
    """Whether the answer can be what `read` reads: its type may say otherwise."""
    kind = media_type(response)
    if isinstance(read, BytesReader):
        is_other = is_json(response) or is_text(response)
        return not kind or (kind.partition("/")[0] not in _MEDIA and not is_other)
    return is_text(response) and not is_json(response)


def is_json(response: httpx.Response) -> bool:
    """Whether the answer is one JSON value; without a type, one that looks like it."""
    kind = media_type(response)
    if not kind:
        return response.content.lstrip()[:1] in (b"{", b"[")
    return kind == "application/json" or kind.endswith("+json")


def is_text(response: httpx.Response) -> bool:
    """Whether the answer is text that a person could read."""
    kind = media_type(response)
    if not kind:
        return _is_utf_8(response.content)
    return (
        kind.startswith("text/")
        or kind.endswith(("json", "jsonl", "xml", "yaml", "javascript", "urlencoded"))
        or response.charset_encoding is not None
    )


def media_type(response: httpx.Response) -> str:
    """The answer's media type in lower case, without parameters."""
    content_type: str = response.headers.get("content-type", "")
    return content_type.partition(";")[0].strip().lower()


def _is_utf_8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"JSON has no {constant}")
