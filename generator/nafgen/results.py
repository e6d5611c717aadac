"""Output parameters to results: what an answer is made into."""

from __future__ import annotations

from . import spec
from .diagnostics import Reporter, show
from .ir import RELAY, WHOLE, Constant, Each, Operation, Pick, Relay, Result, Shape
from .values import is_constant, json_path, template
from .wire import Format

Outputs = tuple[tuple[str, tuple[str, ...]], ...]
"""Names and paths of what a consumed operation extracts."""


def extraction(outputs: tuple[spec.Output, ...], reporter: Reporter) -> Outputs | str:
    """What a consumed operation extracts of its answer, or an error's code."""
    found = []
    for output in outputs:
        if output.mapping is None and output.value is not None:
            reporter.report(
                "NAF901",
                output.value.span,
                "a consumed output parameter with a fixed value is not supported yet",
                hint="give it a JSONPath, such as `value: $.`",
            )
            return "NAF901"
        path = () if output.mapping is None else _path(output, reporter)
        if path is None:
            return "NAF905"
        found.append((output.name, path))
    return tuple(found)


def result(
    outputs: tuple[spec.Output, ...], operation: Operation, reporter: Reporter
) -> Result | Relay | str:
    """What an exposed operation makes of the answer, or an error's code.

    What would say the same JSON again is passed on as it is.
    """
    if not outputs:
        return RELAY
    members: list[tuple[str, Result]] = []
    for output in outputs:
        member = _mapped(output, reporter)
        if isinstance(member, str):
            return member
        members.append((output.name, member))
    names = {name for name, _ in members if name}
    if len(members) > 1 and len(names) < len(members):
        reporter.report(
            "NAF901",
            outputs[1].origin.span,
            "several output parameters without names are not supported",
            hint="give each a name of its own; they become the members of an object",
        )
        return "NAF901"
    whole = members[0][1] if len(members) == 1 else Shape(tuple(members))
    made = _rooted(whole, operation.extracted)
    if made == WHOLE and (
        operation.format is Format.JSON or operation.format.is_opaque
    ):
        return RELAY
    if operation.format.is_opaque:
        reporter.report(
            "NAF904",
            outputs[0].origin.span,
            f"there is nothing to map in an answer of {operation.format}",
            hint="leave the mapping out to pass the answer on as it is",
        )
        return "NAF904"
    return made


def _mapped(output: spec.Output, reporter: Reporter) -> Result | str:
    if output.value is not None:
        return _constant(output.value, reporter)
    if output.properties is not None:
        members = []
        for name, child in output.properties:
            made = _mapped(child, reporter)
            if isinstance(made, str):
                return made
            members.append((name, made))
        return Shape(tuple(members))
    path = () if output.mapping is None else _path(output, reporter)
    if path is None:
        return "NAF905"
    if output.items is None or output.type != "array":
        return Pick(path)
    item = _mapped(output.items, reporter)
    if isinstance(item, str):
        return item
    return Pick(path) if item == WHOLE else Each(path, item)


def _constant(value: spec.Located, reporter: Reporter) -> Constant | str:
    scalar = value.value
    if is_constant(scalar):
        return Constant(scalar)
    if isinstance(scalar, str) and not any(
        not isinstance(piece, str) for piece in template(scalar)
    ):
        return Constant(scalar)
    reporter.report(
        "NAF902",
        value.span,
        "a template or a structure cannot stand here so far",
        hint="write a constant, or take the value from the answer by `mapping`",
    )
    return "NAF902"


def _path(output: spec.Output, reporter: Reporter) -> tuple[str, ...] | None:
    mapping = output.mapping
    path = (
        json_path(mapping.value) if mapping and isinstance(mapping.value, str) else None
    )
    if path is None and mapping is not None:
        reporter.report(
            "NAF905",
            mapping.span,
            f"the JSONPath {show(mapping.value)} is not supported yet",
            hint="member names joined by dots are supported, such as `$.data.id`",
        )
    return path


def _rooted(made: Result, outputs: Outputs) -> Result:
    """A result over the extracted values, as one over the whole answer."""
    match made:
        case Pick(()) if len(outputs) > 1:
            return Shape(tuple((name, Pick(path)) for name, path in outputs))
        case Pick(path):
            return Pick(_of_answer(path, outputs))
        case Each(path, item):
            return Each(_of_answer(path, outputs), item)
        case Shape(members):
            return Shape(tuple((key, _rooted(m, outputs)) for key, m in members))
        case Constant():
            return made


def _of_answer(path: tuple[str, ...], outputs: Outputs) -> tuple[str, ...]:
    """A path in the extracted values, which may begin with the name of one of them."""
    for name, root in outputs:
        if name and path[:1] == (name,):
            return root + path[1:]
    return outputs[0][1] + path if len(outputs) == 1 else path
