"""`nafgen explain` and `nafgen dump`."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_support import CHANGED, PARTIAL, PHOTOS, REFUSED, Project
from nafgen.dump import STAGES
from nafgen.explain import pointer_at

# Two tools on two operations, one of them with a result that the spec maps.
MAPPED = (
    PHOTOS.replace(
        "  exposes:\n",
        """\
    - name: places
      path: /places
      operations:
      - name: list-places
        method: GET
        description: All places
  exposes:
""",
    )
    + """\
      outputParameters:
      - type: object
        properties:
          title:
            type: string
            mapping: $.name
    - name: places
      description: All places
      call: photos.list-places
"""
)
ALBUM = "specs/photos.yaml:15:9: capability.consumes[photos].resources[albums].operations[get-album]\n"
PLACES = "specs/photos.yaml:24:9: capability.consumes[photos].resources[places].operations[list-places]\n"
ROUTE = "specs/photos.yaml:36:9: capability.exposes[photos-rest].resources[/albums/{album-id}].operations[album]\n"
TOOL = "specs/photos.yaml:46:7: capability.exposes[photos-mcp].tools[show-album]\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path, photos=MAPPED)
    assert project("build").code == 0
    return project


def explain(project: Project, file: str, text: str, nth: int = 0) -> str:
    """What is said of the nth line of the file that holds the text."""
    lines = project.read(f"generated/photos/{file}").splitlines()
    found = [number for number, line in enumerate(lines, 1) if text in line]
    run = project("explain", f"generated/photos/{file}:{found[nth]}")
    assert run.code == 0, run.err
    return run.out


class TestLines:
    def test_functions(self, project: Project) -> None:
        assert explain(project, "client.py", "def get_album") == ALBUM
        assert explain(project, "client.py", '"/places"') == PLACES

    def test_methods_of_clients(self, project: Project) -> None:
        assert explain(project, "client.py", "self.call(get_album(", 0) == ALBUM
        assert explain(project, "client.py", "self.call(get_album(", 1) == ALBUM
        assert explain(project, "client.py", "self.call(list_places(", 1) == PLACES

    def test_clients(self, project: Project) -> None:
        upstream = "specs/photos.yaml:7:5: capability.consumes[photos]\n"
        assert explain(project, "client.py", "class AsyncPhotos") == upstream

    def test_routes(self, project: Project) -> None:
        assert explain(project, "app.py", "@app.get(") == ROUTE
        assert explain(project, "app.py", "calls.get_album(") == ROUTE
        assert explain(project, "app.py", "# capability.exposes[") == ROUTE

    def test_tools(self, project: Project) -> None:
        assert explain(project, "mcp_server.py", '"show-album",') == TOOL
        assert explain(project, "mcp_server.py", "calls.get_album(") == TOOL
        places = explain(project, "mcp_server.py", "calls.list_places(")
        assert places.endswith(".tools[places]\n")

    def test_results(self, project: Project) -> None:
        """A helper at the end of the module is of the tool that it helps."""
        assert explain(project, "mcp_server.py", 'pick(value, "name")') == TOOL

    def test_after_the_spec_was_edited(self, project: Project) -> None:
        project.write("specs/photos.yaml", "# a comment\n" + MAPPED)
        moved = ALBUM.replace(":15:", ":16:")
        assert explain(project, "client.py", "def get_album") == moved

    def test_from_elsewhere(self, project: Project) -> None:
        file = project.folder / "generated/photos/client.py"
        number = _line(file, "def get_album")
        run = project.run("explain", f"client.py:{number}", at="generated/photos")
        assert run.code == 2
        project.write("pyproject.toml", "[tool.nafgen]\n")
        run = project.run("explain", f"client.py:{number}", at="generated/photos")
        assert (run.code, run.out) == (0, f"{project.folder}/{ALBUM}")


def _line(file: Path, text: str) -> int:
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


class TestNoLine:
    @pytest.mark.parametrize(
        ("where", "message"),
        [
            ("generated/photos/client.py:1", "comes from no single place of a spec"),
            ("generated/photos/README.md:1", "comes from no single place of a spec"),
            ("generated/photos/client.py:0", "has no line 0"),
            ("generated/photos/client.py:9999", "has no line 9999"),
            ("generated/photos/none.py:1", "is not a file of a generated package"),
            ("specs/photos.yaml:1", "is not a file of a generated package"),
        ],
    )
    def test_errors(self, project: Project, where: str, message: str) -> None:
        run = project("explain", where)
        assert (run.code, run.out) == (2, "")
        assert message in run.err

    def test_gone_from_the_spec(self, project: Project) -> None:
        number = _line(project.folder / "generated/photos/client.py", '"/places"')
        project.write("specs/photos.yaml", PHOTOS)
        run = project("explain", f"generated/photos/client.py:{number}")
        assert run.code == 2
        assert "operations[list-places] is not in photos.yaml below specs" in run.err

    def test_no_manifest(self, project: Project) -> None:
        project.write("generated/photos/.nafgen.json", "{}")
        run = project("explain", "generated/photos/client.py:20")
        assert run.code == 2
        assert ".nafgen.json cannot be read" in run.err

    def test_hostile_names(self, project: Project) -> None:
        for what in ("\x1b[2J", "\x1b[2J:1"):
            assert "\\x1b[2J" in project("explain", what).err

    def test_no_python(self) -> None:
        assert pointer_at("# capability.x\ndef f(:\n", 2) is None


class TestCodes:
    @pytest.mark.parametrize("code", ["NAF204", "naf204"])
    def test_page(self, project: Project, code: str) -> None:
        run = project("explain", code)
        assert (run.code, run.err) == (0, "")
        assert "NAF204" in run.out.splitlines()[0]

    @pytest.mark.parametrize("code", ["NAF000", "NAF2", "x", "../NAF204"])
    def test_no_such_code(self, project: Project, code: str) -> None:
        run = project("explain", code)
        assert (run.code, run.out) == (2, "")
        assert "there is no such code" in run.err


class TestDump:
    @pytest.mark.parametrize("stage", STAGES)
    def test_stage(self, project: Project, stage: str) -> None:
        run = project("dump", "--stage", stage, "specs/photos.yaml")
        assert (run.code, run.err) == (0, "")
        assert "get_album" in run.out or "get-album" in run.out

    @pytest.mark.slow
    @pytest.mark.parametrize("stage", STAGES)
    def test_same_text_elsewhere(self, project: Project, stage: str) -> None:
        expected = project("dump", "--stage", stage, "specs/photos.yaml").out
        for seed in ("1", "2"):
            env = {"PYTHONHASHSEED": seed, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
            run = project.run("dump", "--stage", stage, "specs/photos.yaml", env=env)
            assert run.out == expected

    def test_files_are_what_a_build_writes(self, project: Project) -> None:
        run = project("dump", "--stage", "files", "specs/photos.yaml")
        for path in ("client.py", "app.py", "_runtime/rest.py"):
            assert f"==> {path} <==\n" in run.out
            assert project.read(f"generated/photos/{path}") in run.out

    def test_objects_are_printed_once(self, project: Project) -> None:
        text = project("dump", "--stage", "ir", "specs/photos.yaml").out
        assert "Operation -> capability.consumes[photos]" in text
        assert " object at 0x" not in text

    def test_of_a_partial_spec(self, project: Project) -> None:
        project.write("specs/photos.yaml", PARTIAL)
        run = project("dump", "--stage", "ir", "specs/photos.yaml")
        assert (run.code, run.codes) == (1, [("specs/photos.yaml", "NAF204")])
        assert "LeftOut" in run.out

    def test_of_a_refused_spec(self, project: Project) -> None:
        project.write("specs/photos.yaml", REFUSED)
        run = project("dump", "--stage", "ir", "specs/photos.yaml")
        assert (run.code, run.out) == (1, "None\n")

    def test_findings_never_mix_with_the_text(self, project: Project) -> None:
        project.write("specs/photos.yaml", PARTIAL)
        command = ["dump", "--stage", "files", "specs/photos.yaml"]
        expected = project(*command)
        assert expected.codes
        for name in ("json", "github"):
            assert project(*command, "--output-format", name) == expected

    def test_could_not_run(self, project: Project) -> None:
        assert project("dump", "--stage", "none", "specs/photos.yaml").code == 2
        assert project("dump", "--stage", "ir", "nowhere").code == 2
        assert project("dump", "specs/photos.yaml").code == 2
        project.write("specs/b.yaml", CHANGED)
        run = project("dump", "--stage", "ir", "specs")
        assert (run.code, run.err) == (2, "specs: name one spec\n")
