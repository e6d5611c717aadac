"""Links what an adapter answers by itself: values that the spec writes, with inputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from . import spec
from .diagnostics import Reporter, show
from .exposed import CallLinker
from .ir import Argument, Constant, Given, ObjectOf, Template
from .spec import Located
from .values import is_constant

Place = Callable[[str, Located], Argument]
_KINDS: Final = {"number": (int, float), "integer": (int,), "boolean": (bool,)}


def has_values(output: spec.Output) -> bool:
    """Whether an output says its value itself."""
    children = [child for _, child in output.properties or ()]
    return output.value is not None or any(map(has_values, children))


def mocked(
    outputs: Sequence[spec.Output],
    linker: CallLinker,
    place: Place,
    reporter: Reporter,
) -> Given | str:
    """The object of named outputs, or the value of one without a name."""
    members: dict[str, Given] = {}
    for output in outputs:
        made = _value(output, linker, place, reporter)
        if isinstance(made, str):
            return made
        if not output.name and len(outputs) == 1:
            return made
        members[output.name] = made
    return ObjectOf(tuple(members.items()))


def nested(members: Mapping[str, Given]) -> ObjectOf | None:
    """The object whose members have dots where they belong to a member of it; None
    where one is a value and an object as well."""
    tree: dict[str, Template | dict[str, Given]] = {}
    for target, value in members.items():
        first, _, rest = target.partition(".")
        if not rest:
            if first in tree:
                return None
            tree[first] = value
            continue
        inside = tree.setdefault(first, {})
        if not isinstance(inside, dict):
            return None
        inside[rest] = value
    made: list[tuple[str, Template]] = []
    for name, inside in tree.items():
        value_ = nested(inside) if isinstance(inside, dict) else inside
        if value_ is None:
            return None
        made.append((name, value_))
    return ObjectOf(tuple(made))


def _value(
    output: spec.Output, linker: CallLinker, place: Place, reporter: Reporter
) -> Given | str:
    if output.value is not None:
        made = linker.value(place(output.name, output.value), output.value)
        if made is None:
            return linker.failed or "NAF902"
        if not isinstance(made, Constant):
            return made
        typed = _typed(made, output.type)
        if typed is None:
            reporter.report(
                "NAF101",
                output.value.span,
                f"{show(made.value)} is no {output.type}",
                hint="correct the value, or its `type`",
            )
            return "NAF101"
        return typed
    members: list[tuple[str, Template]] = []
    for name, child in output.properties or ():
        inside = _value(child, linker, place, reporter)
        if isinstance(inside, str):
            return inside
        members.append((name, inside))
    return ObjectOf(tuple(members)) if members else Constant(None)


def _typed(constant: Constant, type_: str) -> Constant | None:
    """A constant as its type has it: texts may write numbers and flags as JSON does."""
    value = constant.value
    if not isinstance(value, str) or type_ not in _KINDS:
        return constant
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):
        return None
    fits = type(read) in _KINDS[type_] and is_constant(read)
    return Constant(read) if fits else None
