"""Builds specs: compiles what changed, writes, and removes what is stale."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from . import bulk, write
from .diagnostics import CODES, Diagnostic, Reporter, Severity, Span, from_json
from .discover import absolute, reader, root_of
from .disk import Mode
from .inputs import NOT_READ, PLACES, OutsideError, Spec, is_overlay
from .manifest import Manifest
from .naming import package_path
from .remembered import Memory
from .resources import generator
from .result import Result, is_partial, is_sound
from .rule_set import NO_RULES, Rules
from .signals import shielded
from .tool_costs import ServerCost

if TYPE_CHECKING:
    from .compile import Compilation, Read


class Options(Struct, frozen=True, kw_only=True):
    """How to build: where to, in which mode, whether hand edits may be lost, by which
    rules, whether to say what lists of tools cost, and what remembers refused specs."""

    output: Path
    mode: Mode
    discard_edits: bool = False
    rules: Rules = NO_RULES
    stats: bool = False
    memory: Memory | None = None


def build(
    specs: Sequence[Spec],
    options: Options,
    jobs: int | None = None,
    progress: bulk.Progress = bulk.unseen,
) -> list[Result]:
    """Build specs; what has not changed is found here, the rest goes to `bulk`."""
    results: dict[Spec, Result] = {}
    claimed: dict[str, Spec] = {}
    for spec in specs:
        package = package_path(spec.relative)
        first = claimed.setdefault(package, spec)
        known = (
            _unchanged(spec, package, options)
            if first is spec
            else _clash(spec, first, package)
        )
        if known is not None:
            results[spec] = known
    todo = [spec for spec in specs if spec not in results]
    if todo:
        # Imported here, for all workers: where nothing has changed, nobody waits for it.
        from .compile import compile_spec

        compiled = partial(compile_spec, rules=options.rules)
        work = partial(_build_one, compiled, options)
        made = bulk.run(work, todo, jobs, progress, _families(todo))
        results.update(zip(todo, made, strict=True))
    return [results[spec] for spec in specs]


def _families(specs: Iterable[Spec]) -> dict[Spec, str]:
    """For each spec the package that holds its package, or its package.

    A package that is being written must not be seen as a folder of another one.
    """
    packages = {spec: package_path(spec.relative) for spec in specs}
    known = set(packages.values())

    def outermost(package: str) -> str:
        parts = package.split("/")
        above = ("/".join(parts[:length]) for length in range(1, len(parts)))
        return next((path for path in above if path in known), package)

    return {spec: outermost(package) for spec, package in packages.items()}


def _clash(spec: Spec, first: Spec, package: str) -> Result:
    reporter = Reporter()
    reporter.report(
        "NAF303",
        Span.whole(spec.shown),
        f"this spec and {first.shown} both compile to the package `{package}`",
        hint="rename one of the files",
        related=[("the first one", Span.whole(first.shown))],
    )
    return Result(
        spec=spec.shown,
        package=package,
        status="refused",
        summary={},
        diagnostics=tuple(reporter),
    )


def _build_one(
    compile_spec: Callable[[Spec, Read], Compilation], options: Options, spec: Spec
) -> Result:
    made = compile_spec(spec, reader(spec))
    memory = options.memory if options.mode is Mode.WRITE else None
    if made.package is None:
        if memory is not None:
            with shielded():
                memory.remember(spec, _manifest(made))
        return _kept(spec, "", made.summary(), tuple(made.diagnostics))
    if memory is not None:
        memory.forget(spec)
    # Asked before writing, which reports on files, not on the spec.
    incomplete = is_partial(made.package.summary, made.reporter)
    with shielded():
        outcome = write.write_package(
            options.output,
            made.package,
            options.mode,
            made.reporter,
            generator=generator(),
            discard_edits=options.discard_edits,
        )
    refused = outcome.status == "refused"
    status = "partial" if incomplete and not refused else outcome.status
    return Result(
        spec=spec.shown,
        package=made.package.path,
        status=status,
        summary=made.package.summary,
        diagnostics=tuple(made.reporter),
        changed=outcome.status == "built",
        diff=outcome.diff,
        servers=_costs(made) if options.stats else (),
    )


def _manifest(made: Compilation) -> Manifest:
    return Manifest(
        generator=generator(),
        spec=made.spec.relative,
        inputs=made.inputs,
        files={},
        summary=made.summary(),
    )


def _kept(
    spec: Spec, package: str, summary: dict[str, Any], found: tuple[Diagnostic, ...]
) -> Result:
    """The result of a spec that nothing is written for, or nothing new."""
    status = "partial" if is_partial(summary, found) else "unchanged"
    if not package and any(each.severity is Severity.ERROR for each in found):
        status, package = "refused", package_path(spec.relative)
    return Result(
        spec=spec.shown,
        package=package,
        status=status,
        summary=summary,
        diagnostics=found,
    )


def _costs(made: Compilation) -> tuple[ServerCost, ...]:
    from .listing import costs  # imported by now, as this was compiled

    return costs(made.program, made.names) if made.program and made.names else ()


def _unchanged(spec: Spec, package: str, options: Options) -> Result | None:
    """The result of the last build, when nothing has changed since."""
    if options.mode is not Mode.WRITE or options.stats:
        # Manifests are files of the tree that a check is to judge, and hold no costs.
        return None
    files = {file.relative: file for file in (spec, spec.overlay)}

    def inputs(recorded: Mapping[str, str]) -> dict[str, str]:
        settings = options.rules.inputs()
        if PLACES in recorded:
            settings[PLACES] = spec.places
        others = recorded.keys() - files.keys() - settings.keys()
        imported = [spec.at(path) for path in others if not is_overlay(path)]
        return {**settings, **_inputs(spec, imported)}

    try:
        manifest = write.is_current(options.output, package, inputs, generator())
        if manifest is not None:
            return _result(spec, package, manifest)
        manifest = options.memory.recall(spec) if options.memory is not None else None
        if manifest is None or manifest.generator != generator():
            return None
        if manifest.inputs != inputs(manifest.inputs):
            return None
    except OSError:
        return None
    return _result(spec, "", manifest)


def _result(spec: Spec, package: str, manifest: Manifest) -> Result | None:
    """What a manifest says became of a spec; None where it does not say so soundly."""
    files = {file.relative: file for file in (spec, spec.overlay)}
    read = (path for path, hash_ in manifest.inputs.items() if hash_ != NOT_READ)
    files |= {path: spec.at(path) for path in read if path not in files}
    paths = {relative: file.shown for relative, file in files.items()}
    summary = dict(manifest.summary)
    try:
        found = tuple(from_json(value, paths) for value in summary["diagnostics"])
    except (KeyError, TypeError, ValueError):
        return None
    if any(each.code not in CODES for each in found) or not is_sound(summary):
        return None
    # Of the files that findings are in, lines are shown.
    spans = (span for each in found for span in each.spans)
    if not {span.file for span in spans} <= {*paths.values()}:
        return None
    return _kept(spec, package, summary, found)


def _inputs(spec: Spec, imported: Iterable[Spec]) -> dict[str, str]:
    """The hashes, as they are now, of what a spec was compiled from.

    Raises:
        OSError: a file is there and cannot be read.
    """
    found: dict[str, str] = {}
    read = reader(spec)
    for source in (spec, *imported):
        for file in (source, source.overlay):
            try:
                data = read(file.shown)
            except OutsideError:
                data = None
            if data is not None:
                found[file.relative] = sha256(data).hexdigest()
            elif file is source:
                found[file.relative] = NOT_READ
    return found


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
    searched = [(root_of(folder, roots), absolute(folder)) for folder in folders]
    places = {root for root, _ in searched} | {root_of(root, ()) for root in roots}
    kept = {spec.relative for spec in specs}

    def is_stale(relative: str) -> bool:
        return (
            relative not in kept
            and any((root / relative).is_relative_to(at) for root, at in searched)
            and not any((place / relative).exists() for place in places)
        )

    with shielded():
        outcomes = {
            "": write.write_root(
                options.output,
                options.mode,
                reporter,
                discard_edits=options.discard_edits,
            )
        }
        if folders:
            outcomes |= write.remove_stale(
                options.output,
                {package_path(spec.relative) for spec in specs},
                is_stale,
                options.mode,
                reporter,
                discard_edits=options.discard_edits,
            )
    return tuple(_tidied(outcomes, tuple(reporter)))


def _tidied(
    outcomes: Mapping[str, write.Outcome], findings: tuple[Diagnostic, ...]
) -> Iterator[Result]:
    """A result for each package that went, and one for what all share."""
    for package, outcome in outcomes.items():
        changed = outcome.status == "built"
        found = () if package else findings
        if changed or found:
            yield Result(
                spec="",
                package=package,
                status="removed" if changed and package else outcome.status,
                summary={},
                diagnostics=found,
                changed=changed,
                diff=outcome.diff,
            )
