"""Fits the inputs of a route or tool to the arguments that they feed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .diagnostics import Reporter
from .givens import inputs_of
from .ir import Argument, Given, Input
from .wire import Location, Type


def fitted(known: Input, argument: Argument, kind: str) -> Input:
    """An input of a route (`kind` is rest) or tool (mcp), as what it feeds wants it.

    A required argument makes its input required. An input of a route takes the type
    that the upstream declares, and bytes are bytes everywhere: as the whole body of a
    route. Descriptions that are absent are inherited.
    """
    given = replace(known, required=known.required or argument.required)
    is_bytes = argument.type is Type.BYTES
    if is_bytes or (kind == "rest" and argument.type is not Type.ANY):
        given = replace(given, type=argument.type, items=argument.items)
    if is_bytes and given.location is Location.BODY:
        given = replace(given, whole=True)
    if not given.description:
        given = replace(given, description=argument.description)
    return given


def report_bytes(values: Mapping[Argument, Given], reporter: Reporter) -> str | None:
    """The code of the error that bytes come or go where only text can travel."""
    for argument, given in values.items():
        if argument.type is not Type.BYTES or not isinstance(given, Input):
            continue
        others = [
            other.name
            for other, value in values.items()
            if other is not argument and given in inputs_of(value)
        ]
        if given.location is not Location.BODY:
            code, where = "NAF908", f"in the {given.location}"
        elif others:
            code, where = "NAF902", f"for `{others[0]}` too"
        else:
            continue
        reporter.report(
            code,
            given.origin.span,
            f"`{given.name}` is bytes, which cannot be {where}",
            hint="declare an input of its own, with `in: body`",
        )
        return code
    return None
