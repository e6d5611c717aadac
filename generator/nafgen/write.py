"""Puts packages on disk, or says what would change: the only module that writes.

A package is compared with the disk first; the changes are then applied or reported, so
that build, check and diff cannot disagree.

A build may be killed at any point. New contents are staged under temporary names, and
before the first one is put in place the manifest says what is `pending`, so that the
next build knows both the old and the new contents as nafgen's own.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from .diagnostics import Reporter, Span
from .disk import FileError, Kind, Mode, Site
from .drift import Change, Drift, package_drift, root_drift
from .manifest import Generator, Manifest, digest, is_safe
from .plan import HEADER, MANIFEST, Package

__all__ = [
    "Generator",
    "Manifest",
    "Mode",
    "Outcome",
    "is_current",
    "remove_stale",
    "write_package",
    "write_root",
]

Inputs = Callable[[Mapping[str, str]], Mapping[str, str]]
"""The hashes of inputs as they are now, by those that a manifest has."""

_ATTRIBUTES: Final = {
    ".gitattributes": (
        f"# {HEADER}\n* linguist-generated=true\n* text eol=lf\n".encode()
    )
}
# Each of these flags exists on some systems only.
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of a folder.

    `built` means changed or, where nothing is written, that it would change. `changed`
    are paths relative to the package, sorted. `diff` (mode DIFF) is a unified diff with
    paths relative to the output folder, in the form that `git apply` takes.
    """

    status: Literal["built", "unchanged", "refused"]
    changed: tuple[str, ...] = ()
    diff: str = ""


def write_package(
    output: Path,
    package: Package,
    mode: Mode,
    reporter: Reporter,
    *,
    generator: Generator,
    discard_edits: bool,
) -> Outcome:
    """Bring the package's folder below `output` up to date, wholly or not at all.

    Reports NAF502, NAF601, NAF602 and NAF603 when it refuses, NAF611 to NAF613 (and,
    with `discard_edits`, NAF602) for what CHECK and DIFF would change, and in each mode
    NAF613 for foreign files in the package's folder, which are left alone.

    Raises:
        ValueError: the package holds two files of one path, or a manifest.
    """
    planned = {file.path: file.data for file in package.files}
    if len(planned) != len(package.files) or MANIFEST in planned:
        raise ValueError(f"two files of package {package.path!r} have one path")
    if not _are_safe((package.path, *planned), output, reporter):
        return Outcome(status="refused")
    site = Site(
        output=output,
        path=package.path,
        mode=mode,
        reporter=reporter,
        discard_edits=discard_edits,
    )
    finished = Manifest(
        generator=generator,
        spec=package.spec,
        inputs=package.inputs,
        files={path: digest(data) for path, data in planned.items()},
        summary=package.summary,
    )
    return _settle(site, partial(package_drift, site, planned, finished))


def write_root(
    output: Path, mode: Mode, reporter: Reporter, *, discard_edits: bool
) -> Outcome:
    """Write `.gitattributes` into `output`: all below is generated, with LF endings.

    Reports as `write_package` does.
    """
    site = Site(
        output=output,
        path="",
        mode=mode,
        reporter=reporter,
        discard_edits=discard_edits,
    )
    return _settle(site, partial(root_drift, site, _ATTRIBUTES))


def remove_stale(
    output: Path,
    keep: Collection[str],
    is_stale: Callable[[str], bool],
    mode: Mode,
    reporter: Reporter,
    *,
    discard_edits: bool,
) -> dict[str, Outcome]:
    """Delete packages whose spec is gone: their own files, and the folders they empty.

    Packages at the paths of `keep` stay; of any other one below `output`, `is_stale`
    says by its spec's path whether it goes. Answers what became of those that go, by
    package path. One with a hand-edited file is refused; foreign files stay. Reports as
    `write_package` does, and NAF601 for a manifest that cannot be read.
    """
    outcomes: dict[str, Outcome] = {}
    try:
        paths = _package_paths(output, reporter)
    except FileError as error:
        error.report(reporter)
        return outcomes
    for path in paths:
        if path in keep:
            continue
        site = Site(
            output=output,
            path=path,
            mode=mode,
            reporter=reporter,
            discard_edits=discard_edits,
        )
        spec = _spec(site)
        if spec is not None and is_stale(spec):
            outcomes[path] = _settle(site, partial(package_drift, site, {}, None))
    return outcomes


def is_current(
    output: Path, package_path: str, inputs: Inputs, generator: Generator
) -> Manifest | None:
    """The package's manifest if to build it would change nothing and report nothing.

    So it is when inputs and generator are those of the manifest, and the folder holds
    each of its files, as written, and no other. None also where the disk cannot be
    read: writing the package then reports why.

    Raises:
        OSError: `inputs` raises it.
    """
    if not is_safe(package_path):
        return None
    site = Site(
        output=output,
        path=package_path,
        mode=Mode.CHECK,
        reporter=Reporter(),  # a build that is needed reports for itself
        discard_edits=False,
    )
    try:
        return _current(site, inputs, generator)
    except FileError:
        return None


def _current(site: Site, inputs: Inputs, generator: Generator) -> Manifest | None:
    if not site.is_reachable():
        return None
    tree = site.scan()
    if tree.get(MANIFEST) is not Kind.FILE:
        return None
    manifest = Manifest.parse(site.read(MANIFEST))
    if manifest is None or manifest.pending:
        return None
    if manifest.generator != generator or manifest.inputs != inputs(manifest.inputs):
        return None
    folders = (Kind.FOLDER, Kind.PACKAGE)
    present = {path for path, kind in tree.items() if kind not in folders}
    if present != {MANIFEST, *manifest.files}:
        return None
    for path, written in manifest.files.items():
        if tree[path] is not Kind.FILE or digest(site.read(path)) != written:
            return None
    return manifest


def _are_safe(paths: Iterable[str], output: Path, reporter: Reporter) -> bool:
    unsafe = [path for path in paths if not is_safe(path)]
    for path in unsafe:
        message = f"{path!r} is not a plain path below the output folder"
        hint = "rename the spec, so that its path is a plain one"
        span = Span.whole(output.as_posix())
        reporter.report("NAF502", span, message, hint=hint)
    return not unsafe


def _package_paths(output: Path, reporter: Reporter) -> list[str]:
    """The paths of all packages below `output`, nested ones before what holds them."""
    site = Site(
        output=output, path="", mode=Mode.CHECK, reporter=reporter, discard_edits=False
    )
    if not site.is_reachable():
        return []
    return sorted(filter(is_safe, site.packages()), reverse=True)


def _spec(site: Site) -> str | None:
    """The spec that the package at `site` says it is from; reports if it does not."""
    try:
        manifest = Manifest.parse(site.read(MANIFEST))
    except FileError as error:
        error.report(site.reporter)
        return None
    if manifest is None:
        message = "this manifest cannot be read, so its package is left alone"
        hint = "restore it from version control, or delete the package's folder"
        site.reporter.report("NAF601", site.span(MANIFEST), message, hint=hint)
        return None
    return manifest.spec


def _settle(site: Site, compare: Callable[[], Drift]) -> Outcome:
    """Compare, then apply or show the changes."""
    try:
        if not site.is_reachable():
            return Outcome(status="refused")
        drift = compare()
        if site.mode is Mode.WRITE:
            if drift.refused:
                return Outcome(status="refused")
            _apply(site, drift)
    except FileError as error:
        error.report(site.reporter)
        return Outcome(status="refused")
    status: Literal["built", "unchanged", "refused"] = "unchanged"
    if drift.changes:
        status = "built"
    if drift.refused:
        status = "refused"
    shown = drift.changes if site.mode is Mode.DIFF else ()
    return Outcome(
        status=status,
        changed=tuple(sorted(change.path for change in drift.changes)),
        diff="".join(_diff(site, change) for change in shown),
    )


def _apply(site: Site, drift: Drift) -> None:
    """Stage all new contents, then put them in place; leave no temporary file behind."""
    steps = list(drift.changes)
    if drift.interim is not None:
        steps.insert(0, drift.interim)
    staged: dict[int, str] = {}
    made: list[Path] = []
    ready: set[str] = set()
    try:
        for number, step in enumerate(steps):
            if step.new is not None:
                with site.attempt(step.path, "written"):
                    target = f"{site.folder}/{step.path}"
                    above = target.rpartition("/")[0]
                    if above not in ready:
                        _make_folder(Path(above), made)
                        ready.add(above)
                    if step.old is None:
                        _require_vacant(target)
                    temporary = f"{site.folder}/.nafgen-{os.urandom(8).hex()}.tmp"
                    staged[number] = temporary
                    _create(temporary, step.new)
        for number, step in enumerate(steps):
            target = f"{site.folder}/{step.path}"
            if number in staged:
                with site.attempt(step.path, "written"):
                    Path(staged[number]).replace(target)
                    del staged[number]
            else:
                with site.attempt(step.path, "deleted"):
                    _delete(Path(target), site.root)
        made.clear()
    finally:
        # What cannot be cleaned up here, the next build knows by its name.
        with contextlib.suppress(OSError):
            for temporary in staged.values():
                Path(temporary).unlink(missing_ok=True)
            for folder in reversed(made):
                folder.rmdir()


def _make_folder(folder: Path, made: list[Path]) -> None:
    """Make the folder and those above it, and add each that is new to `made`."""
    line = (folder, *folder.parents)
    missing = list(takewhile(lambda place: not place.exists(), line))
    for place in reversed(missing):
        place.mkdir(exist_ok=True)
        made.append(place)


def _require_vacant(target: str) -> None:
    """Refuse a target that was not there when the folder was read.

    It has come since, or its name differs in case only on a disk that ignores case.
    """
    try:
        os.lstat(target)
    except FileNotFoundError:
        return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


def _create(path: str, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY
    with os.fdopen(os.open(path, flags, 0o644), "wb") as file:
        file.write(data)


def _delete(target: Path, root: Path) -> None:
    """Delete the file and the folders that it leaves empty, up to `root`."""
    target.unlink(missing_ok=True)
    folder = target.parent
    while folder != root and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _diff(site: Site, change: Change) -> str:
    import difflib

    path = f"{site.path}/{change.path}".lstrip("/")
    head = f"diff --git a/{path} b/{path}\n"
    if change.old is None:
        head += "new file mode 100644\n"
    if change.new is None:
        head += "deleted file mode 100644\n"
    lines = difflib.unified_diff(
        _lines(change.old),
        _lines(change.new),
        "/dev/null" if change.old is None else f"a/{path}",
        "/dev/null" if change.new is None else f"b/{path}",
    )
    unended = "\n\\ No newline at end of file\n"
    return head + "".join(
        line if line.endswith("\n") else line + unended for line in lines
    )


def _lines(data: bytes | None) -> list[str]:
    """Lines as diff tools count them: split at LF alone."""
    return list(io.StringIO((data or b"").decode(errors="backslashreplace"), "\n"))
