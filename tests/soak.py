"""A generated service under load for a long time: `make soak`, or `make soak SECONDS=60`.

Its memory must not grow, its connections must be closed when the load ends, and requests
in flight must be answered when it is told to stop.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx
from e2e_support import Service, environment, served, two_free_ports
from mcp_support import LIST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

SECONDS: Final = float(os.environ.get("SECONDS", "600"))
CLIENTS: Final = 8
"""Connections of each kind that ask, each again when it has an answer."""
MAX_GROWTH: Final = 1.05
"""How much more memory is used at the end than when all has warmed up."""
IN_FLIGHT: Final = 20

Ask = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


def upstream() -> Starlette:
    """An API that is slow when it is asked for slow things, and that fails at times."""
    asked = 0

    async def answer(request: Request) -> Response:
        nonlocal asked
        asked += 1
        if request.query_params.get("after_id") == "slow":
            await asyncio.sleep(1.5)
        elif asked % 50 == 0:
            return JSONResponse({"error": "at times"}, 500)
        page = [{"id": f"batch_{number}", "note": "x" * 200} for number in range(20)]
        return JSONResponse({"data": page, "has_more": False})

    return Starlette(routes=[Route("/v1/messages/batches", answer)])


def over_rest(port: int, **query: str) -> Ask:
    url = f"http://127.0.0.1:{port}/v1/messages/batches"
    return lambda http: http.get(url, params=query)


def over_mcp(port: int, **arguments: str) -> Ask:
    headers = {
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2025-11-25",
    }
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": LIST, "arguments": arguments},
    }
    url = f"http://127.0.0.1:{port}/mcp"
    return lambda http: http.post(url, json=call, headers=headers)


def memory(pid: int) -> int:
    """Resident memory in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def under_load(asks: list[Ask], pid: int) -> tuple[list[int], Counter[int]]:
    """Memory, sampled while clients ask, and how many answers there were by status."""
    statuses: Counter[int] = Counter()
    end = time.monotonic() + SECONDS

    async def client(ask: Ask) -> None:
        async with httpx.AsyncClient(timeout=30) as http:
            while time.monotonic() < end:
                answer = await ask(http)
                statuses[answer.status_code] += 1

    async def sampled() -> list[int]:
        samples = []
        while time.monotonic() < end:
            await asyncio.sleep(SECONDS / 60)
            samples.append(memory(pid))
        return samples

    samples, *_ = await asyncio.gather(
        sampled(), *(client(ask) for ask in asks for _ in range(CLIENTS))
    )
    return samples, statuses


async def told_to_stop(asks: list[Ask], service: Service) -> list[Any]:
    """What becomes of slow requests that are in flight when the service must stop."""
    async with httpx.AsyncClient(timeout=30) as http:
        open_ = [asyncio.create_task(ask(http)) for ask in asks * (IN_FLIGHT // 2)]
        await asyncio.sleep(0.7)
        service.process.send_signal(signal.SIGTERM)
        return await asyncio.gather(*open_, return_exceptions=True)


def test_a_long_time_under_load(tmp_path: Path) -> None:
    port = two_free_ports()
    with served(upstream()) as url:
        env = environment(f"{url}/v1")
        service = Service(tmp_path, env, "serve", "--port", str(port))
        try:
            for each in (port, port + 1):
                service.wait_for(each)
            pid = service.process.pid
            idle = open_files(pid)
            asks = [over_rest(port), over_mcp(port + 1)]
            samples, statuses = asyncio.run(under_load(asks, pid))
            print(f"\nanswers: {dict(statuses)}, memory in MiB:")
            print(*(f"{sample / 1024:.0f}" for sample in samples))
            assert set(statuses) <= {200, 500, 502}
            assert statuses[200] > 100 * SECONDS / 10
            warm, last = samples[len(samples) // 4 :][:10], samples[-10:]
            assert median(last) <= MAX_GROWTH * median(warm)

            time.sleep(7)  # longer than uvicorn keeps connections that nobody uses
            pooled = 100  # of the upstream, at the most
            assert open_files(pid) <= idle + min(pooled, 2 * CLIENTS)

            slow = {"after_id": "slow"}
            asks = [over_rest(port, **slow), over_mcp(port + 1, **slow)]
            answers = asyncio.run(told_to_stop(asks, service))
            assert [getattr(a, "status_code", a) for a in answers] == [200] * IN_FLIGHT
            assert service.process.wait(15) == 0
        finally:
            service.process.kill()
        assert "Traceback" not in service.log
