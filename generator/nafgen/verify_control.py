"""Verifies control adapters: what they tell, and to whom."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from .program import ControlAdapter
from .verify_guard import credentials
from .verify_probe import Bench


def record(bench: Bench, control: ControlAdapter) -> None:
    """Let the package record what it does, and not what else the process does."""
    if control.observability is None:
        return
    telemetry = bench.load("_runtime.telemetry")
    telemetry.install = lambda *_: None  # type: ignore[attr-defined]


async def check_control(bench: Bench, control: ControlAdapter) -> None:
    """Ask for all that a control adapter could tell."""
    app = bench.load("control").create_app()
    known = credentials(control.guard, bench.settings) if control.guard else None
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://control.test"
    ) as caller:
        for path, wanted in _paths(control):
            if control.guard is not None:
                got = await caller.get(path)
                what = f"GET {path} without credentials: status"
                bench.check(control.origin, what, 401, got.status_code)
            got = await caller.get(path, auth=known)
            what = f"GET {path}: status"
            bench.check(control.origin, what, wanted, got.status_code)
            if got.status_code != 200:
                continue
            if path == "/status" and control.info is not None:
                told = got.json()["capability"]
                bench.check(control.origin, what, dict(control.info), told)
            if path == "/traces" and control.observability is not None:
                size = control.observability.traces
                what = "the size of the buffer"
                bench.check(control.origin, what, size, got.json()["bufferSize"])


def _paths(control: ControlAdapter) -> Iterator[tuple[str, int]]:
    """Paths, and the status of each."""
    observed = control.observability
    for path, is_there in (
        ("/health/live", control.has_health),
        ("/health/ready", control.has_health),
        ("/status", control.info is not None),
        ("/metrics", observed is not None and observed.has_metrics),
        ("/traces", observed is not None and observed.traces > 0),
        ("/nothing", False),
    ):
        yield path, 200 if is_there else 404
