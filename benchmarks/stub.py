"""An upstream API that answers every request with the same JSON, as fast as it can."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

BODY = (
    b'{"id":"msgbatch_013Zva2CMHLNnXjNJJKqJ2EF","type":"message_batch",'
    b'"processing_status":"in_progress","request_counts":{"processing":100,'
    b'"succeeded":50,"errored":30,"canceled":10,"expired":10},"ended_at":null,'
    b'"created_at":"2024-08-20T18:37:24.100435Z","expires_at":"2024-08-21T18:37:24Z",'
    b'"archived_at":null,"cancel_initiated_at":null,"results_url":null}'
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    % len(BODY)
) + BODY


class Stub(asyncio.Protocol):
    """Answers requests that have no body."""

    def __init__(self) -> None:
        self._left = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self._left = (self._left + data).split(b"\r\n\r\n")
        self._transport.write(ANSWER * len(requests))


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Stub, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
