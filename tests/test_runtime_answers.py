"""What an answer is decoded into."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import pytest
from nafgen.runtime import rest, tools
from nafgen.runtime.answers import MAX_READ, UpstreamError, adecode, decode
from nafgen.runtime.calls import Call, Connection
from nafgen.runtime.upstream import AsyncClient

JSON = "application/json"


def answer(content: bytes, kind: str | None, status: int = 200) -> httpx.Response:
    headers = {} if kind is None else {"content-type": kind}
    return httpx.Response(status, content=content, headers=headers)


@pytest.mark.parametrize(
    ("content", "kind", "value"),
    [
        (b'{"a": 1}', JSON, {"a": 1}),
        (b'{"a": "\xc3\xbc"}', f"{JSON}; charset=utf-8", {"a": "ü"}),
        (b'\xef\xbb\xbf{"a": 1}', "Application/Problem+JSON", {"a": 1}),
        (b"[1]", None, [1]),
        (b"null", JSON, None),
        (b"", JSON, None),
        (b"", None, None),
        (b"plain", None, "plain"),
        (b"\x89PNG\xff", None, b"\x89PNG\xff"),
        (b"caf\xe9", "text/plain; charset=iso-8859-1", "café"),
        (b"caf\xc3\xa9", "text/csv", "café"),
        (b'{"a": 1}\n{"a": 2}\n', "application/x-ndjson", '{"a": 1}\n{"a": 2}\n'),
        (b'{"a": 1}\n{"a": 2}\n', "application/jsonl", '{"a": 1}\n{"a": 2}\n'),
        (b"<a/>", "application/atom+xml", "<a/>"),
        (b"\x00\x01", "application/octet-stream", b"\x00\x01"),
        (b"\x00\x01", "image/png", b"\x00\x01"),
        (b'{"half": "\\ud800"}', JSON, {"half": "\ud800"}),
    ],
)
def test_decode(content: bytes, kind: str | None, value: object) -> None:
    assert decode(answer(content, kind)) == value


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": ',
        b"<html>",
        b"\xff\xfe\xff",
        b"NaN",
        b'{"a": -Infinity}',
        b"[" * 200_000,
    ],
)
def test_broken_json_is_an_error(content: bytes) -> None:
    with pytest.raises(UpstreamError, match="answered with broken JSON") as caught:
        decode(answer(content, JSON))
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("status", "headers", "shown"),
    [
        (404, {}, "404 Not Found"),
        (529, {}, "529"),
        (302, {"location": "https://elsewhere.test/?token=s3cr3t"}, "302 Found"),
    ],
)
def test_errors_and_redirects(status: int, headers: Any, shown: str) -> None:
    response = httpx.Response(status, headers=headers, content=b"s3cr3t")
    with pytest.raises(UpstreamError) as caught:
        decode(response)
    assert str(caught.value) == f"the upstream API answered {shown}"
    assert caught.value.args == (str(caught.value),)
    assert caught.value.response is response


def test_not_modified_is_no_error() -> None:
    assert decode(httpx.Response(304)) is None


def test_no_more_is_read_than_takes_a_moment() -> None:
    def length(response: httpx.Response) -> int:
        return len(response.content)

    assert decode(answer(b"x" * MAX_READ, "text/csv"), length) == MAX_READ
    large = answer(b"x" * (MAX_READ + 1), "text/csv")
    with pytest.raises(UpstreamError, match="answered with more than can be read"):
        decode(large, length)
    assert len(decode(large)) == MAX_READ + 1


def test_reading_keeps_nobody_else_waiting() -> None:
    threads: list[int] = []

    def read(response: httpx.Response) -> Any:
        threads.append(threading.get_ident())
        return {"text": response.text}

    async def run() -> None:
        transport = httpx.MockTransport(lambda request: answer(b"x", "text/csv"))
        async with httpx.AsyncClient(transport=transport) as http:
            api = AsyncClient(Connection("https://api.test"), http)
            call = Call("GET", "/", read=read)
            assert await api.call(call) == {"text": "x"}
            relayed = await rest.relay(api, call, lambda value: value)
            assert relayed.body == b'{"text":"x"}'
            result = await tools.relay(api, call, lambda value: value)
            assert result.structured_content == {"text": "x"}

    asyncio.run(run())
    assert len(threads) == 3
    assert threading.get_ident() not in threads


def test_what_is_not_read_needs_no_thread() -> None:
    assert asyncio.run(adecode(answer(b'{"a": 1}', JSON))) == {"a": 1}
