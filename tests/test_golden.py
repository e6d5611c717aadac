"""Golden cases: what each spec of tests/cases compiles to, and that it runs.

A case is a folder with `spec.yaml`; `ir.txt` and `expected/` are what it compiles to.
`make golden` writes them.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from compile_support import compile_file, files_of, write_to
from conftest import ROOT
from nafgen import format as formatting
from nafgen.dump import dump
from nafgen.plan import KINDS
from nafgen.verify import verify

CASES = sorted(path.parent for path in (ROOT / "tests" / "cases").glob("*/spec.yaml"))
HINT = "run `make golden` and review the difference"


def relative(case: Path) -> str:
    return f"{case.name}.yaml"


def golden(case: Path) -> dict[str, str]:
    """What the case compiles to; the support code has tests of its own."""
    made = compile_file(case / "spec.yaml", relative(case))
    own = {
        f"expected/{path}": text
        for path, text in files_of(made).items()
        if not path.startswith("_runtime/")
    }
    return {"ir.txt": dump(made, "ir"), **own}


def committed(case: Path) -> dict[str, str]:
    paths = [case / "ir.txt", *(case / "expected").rglob("*")]
    return {
        path.relative_to(case).as_posix(): path.read_text(encoding="utf-8")
        for path in paths
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(case: Path, update_golden: bool) -> None:
    made = golden(case)
    if update_golden:
        for stale in committed(case):
            (case / stale).unlink()
        for path, text in made.items():
            (case / path).parent.mkdir(parents=True, exist_ok=True)
            (case / path).write_text(text, encoding="utf-8", newline="\n")
    assert committed(case).keys() == made.keys(), HINT
    for path, text in made.items():
        assert committed(case)[path] == text, HINT


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_runs(case: Path) -> None:
    made = compile_file(case / "spec.yaml", relative(case))
    done = verify(made)
    assert [found.message for found in done.differences] == []
    assert made.package is not None
    called = {kind: getattr(done, kind) for kind in KINDS}
    assert called == {kind: made.package.summary.get(kind, 0) for kind in KINDS}
    assert done.operations > 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_generated_python_is_stable_under_black(case: Path) -> None:
    made = compile_file(case / "spec.yaml", relative(case))
    for path, text in files_of(made).items():
        assert text == "" or text.endswith("\n")
        assert not text.endswith("\n\n")
        if path.endswith(".py"):
            assert formatting.by_black(text) == text, path
            assert ast.parse(text)


def write_all(output: Path) -> None:
    for case in CASES:
        write_to(compile_file(case / "spec.yaml", relative(case)), output)


def run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_generated_code_passes_ruff_and_mypy(tmp_path: Path) -> None:
    write_all(tmp_path)
    run(
        sys.executable,
        "-m",
        "ruff",
        "format",
        "--isolated",
        "--check",
        ".",
        cwd=tmp_path,
    )
    run(sys.executable, "-m", "ruff", "check", "--isolated", ".", cwd=tmp_path)
    cache = f"--cache-dir={tmp_path / 'cache'}"
    run(sys.executable, "-m", "mypy", "--strict", cache, ".", cwd=tmp_path)


def digest(files: dict[str, str]) -> str:
    return hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()


DIGESTS = """
import json, sys
sys.path[:0] = [TESTS, GENERATOR]
import test_golden
cases = sorted(test_golden.CASES, reverse=REVERSED)
print(json.dumps({
    case.name: test_golden.digest(test_golden.golden(case)) for case in cases
}, sort_keys=True))
"""


@pytest.mark.parametrize(
    ("seed", "locale", "backwards"), [("1", "C", False), ("2", "C.UTF-8", True)]
)
def test_same_bytes_under_another_seed_locale_and_order(
    seed: str, locale: str, backwards: bool, tmp_path: Path
) -> None:
    paths = {"TESTS": ROOT / "tests", "GENERATOR": ROOT / "generator"}
    script = "".join(f"{name} = {str(path)!r}\n" for name, path in paths.items())
    script += f"REVERSED = {backwards}\n{DIGESTS}"
    environment = {"PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": "Asia/Tokyo"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    seen = json.loads(done.stdout)
    assert seen == {case.name: digest(committed(case)) for case in CASES}
