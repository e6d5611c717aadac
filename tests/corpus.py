"""Builds and verifies published capabilities: `make corpus`.

They are in the folder beside the project that `CORPUS` names. Its `expected.tsv` counts,
per file and made without nafgen, what the file holds and what is wrong with it. Where
nafgen counts otherwise, `corpus_differences.tsv` says so and why; both a difference that
is not in that table and a row that is no difference fail.
"""

from __future__ import annotations

import csv
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nafgen.compile import Compilation, understand
from nafgen.inputs import Spec
from nafgen.ir import Input
from nafgen.program import RestAdapter, Route

ROOT = Path(__file__).parent.parent
CORPUS = ROOT.parent / "shared" / "corpus"
DIFFERENCES = Path(__file__).with_name("corpus_differences.tsv")
FOLDERS = ("catalogue", "providers")
UNITS = ("operations", "tools", "routes")
COLUMNS = {"ops": "operation", "tools": "tool", "routes": "route"}
UNRESOLVED = {"NAF201", "NAF202", "NAF204"}
NAFGEN = [sys.executable, "-m", "nafgen"]


@dataclass(frozen=True)
class Build:
    """A build of all specs: its report, its time and the memory of its largest process."""

    report: dict[str, Any]
    seconds: float
    peak_mb: float


def expected() -> dict[str, dict[str, str]]:
    with (CORPUS / "expected.tsv").open(encoding="utf-8", newline="") as table:
        return {row["file"]: row for row in csv.DictReader(table, delimiter="\t")}


def source(name: str) -> Path:
    return next(file for f in FOLDERS if (file := CORPUS / f / name).exists())


def copied(into: Path, *, backwards: bool) -> None:
    """All specs in one folder, put there in one order or the other."""
    for name in sorted(expected(), reverse=backwards):
        target = into / "specs" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source(name), target)


def build(folder: Path, jobs: int, **environment: str) -> subprocess.Popen[str]:
    command = [*NAFGEN, "build", "specs", "-o", "generated", f"--jobs={jobs}"]
    with (folder / "report.json").open("w") as report:
        return subprocess.Popen(
            [*command, "--output-format=json"],
            cwd=folder,
            env=os.environ | environment,
            stdout=report,
            stderr=subprocess.PIPE,
            text=True,
        )


def finished(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=900)
    # 1 says that there are findings: there are.
    assert (process.returncode, errors) == (1, "")


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first")
    copied(folder, backwards=False)
    return folder


@pytest.fixture(scope="session")
def built(first: Path) -> Build:
    began = time.monotonic()
    finished(build(first, 2, PYTHONHASHSEED="1", LC_ALL="C.UTF-8", TZ="UTC"))
    return Build(
        report=json.loads((first / "report.json").read_text()),
        seconds=time.monotonic() - began,
        peak_mb=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    )


@pytest.fixture(scope="session")
def again(
    built: Build, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """The same build in another state of the machine, still running."""
    folder = tmp_path_factory.mktemp("second") / "elsewhere"
    copied(folder, backwards=True)
    process = build(folder, 1, PYTHONHASHSEED="4321", LC_ALL="C", TZ="Asia/Tokyo")
    yield folder, process
    process.kill()
    process.wait()


def test_every_unit_is_compiled_or_left_out(built: Build) -> None:
    """Every file's units are what it is known to hold."""
    rows = expected()
    specs = {one["spec"].removeprefix("specs/"): one for one in built.report["specs"]}
    assert specs.keys() == rows.keys()
    with ProcessPoolExecutor(2) as pool:
        shadowed = dict(zip(rows, pool.map(_shadowed, rows), strict=True))
    found = {
        (name, column, row[column] or "0", str(value))
        for name, row in rows.items()
        for column, value in counts(specs[name], shadowed[name]).items()
        if str(value) != (row[column] or "0")
    }
    with DIFFERENCES.open(encoding="utf-8", newline="") as table:
        listed = list(csv.DictReader(table, delimiter="\t"))
    known = {(r["file"], r["column"], r["expected"], r["found"]) for r in listed}
    assert found == known
    assert all(row["reason"] for row in listed)


def counts(spec: dict[str, Any], shadowed: int) -> dict[str, Any]:
    """What nafgen counts in a file, by the columns of the table of what is expected."""
    codes = Counter(one["code"] for one in spec["diagnostics"])
    if codes["NAF002"] or codes["NAF005"]:
        return {"class": "broken-yaml" if codes["NAF002"] else "non-capability"}
    left_out = Counter((unit["kind"], unit["code"]) for unit in spec["left_out"])
    made: dict[str, Any] = {
        column: spec[f"{unit}s"] + sum(n for (k, _), n in left_out.items() if k == unit)
        for column, unit in COLUMNS.items()
    }
    for column in ("tools", "routes"):
        made[f"{column}_unresolved"] = sum(
            left_out[COLUMNS[column], code] for code in UNRESOLVED
        )
    kept = {one["line"] for one in spec["diagnostics"] if one["code"] == "NAF401"}
    made["class"] = _class(codes, made["ops"])
    made["lost_path_ops"] = left_out["operation", "NAF402"] + len(kept)
    made["empty_baseUri"] = int(any(map(_has_no_base_url, spec["diagnostics"])))
    made["dup_routes"] = codes["NAF403"]
    made["shadowed_routes"] = shadowed
    made["undeclared_binds"] = len(_messages(spec, "NAF207"))
    return made


def _class(codes: Counter[str], operations: int) -> str:
    if codes["NAF008"]:
        return "silently-truncated"
    return "capability" if operations else "no-ops"


def _messages(spec: dict[str, Any], code: str) -> set[str]:
    return {one["message"] for one in spec["diagnostics"] if one["code"] == code}


def _has_no_base_url(found: dict[str, Any]) -> bool:
    by_table = found["code"] == "NAF430" and "base URL" in found["message"]
    is_empty = found["code"] == "NAF407" and "is empty" in found["message"]
    return is_empty or by_table


def _shadowed(name: str) -> int:
    """Routes of a file that another one, written before them, would answer too."""
    file = source(name)
    spec = Spec(shown=file.name, relative=name)
    made = Compilation(spec)
    understand(made, {file.name: file.read_bytes()}.get, strict=False)
    adapters = made.program.adapters if made.program else ()
    return sum(_hidden(a.routes) for a in adapters if isinstance(a, RestAdapter))


def _hidden(routes: tuple[Route, ...]) -> int:
    written = sorted(routes, key=lambda route: route.origin.span)
    return sum(
        any(
            earlier.method == route.method
            and re.fullmatch(_pattern(earlier), _example(route))
            for earlier in written[:index]
        )
        for index, route in enumerate(written)
    )


def _pattern(route: Route) -> str:
    return "".join(
        "[^/]+" if isinstance(part, Input) else re.escape(part) for part in route.path
    )


def _example(route: Route) -> str:
    return "".join("value" if isinstance(part, Input) else part for part in route.path)


@pytest.mark.usefixtures("again")
@pytest.mark.parametrize(
    "tool",
    [
        ["black", "--check", "--quiet"],
        ["ruff", "check", "--no-cache", "--quiet"],
        ["ruff", "format", "--no-cache", "--check", "--quiet"],
        ["mypy", "--strict", "--cache-dir=/dev/null"],
    ],
    ids=lambda tool: " ".join(tool[:2]),
)
def test_what_is_generated_is_clean(first: Path, built: Build, tool: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *tool, "."],
        cwd=first / "generated",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]


def test_another_machine_makes_the_same_bytes(
    first: Path, again: tuple[Path, subprocess.Popen[str]]
) -> None:
    """Another hash seed, locale, zone, folder, number of workers and order of files."""
    folder, process = again
    finished(process)
    made = [files_in(each / "generated") for each in (first, folder)]
    assert made[0].keys() == made[1].keys()
    assert [name for name in made[0] if made[0][name] != made[1][name]] == []
    reports = [(each / "report.json").read_text() for each in (first, folder)]
    assert reports[0] == reports[1]


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_every_compiled_unit_does_what_the_spec_says(first: Path, built: Build) -> None:
    began = time.monotonic()
    done = subprocess.run(
        [*NAFGEN, "verify", "specs", "--output-format=json"],
        cwd=first,
        capture_output=True,
        text=True,
    )
    report = json.loads(done.stdout)
    wrong = [
        f"{found['file']}:{found['line']}: {found['message']}"
        for spec in report["specs"]
        for found in spec["diagnostics"]
        if found["code"] in ("NAF701", "NAF599")
    ]
    assert wrong == []
    assert report["summary"]["called"] == {
        unit: built.report["summary"][unit] for unit in UNITS
    }
    print(summary(built, time.monotonic() - began))


def summary(built: Build, verified: float) -> str:
    """What was found, in the words of a release note."""
    report = built.report
    specs = report["specs"]
    left_out: Counter[str] = Counter()
    for spec in specs:
        left_out.update(f"{unit['kind']} {unit['code']}" for unit in spec["left_out"])
    codes = Counter(one["code"] for spec in specs for one in spec["diagnostics"])
    totals = report["summary"]
    lines = [
        "",
        f"{len(specs)} specs: {totals['built']} whole, {totals['partial']} in part,"
        f" {totals['refused']} refused",
        f"compiled: {', '.join(f'{totals[unit]} {unit}' for unit in UNITS)}",
        f"left out: {', '.join(f'{n} {of}' for of, n in left_out.most_common())}",
        f"found: {', '.join(f'{n} {code}' for code, n in codes.most_common(10))}",
        f"built in {built.seconds:.0f} s, {built.peak_mb:.0f} MB at most in a process;"
        f" built and verified in {verified:.0f} s",
    ]
    return "\n".join(lines)
