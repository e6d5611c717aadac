"""`[tool.nafgen]`, the environment, the command line, and which of them goes first."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_support import PARTIAL, PHOTOS, Project
from nafgen import config
from nafgen.diagnostics import Reporter
from nafgen.report import Format


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, photos=PHOTOS)


def configure(project: Project, *lines: str) -> None:
    project.write("pyproject.toml", "\n".join(["[tool.nafgen]", *lines, ""]))


class TestFile:
    def test_output(self, project: Project) -> None:
        configure(project, 'output = "made/here"')
        assert project("build").code == 0
        assert (project.folder / "made/here/photos/client.py").is_file()

    def test_specs(self, project: Project) -> None:
        configure(project, 'specs = ["one", "two/b.yaml"]')
        project.write("one/a.yaml", PHOTOS)
        project.write("two/b.yaml", PHOTOS)
        assert project("build").err == "2 specs: 2 built\n"
        assert project.packages == {"a", "b"}
        assert project("build").err == "2 specs: 2 unchanged\n"

    def test_output_format(self, project: Project) -> None:
        configure(project, 'output-format = "json"')
        assert project("validate").json["summary"]["unchanged"] == 1

    def test_of_a_folder_above(self, project: Project) -> None:
        configure(project, 'output = "made"')
        (project.folder / "a/b").mkdir(parents=True)
        inner = Project(project.folder / "a/b")
        (inner.folder / "specs").rmdir()
        assert inner("build").code == 0
        assert (project.folder / "made/photos/client.py").is_file()
        inner.write("pyproject.toml", "[project]\n")
        inner.write("specs/own.yaml", PHOTOS)
        assert inner("build").code == 0
        assert inner.packages == {"own"}

    def test_none(self, tmp_path: Path) -> None:
        found = config.load(tmp_path, Reporter())
        assert found == config.Config(
            folder=tmp_path,
            specs=(Path("specs"),),
            output=Path("generated"),
            output_format=None,
        )


class TestMistakes:
    @pytest.mark.parametrize(
        ("line", "place", "message"),
        [
            ("outptu = 'a'", "3:1", 'the key "outptu" is not known'),
            ("  'colour' = true", "3:3", 'the key "colour" is not known'),
            ("specs = 'specs'", "3:1", "`specs` must be a list of paths"),
            ("specs = [1]", "3:1", "`specs` must be a list of paths"),
            ("output = 3", "3:1", "`output` must be text, not 3"),
            ("output-format = 'xml'", "3:1", 'there is no format "xml"'),
            (
                "tools-budget = 'x'",
                "3:1",
                "`tools-budget` must be a number from 1, not",
            ),
            (
                "tools-budget = 0",
                "3:1",
                "`tools-budget` must be a number from 1, not 0",
            ),
            ("tools-budget = true", "3:1", "`tools-budget` must be a number from 1"),
            ("tools-budget = 1.5", "3:1", "`tools-budget` must be a number from 1"),
        ],
    )
    def test_keys(self, project: Project, line: str, place: str, message: str) -> None:
        configure(project, "", line)
        run = project("build")
        assert run.code == 2
        assert run.err.startswith(f"pyproject.toml:{place}: error[NAF009]: {message}")
        assert not (project.folder / "generated").exists()

    def test_a_hint(self, project: Project) -> None:
        configure(project, "outptu = 'a'")
        assert "hint: did you mean `output`?" in project("build").err

    def test_all_are_said(self, project: Project) -> None:
        configure(project, "a = 1", "b = 2")
        assert project("validate").codes == [("pyproject.toml", "NAF009")] * 2

    @pytest.mark.parametrize(
        "text", ["[tool.nafgen\n", "[tool]\nnafgen = 1\n", "[[tool.nafgen]]\n"]
    )
    def test_no_table(self, project: Project, text: str) -> None:
        project.write("pyproject.toml", text)
        run = project("build")
        assert (run.code, run.codes) == (2, [("pyproject.toml", "NAF009")])

    def test_not_utf8(self, project: Project) -> None:
        (project.folder / "pyproject.toml").write_bytes(b"\xff")
        run = project("build")
        assert (run.code, run.codes) == (2, [("pyproject.toml", "NAF009")])

    def test_as_json(self, project: Project) -> None:
        configure(project, "a = 1")
        run = project("build", "--output-format", "json")
        assert run.code == 2
        [found] = run.json["summary"]["diagnostics"]
        assert (found["code"], found["line"], found["column"]) == ("NAF009", 2, 1)

    def test_other_tools_are_not_read(self, project: Project) -> None:
        project.write("pyproject.toml", "[tool.other]\noutptu = 1\n")
        assert project("build").code == 0


class TestPrecedence:
    """The command line goes before the environment, and that before the file."""

    def test_output(self, project: Project) -> None:
        configure(project, 'output = "file"')
        env = {"NAFGEN_OUTPUT": "environment"}
        project("build", "-o", "option", env=env)
        assert {path.name for path in project.folder.iterdir()} == {
            "option",
            "specs",
            "pyproject.toml",
        }
        project("build", env=env)
        assert (project.folder / "environment").is_dir()
        assert not (project.folder / "file").exists()
        project("build", env={"NAFGEN_OUTPUT": ""})
        assert (project.folder / "file").is_dir()

    @pytest.mark.parametrize(
        ("option", "environment", "expected"),
        [
            ("text", "json", Format.TEXT),
            (None, "concise", Format.CONCISE),
            (None, "", Format.GITHUB),
        ],
    )
    def test_format(
        self,
        project: Project,
        option: str | None,
        environment: str,
        expected: Format,
    ) -> None:
        configure(project, 'output-format = "github"')
        project.write("specs/photos.yaml", PARTIAL)
        arguments = ["--output-format", option] if option else []
        run = project("validate", *arguments, env={"NAFGEN_OUTPUT_FORMAT": environment})
        assert run.code == 1
        assert run.out.startswith("::error") is (expected is Format.GITHUB)
        assert ("hint:" in run.err) is (expected is Format.TEXT)

    def test_no_such_format(self, project: Project) -> None:
        run = project("build", env={"NAFGEN_OUTPUT_FORMAT": "xml"})
        assert run.code == 2
        assert "'xml' is not one of 'text', 'concise', 'json', 'github'" in run.err
