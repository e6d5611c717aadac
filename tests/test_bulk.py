"""Many specs at once: the same results in any number of processes, faults, and Ctrl-C."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli_support import CHANGED, PARTIAL, PHOTOS, REFUSED, Project, environment
from nafgen import bulk, validation
from nafgen.inputs import Spec
from nafgen.result import Result
from write_support import contents

# Two calls by a name in another spelling: two notes.
NOTED = PHOTOS.replace("photos.get-album", "photos.getAlbum")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Specs of each kind, one that clashes, and packages inside of packages."""
    project = Project(tmp_path, a=PHOTOS, b=PARTIAL, c=REFUSED, d=NOTED)
    for name in ("a/one", "a/one/two", "a/three", "b/one", "e/f", "e/g"):
        project.write(f"specs/{name}.yaml", PHOTOS)
    project.write("specs/A.yml", PHOTOS)
    return project


@pytest.mark.parametrize(
    ("command", "form"),
    [
        ("build", "text"),
        ("build", "json"),
        ("build --diff", "github"),
        ("validate", "sarif"),
    ],
)
def test_any_number_of_processes(project: Project, command: str, form: str) -> None:
    """Reports and packages do not depend on it."""
    runs = []
    for jobs in ("1", "3"):
        output = ("-o", f"out{jobs}") if command.startswith("build") else ()
        form_and_jobs = ("--output-format", form, "--jobs", jobs)
        run = project.run(*command.split(), *output, *form_and_jobs)
        assert run.code == 1
        here = f"out{jobs}/"
        runs.append((run.out.replace(here, "out/"), run.err.replace(here, "out/")))
    assert runs[0] == runs[1]
    if command == "build":
        one, three = (contents(project.folder / f"out{jobs}") for jobs in "13")
        assert "a/one/two/client.py" in one
        assert one == three


def test_verify_in_processes(tmp_path: Path) -> None:
    project = Project(tmp_path, a=PHOTOS, b=PARTIAL, c=PHOTOS)
    one, two = (project.run("verify", "--jobs", jobs) for jobs in "12")
    assert one == two
    assert "called: 3 operations, 3 routes, 2 tools\n" in one.err


def test_packages_inside_of_packages(tmp_path: Path) -> None:
    """One that is being written is never taken for files of the one around it."""
    project = Project(tmp_path, a=PHOTOS)
    for number in range(12):
        project.write(f"specs/a/inner{number}.yaml", PHOTOS)
    for text in (PHOTOS, CHANGED):
        for file in (tmp_path / "specs").rglob("*.yaml"):
            file.write_text(text, encoding="utf-8")
        run = project.run("build", "--jobs", "4")
        assert (run.code, run.err) == (0, "13 specs: 13 built\n")


def test_jobs_by_environment(project: Project) -> None:
    assert project.run("validate", env={"NAFGEN_JOBS": "none"}).code == 2
    assert project.run("validate", env={"NAFGEN_JOBS": "2"}).code == 1
    assert project.run("validate", "--jobs", "0").code == 2


def result(spec: Spec) -> Result:
    return Result(
        spec=spec.shown, package="", status="unchanged", summary={}, diagnostics=()
    )


def faulty(spec: Spec) -> Result:
    """Raises for one spec, and ends the process of another."""
    if spec.shown == "raises":
        raise LookupError("it is\nnot there")
    if spec.shown == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if spec.shown == "leaves":
        os._exit(3)
    return result(spec)


def specs(*names: str) -> list[Spec]:
    return [Spec(shown=name, relative=name) for name in names]


# Test runners have threads of their own, which newer Pythons warn of.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
class TestFaults:
    """What nafgen fails on has NAF599, and costs no other spec."""

    @pytest.mark.parametrize("jobs", [1, 2])
    def test_exception(self, jobs: int) -> None:
        found = bulk.run(faulty, specs("a", "raises", "b"), jobs)
        assert [each.spec for each in found] == ["a", "raises", "b"]
        assert [each.status for each in found] == ["unchanged", "refused", "unchanged"]
        [fault] = found[1].diagnostics
        assert (fault.code, fault.span.file) == ("NAF599", "raises")
        message = "nafgen failed on this file: LookupError at bulk.py:"
        assert fault.message.startswith(message)
        assert fault.message.endswith(": it is\\nnot there")

    @pytest.mark.parametrize("family", ["", "all"])
    def test_processes_that_die(self, family: str) -> None:
        """Their specs are known, and others take over, even of the same family."""
        named = specs("a", "dies", "b", "leaves", "c")
        families = dict.fromkeys(named[:4], family) if family else {}
        found = bulk.run(faulty, named, 2, families=families)
        assert [each.status[:2] for each in found] == ["un", "re", "un", "re", "un"]
        reasons = [each.diagnostics[0].message for each in (found[1], found[3])]
        assert reasons == [
            "nafgen failed on this file: its process was ended by SIGKILL",
            "nafgen failed on this file: its process ended with code 3",
        ]

    def test_of_a_command(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(spec: Spec, *_: object, **__: object) -> object:
            if "one" in spec.shown:
                raise RecursionError
            return compile_spec(spec, *_, **__)

        compile_spec = validation.compile_spec
        monkeypatch.setattr("nafgen.compile.compile_spec", broken)
        run = project("build", "--jobs", "1")
        assert run.code == 2
        fault = ("specs/a/one.yaml", "NAF599")
        assert fault in run.codes
        assert {"a", "b", "d", "e/f"} <= project.packages
        assert "a/one" not in project.packages


class TestStopping:
    """Ctrl-C and SIGTERM leave whole packages, and no process."""

    @pytest.mark.slow
    @pytest.mark.parametrize("jobs", ["1", "2"])
    @pytest.mark.parametrize(
        ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
    )
    def test_build(
        self, tmp_path: Path, jobs: str, number: signal.Signals, code: int
    ) -> None:
        project = Project(tmp_path)
        for each in range(80):
            project.write(f"specs/photos{each:02}.yaml", PHOTOS)
        # Where tests run in the background, a shell has had Ctrl-C ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        process = subprocess.Popen(
            [sys.executable, "-m", "nafgen", "build", "--jobs", jobs],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        wait_until(lambda: len(project.packages) > 2)
        if number is signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            process.send_signal(number)
        out, _ = process.communicate(timeout=30)
        assert (process.returncode, out) == (code, b"interrupted\n")
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
        finished = project.packages
        assert 2 < len(finished) < 80
        names = {Path(path).name for path in project.generated}
        assert not [name for name in names if name.endswith(".tmp")]
        before = project.times
        run = project.run("build")
        assert run.code == 0
        assert run.err.startswith(f"80 specs: {80 - len(finished)} built, ")
        files = {path for path in before if Path(path).is_file()}
        assert {path: project.times[path] for path in files} == {
            path: before[path] for path in files
        }

    def test_workers_of_a_killed_process_end(self, tmp_path: Path) -> None:
        project = Project(tmp_path)
        for each in range(80):
            project.write(f"specs/photos{each:02}.yaml", PHOTOS)
        with subprocess.Popen(
            [sys.executable, "-m", "nafgen", "build", "--jobs", "3"],
            cwd=tmp_path,
            env=environment(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            wait_until(lambda: len(project.packages) > 2)
            process.kill()
        wait_until(lambda: not is_alive(process.pid))
        assert len(project.packages) < 30


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_alive(group: int) -> bool:
    """Whether a process group has a process."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


class TestOutput:
    def test_notes_of_several_specs_are_counted(self, tmp_path: Path) -> None:
        project = Project(tmp_path, a=NOTED)
        assert project("validate").codes == [("specs/a.yaml", "NAF203")] * 2
        project.write("specs/b.yaml", PARTIAL)
        run = project("build")
        assert run.codes == [("specs/b.yaml", "NAF204")]
        assert run.err.endswith(
            "2 notes are not shown; --notes shows them\n"
            "2 specs: 1 built, 1 partial\n"
        )
        run = project("build", "--notes")
        assert [code for _, code in run.codes] == ["NAF203", "NAF203", "NAF204"]
        assert "not shown" not in run.err
        assert "note" not in project("build", "--quiet").err
        found = project("build", "--output-format", "json").json["specs"]
        assert [len(each["diagnostics"]) for each in found] == [2, 1]

    @pytest.mark.parametrize("number", [10, 11])
    def test_summary_of_many_findings(self, tmp_path: Path, number: int) -> None:
        project = Project(tmp_path)
        for each in range(number):
            project.write(f"specs/{each}.yaml", NOTED)
        table = (
            f"  {2 * number:5} NAF203 note: a call names its operation in another"
            " spelling\n"
        )
        for command in ("build", "validate"):
            run = project(command, "--jobs", "1")
            assert run.code == 0
            assert (table in run.err) == (number > 10)
        assert table not in project("validate", "--quiet", "--jobs", "1").err

    @pytest.mark.parametrize(
        ("arguments", "shown"),
        [
            ((), True),
            (("--quiet",), False),
            (("--output-format", "json"), False),
        ],
    )
    def test_progress_on_a_terminal(
        self, tmp_path: Path, arguments: tuple[str, ...], shown: bool
    ) -> None:
        project = Project(tmp_path, bad=PARTIAL)
        for each in range(7):
            project.write(f"specs/{each}.yaml", PHOTOS)
        printed = on_terminal(tmp_path, "build", *arguments)
        bars = re.findall(r"\r\[([#-]{30})\] ([0-8])/8(?=\r)", printed)
        assert [int(number) for _, number in bars] == ([*range(9)] if shown else [])
        if shown:
            assert [bars[0][0], bars[8][0]] == ["-" * 30, "#" * 30]
            rest = printed.rpartition("/8\r")[2]
            assert rest.startswith(f"{' ' * 36}\rspecs/bad.yaml:42:13: error[NAF204]")
            assert rest.endswith("8 specs: 7 built, 1 partial\r\n")
        assert "/8" not in on_terminal(tmp_path, "build")  # nothing is left to do
        assert "\r" not in project("validate", "--jobs", "1").err


def on_terminal(folder: Path, *arguments: str) -> str:
    """What a command prints on a terminal of 80 columns, without colours."""
    main, other = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "nafgen", *arguments],
        cwd=folder,
        env=environment(NO_COLOR="1", COLUMNS="80"),
        stdout=subprocess.DEVNULL,
        stderr=other,
    ) as process:
        os.close(other)
        printed = b"".join(read_all(main))
        assert process.wait(60) == 1
    return printed.decode()


def read_all(file: int) -> Iterator[bytes]:
    """All that is printed on a terminal until the last process leaves it."""
    with os.fdopen(file, "rb", buffering=0) as stream:
        while True:
            try:
                data = stream.read(65_536)
            except OSError:  # how Linux says that nobody is there any more
                return
            if not data:
                return
            yield data
