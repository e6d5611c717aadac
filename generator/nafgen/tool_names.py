"""The names of the arguments of tools, on the wire."""

from __future__ import annotations

from collections import Counter

from .collisions import Claim, Scope
from .diagnostics import Origin, Reporter
from .naming import property_name
from .program import Tool


def argument_names(tool: Tool, reporter: Reporter) -> dict[Origin, str]:
    """The names of a tool's arguments on the wire; those that fit are taken first."""
    fitting: dict[str, Origin | None] = {
        given.name: given.origin
        for given in tool.inputs
        if given.name == property_name(given.name)
    }
    claims = [
        Claim(property_name(given.name), given.origin)
        for given in tool.inputs
        if given.name not in fitting
    ]
    wanted = Counter([*fitting, *(claim.wanted for claim in claims)])
    for claim in claims:
        if wanted[claim.wanted] == 1:
            reporter.report(
                "NAF304",
                claim.origin.span,
                f"the argument is called `{claim.wanted}`, which every client takes",
            )
    scope = Scope(reporter, "NAF304", property_name, taken=fitting)
    names = scope.claim_all(claims)
    made = {claim.origin: name for claim, name in zip(claims, names, strict=True)}
    return {given.origin: made.get(given.origin, given.name) for given in tool.inputs}
