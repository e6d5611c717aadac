"""Verifies control adapters: what they tell, and to whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
            if path == "/scripting" and control.scripting is not None:
                await _check_scripting(bench, control, caller, known)
            if path == "/traces" and control.observability is not None:
                size = control.observability.traces
                what = "the size of the buffer"
                bench.check(control.origin, what, size, got.json()["bufferSize"])


async def _check_scripting(
    bench: Bench,
    control: ControlAdapter,
    caller: httpx.AsyncClient,
    known: Any,
) -> None:
    """What is told of scripts is what the spec says, and a wrong change is refused."""
    scripting = control.scripting
    if scripting is None:
        return
    got = await caller.put("/scripting", auth=known, json={"timeout": 0})
    what = "PUT /scripting of a time-out of 0: status"
    bench.check(control.origin, what, 400, got.status_code)
    told = (await caller.get("/scripting", auth=known)).json()
    for name, value in (
        ("enabled", scripting.is_enabled),
        ("allowedLanguages", sorted(scripting.languages)),
        *scripting.shown,
    ):
        bench.check(control.origin, f"/scripting: {name}", value, told.get(name))


def _paths(control: ControlAdapter) -> Iterator[tuple[str, int]]:
    """Paths, and the status of each."""
    observed = control.observability
    for path, is_there in (
        ("/health/live", control.has_health),
        ("/health/ready", control.has_health),
        ("/status", control.info is not None),
        ("/metrics", observed is not None and observed.has_metrics),
        ("/traces", observed is not None and observed.traces > 0),
        ("/scripting", control.scripting is not None),
        ("/nothing", False),
    ):
        yield path, 200 if is_there else 404
