"""How the clients send: retries, redirects, time-outs, cookies and cancellation."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from nafgen.runtime.calls import Call, Connection
from nafgen.runtime.upstream import AsyncClient, Client
from runtime_support import SOON, Exchange, upstream

Outcome = int | tuple[int, dict[str, Any]] | type[Exception]


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The delays between tries, which are not waited for."""
    delays: list[float] = []
    monkeypatch.setattr(time, "sleep", delays.append)

    async def sleep(delay: float) -> None:
        delays.append(delay)

    monkeypatch.setattr("nafgen.runtime.upstream.asyncio.sleep", sleep)
    return delays


class Upstream:
    """Answers each try with the next outcome, and keeps the answers."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.answers: list[httpx.Response] = []
        self.bodies: list[bytes] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(request.content)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, type):
            raise outcome("broken")
        status, headers = outcome if isinstance(outcome, tuple) else (outcome, {})
        content = str(len(self.bodies)).encode()
        self.answers.append(httpx.Response(status, headers=headers, content=content))
        return self.answers[-1]


def blocking(answers: Upstream, call: Call, retries: int) -> httpx.Response:
    connection = Connection("https://api.test", retries=retries)
    with httpx.Client(transport=httpx.MockTransport(answers)) as http:
        return Client(connection, http).send(call)


def asynchronous(answers: Upstream, call: Call, retries: int) -> httpx.Response:
    async def run() -> httpx.Response:
        connection = Connection("https://api.test", retries=retries)
        transport = httpx.MockTransport(answers)
        async with httpx.AsyncClient(transport=transport) as http:
            return await AsyncClient(connection, http).send(call)

    return asyncio.run(run())


Send = Callable[[Upstream, Call, int], httpx.Response]


@pytest.fixture(params=[blocking, asynchronous])
def send(request: pytest.FixtureRequest) -> Send:
    chosen: Send = request.param
    return chosen


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "outcome",
    [
        502,
        503,
        504,
        429,
        httpx.ConnectError,
        httpx.ReadError,
        httpx.RemoteProtocolError,
    ],
)
def test_idempotent_calls_are_tried_again(
    send: Send, slept: list[float], method: str, outcome: Outcome
) -> None:
    answers = Upstream(outcome, outcome, 200)
    assert send(answers, Call(method, "/x", json={"a": 1}), 2).status_code == 200
    assert answers.bodies == [b'{"a":1}'] * 3
    assert 0.25 <= slept[0] <= 0.5
    assert 0.5 <= slept[1] <= 1


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("outcome", [500, 502, 503, 504, 429])
def test_other_calls_are_not_tried_again(
    send: Send, slept: list[float], method: str, outcome: int
) -> None:
    answers = Upstream(outcome, 200)
    assert send(answers, Call(method, "/x"), 2).status_code == outcome
    assert slept == []


@pytest.mark.parametrize("error", [httpx.ReadError, httpx.RemoteProtocolError])
def test_a_post_that_may_have_arrived_is_not_sent_again(
    send: Send, slept: list[float], error: type[Exception]
) -> None:
    with pytest.raises(error):
        send(Upstream(error, 200), Call("POST", "/x"), 2)
    assert slept == []


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout])
def test_a_post_that_never_left_is_sent_again(
    send: Send, error: type[Exception]
) -> None:
    assert send(Upstream(error, 201), Call("POST", "/x"), 2).status_code == 201


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "error", [httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout]
)
def test_a_slow_upstream_is_not_asked_twice(
    send: Send, slept: list[float], method: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        send(Upstream(error, 200), Call(method, "/x"), 2)
    assert slept == []


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_retry_after_is_obeyed(
    send: Send, slept: list[float], method: str, status: int
) -> None:
    past = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=5), usegmt=True)
    answers = Upstream(
        (status, {"retry-after": "3"}),
        (status, {"retry-after": past}),
        (status, {"retry-after": soon}),
        201,
    )
    assert send(answers, Call(method, "/x"), 3).status_code == 201
    assert slept[:2] == [3, 0]
    assert 2 < slept[2] <= 5


@pytest.mark.parametrize(
    "wait",
    ["9", "9" * 400, "Fri, 31 Dec 2999 23:59:59 GMT", "Fri, 31 Dec 2999 23:59:59"],
)
def test_an_upstream_that_asks_for_too_much_is_not_waited_for(
    send: Send, slept: list[float], wait: str
) -> None:
    answers = Upstream((503, {"retry-after": wait}), 200)
    assert send(answers, Call("GET", "/x"), 2).status_code == 503
    assert slept == []


@pytest.mark.parametrize("wait", ["", "soon", "-1", "1.5", b"\xb2"])
def test_a_retry_after_that_is_none(send: Send, slept: list[float], wait: Any) -> None:
    headers = {"retry-after": wait}
    assert send(Upstream((503, headers), 200), Call("GET", "/x"), 2).status_code == 200
    assert send(Upstream((503, headers), 200), Call("POST", "/x"), 2).status_code == 503
    assert len(slept) == 1


def test_the_last_try_counts(send: Send) -> None:
    answers = Upstream(503, 502, 504)
    last = send(answers, Call("GET", "/x"), 2)
    assert (last.status_code, last.text) == (504, "3")
    with pytest.raises(httpx.ConnectError):
        send(Upstream(503, httpx.ConnectError), Call("GET", "/x"), 1)
    assert send(Upstream(503, 200), Call("GET", "/x"), 0).status_code == 503


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of an answer; `events` keep what was done with which."""

    def __init__(self, number: int, events: list[str]) -> None:
        self.number = number
        self.events = events

    def __iter__(self) -> Iterator[bytes]:
        self.events.append(f"read {self.number}")
        yield b"body"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.events.append(f"read {self.number}")
        yield b"body"

    def close(self) -> None:
        self.events.append(f"closed {self.number}")

    async def aclose(self) -> None:
        self.close()


def test_streamed_answers_are_closed_before_the_next_try(slept: list[float]) -> None:
    events: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        number = len(events)
        events.append("sent")
        return httpx.Response(503 if number == 0 else 200, stream=Body(number, events))

    connection = Connection("https://api.test")
    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        Client(connection, http).send(Call("GET", "/x"), stream=True)
    assert events == ["sent", "closed 0", "sent"]

    async def run() -> None:
        transport = httpx.MockTransport(answer)
        async with httpx.AsyncClient(transport=transport) as http:
            await AsyncClient(connection, http).send(Call("GET", "/x"), stream=True)

    events.clear()
    asyncio.run(run())
    assert events == ["sent", "closed 0", "sent"]
    assert len(slept) == 2


@pytest.fixture(params=["blocking", "asynchronous"])
def owned(request: pytest.FixtureRequest) -> Iterator[Callable[..., httpx.Response]]:
    """Sends calls one after the other with a client that has its own connections."""

    def block(connection: Connection, *calls: Call) -> httpx.Response:
        with Client(connection, None) as client:
            return [client.send(call) for call in calls][-1]

    def wait(connection: Connection, *calls: Call) -> httpx.Response:
        async def run() -> httpx.Response:
            async with AsyncClient(connection, None) as client:
                return [await client.send(call) for call in calls][-1]

        return asyncio.run(run())

    yield block if request.param == "blocking" else wait


def test_redirects_are_not_followed(owned: Callable[..., httpx.Response]) -> None:
    elsewhere: list[str] = []

    def thief(exchange: Exchange) -> None:
        elsewhere.append(exchange.path)
        exchange.answer(b"")

    with (
        upstream(thief) as other,
        upstream(lambda e: e.answer(b"", 307, location=other)) as base_url,
        httpx.Client(follow_redirects=True) as http,
    ):
        connection = Connection(base_url, headers={"x-api-key": "s3cr3t"})
        answer = owned(connection, Call("GET", "/x"))
        assert (answer.status_code, answer.headers["location"]) == (307, other)
        answer = Client(connection, http).send(Call("GET", "/x"))
        assert answer.status_code == 307
    assert elsewhere == []


def test_cookies_of_one_answer_are_not_sent_with_the_next_call(
    owned: Callable[..., httpx.Response],
) -> None:
    seen: list[str | None] = []

    def script(exchange: Exchange) -> None:
        seen.append(exchange.headers["cookie"])
        exchange.answer(b"", set_cookie="session=of-another-user; Path=/")

    with upstream(script) as base_url:
        calls = [
            Call("GET", "/x"),
            Call("GET", "/x"),
            Call("GET", "/x", cookies={"a": 1}),
        ]
        owned(Connection(base_url), *calls)
    assert seen == [None, None, "a=1"]


def test_connections_are_kept(owned: Callable[..., httpx.Response]) -> None:
    ports: list[int] = []

    def script(exchange: Exchange) -> None:
        ports.append(exchange.client_address[1])
        exchange.answer(b"")

    with upstream(script) as base_url:
        owned(Connection(base_url), Call("GET", "/x"), Call("GET", "/x"))
    assert ports[0] == ports[1]


def test_an_answer_that_takes_too_long(owned: Callable[..., httpx.Response]) -> None:
    def script(exchange: Exchange) -> None:
        tries.append(exchange.path)
        exchange.left()

    tries: list[str] = []
    with upstream(script) as base_url, pytest.raises(httpx.ReadTimeout):
        owned(Connection(base_url, timeout=0.05), Call("GET", "/x"))
    assert tries == ["/x"]


def test_nobody_listens(
    owned: Callable[..., httpx.Response], slept: list[float]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        base_url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(httpx.ConnectError):
        owned(Connection(base_url), Call("POST", "/x"))
    assert len(slept) == 2


def test_no_more_connections_than_allowed() -> None:
    open_now: set[Any] = set()
    most: list[int] = []

    def script(exchange: Exchange) -> None:
        open_now.add(exchange)
        most.append(len(open_now))
        threading.Event().wait(0.02)
        open_now.remove(exchange)
        exchange.answer(b"")

    async def run(base_url: str) -> None:
        connection = Connection(base_url, max_connections=2)
        async with AsyncClient(connection, None) as client:
            calls = (client.send(Call("GET", "/x")) for _ in range(8))
            await asyncio.gather(*calls)

    with upstream(script) as base_url:
        asyncio.run(run(base_url))
    assert max(most) == 2


def test_cancelling_a_call_closes_its_connection() -> None:
    arrived = threading.Event()
    left = threading.Event()

    def script(exchange: Exchange) -> None:
        arrived.set()
        if exchange.left():
            left.set()

    async def run(base_url: str) -> None:
        async with AsyncClient(Connection(base_url), None) as client:
            task = asyncio.create_task(client.call(Call("GET", "/x")))
            await asyncio.to_thread(arrived.wait, SOON)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(left.wait, SOON)

    with upstream(script) as base_url:
        asyncio.run(run(base_url))


def test_a_client_of_the_users_own_is_not_closed() -> None:
    async def run() -> None:
        async with httpx.AsyncClient() as http:
            async with AsyncClient(Connection("https://api.test"), http):
                pass
            assert not http.is_closed

    asyncio.run(run())
    with httpx.Client() as http:
        with Client(Connection("https://api.test"), http):
            pass
        assert not http.is_closed
