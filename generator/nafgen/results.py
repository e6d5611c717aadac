"""Output parameters to results: what an answer is made into."""

from __future__ import annotations

from . import spec
from .diagnostics import Reporter, show
from .ir import IDENTITY, Constant, Each, Operation, Pick, Result, Shape
from .values import is_constant, json_path, template


def extraction(
    outputs: tuple[spec.Output, ...], reporter: Reporter
) -> tuple[tuple[str, ...], str] | str:
    """The path and the name of a consumed operation's result, or an error's code."""
    if len(outputs) > 1:
        reporter.report(
            "NAF901",
            outputs[1].origin.span,
            "several consumed output parameters are not supported yet",
            hint="keep one, or none to take the whole answer",
        )
        return "NAF901"
    if not outputs:
        return (), ""
    if outputs[0].mapping is None:
        if outputs[0].value is None:
            return (), outputs[0].name
        reporter.report(
            "NAF901",
            outputs[0].value.span,
            "a consumed output parameter with a fixed value is not supported yet",
            hint="give it a JSONPath, such as `value: $.`",
        )
        return "NAF901"
    path = _path(outputs[0], reporter)
    return "NAF905" if path is None else (path, outputs[0].name)


def result(
    outputs: tuple[spec.Output, ...], operation: Operation, reporter: Reporter
) -> Result | str:
    """What an exposed operation makes of the answer, or an error's code."""
    if not outputs:
        return IDENTITY
    if len(outputs) > 1:
        reporter.report(
            "NAF901",
            outputs[1].origin.span,
            "several output parameters are not supported yet",
            hint="make them the `properties` of one",
        )
        return "NAF901"
    made = _mapped(outputs[0], reporter)
    if isinstance(made, str):
        return made
    made = _rooted(made, operation.extracted, operation.extracted_name)
    if made != IDENTITY and not operation.is_json:
        reporter.report(
            "NAF904",
            outputs[0].origin.span,
            "only a JSON answer can be mapped so far",
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
    return Pick(path) if item == IDENTITY else Each(path, item)


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


def _rooted(made: Result, root: tuple[str, ...], name: str) -> Result:
    """A result over the extracted value, as one over the whole answer."""
    match made:
        case Pick(path):
            return Pick(root + _after_name(path, name))
        case Each(path, item):
            return Each(root + _after_name(path, name), item)
        case Shape(members):
            return Shape(tuple((key, _rooted(m, root, name)) for key, m in members))
        case Constant():
            return made


def _after_name(path: tuple[str, ...], name: str) -> tuple[str, ...]:
    """A mapping may begin with the name of the consumed output that it means."""
    return path[1:] if name and path[:1] == (name,) else path
