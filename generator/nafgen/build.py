"""Builds specs: finds them, compiles what changed, writes, and removes what is stale."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from . import write
from .diagnostics import (
    CODES,
    Diagnostic,
    Reporter,
    Severity,
    Span,
    as_json,
    from_json,
)
from .disk import Mode
from .inputs import Spec, is_spec
from .naming import package_path
from .resources import generator

STATUSES: Final = ("built", "unchanged", "partial", "refused", "removed")
_COULD_NOT_RUN: Final = frozenset({"NAF001", "NAF502", "NAF601", "NAF603"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to build: where to, in which mode, and whether hand edits may be lost."""

    output: Path
    mode: Mode
    discard_edits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a spec, or of a package without one; `status` is of `STATUSES`.

    `summary` counts what was compiled, as in the manifest. `changed` says whether files
    were written, or would be. `diff` is empty but in `Mode.DIFF`.
    """

    spec: str
    package: str
    status: str
    summary: dict[str, Any]
    diagnostics: tuple[Diagnostic, ...]
    changed: bool = False
    diff: str = ""

    def as_json(self) -> dict[str, Any]:
        """The result as a JSON object."""
        return {
            "spec": self.spec,
            "package": self.package,
            "status": self.status,
            "operations": self.summary.get("operations", 0),
            "routes": self.summary.get("routes", 0),
            "tools": self.summary.get("tools", 0),
            "left_out": self.summary.get("left_out", []),
            "diagnostics": [as_json(found, {}) for found in self.diagnostics],
        }


def exit_code(results: Sequence[Result], *, change_counts: bool = False) -> int:
    """0 when all is well, 1 for errors, 2 when something could not be read or written.

    With `change_counts`, a change is as much as an error.
    """
    code = 0
    for result in results:
        if result.changed and change_counts:
            code = 1
        for found in result.diagnostics:
            if found.code in _COULD_NOT_RUN:
                return 2
            if found.severity is Severity.ERROR:
                code = 1
    return code


def read(shown: str) -> bytes | None:
    """A file's bytes; None when there is none."""
    try:
        return Path(shown).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def discover(paths: Sequence[Path], roots: Sequence[Path]) -> list[Spec]:
    """The specs that paths name: files, and all below folders that are not hidden.

    A spec's relative path begins at the root that holds it; outside of all roots it
    begins at the folder that was named, and is a named file's name.

    Raises:
        OSError: a folder cannot be read.
    """
    found: dict[str, Spec] = {}
    for path in paths:
        named = root_of(path, roots)
        for file in _below(path) if path.is_dir() else [path]:
            absolute = _absolute(file)
            root = _root_above(absolute, roots) or named
            relative = absolute.relative_to(root).as_posix()
            spec = Spec(shown=file.as_posix(), relative=relative)
            found.setdefault(str(absolute), spec)
    return list(found.values())


def root_of(path: Path, roots: Sequence[Path]) -> Path:
    """The absolute path that the relative paths of specs at or below a path begin at."""
    return _root_above(_absolute(path), roots) or _absolute(folder_of(path))


def _root_above(absolute: Path, roots: Sequence[Path]) -> Path | None:
    folders = (_absolute(folder_of(root)) for root in roots)
    return next((each for each in folders if absolute.is_relative_to(each)), None)


def folder_of(path: Path) -> Path:
    """The folder that a configured or named path is, or that holds it."""
    return path.parent if path.is_file() else path


def _absolute(path: Path) -> Path:
    # What a spec is called is the user's choice, a link or not.
    return path.resolve() if path.is_dir() else path.parent.resolve() / path.name


def _below(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if is_spec(name) and not name.startswith("."):
                yield Path(parent) / name


def build(
    specs: Sequence[Spec], options: Options, done: Callable[[Result], None]
) -> list[Result]:
    """Build specs one after the other; `done` hears of each."""
    results = []
    claimed: dict[str, Spec] = {}
    for spec in specs:
        package = package_path(spec.relative)
        first = claimed.setdefault(package, spec)
        result = (
            _build_one(spec, package, options)
            if first is spec
            else _clash(spec, first, package)
        )
        done(result)
        results.append(result)
    return results


def _clash(spec: Spec, first: Spec, package: str) -> Result:
    reporter = Reporter()
    reporter.report(
        "NAF303",
        Span.whole(spec.shown),
        f"this spec and {first.shown} both compile to the package `{package}`",
        hint="rename one of the files",
        related=[("the first one", Span.whole(first.shown))],
    )
    return _refused(spec, package, reporter)


def _refused(spec: Spec, package: str, reporter: Reporter) -> Result:
    return Result(
        spec=spec.shown,
        package=package,
        status="refused",
        summary={},
        diagnostics=tuple(reporter),
    )


def _build_one(spec: Spec, package: str, options: Options) -> Result:
    # Manifests are files of the tree that a check is to judge: it trusts none.
    if options.mode is Mode.WRITE:
        current = _unchanged(spec, package, options)
        if current is not None:
            return current
    from .compile import compile_spec

    made = compile_spec(spec, read)
    if made.package is None:
        return _refused(spec, package, made.reporter)
    # Asked before writing, which reports on files, not on the spec.
    partial = is_partial(made.package.summary, made.reporter)
    outcome = write.write_package(
        options.output,
        made.package,
        options.mode,
        made.reporter,
        generator=generator(),
        discard_edits=options.discard_edits,
    )
    refused = outcome.status == "refused"
    status = "partial" if partial and not refused else outcome.status
    return Result(
        spec=spec.shown,
        package=package,
        status=status,
        summary=made.package.summary,
        diagnostics=tuple(made.reporter),
        changed=outcome.status == "built",
        diff=outcome.diff,
    )


def is_partial(summary: dict[str, Any], findings: Iterable[Diagnostic]) -> bool:
    """Whether something of the spec was not compiled."""
    costly = (found.severity is Severity.ERROR for found in findings)
    return bool(summary.get("left_out")) or any(costly)


def _unchanged(spec: Spec, package: str, options: Options) -> Result | None:
    """The result of the last build, when nothing has changed since."""
    inputs = {}
    for file in (spec, spec.overlay):
        try:
            data = read(file.shown)
        except OSError:
            return None
        if data is not None:
            inputs[file.relative] = sha256(data).hexdigest()
    manifest = write.is_current(options.output, package, inputs, generator())
    if manifest is None:
        return None
    paths = {file.relative: file.shown for file in (spec, spec.overlay)}
    summary = dict(manifest.summary)
    try:
        found = tuple(from_json(value, paths) for value in summary["diagnostics"])
    except (KeyError, TypeError, ValueError):
        return None
    if any(each.code not in CODES for each in found):
        return None
    return Result(
        spec=spec.shown,
        package=package,
        status="partial" if is_partial(summary, found) else "unchanged",
        summary=summary,
        diagnostics=found,
    )


def tidy(
    specs: Sequence[Spec],
    folders: Sequence[Path],
    roots: Sequence[Path],
    options: Options,
) -> tuple[Result, ...]:
    """Write what all packages share, and remove those whose specs are gone.

    A package goes when its spec was in one of the folders, which were searched for
    `specs`, and is now in none of them and in no root.

    Returns:
        A result without a spec for each package that goes, and one without a package,
        with all diagnostics, unless there is nothing to say.
    """
    reporter = Reporter()
    outcomes = {
        "": write.write_root(
            options.output, options.mode, reporter, discard_edits=options.discard_edits
        )
    }
    searched = [(root_of(folder, roots), _absolute(folder)) for folder in folders]
    places = {root for root, _ in searched} | {root_of(root, ()) for root in roots}
    kept = {spec.relative for spec in specs}

    def is_stale(relative: str) -> bool:
        return (
            relative not in kept
            and any((root / relative).is_relative_to(at) for root, at in searched)
            and not any((place / relative).exists() for place in places)
        )

    if folders:
        outcomes |= write.remove_stale(
            options.output,
            {package_path(spec.relative) for spec in specs},
            is_stale,
            options.mode,
            reporter,
            discard_edits=options.discard_edits,
        )
    results = []
    for package, outcome in outcomes.items():
        changed = outcome.status == "built"
        found = () if package else tuple(reporter)
        if changed or found:
            removed = changed and package
            results.append(
                Result(
                    spec="",
                    package=package,
                    status="removed" if removed else outcome.status,
                    summary={},
                    diagnostics=found,
                    changed=changed,
                    diff=outcome.diff,
                )
            )
    return tuple(results)


def report_json(results: Sequence[Result]) -> dict[str, Any]:
    """All results as one JSON object; findings on no spec are in its summary."""
    specs = [result for result in results if result.spec]
    rest = [result for result in results if not result.spec]
    status = Counter(each.status for each in results if each.spec or each.package)
    counts = {name: status[name] for name in STATUSES}
    for name in ("operations", "routes", "tools"):
        counts[name] = sum(int(result.summary.get(name, 0)) for result in specs)
    found = [as_json(each, {}) for result in rest for each in result.diagnostics]
    return {
        "specs": [result.as_json() for result in specs],
        "summary": {**counts, "diagnostics": found},
        "diff": "".join(result.diff for result in results),
    }
