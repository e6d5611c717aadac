"""The wheel: it holds all that nafgen needs, and compiles far from the checkout."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest
from cli_support import PHOTOS, Project
from nafgen.diagnostics import CODES
from write_support import contents

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def nafgen(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of an environment that holds the wheel, and borrows the rest."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True, symlinks=True)
    binaries = folder / "bin"
    subprocess.run(
        [binaries / "python", "-m", "pip", "install", "--quiet", "--no-deps", wheel],
        check=True,
        timeout=120,
    )
    own = sysconfig.get_path("purelib", vars={"base": str(folder)})
    borrowed = sysconfig.get_path("purelib")
    # A plain path: unlike a site folder, its own .pth files are not read, in which an
    # editable install of the checkout would be.
    (Path(own) / "borrowed.pth").write_text(f"{borrowed}\n", encoding="utf-8")
    return binaries / "nafgen"


def run(nafgen: Path, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [nafgen, *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_contents(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    sources = CHECKOUT / "generator/nafgen"
    expected = {
        f"nafgen/{path.relative_to(sources).as_posix()}"
        for path in sources.rglob("*")
        if path.suffix in (".py", ".json")
        and not any(part.startswith(".") for part in path.relative_to(sources).parts)
    }
    expected |= {
        f"nafgen/templates/{path.relative_to(CHECKOUT / 'templates').as_posix()}"
        for path in (CHECKOUT / "templates").rglob("*.j2")
    }
    expected |= {f"nafgen/explanations/{code}.md" for code in CODES}
    assert expected <= names
    others = {name for name in names - expected if ".dist-info/" not in name}
    assert {Path(name).suffix for name in others} <= {".typed", ".md"}


def test_builds_the_same(nafgen: Path, tmp_path: Path) -> None:
    project = Project(tmp_path, photos=PHOTOS)
    assert run(nafgen, tmp_path, "--version") == project("--version").out
    assert run(nafgen, tmp_path, "build") == ""
    project("build", "-o", "other")
    assert project.generated == contents(tmp_path / "other")


def test_strict_validation(nafgen: Path, tmp_path: Path) -> None:
    Project(tmp_path, photos=PHOTOS)
    shown = run(nafgen, tmp_path, "validate", "--strict", "--output-format", "json")
    assert json.loads(shown)["summary"]["unchanged"] == 1


def test_explains(nafgen: Path, tmp_path: Path) -> None:
    page = (CHECKOUT / "docs/diagnostics/NAF204.md").read_text(encoding="utf-8")
    assert run(nafgen, tmp_path, "explain", "NAF204") == page
    Project(tmp_path, photos=PHOTOS)
    run(nafgen, tmp_path, "build")
    client = (tmp_path / "generated/photos/client.py").read_text(encoding="utf-8")
    lines = client.splitlines()
    number = next(n for n, line in enumerate(lines, 1) if "def get_album" in line)
    shown = run(nafgen, tmp_path, "explain", f"generated/photos/client.py:{number}")
    assert shown.startswith("specs/photos.yaml:15:9: capability.consumes[photos]")
