"""Requests that are sent without those of httpx: the same bytes, answers and errors."""

from __future__ import annotations

import asyncio
import copy
import gzip
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nafgen.runtime import calls, upstream
from nafgen.runtime.aiohttp_client import AiohttpClient
from nafgen.runtime.calls import Call, Connection, Setting
from nafgen.runtime.upstream import AsyncClient
from test_runtime_transport import OK, listening, read
from yarl import URL

SHARED = {"headers": {"x-api-key": "key"}, "settings": {"TENANT": "a b"}}
CALLS: dict[str, tuple[Call, bool]] = {
    "path": (Call("GET", "/things/1"), True),
    "query": (Call("GET", "/q", {"a": [1, 2], "b": "c&d/\u00fc", "n": None}), True),
    "query-in-path": (Call("GET", "/q?fixed=1", {"a": 1}), True),
    "delete": (Call("DELETE", "/things/1"), True),
    "delete-of-body": (Call("DELETE", "/things/1", json={"a": 1}), True),
    "post": (Call("POST", "/things"), True),
    "put-of-nothing": (Call("PUT", "/things/1", content=b""), True),
    "json": (Call("POST", "/things", json={"a": [1, None]}), True),
    "form": (Call("PATCH", "/things", form={"a": "1 2"}), True),
    "text": (Call("POST", "/t", text="\u00fc", media_type="text/csv"), True),
    "cookies": (Call("GET", "/c", cookies={"a": "b c"}), True),
    "own-headers": (
        Call(
            "GET", "/h", headers={"X-A": "1", "accept": "text/csv", "user-agent": "me"}
        ),
        True,
    ),
    "setting": (Call("GET", Setting("/{TENANT}/x")), True),
    "dots": (Call("GET", "/.well-known/x"), False),
    "escapes": (Call("GET", "/a%2fb/%7Ex"), False),
    "not-ascii": (Call("GET", "/h", headers={"x-l": "caf\u00e9"}), False),
    "head": (Call("HEAD", "/things/1"), False),
    "parts": (Call("POST", "/p", parts={"a": "1"}), False),
    "large": (Call("POST", "/l", content=b"x" * 100_000), False),
    "own-host": (Call("GET", "/h", headers={"host": "other.test"}), False),
}


def exchanged(
    monkeypatch: pytest.MonkeyPatch,
    library: str,
    call: Call,
    answer: bytes = OK,
    stream: bool = False,
) -> tuple[list[Any], httpx.Response]:
    """The requests that a call is with a library, and the whole answer."""
    monkeypatch.setenv("HTTP_CLIENT", library)
    received = []
    port = ""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await read(reader)
        lines = head.replace(port.encode(), b"PORT").split(b"\r\n")
        received.append((lines[0], sorted(map(_field, lines[1:])), body))
        writer.write(answer)

    async def run() -> httpx.Response:
        nonlocal port
        async with listening(serve) as number:
            port = str(number)
            base = f"http://127.0.0.1:{port}/v1"
            async with AsyncClient(Connection(base, retries=0, **SHARED), None) as api:
                response = await api.send(call, stream=stream)
                try:
                    await response.aread()
                finally:
                    await response.aclose()
                return response

    return received, asyncio.run(run())


def _field(line: bytes) -> bytes:
    name, colon, value = line.partition(b":")
    if b"boundary=" in value:
        value = b"with a boundary"
    return name.lower() + colon + value


@pytest.mark.parametrize("name", CALLS)
def test_the_same_requests_are_sent(monkeypatch: Any, name: str) -> None:
    call, is_direct = CALLS[name]
    sent: list[str] = []
    exchange = AiohttpClient._exchange

    async def noted(self: AiohttpClient, arguments: Any, stream: bool) -> Any:
        sent.append(arguments["url"])
        return await exchange(self, arguments, stream)

    monkeypatch.setattr(AiohttpClient, "_exchange", noted)
    own, answer = exchanged(monkeypatch, "aiohttp", call)
    assert bool(sent) is is_direct
    reference, other = exchanged(monkeypatch, "httpx", call)
    next_, _ = exchanged(monkeypatch, "httpx2", call)
    if name == "parts":
        own, reference, next_ = (
            [each[:2] for each in all_] for all_ in (own, reference, next_)
        )
    assert own == reference == next_
    one, two = answer.request, other.request
    assert (one.method, one.url.raw_path) == (two.method, two.url.raw_path)
    assert one.headers.keys() == two.headers.keys()


ANSWERS = {
    "whole": OK,
    "empty": b"HTTP/1.1 204 No Content\r\n\r\n",
    "headers-twice": b"HTTP/1.1 200 OK\r\nX: 1\r\nx: \xe9\r\nContent-Length: 1\r\n\r\na",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "until-the-end": b"HTTP/1.1 200 OK\r\n\r\nok",
    "large": b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000,
    "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
    % (len(gzip.compress(b"ok")), gzip.compress(b"ok")),
    "no-gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
    "error": b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno",
    "cut-off": OK[:-1],
    "nothing": b"",
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ANSWERS)
def test_the_same_answers_come_back(
    monkeypatch: Any, caplog: Any, name: str, stream: bool
) -> None:
    caplog.set_level("INFO", "httpx")
    found = []
    for library in ("aiohttp", "httpx", "httpx2"):
        caplog.clear()
        try:
            call = Call("GET", "/x", {"a": 1})
            _, answer = exchanged(monkeypatch, library, call, ANSWERS[name], stream)
        except httpx.HTTPError as error:
            found.append(type(error))
            continue
        (line,) = (r.getMessage() for r in caplog.records if r.name == "httpx")
        found.append(
            (
                answer.status_code,
                answer.reason_phrase,
                answer.http_version,
                answer.headers.raw,
                answer.content,
                [*answer.iter_bytes()],
                answer.is_closed,
                answer.num_bytes_downloaded,
                line.replace(str(answer.request.url.port), "PORT"),
            )
        )
    assert found[0] == found[1] == found[2]


def test_an_answer_can_be_kept_elsewhere(monkeypatch: Any) -> None:
    _, answer = exchanged(monkeypatch, "aiohttp", Call("GET", "/x", {"a": 1}))
    kept = copy.deepcopy(answer)
    assert kept.content == answer.content == b"ok"
    assert kept.request.url == answer.request.url
    assert kept.headers == answer.headers


def test_an_answer_that_breaks_off_is_asked_for_again(monkeypatch: Any) -> None:
    monkeypatch.setattr(upstream, "after_error", lambda *_: 0.0)
    monkeypatch.delenv("HTTP_CLIENT", raising=False)
    answers = [OK[:-1], b"", OK]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read(reader)
        writer.write(answers.pop(0))

    async def run() -> bytes:
        async with listening(serve) as port:
            connection = Connection(f"http://127.0.0.1:{port}")
            async with AsyncClient(connection, None) as api:
                return (await api.send(Call("GET", "/"))).content

    assert asyncio.run(run()) == b"ok"
    assert not answers


def test_a_closed_client_sends_nothing() -> None:
    async def run() -> None:
        api = AsyncClient(Connection("http://127.0.0.1:9"), None)
        await api.aclose()
        with pytest.raises(RuntimeError, match="closed"):
            await api.send(Call("GET", "/"))

    asyncio.run(run())


_PARTS = st.lists(
    st.sampled_from(
        "/ . .. % %2F %2f %41 ~ a A0 - _ : @ ; = & ? # + ' \" { [ \u00e9".split(" ")
    ),
    max_size=8,
).map("".join)
_BASES = st.sampled_from(
    """http://a https://a.b-c.test:8443 http://127.0.0.1:80 https://a:443 http://A.test
    http://[::1]:80 http://u@a http://a:080 http://a_b http://a..b http://xn--e1a.test
    """.split()
)


@given(_BASES, _PARTS)
def test_what_is_taken_as_it_is_httpx_and_aiohttp_write_alike(
    base: str, path: str
) -> None:
    text = f"{base}/{path}"
    if calls._AS_IT_IS(text):
        own, other = URL(text, encoded=True), httpx.URL(text)
        assert str(other) == str(own) == text
        assert own.raw_path_qs.encode() == other.raw_path
        assert own.host_port_subcomponent == other.netloc.decode()
