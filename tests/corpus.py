"""Compiles published capabilities, and verifies those of the kind that is supported.

Run by `make corpus` with the folder that holds them: `expected.tsv` there says, per file,
how many operations, tools and routes it has. Every file must compile or be refused by a
diagnostic; in the folders of `COMPLETE` every unit must compile and do what it says.
"""

from __future__ import annotations

import csv
import sys
import time
from collections import Counter
from pathlib import Path

from compile_support import compile_file
from nafgen.compile import Compilation
from nafgen.diagnostics import Severity
from nafgen.verify import verify

COMPLETE = ("anthropic", "openai", "spotify", "notion")
EXCEPTIONS = {
    # Its DELETE declares a path parameter that its path has no place for: sent, it would
    # go to the whole collection. So the operation and its tool are left out (NAF402).
    "openai/models.yaml": {"ops": -1, "tools": -1},
}
FOLDERS = ("catalogue", "providers")
UNITS = ("operations", "routes", "tools")


def main(corpus: Path) -> int:
    with (corpus / "expected.tsv").open(encoding="utf-8", newline="") as table:
        expected = {row["file"]: row for row in csv.DictReader(table, delimiter="\t")}
    problems: list[str] = []
    units: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    began = time.monotonic()
    for name, row in expected.items():
        path = next(file for f in FOLDERS if (file := corpus / f / name).exists())
        made = compile_file(path, name)
        units += counted(made)
        if made.package is None and not refused(made):
            problems.append(f"{name}: neither compiled nor refused")
        if name.partition("/")[0] in COMPLETE:
            problems += compared(name, row, made)
            done = verify(made)
            for what in UNITS:
                calls[what] += getattr(done, what)
            problems += [f"{name}: {found.message}" for found in done.differences]
    print(f"{len(expected)} files in {time.monotonic() - began:.0f} s")
    print("compiled:", ", ".join(f"{n} {what}" for what, n in units.items()))
    print("called:", ", ".join(f"{n} {what}" for what, n in calls.items()))
    print("\n".join(problems) or "no problems")
    return 1 if problems else 0


def refused(made: Compilation) -> bool:
    return any(found.severity is Severity.ERROR for found in made.diagnostics)


def counted(made: Compilation) -> Counter[str]:
    summary = made.package.summary if made.package else {}
    return Counter({what: summary.get(what, 0) for what in UNITS})


def compared(name: str, row: dict[str, str], made: Compilation) -> list[str]:
    """How a file's counts differ from what is expected of it."""
    got = counted(made)
    problems = []
    for column, what in (
        ("ops", "operations"),
        ("tools", "tools"),
        ("routes", "routes"),
    ):
        want = int(row[column] or 0) + EXCEPTIONS.get(name, {}).get(column, 0)
        if got[what] != want:
            problems.append(f"{name}: {got[what]} {what}, expected {want}")
    return problems


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
