"""What a run of benchmarks was made on, and how its results are kept."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final

LIBRARIES: Final = frozenset(
    "aiohttp black datamodel-code-generator fastapi fastmcp httpx jinja2 jsonschema-rs"
    " mcp msgspec openapi-python-client pyyaml starlette uvicorn uvloop".split()
)


def machine() -> dict[str, Any]:
    """The processor, its load, and the versions that matter."""
    known = {
        each.name.lower().replace("_", "-"): each.version for each in distributions()
    }
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "libraries": {name: known[name] for name in sorted(LIBRARIES & known.keys())},
    }


def keep(
    folder: Path, name: str, results: list[dict[str, Any]], table: list[str]
) -> None:
    """Write results for machines and for people; numbers have four digits that count."""
    told = [{key: _rounded(value) for key, value in each.items()} for each in results]
    text = json.dumps({"machine": machine(), "results": told}, indent=1)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
    (folder / f"{name}.txt").write_text("\n".join([*table, ""]), encoding="utf-8")


def _rounded(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value
