"""Settings that files or factories hold: what packages read, and what they never say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_support import SOURCES, Project
from compile_support import compile_text

SPEC = """\
ikanos: 1.0.0-beta5
info: {display: Fleet, description: Ships.}
binds:
- namespace: registry-env
  location: file:///./shared/secrets.yaml
  keys:
    REGISTRY_TOKEN: registry-bearer-token
    REGISTRY_VERSION: registry-api-version
capability:
  binds:
  - namespace: dock
    location: LOCATION
    keys:
      DOCK_KEY: dock-key
  consumes:
  - namespace: registry
    type: http
    baseUri: https://registry.test
    authentication: {type: bearer, token: "{{REGISTRY_TOKEN}}"}
    inputParameters:
      Registry-Version: {in: header, value: "v{{registry-env.REGISTRY_VERSION}}"}
      X-Dock-Key: {in: header, value: "{{bind.DOCK_KEY}}"}
    resources:
      ships:
        path: /ships
        operations:
          list-ships: {method: GET}
  exposes:
  - type: mcp
    port: 3001
    namespace: ships
    description: Ships
    tools:
      list-ships:
        description: Lists ships
        call: registry.list-ships
"""
SECRETS = "registry-bearer-token: dummy-token\nregistry-api-version: 01.10\n"
FORMATS = {
    "json": '{"dock-key": "k-1", "deep": {"dock-key": "no"}}',
    "yaml": "dock-key: k-1\ndeep: {dock-key: no}\n",
    "env": "# comment\nexport dock-key='k-1'\n",
    "properties": "dock-key=k-1\n",
}
HEADERS = """
import httpx, json
from fleet import Registry
def answer(request):
    print(json.dumps({k: v for k, v in request.headers.items() if "-" in k or k == "authorization"}))
    return httpx.Response(200, json=[])
Registry(http=httpx.Client(transport=httpx.MockTransport(answer))).list_ships()
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write("specs/fleet.yaml", SPEC.replace("LOCATION", "file://./dock.env"))
    made.write("specs/shared/secrets.yaml", SECRETS)
    made.write("specs/dock.env", FORMATS["env"])
    return made


def run(
    project: Project, *arguments: str, at: str = ".", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Python in a folder of the project, which finds the packages."""
    paths = [str(project.folder / "generated"), str(project.folder), str(SOURCES)]
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=project.folder / at,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def sent(project: Project, at: str = ".", **variables: str) -> dict[str, Any]:
    done = run(project, "-c", HEADERS, at=at, **variables)
    assert done.returncode == 0, done.stderr
    headers: dict[str, Any] = json.loads(done.stdout)
    return headers


class TestFiles:
    @pytest.mark.parametrize("ending", FORMATS)
    def test_formats(self, project: Project, ending: str) -> None:
        text = SPEC.replace("LOCATION", f"file:///./dock.{ending}")
        project.write("specs/fleet.yaml", text)
        project.write(f"specs/dock.{ending}", FORMATS[ending])
        assert project("build").code == 0
        headers = sent(project, at="specs")
        assert headers["authorization"] == "Bearer dummy-token"
        assert headers["registry-version"] == "v01.10"  # as it is written
        assert headers["x-dock-key"] == "k-1"

    def test_nothing_of_them_is_generated(self, project: Project) -> None:
        run_ = project("build")
        said = run_.out + run_.err
        for text in (*(data.decode() for data in project.generated.values()), said):
            assert "dummy-token" not in text
            assert "k-1" not in text

    def test_the_environment_goes_before_them(self, project: Project) -> None:
        project("build")
        headers = sent(project, DOCK_KEY="mine")
        assert headers["x-dock-key"] == "mine"
        assert headers["authorization"] == "Bearer dummy-token"

    def test_a_variable_moves_them(self, project: Project) -> None:
        project("build")
        other = project.write("elsewhere.yaml", SECRETS.replace("dummy", "other"))
        headers = sent(project, REGISTRY_ENV_FILE=str(other))
        assert headers["authorization"] == "Bearer other-token"

    def test_a_file_of_secrets_is_no_spec(self, project: Project) -> None:
        for command in ("build", "build", "validate", "verify"):
            run_ = project(command)
            assert run_.code == 0, run_.err
            assert "secrets.yaml" not in run_.err

    def test_a_service_names_all_that_is_missing(self, project: Project) -> None:
        project("build")
        (project.folder / "specs/dock.env").unlink()
        project.write("specs/shared/secrets.yaml", "registry-api-version: 1\n")
        done = run(project, "-m", "fleet", "mcp", "--port", "0")
        assert done.returncode == 2
        shared, dock = "specs/shared/secrets.yaml", "specs/dock.env"
        assert done.stderr == (
            "fleet: set REGISTRY_TOKEN (or registry-bearer-token in"
            f" {project.folder / shared}), DOCK_KEY (or dock-key in"
            f" {project.folder / dock}) in the environment\n"
        )

    @pytest.mark.parametrize("text", ["a: [", "- dummy-token", "dummy-token", "\x00"])
    def test_a_broken_file_says_nothing_of_what_is_in_it(
        self, project: Project, text: str
    ) -> None:
        project("build")
        project.write("specs/shared/secrets.yaml", f"{text}\n")
        done = run(project, "-m", "fleet", "mcp", "--port", "0")
        assert done.returncode == 2
        assert "secrets.yaml" in done.stderr
        assert "Traceback" not in done.stderr
        assert "dummy" not in done.stderr

    def test_another_output_folder(self, project: Project) -> None:
        for folder in ("generated", "deep/er/made"):
            assert project("build", "-o", folder).code == 0
        text = project.read("deep/er/made/fleet/binds.py")
        assert '"../../../../specs/shared/secrets.yaml"' in text
        assert '"../../specs/shared/secrets.yaml"' in project.read(
            "generated/fleet/binds.py"
        )

    def test_an_output_folder_that_moves_is_seen(self, project: Project) -> None:
        assert "1 built" in project("build").err
        assert "1 unchanged" in project("build").err
        (project.folder / "deep").mkdir()
        (project.folder / "generated").rename(project.folder / "deep/generated")
        assert "1 built" in project("build", "-o", "deep/generated").err


class TestOthers:
    def test_a_factory_is_supplied(self, project: Project) -> None:
        text = SPEC.replace("LOCATION", "vault://fleet/dock")
        project.write("specs/fleet.yaml", text)
        run_ = project("build")
        assert run_.codes == [("specs/fleet.yaml", "NAF423")]
        done = run(project, "-m", "fleet", "mcp", "--port", "0")
        assert done.returncode == 2
        assert "DOCK_KEY (or dock-key in what DOCK_BINDS makes)" in done.stderr
        project.write(
            "vault.py",
            "def dock(): return {'dock-key': 'from-vault'}\n"
            "def broken(): raise ValueError('secret')\n"
            "def none(): return None\n",
        )
        assert sent(project, DOCK_BINDS="vault:dock")["x-dock-key"] == "from-vault"
        for name in ("vault:broken", "vault:none", "vault", "missing:dock"):
            done = run(project, "-m", "fleet", "mcp", "--port", "0", DOCK_BINDS=name)
            assert done.returncode == 2
            assert "DOCK_BINDS" in done.stderr
            assert "secret" not in done.stderr
            assert "Traceback" not in done.stderr


class TestMeaning:
    def test_a_name_that_two_files_have(self) -> None:
        text = SPEC.replace("LOCATION", "file:///./dock.json")
        text = text.replace("DOCK_KEY: dock-key", "REGISTRY_TOKEN: dock-key")
        text = text.replace("{{bind.DOCK_KEY}}", "{{dock.REGISTRY_TOKEN}}")
        made = compile_text(text)
        assert [found.code for found in made.diagnostics] == []
        assert made.program is not None
        assert [dict(held.keys) for held in made.program.held] == [
            {
                "REGISTRY_TOKEN": "registry-bearer-token",
                "REGISTRY_VERSION": "registry-api-version",
            },
            {"DOCK_REGISTRY_TOKEN": "dock-key"},
        ]

    @pytest.mark.parametrize(
        "location",
        ["file:///etc/dock.json", "file:///./../dock.json", "file://host/../../x"],
    )
    def test_files_outside_the_specs_folder(self, location: str) -> None:
        made = compile_text(SPEC.replace("LOCATION", location))
        assert [found.code for found in made.diagnostics] == ["NAF503"]
        assert made.program is not None
        assert len(made.program.held) == 1
        variables = [each.variable for each in made.program.upstreams[0].settings]
        assert "DOCK_KEY" in variables  # which the environment may give


def test_import_paths_may_hold_them(project: Project) -> None:
    project.write("common/dock.env", FORMATS["env"])
    text = SPEC.replace("LOCATION", "file:///./../common/dock.env")
    project.write("specs/fleet.yaml", text)
    assert project("build").codes == [("specs/fleet.yaml", "NAF503")]
    project.write("pyproject.toml", '[tool.nafgen]\nimport-paths = ["common"]\n')
    assert project("build", "--discard-edits").codes == []
    assert sent(project)["x-dock-key"] == "k-1"


def test_an_imported_bind_means_the_file_beside_its_own(project: Project) -> None:
    binds = (
        "ikanos: 1.0.0-beta5\nbinds:\n- namespace: dock\n  location: file://./dock.env\n"
        "  keys: {DOCK_KEY: dock-key}\n"
    )
    project.write("specs/shared/binds.yaml", binds)
    own = "  - namespace: dock\n    location: LOCATION\n    keys:\n      DOCK_KEY: dock-key\n"
    assert own in SPEC
    imported = "  - {from: ./shared/binds.yaml, import: dock}\n"
    project.write("specs/fleet.yaml", SPEC.replace(own, imported))
    project.write("specs/shared/dock.env", "dock-key=beside\n")
    assert project("build", "specs/fleet.yaml").code == 0
    assert sent(project)["x-dock-key"] == "beside"
