"""`--output-format sarif`: the shape of a log, and where its findings are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_support import CHANGED, PARTIAL, PHOTOS, REFUSED, Project
from nafgen.diagnostics import CODES


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, photos=PHOTOS)


class TestSarif:
    def run(self, project: Project, *arguments: str, code: int) -> dict[str, Any]:
        """The one run of a log; its shape is that of SARIF 2.1.0."""
        done = project(*arguments, "--output-format", "sarif")
        assert (done.code, done.err) == (code, "")
        log = done.json
        assert log.keys() == {"$schema", "version", "runs"}
        assert log["version"] == "2.1.0"
        [run] = log["runs"]
        assert isinstance(run, dict)
        [invocation] = run["invocations"]
        assert invocation == {"executionSuccessful": code < 2, "exitCode": code}
        return run

    def test_finding(self, project: Project) -> None:
        project.write("specs/photos.yaml", PARTIAL)
        run = self.run(project, "validate", code=1)
        assert run["columnKind"] == "unicodeCodePoints"
        region = {"startLine": 42, "startColumn": 13, "endLine": 42, "endColumn": 29}
        defined = {"startLine": 15, "startColumn": 9, "endLine": 20, "endColumn": 19}
        artifact = {"uri": "specs/photos.yaml"}
        assert run["results"] == [
            {
                "ruleId": "NAF204",
                "ruleIndex": 0,
                "level": "error",
                "message": {
                    "text": 'operation "photos.get-albun" is not defined.'
                    " did you mean `get-album`?"
                },
                "locations": [
                    {
                        "physicalLocation": {
                            "artifactLocation": artifact,
                            "region": region,
                        }
                    }
                ],
                "relatedLocations": [
                    {
                        "id": 1,
                        "message": {"text": "`get-album` is defined here"},
                        "physicalLocation": {
                            "artifactLocation": artifact,
                            "region": defined,
                        },
                    }
                ],
            }
        ]

    def test_rules(self, project: Project) -> None:
        project.write("specs/partial.yaml", PARTIAL)
        project.write("specs/refused.yaml", REFUSED)
        run = self.run(project, "build", code=1)
        driver = run["tool"]["driver"]
        assert driver["name"] == "nafgen"
        rules = driver["rules"]
        assert [rule["id"] for rule in rules] == ["NAF005", "NAF204"]
        found = [(each["ruleId"], each["ruleIndex"]) for each in run["results"]]
        assert found == [("NAF204", 1), ("NAF005", 0)]
        for rule in rules:
            assert rule["shortDescription"] == {"text": CODES[rule["id"]].title}
            assert rule["defaultConfiguration"] == {"level": "error"}
            assert rule["help"]["markdown"].startswith(f"# {rule['id']}: ")
            assert rule["help"]["text"] == rule["help"]["markdown"]
            assert rule["helpUri"].endswith(f"/docs/diagnostics/{rule['id']}.md")

    def test_nothing_found(self, project: Project) -> None:
        run = self.run(project, "validate", code=0)
        assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])

    def test_could_not_run(self, project: Project) -> None:
        [found] = self.run(project, "build", "no where%.yaml", code=2)["results"]
        place = found["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": "no%20where%25.yaml"}
        assert place["region"] == {"startLine": 1}

    def test_absolute_path(self, project: Project) -> None:
        file = project.write("specs/red one.yaml", PARTIAL)
        [found] = self.run(project, "validate", str(file), code=1)["results"]
        place = found["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": file.as_uri()}

    def test_diff_is_not_mixed_in(self, project: Project) -> None:
        project("build")
        project.write("specs/photos.yaml", CHANGED)
        results = self.run(project, "build", "--diff", code=1)["results"]
        assert {each["ruleId"] for each in results} == {"NAF612"}

    def test_dump_prints_no_log(self, project: Project) -> None:
        arguments = ("dump", "--stage", "ir", "specs/photos.yaml")
        plain = project(*arguments)
        assert project(*arguments, "--output-format", "sarif") == plain
