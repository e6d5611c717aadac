"""Measures the compiler beside other generators, and over many specs and operations.

Each build is a process of its own. Rounds are interleaved: each runs every row of a group
once, so that what a busy machine does to one it does to all. Compare ratios within a group.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from machine import keep
from peers import fastapi_httpx
from services import spec

ROOT: Final = Path(__file__).resolve().parent.parent
CORPUS: Final = ROOT.parent / "shared" / "corpus"
SEED: Final = ROOT / "specs" / "message-batches-message-batches.yaml"
SEED_APP: Final = """
import json
from message_batches_message_batches.app import create_app
print(json.dumps(create_app().openapi()))
"""
OPERATIONS: Final = (10, 50, 100, 400)
SPECS: Final = (0.1, 0.25, 0.5, 1.0)
"""Parts of all published specs."""
MEMORY: Final = Path("/dev/shm")
"""Where a file costs next to nothing, unlike on some disks."""
BUILD: Final = [sys.executable, "-m", "nafgen", "build", "specs", "-o", "out", "-q"]
OPENAPI_PYTHON_CLIENT: Final = [
    *("openapi-python-client", "generate", "--meta", "none", "--overwrite"),
    *("--path", "openapi.json", "--output-path", "client"),
]
DATAMODEL_CODEGEN: Final = [
    *("datamodel-codegen", "--input", "openapi.json", "--input-file-type", "openapi"),
    *("--output", "models.py"),
]


@dataclass(frozen=True, slots=True)
class Row:
    """A command that is run in a folder; `again`, over what it has written before."""

    name: str
    folder: Path
    command: list[str]
    again: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are compared; the first is what ratios are to. `of` is how many specs or
    operations there are, for what each takes."""

    title: str
    rows: list[Row]
    of: int = 0


def run(row: Row, env: dict[str, str]) -> dict[str, float]:
    """Its times in milliseconds, and the memory of the largest of its processes."""
    out = row.folder / "out"
    if not row.again:
        shutil.rmtree(out, ignore_errors=True)
        shutil.rmtree(row.folder / ".nafgen_cache", ignore_errors=True)
    began = time.perf_counter()
    started = subprocess.Popen(
        row.command,
        cwd=row.folder,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(started.pid, 0)
    wall = time.perf_counter() - began
    code = started.returncode = os.waitstatus_to_exitcode(status)
    if code not in (0, 1):  # 1 says that there are findings
        raise SystemExit(f"{row.command} ended with code {code}")
    return {
        "wall_ms": wall * 1000,
        "cpu_ms": (usage.ru_utime + usage.ru_stime) * 1000,
        "system_ms": usage.ru_stime * 1000,
        "peak_mb": usage.ru_maxrss / 1024,
    }


def beside_others(folder: Path, env: dict[str, str]) -> Iterator[Group]:
    """One API, as each generator wants it."""
    seed = project(folder / "seed", [SEED, *SEED.parent.glob(f"{SEED.stem}.*.yaml")])
    run(Row("", seed, BUILD), env)
    told = subprocess.run(
        [sys.executable, "-c", SEED_APP],
        env={**env, "ANTHROPIC_API_KEY": "key", "PYTHONPATH": str(seed / "out")},
        capture_output=True,
        check=True,
    )
    (seed / "openapi.json").write_bytes(told.stdout)
    yield Group(
        "message batches, 6 operations",
        [
            Row("openapi-python-client", seed, OPENAPI_PYTHON_CLIENT),
            Row("nafgen", seed, BUILD),
            Row("nafgen, again", seed, BUILD, again=True),
        ],
    )
    for operations in (6, 120):
        items = project(folder / f"items-{operations}", [])
        (items / "specs" / "items.yaml").write_text(spec(operations))
        document = fastapi_httpx("http://upstream.invalid", operations).openapi()
        (items / "openapi.json").write_text(json.dumps(document))
        yield Group(
            f"items, {operations} operations",
            [
                Row("openapi-python-client", items, OPENAPI_PYTHON_CLIENT),
                Row("datamodel-codegen", items, DATAMODEL_CODEGEN),
                Row("nafgen", items, BUILD),
            ],
        )


def by_operations(folder: Path) -> Iterator[Group]:
    """One spec of ever more operations, each with a route and a tool."""
    for operations in OPERATIONS:
        at = project(folder / f"of-{operations}", [])
        (at / "specs" / "items.yaml").write_text(spec(operations))
        yield Group(f"{operations} operations", [Row("nafgen", at, BUILD)], operations)


def by_specs(folder: Path, parts: Sequence[float], where: str = "") -> Iterator[Group]:
    """Ever more published specs, where they are, with one worker and with two."""
    specs = sorted(CORPUS.rglob("*.y*ml"))
    for part in parts if specs else ():
        some = specs[:: round(1 / part)]
        at = project(folder / f"specs-{len(some)}", some)
        rows = [
            Row("nafgen, 1 worker", at, [*BUILD, "--jobs=1"]),
            Row("nafgen, 2 workers", at, [*BUILD, "--jobs=2"]),
            Row("nafgen, again", at, BUILD, again=True),
        ]
        yield Group(f"{len(some)} specs{where}", rows, len(some))


def project(folder: Path, specs: list[Path]) -> Path:
    (folder / "specs").mkdir(parents=True)
    for each in specs:
        shutil.copyfile(each, folder / "specs" / each.name)
    return folder


def measure(groups: list[Group], rounds: int, env: dict[str, str]) -> Iterator[Any]:
    for group in groups:
        found: dict[str, list[dict[str, float]]] = {}
        for _ in range(rounds):
            for row in group.rows:
                found.setdefault(row.name, []).append(run(row, env))
        for name, all_ in found.items():
            medians = {k: statistics.median(one[k] for one in all_) for k in all_[0]}
            each = medians["cpu_ms"] / group.of if group.of else None
            yield {"group": group.title, "row": name, **medians, "cpu_ms_each": each}


def table(measured: list[dict[str, Any]]) -> Iterator[str]:
    """A table for people; ratios are to the first row of each group."""
    first: dict[str, dict[str, Any]] = {}
    for one in measured:
        base = first.setdefault(one["group"], one)
        each = f"{one['cpu_ms_each']:7.2f} ms each" if one["cpu_ms_each"] else ""
        yield (
            f"{one['group']:30} {one['row']:22} {one['wall_ms']:8.0f} ms"
            f" {base['wall_ms'] / one['wall_ms']:6.2f}x CPU {one['cpu_ms']:8.0f} ms"
            f" {base['cpu_ms'] / one['cpu_ms']:6.2f}x system {one['system_ms']:5.0f} ms"
            f" {one['peak_mb']:5.0f} MB {each}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of which the median is")
    parser.add_argument("--only", default="", help="groups whose title has this text")
    parser.add_argument("--keep", type=Path, help="a folder for the results")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        # Python and nafgen keep what they have compiled, as where they are installed.
        env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
        env["PYTHONPYCACHEPREFIX"] = str(folder / "kept")
        makers: list[Callable[[], Iterator[Group]]] = [
            lambda: beside_others(folder, env),
            lambda: by_operations(folder),
            lambda: by_specs(folder, SPECS),
        ]
        if MEMORY.is_dir():
            memory = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=MEMORY)))
            makers.append(lambda: by_specs(memory, SPECS[-1:], " in memory"))
        groups = [group for make in makers for group in make()]
        wanted = [group for group in groups if options.only in group.title]
        measured = list(measure(wanted, options.rounds, env))
    lines = list(table(measured))
    print("\n".join(lines))
    if options.keep:
        keep(options.keep, "compile", measured, lines)


if __name__ == "__main__":
    main()
