"""Packages to write, and a folder to write them to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nafgen.diagnostics import Reporter
from nafgen.plan import HEADER, MANIFEST, GeneratedFile, Package
from nafgen.write import (
    Generator,
    Manifest,
    Mode,
    Outcome,
    remove_stale,
    write_package,
    write_root,
)

GENERATOR = Generator(version="1.0", fingerprint="f1")
NEWER = Generator(version="1.1", fingerprint="f2")


def generated(text: str) -> bytes:
    return f"# {HEADER}\n{text}\n".encode()


def package(path: str = "photos", spec_hash: str = "s1", **files: bytes) -> Package:
    """A package; `_runtime__http_py` names the file `_runtime/http.py`."""
    return Package(
        path=path,
        spec="photos.yaml",
        inputs={"photos.yaml": spec_hash},
        files=tuple(
            GeneratedFile(path=name.replace("__", "/").replace("_py", ".py"), data=data)
            for name, data in files.items()
        ),
        summary={"tools": 2},
    )


OLD = package(
    spec_hash="s1",
    client_py=generated("old = 1"),
    gone_py=generated("gone = 1"),
    same_py=generated("same = 1"),
    _runtime__old_py=generated("old = 1"),
)
NEW = package(
    spec_hash="s2",
    client_py=generated("new = 1"),
    same_py=generated("same = 1"),
    _runtime__http_py=generated("new = 1"),
    brief_py=generated("new = 1"),
)
LATER = package(
    spec_hash="s3",
    client_py=generated("later = 1"),
    other_py=generated("later = 1"),
    _runtime__http_py=generated("later = 1"),
)
LAST = package(
    spec_hash="s4",
    client_py=generated("last = 1"),
    other_py=generated("last = 1"),
    _runtime__http_py=generated("last = 1"),
)


class Build:
    """Writes into one output folder and keeps what was reported last."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.reporter = Reporter()

    def __call__(
        self,
        package: Package,
        mode: Mode = Mode.WRITE,
        *,
        discard_edits: bool = False,
        generator: Generator = GENERATOR,
    ) -> Outcome:
        self.reporter = Reporter()
        return write_package(
            self.output,
            package,
            mode,
            self.reporter,
            generator=generator,
            discard_edits=discard_edits,
        )

    def root(self, mode: Mode = Mode.WRITE, *, discard_edits: bool = False) -> Outcome:
        self.reporter = Reporter()
        return write_root(self.output, mode, self.reporter, discard_edits=discard_edits)

    def stale(
        self, *keep: str, mode: Mode = Mode.WRITE, discard_edits: bool = False
    ) -> dict[str, Outcome]:
        self.reporter = Reporter()
        return remove_stale(
            self.output,
            keep,
            lambda spec: spec == "photos.yaml",
            mode,
            self.reporter,
            discard_edits=discard_edits,
        )

    @property
    def found(self) -> list[tuple[str, str]]:
        """Code and path below the output folder of each diagnostic."""
        start = f"{self.output.as_posix()}/"
        return [(d.code, d.span.file.removeprefix(start)) for d in self.reporter]

    @property
    def messages(self) -> str:
        return "\n".join(f"{d.message}; {d.hint}" for d in self.reporter)


def contents(folder: Path) -> dict[str, bytes]:
    """All files below the folder, links as what they point to."""
    return {
        path.relative_to(folder).as_posix(): (
            bytes(path.readlink()) if path.is_symlink() else path.read_bytes()
        )
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def planned(package: Package) -> dict[str, bytes]:
    return {file.path: file.data for file in package.files}


def manifest(folder: Path) -> Any:
    return json.loads((folder / MANIFEST).read_bytes())


def assert_built(output: Path, package: Package) -> None:
    """The package's folder holds the package, whole, and nothing else."""
    found = contents(output / package.path)
    written = Manifest.parse(found.pop(MANIFEST))
    assert found == planned(package)
    assert written is not None
    assert written.inputs == package.inputs
    assert not written.pending
    assert written.files.keys() == found.keys()
