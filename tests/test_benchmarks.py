"""The benchmarks run, and every answer that they count is one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"


def measured(name: str, folder: Path, *options: str) -> list[dict[str, Any]]:
    """The results of a benchmark; its table says something of each."""
    command = [sys.executable, str(FOLDER / f"{name}.py"), "--keep", str(folder)]
    done = subprocess.run(
        [*command, "--rounds", "1", *options],
        env={**os.environ, "no_proxy": "*"},
        capture_output=True,
        check=True,
        text=True,
    )
    kept = json.loads((folder / f"{name}.json").read_text())
    results: list[dict[str, Any]] = kept["results"]
    assert kept["machine"]["cores"]
    assert (folder / f"{name}.txt").read_text() == done.stdout
    assert len(done.stdout.splitlines()) == len(results)
    return results


@pytest.mark.slow
def test_services_are_measured(tmp_path: Path) -> None:
    options = ("--only", "REST relay", "--seconds", "0.1")
    results = measured("services", tmp_path, *options)
    servers = ("FastAPI + httpx", "FastAPI + aiohttp", "Starlette + httpx", "nafgen")
    assert [(one["connections"], one["server"]) for one in results] == [
        (connections, server) for connections in (1, 16, 64) for server in servers
    ]
    assert all(one["failed"] == 0 for one in results)
    assert all(one["per_second"] > 0 for one in results)


@pytest.mark.slow
def test_builds_are_measured(tmp_path: Path) -> None:
    [one] = measured("compile", tmp_path, "--only", "50 operations")
    assert (one["group"], one["row"]) == ("50 operations", "nafgen")
    assert one["cpu_ms_each"] == pytest.approx(one["cpu_ms"] / 50, rel=1e-3)
    assert one["cpu_ms"] > 0
    assert one["peak_mb"] > 0
