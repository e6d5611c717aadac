"""Output parameters to results: what an answer is made into."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from . import spec
from .diagnostics import Reporter, show
from .ir import RELAY, WHOLE, Constant, Each, Operation, Pick, Relay, Result, Shape
from .json_paths import located_path
from .paths import Function, Literal, Path
from .values import is_constant, template
from .wire import Format

Outputs: TypeAlias = tuple[tuple[str, Pick | Constant], ...]
"""Names of what a consumed operation extracts, and where it is or what it always is."""

_SCALARS = frozenset({"string", "number", "integer", "boolean"})


def extraction(outputs: tuple[spec.Output, ...], reporter: Reporter) -> Outputs | str:
    """What a consumed operation extracts of its answer, or an error's code."""
    found: list[tuple[str, Pick | Constant]] = []
    for output in outputs:
        made: Pick | Constant | str = _picked(output, reporter)
        if output.mapping is None and output.value is not None:
            made = _constant(output.value, reporter)
        if isinstance(made, str):
            return made
        found.append((output.name, made))
    return tuple(found)


def is_scalar(outputs: tuple[spec.Output, ...]) -> bool:
    """Whether all that is extracted is one text, number or flag that has a name."""
    types = [output.type for output in outputs if output.name]
    return len(outputs) == 1 and bool(types) and types[0] in _SCALARS


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
    # An object or a list is not made of one text or number.
    scalar = operation.extracts_scalar and isinstance(whole, Shape | Each)
    made = _Root(operation.extracted, is_answer=scalar).rooted(whole)
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
    _report_idle(output, reporter)
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
    array = _picked(output, reporter)
    if isinstance(array, str) or output.items is None or output.type != "array":
        return array
    item = _mapped(output.items, reporter)
    if isinstance(item, str):
        return item
    return array if item == WHOLE else Each(array.path, item)


def _report_idle(output: spec.Output, reporter: Reporter) -> None:
    """Report what an output has beside that which says all."""
    mapping = output.mapping
    if output.value is not None and mapping is not None:
        beside, hint = "`value`", "remove one of the two"
    elif output.properties is not None and mapping is not None:
        if mapping.value in ("$", "$."):
            return
        beside, hint = "`properties`", "write the whole path into each property"
    elif output.items is not None and output.type != "array":
        reporter.report(
            "NAF460",
            output.items.origin.span,
            f"`items` has no effect where the type is {show(output.type)}",
            hint="write `type: array`",
        )
        return
    else:
        return
    message = f"`mapping` has no effect beside {beside}"
    reporter.report("NAF460", mapping.span, message, hint=hint)


def _picked(output: spec.Output, reporter: Reporter) -> Pick | str:
    if output.mapping is None:
        return WHOLE
    path = located_path(output.mapping.value, output.mapping.span, reporter)
    return "NAF905" if path is None else Pick(path)


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


class _Root(Struct, frozen=True):
    """Where results begin: at the extracted values, or at the answer where `is_answer`."""

    outputs: Outputs
    is_answer: bool

    def rooted(self, made: Result) -> Result:
        """A result over the extracted values, as one over the whole answer."""
        match made:
            case Pick(()) if len(self.outputs) > 1:
                return Shape(self.outputs)
            case Pick(path):
                return self._of_answer(path)
            case Each(path, item):
                array = self._of_answer(path)
                if isinstance(array, Pick):
                    return Each(array.path, item)
                return Constant(None)  # a constant is no array
            case Shape(members):
                return Shape(tuple((key, self.rooted(m)) for key, m in members))
            case Constant():
                return made

    def _of_answer(self, path: Path) -> Pick | Constant:
        """A path in the extracted values, which may begin with the name of one of them."""
        if path and isinstance(path[0], Function):
            operands = tuple(map(self._operand, path[0].operands))
            return Pick((Function(path[0].name, operands), *path[1:]))
        for name, root in self.outputs:
            if name and path[:1] == (name,):
                return _below(root, path[1:])
        if self.is_answer or len(self.outputs) != 1:
            return Pick(path)
        return _below(self.outputs[0][1], path)

    def _operand(self, operand: Path | Literal) -> Path | Literal:
        if isinstance(operand, Literal):
            return operand
        rooted = self._of_answer(operand)
        return rooted.path if isinstance(rooted, Pick) else Literal(rooted.value)


def _below(root: Pick | Constant, path: Path) -> Pick | Constant:
    if isinstance(root, Pick):
        return Pick(root.path + path)
    return Constant(None) if path else root
