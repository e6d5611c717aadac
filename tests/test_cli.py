"""`nafgen build` as its users run it: what it writes, what it says, how it exits."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_support import (
    CHANGED,
    PARTIAL,
    PHOTOS,
    REFUSED,
    Project,
    environment,
)
from write_support import contents

HEAVY = (
    *("black", "jinja2", "yaml", "jsonschema", "jsonschema_rs", "jsonpath"),
    *("fastapi", "httpx", "mcp", "multiprocessing", "secrets", "shutil"),
    "traceback",
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, photos=PHOTOS)


class TestBuild:
    def test_writes_a_package(self, project: Project) -> None:
        run = project("build")
        assert (run.code, run.out, run.err) == (0, "", "1 spec: 1 built\n")
        assert project.packages == {"photos"}
        assert {".gitattributes", "photos/client.py"} <= project.generated.keys()

    def test_second_run_writes_nothing(self, project: Project) -> None:
        project("build")
        before = project.times
        run = project("build")
        assert (run.code, run.err) == (0, "1 spec: 1 unchanged\n")
        assert project.times == before

    def test_a_change_writes_only_what_changes(self, project: Project) -> None:
        project("build")
        before = project.times
        project.write("specs/photos.yaml", CHANGED)
        assert project("build").err == "1 spec: 1 built\n"
        after = project.times
        changed = {Path(path).name for path in after if after[path] != before[path]}
        assert {"client.py", ".nafgen.json"} <= changed
        assert not {"upstream.py", "py.typed", ".gitattributes"} & changed

    def test_sub_folders_are_sub_packages(self, project: Project) -> None:
        project.write("specs/teams/red-ones/photos.yaml", PHOTOS)
        assert project("build").code == 0
        assert project.packages == {"photos", "teams/red_ones/photos"}

    def test_output_option(self, project: Project) -> None:
        assert project("build", "-o", "out/here").code == 0
        assert (project.folder / "out/here/photos/client.py").is_file()
        assert not (project.folder / "generated").exists()

    def test_an_overlay_is_an_input(self, project: Project) -> None:
        project("build")
        overlay = "\n".join(
            [
                "overlay: 1.0.0",
                "info: {title: Photos, version: '1'}",
                "actions:",
                "- target: $.capability.consumes[0]",
                "  update: {baseUri: https://other.photos.example}",
            ]
        )
        project.write("specs/photos.overlay.yaml", overlay)
        assert project("build").err == "1 spec: 1 built\n"
        assert "https://other.photos.example" in project.read(
            "generated/photos/client.py"
        )
        assert project("build").err == "1 spec: 1 unchanged\n"

    def test_hidden_files_are_passed_over(self, project: Project) -> None:
        project.write("specs/.hidden.yaml", REFUSED)
        project.write("specs/.git/config.yaml", REFUSED)
        assert project("build").code == 0

    def test_an_empty_folder(self, project: Project) -> None:
        (project.folder / "specs/photos.yaml").unlink()
        run = project("build")
        assert (run.code, run.err) == (0, "0 specs: nothing to do\n")

    def test_quiet(self, project: Project) -> None:
        project.write("specs/bad.yaml", PARTIAL)
        run = project("build", "--quiet")
        assert run.code == 1
        assert run.codes == [("specs/bad.yaml", "NAF204")]
        assert "specs:" not in run.err


class TestNames:
    @pytest.mark.parametrize(
        "named", [".", "specs", "specs/red", "specs/red/photos.yaml"]
    )
    def test_by_file_and_by_folder(self, project: Project, named: str) -> None:
        project.write("specs/red/photos.yaml", PHOTOS)
        project("build")
        before = project.times
        assert project("build", named).code == 0
        assert project("build", str(project.folder / named)).code == 0
        assert project.times == before

    def test_outside_of_the_specs_folder(self, project: Project) -> None:
        project.write("more/blue/photos.yaml", PHOTOS)
        assert project("build", "more", "-o", "a").code == 0
        assert project("build", "more/blue/photos.yaml", "-o", "b").code == 0
        assert (project.folder / "a/blue/photos/client.py").is_file()
        assert (project.folder / "b/photos/client.py").is_file()

    def test_a_spec_named_twice_is_one(self, project: Project) -> None:
        run = project(
            "build", "specs", "specs/photos.yaml", str(project.folder / "specs")
        )
        assert (run.code, run.err) == (0, "1 spec: 1 built\n")

    def test_two_specs_of_one_package(self, project: Project) -> None:
        project.write("specs/Photos.yml", REFUSED)
        run = project("build")
        assert run.code == 1
        assert ("specs/photos.yaml", "NAF303") in run.codes
        assert "specs/Photos.yml both compile to the package `photos`" in run.err


class TestExitCodes:
    def test_a_unit_is_left_out(self, project: Project) -> None:
        project.write("specs/photos.yaml", PARTIAL)
        first = project("build")
        assert (first.code, first.codes) == (1, [("specs/photos.yaml", "NAF204")])
        assert first.err.endswith("1 spec: 1 partial\n")
        assert "show-album" not in project.read("generated/photos/app.py")
        before = project.times
        second = project("build")
        assert second == first
        assert project.times == before

    def test_one_refused_spec_stops_no_other(self, project: Project) -> None:
        project.write("specs/a.yaml", REFUSED)
        project.write("specs/z.yaml", PHOTOS)
        run = project("build")
        assert (run.code, run.codes) == (1, [("specs/a.yaml", "NAF005")])
        assert run.err.endswith("3 specs: 2 built, 1 refused\n")
        assert project.packages == {"photos", "z"}

    def test_a_refused_spec_keeps_its_package(self, project: Project) -> None:
        project("build")
        before = project.times
        project.write("specs/photos.yaml", REFUSED)
        assert project("build").code == 1
        assert project.times == before

    @pytest.mark.parametrize("named", ["nowhere", "specs/nothing.yaml"])
    def test_no_such_file(self, project: Project, named: str) -> None:
        run = project("build", named)
        assert (run.code, run.codes) == (2, [(named, "NAF001")])
        assert not (project.folder / "generated").exists()

    def test_unreadable_file(self, project: Project) -> None:
        (project.folder / "specs/gone.yaml").symlink_to("nowhere.yaml")
        run = project("build")
        assert (run.code, run.codes) == (2, [("specs/gone.yaml", "NAF001")])
        assert project.packages == {"photos"}

    def test_no_such_option(self, project: Project) -> None:
        assert project("build", "--wrong").code == 2

    def test_unwritable_output(self, project: Project) -> None:
        project.write("file", "")
        run = project("build", "-o", "file/below")
        assert run.code == 2
        assert {code for _, code in run.codes} == {"NAF603"}

    def test_foreign_file_in_the_way(self, project: Project) -> None:
        project.write("generated/photos/client.py", "mine = 1\n")
        run = project("build")
        assert (run.code, run.codes) == (2, [("generated/photos/client.py", "NAF601")])
        assert project.read("generated/photos/client.py") == "mine = 1\n"
        assert "photos/app.py" not in project.generated

    def test_output_through_a_link(self, project: Project, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "generated").mkdir()
        (tmp_path / "generated/photos").symlink_to(tmp_path / "elsewhere")
        run = project("build")
        assert (run.code, run.codes) == (2, [("generated/photos", "NAF502")])
        assert not list((tmp_path / "elsewhere").iterdir())

    def test_hand_edit(self, project: Project) -> None:
        project("build")
        project.edit("generated/photos/client.py")
        before = project.times
        run = project("build")
        assert (run.code, run.codes) == (1, [("generated/photos/client.py", "NAF602")])
        assert project.times == before
        assert project("build", "--discard-edits").code == 0
        assert "# mine" not in project.read("generated/photos/client.py")

    def test_exit_non_zero_on_change(self, project: Project) -> None:
        flag = "--exit-non-zero-on-change"
        assert project("build", flag).code == 1
        assert project("build", flag).code == 0
        (project.folder / "generated/photos/app.py").unlink()
        assert project("build", flag).code == 1
        (project.folder / "generated/.gitattributes").unlink()
        assert project("build", flag).code == 1
        (project.folder / "specs/photos.yaml").unlink()
        assert project("build", flag).code == 1
        assert project("build", flag).code == 0


def test_a_process_ends_as_processes_do(project: Project) -> None:
    """It ends without freeing what it has; what is to be done at the end is done."""
    project.write("specs/bad.yaml", REFUSED)
    code = "\n".join(
        [
            "import atexit, sys",
            "atexit.register(print, 'the last word')",
            "sys.stdout.write('not yet written, ')",
            "sys.argv = ['nafgen', 'build', '-q']",
            "from nafgen.__main__ import run",
            "run()",
        ]
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "not yet written, the last word\n")
    assert "NAF005" in done.stderr


class TestRemoval:
    def test_a_spec_that_is_gone(self, project: Project) -> None:
        project.write("specs/red/photos.yaml", PHOTOS)
        project("build")
        (project.folder / "specs/photos.yaml").unlink()
        run = project("build")
        assert (run.code, run.err) == (0, "1 spec: 1 unchanged, 1 removed\n")
        assert project.packages == {"red/photos"}
        assert not (project.folder / "generated/photos").exists()

    def test_foreign_files_stay(self, project: Project) -> None:
        project("build")
        project.write("generated/photos/notes.txt", "mine\n")
        project.write("generated/mine/notes.txt", "mine\n")
        (project.folder / "specs/photos.yaml").unlink()
        run = project("build")
        assert run.codes == [("generated/photos/notes.txt", "NAF613")]
        left = {".gitattributes", "photos/notes.txt", "mine/notes.txt"}
        assert project.generated.keys() == left

    def test_hand_edits_stay(self, project: Project) -> None:
        project("build")
        project.edit("generated/photos/client.py")
        (project.folder / "specs/photos.yaml").unlink()
        before = project.times
        run = project("build")
        assert (run.code, run.codes) == (1, [("generated/photos/client.py", "NAF602")])
        assert project.times == before

    def test_only_what_the_named_folders_held(self, project: Project) -> None:
        for name in ("red/a", "red/b", "blue/a"):
            project.write(f"specs/{name}.yaml", PHOTOS)
        project.write("more/z.yaml", PHOTOS)
        project("build", "specs", "more")
        (project.folder / "specs/red/a.yaml").unlink()
        (project.folder / "specs/blue/a.yaml").unlink()
        assert project("build", "specs/photos.yaml").code == 0
        assert "red/a" in project.packages
        assert project("build", "specs/red").code == 0
        assert project.packages == {"photos", "red/b", "blue/a", "z"}

    def test_packages_of_other_configured_folders(self, project: Project) -> None:
        project.write("pyproject.toml", '[tool.nafgen]\nspecs = ["specs", "more"]\n')
        project.write("more/z.yaml", PHOTOS)
        project("build")
        assert project("build", "specs").err == "1 spec: 1 unchanged\n"
        assert project.packages == {"photos", "z"}


class TestDeterminism:
    """The same bytes, whatever surrounds the build."""

    @pytest.fixture
    def expected(self, project: Project) -> dict[str, bytes]:
        project.write("specs/partial.yaml", PARTIAL)
        project.write("specs/red/photos.yaml", PHOTOS.replace("One", "Größe · 写真"))
        assert project("build").code == 1
        return project.generated

    @pytest.mark.parametrize(
        "env",
        [
            {"PYTHONHASHSEED": "7", "TZ": "Asia/Kathmandu"},
            {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "COLUMNS": "20"},
            {"PYTHONIOENCODING": "ascii", "PYTHONOPTIMIZE": "2"},
        ],
        ids=["seed", "locale", "encoding"],
    )
    def test_environment(
        self, project: Project, expected: dict[str, bytes], env: dict[str, str]
    ) -> None:
        run = project.run("build", "-o", "other", "--diff", env=env)
        assert run.code == 1
        assert "Größe · 写真" in run.out
        assert project.run("build", "-o", "other", env=env).code == 1
        assert contents(project.folder / "other") == expected

    def test_working_folder(
        self, project: Project, expected: dict[str, bytes], tmp_path: Path
    ) -> None:
        specs = str(tmp_path / "specs")
        output = str(tmp_path / "other")
        run = project.run("build", specs, "-o", output, at="specs/red")
        assert run.code == 1
        assert contents(tmp_path / "other") == expected

    def test_order_of_files(self, project: Project, expected: dict[str, bytes]) -> None:
        files = ["specs/red/photos.yaml", "specs/photos.yaml", "specs/partial.yaml"]
        assert project("build", *files, "-o", "other").code == 1
        assert contents(project.folder / "other") == expected


class TestImports:
    """What is slow to import is imported when it is needed."""

    def imported(self, project: Project, *arguments: str) -> set[str]:
        # The command exits; what it has loaded is printed on the way out.
        code = "\n".join(
            [
                "import atexit, json, sys",
                "show = lambda: print(json.dumps([*sys.modules]), file=sys.stderr)",
                "atexit.register(show)",
                "from nafgen.cli import main",
                f"main({list(arguments)!r})",
            ]
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=project.folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return {name.split(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}

    def test_version(self, project: Project) -> None:
        assert not self.imported(project, "--version") & {*HEAVY}

    def test_build(self, project: Project) -> None:
        first = self.imported(project, "build", "-q")
        assert {"jinja2", "yaml"} <= first
        assert not first & {"black", "jsonschema"}
        assert not self.imported(project, "build", "-q") & {*HEAVY}


@pytest.mark.slow
def test_killed_builds(tmp_path: Path) -> None:
    """However a build ends, the next one finishes it."""
    project = Project(tmp_path)
    for number in range(6):
        project.write(f"specs/photos{number}.yaml", PHOTOS)
    begin = time.monotonic()
    assert project.run("build").code == 0
    duration = time.monotonic() - begin
    expected = project.generated
    moments = random.Random(1)  # noqa: S311
    killed = 0
    for number in range(10):
        if number % 2:
            shutil.rmtree(tmp_path / "generated")
        else:
            for file in (tmp_path / "specs").iterdir():
                file.write_text(CHANGED, encoding="utf-8")
        build = subprocess.Popen(
            [sys.executable, "-m", "nafgen", "build", "-q"],
            cwd=tmp_path,
            env=environment(),
        )
        time.sleep(duration * moments.uniform(0.3, 1.0))
        build.send_signal(signal.SIGKILL)
        killed += build.wait(60) == -signal.SIGKILL
        for file in (tmp_path / "specs").iterdir():
            file.write_text(PHOTOS, encoding="utf-8")
        run = project.run("build")
        assert (run.code, run.codes) == (0, [])
        assert project.generated == expected
    assert killed > 3


def test_other_commands(project: Project) -> None:
    assert project("--version").out.startswith("nafgen ")
    listed = project("--help").out
    for command in ("build", "validate", "verify", "serve", "mock", "dump", "explain"):
        assert f"  {command} " in listed
        assert project(command, "--help").code == 0
        assert project(command, "--wrong").code == 2
