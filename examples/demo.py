"""Shows a generated service answering, without a key and without a network.

Runs `nafgen serve --mock` on the capability in specs/, asks it once over REST and once
over MCP, prints both answers, and stops it.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
from mcp import Client

SPEC = Path(__file__).parent.parent / "specs" / "message-batches-message-batches.yaml"
PORT = 18080
REST = f"http://127.0.0.1:{PORT}/v1/messages/batches"
MCP = f"http://127.0.0.1:{PORT + 1}/mcp"
PATIENCE = 60.0


def main() -> None:
    command = [sys.executable, "-m", "nafgen", "serve", str(SPEC), "--mock", "--quiet"]
    with subprocess.Popen([*command, "--port", str(PORT)]) as service:
        try:
            wait(service)
            answer = httpx.get(REST, params={"limit": 2})
            print(f"\nGET {REST}?limit=2\n{answer.status_code} {answer.text}")
            print(f"\ntools/call anthropic-list-message-batches\n{asyncio.run(call())}")
        finally:
            service.terminate()


def wait(service: subprocess.Popen[bytes]) -> None:
    """Until both adapters listen.

    Raises:
        TimeoutError: they do not, or the service has ended.
    """
    waiting = [PORT, PORT + 1]
    end = time.monotonic() + PATIENCE
    while waiting and time.monotonic() < end and service.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", waiting[0]), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            waiting.pop(0)
    if waiting:
        raise TimeoutError(f"nothing listens on port {waiting[0]}")


async def call() -> str:
    """The answer of a tool, as JSON."""
    async with Client(MCP) as client:
        result = await client.call_tool("anthropic-list-message-batches", {"limit": 2})
    return result.model_dump_json(indent=2, exclude_none=True)


if __name__ == "__main__":
    main()
