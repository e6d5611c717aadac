"""Finds specs, and says which root they are relative to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from .files import contents
from .inputs import OutsideError, Spec, is_spec


def read(shown: str) -> bytes | None:
    """A file's bytes; None when there is none."""
    try:
        return contents(shown)
    except (FileNotFoundError, NotADirectoryError):
        return None


def reader(spec: Spec) -> Callable[[str], bytes | None]:
    """What reads the files of a spec: itself, the overlay beside it, and imported ones.

    It raises `OutsideError` for an imported file that is, once links are followed,
    outside the specs folder and all others that imports may come from.
    """
    own = (spec.shown, spec.overlay.shown)

    @cache
    def allowed() -> tuple[Path, ...]:
        depth = len(PurePosixPath(spec.relative).parts)
        root = absolute(Path(spec.shown)).parents[depth - 1].resolve()
        return (root, *map(Path, spec.folders))

    def read_within(shown: str) -> bytes | None:
        if shown not in own:
            real = Path(shown).resolve()
            if not any(real.is_relative_to(each) for each in allowed()):
                raise OutsideError
        return read(shown)

    return read_within


def discover(
    paths: Sequence[Path],
    roots: Sequence[Path],
    import_paths: Sequence[Path] = (),
    output: Path = Path("generated"),
) -> list[Spec]:
    """The specs that paths name: files, and all below folders that are not hidden.

    A spec's relative path begins at the root that holds it; outside of all roots it
    begins at the folder that was named, and is a named file's name.

    Raises:
        OSError: a folder cannot be read.
    """
    found: dict[tuple[Path, str], Spec] = {}
    folders = tuple(str(path.resolve()) for path in import_paths)
    for path in paths:
        named = root_of(path, roots)
        below = _below(path) if path.is_dir() else [(path.parent, [path.name])]
        for folder, names in below:
            at = folder.resolve()
            root = _root_above(at, roots) or named
            from_output = Path(os.path.relpath(root, output.resolve())).as_posix()
            for name in names:
                spec = Spec(
                    shown=_joined(folder, name),
                    relative=_joined(at.relative_to(root), name),
                    root=root.as_posix(),
                    folders=folders,
                    from_output=from_output,
                )
                found.setdefault((at, name), spec)
    return list(found.values())


def _joined(folder: Path, name: str) -> str:
    return name if folder == Path() else f"{folder.as_posix().rstrip('/')}/{name}"


def root_of(path: Path, roots: Sequence[Path]) -> Path:
    """The absolute path that the relative paths of specs at or below a path begin at."""
    return _root_above(absolute(path), roots) or absolute(folder_of(path))


def _root_above(path: Path, roots: Sequence[Path]) -> Path | None:
    folders = (absolute(folder_of(root)) for root in roots)
    return next((each for each in folders if path.is_relative_to(each)), None)


def folder_of(path: Path) -> Path:
    """The folder that a configured or named path is, or that holds it."""
    return path.parent if path.is_file() else path


def absolute(path: Path) -> Path:
    """A path from the root; of a file, the last name may be that of a link."""
    # What a spec is called is the user's choice, a link or not.
    return path.resolve() if path.is_dir() else path.parent.resolve() / path.name


def _below(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each folder at or below a folder, with the names of its specs."""

    def fail(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        specs = [name for name in files if is_spec(name) and not name.startswith(".")]
        if specs:
            yield Path(parent), sorted(specs)
