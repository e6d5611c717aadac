"""Compiles specs in tests."""

from __future__ import annotations

from pathlib import Path

from nafgen.compile import Compilation, compile_spec
from nafgen.inputs import Spec
from nafgen.plan import KINDS
from nafgen.verify import verify


def compile_text(text: str, overlay: str | None = None) -> Compilation:
    """Compile a spec that is given as text."""
    files = {"spec.yaml": text, "spec.overlay.yaml": overlay}
    data = {name: body.encode() for name, body in files.items() if body is not None}
    return compile_spec(Spec(shown="spec.yaml", relative="spec.yaml"), data.get)


def compile_file(path: Path, relative: str = "") -> Compilation:
    """Compile a spec on disk; its overlay is beside it, and what it imports below."""

    def read(shown: str) -> bytes | None:
        file = path.parent / shown
        return file.read_bytes() if file.exists() else None

    spec = Spec(shown=path.name, relative=relative or path.name)
    return compile_spec(spec, read)


def files_of(made: Compilation) -> dict[str, str]:
    """The generated files by path."""
    assert made.package is not None, [str(found) for found in made.diagnostics]
    return {file.path: file.data.decode() for file in made.package.files}


def write_to(made: Compilation, output: Path) -> Path:
    """Put a package's files below a folder; the package's own folder."""
    assert made.package is not None, [str(found) for found in made.diagnostics]
    folder = output / made.package.path
    for file in made.package.files:
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.data)
    return folder


def checked(made: Compilation) -> Compilation:
    """The compilation of a spec, all of whose units do what it says."""
    assert made.package is not None, [str(found) for found in made.diagnostics]
    done = verify(made)
    assert [found.message for found in done.differences] == []
    called = {kind: getattr(done, kind) for kind in KINDS}
    assert called == {kind: made.package.summary.get(kind, 0) for kind in KINDS}
    return made
