"""A project in a scratch folder, and nafgen's commands run on it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nafgen
from click.testing import CliRunner
from nafgen.cli import main
from write_support import contents

SOURCES = Path(nafgen.__file__).parent.parent

# Without a finding, and valid by the official schema.
PHOTOS = """\
naftiko: 1.0.0-alpha2
info:
  label: Photos
  description: Photos of albums.
capability:
  consumes:
  - type: http
    namespace: photos
    baseUri: https://api.photos.example/v1
    description: A photo service.
    resources:
    - name: albums
      path: /albums/{album-id}
      operations:
      - name: get-album
        method: GET
        description: One album
        inputParameters:
        - name: album-id
          in: path
  exposes:
  - type: rest
    namespace: photos-rest
    port: 8181
    resources:
    - path: /albums/{album-id}
      name: albums
      description: Albums.
      operations:
      - method: GET
        name: album
        description: One album
        call: photos.get-album
  - type: mcp
    namespace: photos-mcp
    port: 9191
    transport: http
    description: Photos for agents.
    tools:
    - name: show-album
      description: One album, by its name
      call: photos.get-album
"""
CHANGED = PHOTOS.replace("One album\n", "An album\n")
# Its tool is left out: an error in line 42, column 13.
PARTIAL = "get-albun".join(PHOTOS.rsplit("get-album", 1))
REFUSED = "just: a file\n"


@dataclass(frozen=True, slots=True)
class Run:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def codes(self) -> list[tuple[str, str]]:
        """File and code of each finding that was printed, in any format for people."""
        return [
            (line.split(":")[0], line.split("[")[1].split("]")[0])
            for line in self.err.splitlines()
            if "[NAF" in line
        ]


class Project:
    """A project in `folder`; calling it runs nafgen there, in this process."""

    def __init__(self, folder: Path, **specs: str) -> None:
        self.folder = folder
        (folder / "specs").mkdir()
        for name, text in specs.items():
            self.write(f"specs/{name}.yaml", text)

    def __call__(self, *arguments: str, env: Mapping[str, str] | None = None) -> Run:
        with contextlib.chdir(self.folder):
            result = CliRunner(env=env).invoke(main, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Run(result.exit_code, result.stdout, result.stderr)

    def run(
        self, *arguments: str, at: str = ".", env: Mapping[str, str] | None = None
    ) -> Run:
        """Run nafgen in a process of its own, in the folder `at`."""
        done = subprocess.run(
            [sys.executable, "-m", "nafgen", *arguments],
            cwd=self.folder / at,
            env=environment(**(env or {})),
            capture_output=True,
            timeout=120,
            check=False,
        )
        return Run(done.returncode, done.stdout.decode(), done.stderr.decode())

    def write(self, path: str, text: str) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def edit(self, path: str) -> None:
        """Change a generated file by hand."""
        with (self.folder / path).open("a", encoding="utf-8") as file:
            file.write("# mine\n")

    def read(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")

    @property
    def generated(self) -> dict[str, bytes]:
        """All files below the default output folder."""
        return contents(self.folder / "generated")

    @property
    def packages(self) -> set[str]:
        """The folders of packages, below the default output folder."""
        found = (self.folder / "generated").rglob(".nafgen.json")
        return {
            manifest.parent.relative_to(self.folder / "generated").as_posix()
            for manifest in found
        }

    @property
    def times(self) -> dict[str, tuple[int, int]]:
        """When each file of the packages was written, and which one it is."""
        return {
            path.as_posix(): (path.stat().st_mtime_ns, path.stat().st_ino)
            for path in (self.folder / "generated").rglob("*")
            if ".nafgen_cache" not in path.parts
        }


def environment(**variables: str) -> dict[str, str]:
    """This environment with variables, in which Python finds nafgen."""
    return {**os.environ, "PYTHONPATH": str(SOURCES), **variables}
