"""Real servers for end-to-end tests, and a Message Batches API for them to call."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

GENERATED: Final = Path(__file__).parents[1] / "generated"
PACKAGE: Final = "message_batches_message_batches"
SETTINGS: Final = "MESSAGE_BATCHES_MESSAGE_BATCHES"
SERVICE_KEY: Final = "sk-ant-of-the-service"
DEADLINE: Final = 15.0
"""Seconds after which a server that has not started, or stopped, never will."""


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def two_free_ports() -> int:
    """The first of two neighbouring loopback ports that nobody listens on."""
    while True:
        first = free_port()
        try:
            with socket.create_server(("127.0.0.1", first + 1)):
                return first
        except OSError:
            continue


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Poll a condition; fail, saying what was waited for, after `DEADLINE`."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"gave up waiting for {what}"
        time.sleep(0.01)


def listens(port: int) -> bool:
    """Whether a loopback port accepts connections."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an ASGI app from a thread; gives its base URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    # A connection that a client keeps alive must not hold up the end of the tests.
    config = uvicorn.Config(
        app, log_level="critical", ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        wait_until(lambda: server.started, "a server to start")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(DEADLINE)
        listener.close()
    assert not thread.is_alive()


def environment(upstream: str | None = None, **more: str) -> dict[str, str]:
    """The environment of a generated package's process.

    Args:
        upstream: the base URL of the API that it calls; None leaves out both that
            and the key, which the package cannot do without.
        more: further variables.
    """
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(GENERATED)}
    if upstream is not None:
        env["ANTHROPIC_API_KEY"] = SERVICE_KEY
        env[f"{SETTINGS}_BASE_URL"] = upstream
    return {**env, **more}


def command(*arguments: str) -> list[str]:
    """The command line of the generated package."""
    return [sys.executable, "-m", PACKAGE, *arguments]


class Service:
    """A process of the generated package. It logs to a file, so it never blocks."""

    def __init__(self, folder: Path, env: Mapping[str, str], *arguments: str) -> None:
        self._log = folder / "log.txt"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command(*arguments),
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> str:
        """All that the process has printed."""
        return self._log.read_text()

    def wait_for(self, port: int) -> None:
        """Wait until the process listens on a port."""

        def ready() -> bool:
            assert self.process.poll() is None, self.log
            return listens(port)

        wait_until(ready, f"port {port}")

    def stop(self) -> int:
        """Ask the process to end; gives its exit code."""
        self.process.terminate()
        return self.process.wait(DEADLINE)


@contextmanager
def service(
    folder: Path, env: Mapping[str, str], *arguments: str, ports: tuple[int, ...]
) -> Iterator[Service]:
    """Run the generated package until it listens; end it afterwards."""
    running = Service(folder, env, *arguments)
    try:
        for port in ports:
            running.wait_for(port)
        yield running
    finally:
        running.process.kill()
        running.process.wait(DEADLINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it arrived; `path` as it was on the wire, percent-encoded."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class BatchesApi:
    """A Message Batches API that keeps its batches in memory.

    Tests run in one thread, the server in another: tests read `log`, `lines_sent` and
    `streaming` (results being sent), and steer it by `add`, `finish`, `fail_next`,
    `hold` and `cut`.
    """

    def __init__(self) -> None:
        self.public_url = ""
        self.clear()
        routes = [
            Route(f"/v1/messages/batches{rest}", endpoint, methods=[method])
            for method, rest, endpoint in (
                ("GET", "", self._list),
                ("POST", "", self._create),
                ("GET", "/{id}", self._retrieve),
                ("DELETE", "/{id}", self._delete),
                ("POST", "/{id}/cancel", self._cancel),
                ("GET", "/{id}/results", self._results),
            )
        ]
        handlers = {HTTPException: _as_api_error}
        self.app = Starlette(routes=routes, exception_handlers=handlers)

    def clear(self) -> None:
        """Forget all batches, requests and failures."""
        self.log: list[Received] = []
        self.batches: dict[str, dict[str, Any]] = {}
        self.lines_sent = 0
        self.streaming = 0
        self.hold = threading.Event()
        self.hold.set()
        self.cut = False
        self._created = 0
        self._failure: tuple[int, str, str] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI app: it logs each request, and checks what they all must have."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        body = await request.body()
        self.log.append(
            Received(
                method=request.method,
                path=scope["raw_path"].decode("ascii"),
                query=dict(request.query_params),
                headers=dict(request.headers),
                body=body,
            )
        )
        answer = self._refusal(request) or self.app
        await answer(scope, _replayed(body, receive), send)

    def add(self, *custom_ids: str) -> str:
        """A new batch in progress, of requests with these ids; gives its id."""
        self._created += 1
        name = f"msgbatch_{self._created:04}"
        self.batches[name] = {
            "id": name,
            "type": "message_batch",
            "processing_status": "in_progress",
            "request_counts": _counts(processing=len(custom_ids)),
            "created_at": "2026-05-19T10:00:00Z",
            "expires_at": "2026-05-20T10:00:00Z",
            **dict.fromkeys(("ended_at", "cancel_initiated_at", "archived_at")),
            "results_url": None,
            "custom_ids": custom_ids,
        }
        return name

    def finish(self, name: str) -> str:
        """End a batch: all its requests succeeded; gives its id."""
        batch = self.batches[name]
        batch["processing_status"] = "ended"
        batch["ended_at"] = "2026-05-19T11:00:00Z"
        batch["request_counts"] = _counts(succeeded=len(batch["custom_ids"]))
        batch["results_url"] = f"{self.public_url}/v1/messages/batches/{name}/results"
        return name

    def fail_next(self, status: int, kind: str, message: str) -> None:
        """Answer the next request with this error."""
        self._failure = (status, kind, message)

    def _refusal(self, request: Request) -> Response | None:
        failure, self._failure = self._failure, None
        if failure is not None:
            return _error(*failure)
        if request.headers.get("x-api-key") != SERVICE_KEY:
            return _error(401, "authentication_error", "invalid x-api-key")
        if request.headers.get("anthropic-version") != "2023-06-01":
            return _error(400, "invalid_request_error", "anthropic-version: wrong")
        return None

    async def _list(self, request: Request) -> Response:
        query = request.query_params
        limit = int(query.get("limit", "20"))
        if not 1 <= limit <= 1000:
            return _error(400, "invalid_request_error", "limit: not from 1 to 1000")
        newest_first = list(reversed(self.batches))
        if "before_id" in query:
            earlier = newest_first[: newest_first.index(query["before_id"])]
            page, more = earlier[-limit:], len(earlier) > limit
        else:
            after = query.get("after_id")
            later = newest_first[newest_first.index(after) + 1 if after else 0 :]
            page, more = later[:limit], len(later) > limit
        return _answer(
            {
                "data": [_shown(self.batches[name]) for name in page],
                "has_more": more,
                "first_id": page[0] if page else None,
                "last_id": page[-1] if page else None,
            }
        )

    async def _create(self, request: Request) -> Response:
        try:
            requests = (await request.json())["requests"]
            custom_ids = [item["custom_id"] for item in requests if item["params"]]
        except (ValueError, KeyError, TypeError):
            return _error(400, "invalid_request_error", "requests: Field required")
        if not custom_ids:
            return _error(400, "invalid_request_error", "requests: at least one")
        return _answer(_shown(self.batches[self.add(*custom_ids)]))

    async def _retrieve(self, request: Request) -> Response:
        return _answer(_shown(self._found(request)))

    async def _delete(self, request: Request) -> Response:
        batch = self._found(request)
        if batch["processing_status"] != "ended":
            return _error(400, "invalid_request_error", "the batch has not ended")
        del self.batches[batch["id"]]
        return _answer({"id": batch["id"], "type": "message_batch_deleted"})

    async def _cancel(self, request: Request) -> Response:
        batch = self._found(request)
        batch["processing_status"] = "canceling"
        batch["cancel_initiated_at"] = "2026-05-19T10:30:00Z"
        return _answer(_shown(batch))

    async def _results(self, request: Request) -> Response:
        batch = self._found(request)
        if batch["results_url"] is None:
            return _error(404, "not_found_error", "the batch has no results yet")
        return StreamingResponse(
            self._lines(batch["custom_ids"]), media_type="application/x-jsonl"
        )

    async def _lines(self, custom_ids: tuple[str, ...]) -> AsyncIterator[bytes]:
        """Each line in two chunks; `hold` and `cut` act from the second line on.

        Not from the first: the SDK keeps back up to 63 bytes until more arrive.
        """
        self.streaming += 1
        try:
            for custom_id in custom_ids:
                line = json.dumps(result_of(custom_id)).encode() + b"\n"
                yield line[:10]
                yield line[10:]
                self.lines_sent += 1
                if self.lines_sent >= 2:
                    await asyncio.to_thread(self.hold.wait, DEADLINE)
                    if self.cut:
                        raise ConnectionError("cut off")
        finally:
            self.streaming -= 1

    def _found(self, request: Request) -> dict[str, Any]:
        name = request.path_params["id"]
        if name not in self.batches:
            raise HTTPException(404, f"there is no batch {name}")
        return self.batches[name]


def result_of(custom_id: str) -> dict[str, Any]:
    """One line of a batch's results."""
    message = {
        "id": f"msg_{custom_id}",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-4-5",
        "content": [{"type": "text", "text": f"Grüße, {custom_id}"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 5},
    }
    return {"custom_id": custom_id, "result": {"type": "succeeded", "message": message}}


def a_request(custom_id: str) -> dict[str, Any]:
    """One request of a batch, as its creator writes it."""
    messages = [{"role": "user", "content": "Grüß dich"}]
    params = {"model": "claude-opus-4-5", "max_tokens": 16, "messages": messages}
    return {"custom_id": custom_id, "params": params}


def _replayed(body: bytes, receive: Any) -> Any:
    """An ASGI `receive` that gives the body once more, then what follows it."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Any:
        return messages.pop() if messages else await receive()

    return replay


def _counts(**counts: int) -> dict[str, int]:
    names = ("processing", "succeeded", "errored", "canceled", "expired")
    return {name: counts.get(name, 0) for name in names}


def _shown(batch: dict[str, Any]) -> dict[str, Any]:
    return {name: batch[name] for name in batch if name != "custom_ids"}


def _answer(content: Any, status: int = 200) -> Response:
    return JSONResponse(content, status, {"request-id": "req_of_the_upstream"})


def _error(status: int, kind: str, message: str) -> Response:
    error = {"type": kind, "message": message}
    return _answer({"type": "error", "error": error}, status)


async def _as_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, "not_found_error", error.detail)
