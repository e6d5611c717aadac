"""A client that asks one thing again and again, over as many connections as told.

`python load.py PORT CONNECTIONS SECONDS` reads the bytes of a request from stdin, and prints
requests per second and latencies as JSON. An answer must have a Content-Length.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any


class Asking(asyncio.Protocol):
    """One connection; it asks again as soon as it has an answer."""

    def __init__(self, request: bytes, seen: Seen) -> None:
        self._request = request
        self._seen = seen
        self._data = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._start = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, end, body = self._data.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self._seen.count(time.perf_counter() - self._start, self._data)
        self._data = b""
        self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._seen.is_over:
            self._seen.broken += 1


class Seen:
    """What all connections have seen."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.answers = self.failed = self.broken = 0
        self.is_over = False

    def count(self, latency: float, answer: bytes) -> None:
        self.answers += 1
        self.latencies.append(latency)
        if not answer.startswith(b"HTTP/1.1 200") or b'"isError":true' in answer:
            self.failed += 1


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])


async def ask(port: int, connections: int, seconds: float, request: bytes) -> Any:
    """What became of it; the first fifth of the time is not counted."""
    loop = asyncio.get_running_loop()
    seen = Seen()
    opened = [
        await loop.create_connection(lambda: Asking(request, seen), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.sleep(seconds / 5)
    seen.latencies.clear()
    start = time.perf_counter()
    await asyncio.sleep(seconds)
    took = time.perf_counter() - start
    seen.is_over = True
    for transport, _ in opened:
        transport.close()
    found = sorted(seen.latencies) or [seconds]
    return {
        "per_second": len(seen.latencies) / took,
        "p50_ms": found[len(found) // 2] * 1000,
        "p99_ms": found[len(found) * 99 // 100] * 1000,
        "answers": seen.answers,
        "failed": seen.failed + seen.broken,
    }


if __name__ == "__main__":
    port, connections, seconds = sys.argv[1:]
    request = sys.stdin.buffer.read()
    try:
        import uvloop

        factory = uvloop.new_event_loop
    except ImportError:
        factory = None
    with asyncio.Runner(loop_factory=factory) as runner:
        print(
            json.dumps(
                runner.run(ask(int(port), int(connections), float(seconds), request))
            )
        )
