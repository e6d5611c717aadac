"""The engine's own files that name other files, compiled and run where they are present."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cli_support import Project
from conftest import ROOT

CONFORMANCE = ROOT.parent / "shared" / "conformance"
IKANOS = CONFORMANCE / "ikanos-beta5" / "modules"
TUTORIALS = {
    "ikanos": IKANOS / "ikanos-docs/tutorial",
    "engine": IKANOS / "ikanos-engine/src/test/resources/tutorial",
    "naftiko": CONFORMANCE / "framework-alpha3/src/main/resources/tutorial",
}
IMPORTS = IKANOS / "ikanos-engine/src/test/resources/imports"
TOOLS = ["list-ships", "get-ship", "list-legacy-vessels"]

pytestmark = pytest.mark.skipif(
    not CONFORMANCE.is_dir(), reason="the engine's files are not here"
)


@pytest.mark.parametrize("shape", TUTORIALS)
def test_a_capability_of_two_imported_apis(shape: str, tmp_path: Path) -> None:
    project = Project(tmp_path)
    shutil.copytree(TUTORIALS[shape], tmp_path / "specs", dirs_exist_ok=True)
    [spec] = sorted((tmp_path / "specs").glob("step-5-*"))
    run = project("build", str(spec))
    assert run.code == 0, run.err
    assert "NAF2" not in run.err  # all imports and binds are found
    [package] = project.packages
    server = project.read(f"generated/{package}/mcp_server.py")
    assert [name for name in TOOLS if f'"{name}"' in server] == TOOLS
    binds = project.read(f"generated/{package}/binds.py")
    for key in ("registry-bearer-token", "dockyard-api-key", "mcp-server-token"):
        assert f'"{key}"' in binds
    secrets = (tmp_path / "specs/shared/secrets.yaml").read_text(encoding="utf-8")
    values = [line.split('"')[1] for line in secrets.splitlines() if '"' in line]
    generated = b"".join(
        data for path, data in project.generated.items() if "_runtime" not in path
    )
    for value in values:
        # The base URLs of the tutorial have the version that is the value of a key too.
        assert value.encode() not in generated or value == "1.0.0-alpha2"
    verified = project("verify", str(spec))
    assert verified.code == 0, verified.err
    assert "3 operations" in verified.err
    assert "3 tools" in verified.err


CAPABILITY = """\
ikanos: 1.0.0-beta5
info: {display: Weather, description: Weather.}
capability:
  binds:
  - {from: binds/shared.binds.yml, import: weather-secrets, as: mine}
  consumes:
  - {from: consumes/CONSUMES, import: WANTED, as: weather-api}
  exposes:
  - {from: exposes/shared-servers.yml, import: weather-rest}
  - {from: exposes/shared-servers.yml, import: weather-mcp, as: agent}
"""


@pytest.mark.parametrize(
    ("file", "wanted"),
    [("shared.consumes.yml", "weather-api"), ("shared-clients.yml", "weather-http")],
)
def test_imports_of_the_engine(file: str, wanted: str, tmp_path: Path) -> None:
    project = Project(tmp_path)
    shutil.copytree(IMPORTS, tmp_path / "specs", dirs_exist_ok=True)
    text = CAPABILITY.replace("CONSUMES", file).replace("WANTED", wanted)
    project.write("specs/weather.yaml", text)
    run = project("verify", "specs/weather.yaml")
    assert run.code == 0, run.err
    assert "called: 1 operations, 1 routes, 1 tools" in run.err


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("invalid/malformed.yml", "it has errors"),
        ("invalid/empty-section.consumes.yml", "has no entries in `consumes`"),
        ("missing.yml", "there is no file"),
        ("consumes/shared.consumes.yml", 'has no "weather-http" in `consumes`'),
    ],
)
def test_imports_that_the_engine_refuses(
    path: str, message: str, tmp_path: Path
) -> None:
    project = Project(tmp_path)
    shutil.copytree(IMPORTS, tmp_path / "specs", dirs_exist_ok=True)
    text = CAPABILITY.replace("consumes/CONSUMES", path)
    project.write("specs/weather.yaml", text.replace("WANTED", "weather-http"))
    run = project("validate", "specs/weather.yaml")
    assert run.code == 1
    assert ("specs/weather.yaml", "NAF212") in run.codes
    assert message in run.err
