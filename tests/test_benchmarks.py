"""The benchmark of services runs, and every answer that it counts is one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SERVICES = Path(__file__).parent.parent / "benchmarks" / "services.py"


@pytest.mark.slow
def test_services_are_measured() -> None:
    options = ["--only", "REST relay", "--rounds", "1", "--seconds", "0.1", "--json"]
    done = subprocess.run(
        [sys.executable, str(SERVICES), *options],
        env={**os.environ, "no_proxy": "*"},
        capture_output=True,
        check=True,
    )
    results = json.loads(done.stdout)["results"]
    assert [(one["connections"], one["server"]) for one in results] == [
        (connections, server)
        for connections in (1, 16, 64)
        for server in ("FastAPI + httpx", "Starlette + httpx", "nafgen")
    ]
    assert all(one["failed"] == 0 for one in results)
    assert all(one["per_second"] > 0 for one in results)
