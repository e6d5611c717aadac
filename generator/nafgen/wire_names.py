"""Names that clients of an MCP server see: of tools, prompts, arguments and variables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from .collisions import Claim, Scope
from .diagnostics import Origin, Reporter
from .ir import Input
from .naming import property_name, tool_name, variable_name


def unique_names(
    kind: str, claims: Sequence[Claim], reporter: Reporter
) -> dict[Origin, str]:
    """The names of tools or prompts, as `kind` says, which every client takes."""
    fitting = [replace(claim, wanted=tool_name(claim.wanted)) for claim in claims]
    for claim, fitted in zip(claims, fitting, strict=True):
        if fitted != claim:
            reporter.report(
                "NAF304",
                claim.origin.span,
                f"the {kind} is called `{fitted.wanted}`, which every client takes",
            )
    names = Scope(reporter, "NAF302", tool_name, "-", kind).claim_all(fitting)
    return {claim.origin: n for claim, n in zip(claims, names, strict=True)}


def property_names(inputs: Sequence[Input], reporter: Reporter) -> dict[Origin, str]:
    """The names of a tool's arguments."""
    return _fitted("argument", inputs, property_name, reporter)


def variable_names(inputs: Sequence[Input], reporter: Reporter) -> dict[Origin, str]:
    """The names of the variables in a resource's URI."""
    return _fitted("variable", inputs, variable_name, reporter)


def _fitted(
    kind: str,
    inputs: Sequence[Input],
    fit: Callable[[str], str],
    reporter: Reporter,
) -> dict[Origin, str]:
    """Names on the wire; those that fit are taken first."""
    fitting: dict[str, Origin | None] = {
        given.name: given.origin for given in inputs if given.name == fit(given.name)
    }
    claims = [
        Claim(fit(given.name), given.origin)
        for given in inputs
        if given.name not in fitting
    ]
    wanted = Counter([*fitting, *(claim.wanted for claim in claims)])
    for claim in claims:
        if wanted[claim.wanted] == 1:
            reporter.report(
                "NAF304",
                claim.origin.span,
                f"the {kind} is called `{claim.wanted}`, which every client takes",
            )
    names = Scope(reporter, "NAF304", fit, kind=kind, taken=fitting).claim_all(claims)
    made = {claim.origin: name for claim, name in zip(claims, names, strict=True)}
    return {given.origin: made.get(given.origin, given.name) for given in inputs}
