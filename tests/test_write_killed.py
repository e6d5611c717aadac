"""Builds that are killed at any of their calls, and the builds after them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from nafgen.plan import MANIFEST, Package
from nafgen.write import (
    Mode,
    Outcome,
    is_current,
)
from write_support import (
    GENERATOR,
    LAST,
    LATER,
    NEW,
    OLD,
    Build,
    assert_built,
    contents,
    generated,
)

# What a build that is killed begins with, and what it builds; None removes the package.
SCENARIOS: dict[str, tuple[Package | None, Package | None]] = {
    "first": (None, NEW),
    "update": (OLD, NEW),
    "removal": (OLD, None),
}


@pytest.mark.slow
class TestKilled:
    """Each state is a folder left by a process that was killed at one of its calls."""

    @pytest.fixture(params=SCENARIOS)
    def states(self, request: pytest.FixtureRequest, tmp_path: Path) -> list[Path]:
        subprocess.run(
            [sys.executable, __file__, "kill", tmp_path / "states", request.param],
            check=True,
            timeout=120,
        )
        found = sorted((tmp_path / "states").iterdir())
        assert len(found) > 6
        return found

    @pytest.mark.parametrize("then", [OLD, NEW, LATER], ids=["old", "new", "later"])
    def test_next_build_finishes(self, states: list[Path], then: Package) -> None:
        for state in states:
            build = Build(state)
            build(then, Mode.CHECK)
            assert {code for code, _ in build.found} <= {"NAF611", "NAF612", "NAF613"}
            assert build(then).status in ("built", "unchanged")
            assert build.found == []
            assert_built(state, then)
            assert build(then, Mode.CHECK) == Outcome(status="unchanged")

    def test_next_removal_finishes(self, states: list[Path]) -> None:
        for state in states:
            build = Build(state)
            if (state / "photos" / MANIFEST).exists():
                assert build.stale()["photos"].status == "built"
                assert build.found == []
                assert contents(state) == {}

    def test_hand_edits_are_still_seen(self, states: list[Path]) -> None:
        seen = 0
        for state in states:
            edited = state / "photos/client.py"
            if edited.exists():
                edited.write_bytes(generated("mine = 1"))
                assert Build(state)(LATER).status == "refused"
                assert edited.read_bytes() == generated("mine = 1")
                seen += 1
        assert seen

    def test_never_current(self, states: list[Path]) -> None:
        for state in states:
            found = is_current(state, "photos", lambda _: NEW.inputs, GENERATOR)
            if found is not None:
                assert_built(state, NEW)

    def test_killed_twice(self, tmp_path: Path) -> None:
        subprocess.run(
            [sys.executable, __file__, "kill-twice", tmp_path / "states", "update"],
            check=True,
            timeout=300,
        )
        states = list((tmp_path / "states").iterdir())
        assert len(states) > 100
        for state in states:
            build = Build(state)
            assert build(LAST).status == "built"
            assert build.found == []
            assert_built(state, LAST)

    def test_discarding_goes_on(self, tmp_path: Path) -> None:
        """Hand edits that a killed build was to discard are still known as such."""
        subprocess.run(
            [
                sys.executable,
                __file__,
                "kill-discarding",
                tmp_path / "states",
                "update",
            ],
            check=True,
            timeout=120,
        )
        refused = 0
        for state in (tmp_path / "states").iterdir():
            build = Build(state)
            if build(LAST, Mode.CHECK).status == "refused":
                assert {code for code, _ in build.found} >= {"NAF602"}
                refused += 1
            assert build(LAST, discard_edits=True).status == "built"
            assert build.found == []
            assert_built(state, LAST)
        assert refused > 6


def _run(output: Path, package: Package | None, *, discard_edits: bool) -> None:
    """Build the package, or remove the one there is."""
    build = Build(output)
    if package is None:
        build.stale(discard_edits=discard_edits)
    else:
        build(package, discard_edits=discard_edits)
    if build.found:
        raise RuntimeError(f"{output}: {build.found}")


def _kill_after(calls: int, run: Callable[[], None]) -> bool:
    """Run in a process of its own, killed when it has changed the disk CALLS times.

    Answers whether it was: if not, it ended before.
    """
    child = os.fork()
    if child == 0:
        left = calls

        def count(event: str, args: tuple[Any, ...]) -> None:
            nonlocal left
            changes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir")
            if changes or (event == "open" and args[2] & os.O_CREAT):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        code = 1
        try:
            sys.addaudithook(count)
            run()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
        raise RuntimeError("the build failed before it could be killed")
    return os.WIFSIGNALED(status)


def _kill_everywhere(
    begin: Path, states: Path, package: Package | None, *, discard_edits: bool = False
) -> None:
    """Make a folder in `states` for each call at which a build in `begin` can end."""
    states.mkdir(exist_ok=True)
    killed, calls = True, 0
    while killed:
        state = states / f"{begin.name}-{calls:03}"
        shutil.copytree(begin, state)
        run = partial(_run, state, package, discard_edits=discard_edits)
        killed = _kill_after(calls, run)
        calls += 1


def _main(command: str, target: str, scenario: str = "") -> None:
    folder = Path(target)
    before, package = SCENARIOS[scenario]
    begin = folder.parent / "begin"
    begin.mkdir()
    if before is not None:
        _run(begin, before, discard_edits=False)
    if command == "kill":
        _kill_everywhere(begin, folder, package)
    elif command == "kill-discarding":
        for name in ("client.py", "gone.py"):
            (begin / "photos" / name).write_text("mine = 1\n")
        _kill_everywhere(begin, folder, package, discard_edits=True)
    else:
        once = folder.parent / "once"
        _kill_everywhere(begin, once, package)
        for state in once.iterdir():
            _kill_everywhere(state, folder, LATER)


if __name__ == "__main__":
    _main(*sys.argv[1:])
