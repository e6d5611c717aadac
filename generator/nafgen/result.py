"""What became of each spec, and of them all together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field

from .diagnostics import Diagnostic, Severity, as_json
from .inputs import Spec
from .plan import KINDS
from .tool_costs import ServerCost

if TYPE_CHECKING:
    from .compile import Compilation

STATUSES: Final = ("built", "unchanged", "partial", "refused", "removed")
_LEFT_OUT: Final = ("kind", "name", "code")
_WHOLE: Final = frozenset({"NAF806"})
"""Errors that cost nothing of the package."""
_COULD_NOT_RUN: Final = frozenset({"NAF001", "NAF502", "NAF599", "NAF601", "NAF603"})


class Result(Struct, frozen=True, kw_only=True):
    """What became of a spec, or of a package without one; `status` is of `STATUSES`.

    `summary` counts what was compiled, as in the manifest. `changed` says whether files
    were written, or would be. `diff` is empty but in `Mode.DIFF`. `called` counts what
    was verified, by kind, `missing` names libraries that verifying needs, and `servers`
    are the costs of lists of tools, where they are asked for.
    """

    spec: str
    package: str
    status: str
    summary: dict[str, Any]
    diagnostics: tuple[Diagnostic, ...]
    changed: bool = False
    diff: str = ""
    called: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    servers: tuple[ServerCost, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The result as a JSON object."""
        return {
            "spec": self.spec,
            "package": self.package,
            "status": self.status,
            **{kind: self.summary.get(kind, 0) for kind in KINDS},
            "called": dict(self.called),
            **self._costs(),
            "left_out": [
                {key: unit[key] for key in _LEFT_OUT}
                for unit in self.summary.get("left_out", [])
            ],
            "diagnostics": [as_json(found, {}) for found in self.diagnostics],
        }

    def _costs(self) -> dict[str, Any]:
        if not self.servers:
            return {}
        return {"servers": [server.as_json() for server in self.servers]}


def is_sound(summary: Mapping[str, Any]) -> bool:
    """Whether a summary that was read from a file holds what results are asked for."""
    left_out, held = summary.get("left_out", []), summary.get("held", [])
    return (
        all(type(summary.get(kind, 0)) is int for kind in KINDS)
        and isinstance(left_out, list)
        and all(
            isinstance(unit, dict) and unit.keys() >= {*_LEFT_OUT} for unit in left_out
        )
        and isinstance(held, list)
        and all(isinstance(path, str) for path in held)
    )


def result_of(made: Compilation) -> Result:
    """What became of a spec that nothing was written for."""
    package = made.package
    summary = package.summary if package else made.summary()
    status = "partial" if is_partial(summary, made.reporter) else "unchanged"
    if package is None and made.reporter.failed:
        status = "refused"
    return Result(
        spec=made.spec.shown,
        package=package.path if package else "",
        status=status,
        summary=summary,
        diagnostics=tuple(made.diagnostics),
    )


def without_held(specs: Sequence[Spec], results: Sequence[Result]) -> list[Result]:
    """The results of specs that are no files in which others keep their secrets, and none
    in the folder of a skill.

    What is wrong with such a file as a spec says nothing, and would show what is in it.
    """
    held = {path for each in results for path in each.summary.get("held", ())}
    pairs = zip(specs, results, strict=True)
    return [result for spec, result in pairs if held.isdisjoint(_around(spec.relative))]


def _around(path: str) -> Iterator[str]:
    """A path, and those of all folders that it is in."""
    yield path
    yield from map(str, PurePosixPath(path).parents)


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


def is_partial(summary: dict[str, Any], findings: Iterable[Diagnostic]) -> bool:
    """Whether something of the spec was not compiled."""
    errors = (each.code for each in findings if each.severity is Severity.ERROR)
    return bool(summary.get("left_out")) or not _WHOLE.issuperset(errors)


def called(results: Iterable[Result]) -> dict[str, int]:
    """How many units were verified, by kind."""
    total: Counter[str] = Counter()
    for result in results:
        total.update(result.called)
    return dict(total)


def report_json(results: Sequence[Result]) -> dict[str, Any]:
    """All results as one JSON object; findings on no spec are in its summary."""
    specs = [result for result in results if result.spec]
    rest = [result for result in results if not result.spec]
    status = Counter(each.status for each in results if each.spec or each.package)
    counts = {name: status[name] for name in STATUSES}
    for name in KINDS:
        counts[name] = sum(int(result.summary.get(name, 0)) for result in specs)
    found = [as_json(each, {}) for result in rest for each in result.diagnostics]
    codes = Counter(each.code for result in results for each in result.diagnostics)
    return {
        "specs": [result.as_json() for result in specs],
        "summary": {
            **counts,
            "called": called(specs),
            "codes": dict(sorted(codes.items())),
            "diagnostics": found,
        },
        "diff": "".join(result.diff for result in results),
    }
