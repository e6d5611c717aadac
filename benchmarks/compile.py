"""Measures the compiler: `python benchmarks/compile.py [--json]`.

A seed spec in a new process, first and again, and the published capabilities in the folder
beside the project, where it is, with one worker and with two. Times are medians: of five
runs of the seed, and of `--runs` of the others. The processor's time includes that of the
workers.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT.parent / "shared" / "corpus"
SEED = ROOT / "specs" / "message-batches-message-batches.yaml"
SEED_RUNS = 5


@dataclass(frozen=True)
class Measured:
    """Medians of runs, and the memory of the largest process of all so far."""

    what: str
    wall_ms: float
    cpu_ms: float
    peak_mb: float


def environment(cache: Path) -> dict[str, str]:
    """With compiled modules, as an installed nafgen has them."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return kept | {
        "PYTHONPATH": str(ROOT / "generator"),
        "PYTHONPYCACHEPREFIX": str(cache),
    }


def run(folder: Path, jobs: int, env: dict[str, str]) -> tuple[float, float]:
    """One build of a folder: its wall-clock and its processor time in milliseconds."""
    command = [sys.executable, "-m", "nafgen", "build", "specs", "-o", "generated"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "-q", f"--jobs={jobs}"],
        cwd=folder,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    wall = time.perf_counter() - began
    if done.returncode not in (0, 1):  # 1 says that there are findings
        raise SystemExit(f"nafgen ended with code {done.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall * 1000, cpu * 1000


def measured(
    what: str, folder: Path, runs: int, env: dict[str, str], *, jobs: int, first: bool
) -> Measured:
    """Builds from nothing if `first`, else over what the last build wrote."""
    times = []
    for _ in range(runs):
        if first:
            shutil.rmtree(folder / "generated", ignore_errors=True)
        times.append(run(folder, jobs, env))
    wall, cpu = (round(statistics.median(each), 1) for each in zip(*times, strict=True))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return Measured(what, wall, cpu, round(peak, 1))


@contextmanager
def copied(specs: list[Path]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "specs").mkdir()
        for spec in specs:
            shutil.copyfile(spec, folder / "specs" / spec.name)
        yield folder


def measure(runs: int) -> Iterator[Measured]:
    with tempfile.TemporaryDirectory() as cache:
        env = environment(Path(cache))
        with copied([SEED, *SEED.parent.glob(f"{SEED.stem}.overlay.yaml")]) as folder:
            run(folder, 1, env)  # which compiles the modules
            for what, first in (("seed, first", True), ("seed, again", False)):
                yield measured(what, folder, SEED_RUNS, env, jobs=1, first=first)
        specs = sorted(CORPUS.rglob("*.y*ml"))
        if not specs:
            return
        with copied(specs) as folder:
            number = f"{len(specs)} specs"
            for jobs in (1, 2):
                what = f"{number}, {jobs} at once"
                yield measured(what, folder, runs, env, jobs=jobs, first=True)
            what = f"{number}, again"
            yield measured(what, folder, SEED_RUNS, env, jobs=1, first=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--runs", type=int, default=5, help="of many specs; default: 5")
    options = parser.parse_args()
    found = []
    for each in measure(options.runs):
        found.append(asdict(each))
        if not options.json:
            print(
                f"{each.what:24} {each.wall_ms:9.1f} ms wall {each.cpu_ms:9.1f} ms CPU"
                f" {each.peak_mb:7.1f} MB at most",
                flush=True,
            )
    if options.json:
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
