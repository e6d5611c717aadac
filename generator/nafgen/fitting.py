"""Fits the inputs of a route or tool to the arguments that they feed."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from .diagnostics import Reporter
from .givens import inputs_of
from .ir import Argument, Given, Input
from .program import Callee, CallStep, Flow
from .wire import Location, Type


def fitted(known: Input, argument: Argument, callee: Callee, kind: str) -> Input:
    """An input of a route (`kind` is rest) or tool (mcp), as what it feeds wants it.

    A required argument makes its input required. An input of a route takes the type
    that the upstream declares, and bytes are bytes everywhere. Descriptions that are
    absent are inherited.
    """
    given = replace(known, required=known.required or argument.required)
    is_bytes = argument.type is Type.BYTES
    if is_bytes or (kind == "rest" and argument.type is not Type.ANY):
        given = replace(given, type=argument.type, items=argument.items)
    if is_bytes and given.location is Location.BODY and not given.path:
        given = replace(given, whole=given.whole or _is_whole(argument, callee))
    if not given.description:
        given = replace(given, description=argument.description)
    return given


def _is_whole(argument: Argument, callee: Callee) -> bool:
    """Whether an argument becomes a whole body, here or in a step."""
    if not isinstance(callee, Flow):
        return argument == callee.body
    return any(
        isinstance(given, Input)
        and given.name == argument.name
        and fed == step.call.operation.body
        for step in callee.steps
        if isinstance(step, CallStep)
        for fed, given in step.call.values
    )


def share_body(inputs: dict[str, Input]) -> None:
    """Make members of bytes that are not all of a route's body."""
    taken = [each for each in inputs.values() if each.location is Location.BODY]
    for each in taken:
        if each.type is Type.BYTES and len(taken) > 1:
            inputs[each.name] = replace(each, whole=False)


def report_bytes(
    values: Iterable[tuple[Argument, Given]], reporter: Reporter
) -> str | None:
    """The code of the error that bytes come or go where only text can travel."""
    known = [*values]
    for argument, given in known:
        if argument.type is not Type.BYTES or not isinstance(given, Input):
            continue
        others = [
            other.name
            for other, value in known
            if other.type is not Type.BYTES
            and given.name in {each.name for each in inputs_of(value)}
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
