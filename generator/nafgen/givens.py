"""Walks what calls give to arguments: inputs, constants, results of earlier steps, and
structures and texts that hold them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .ir import (
    Argument,
    ArrayOf,
    Given,
    Input,
    Interpolated,
    Member,
    ObjectOf,
    Part,
    Placed,
    StepValue,
    Template,
)


def leaves_of(given: Template) -> Iterator[Template | Placed]:
    """What a structure or a text holds in the end, in order; anything else itself."""
    match given:
        case ObjectOf(members):
            for _, member in members:
                yield from leaves_of(member)
        case ArrayOf(elements):
            for element in elements:
                yield from leaves_of(element)
        case Interpolated(parts):
            yield from (part for part in parts if not isinstance(part, str))
        case _:
            yield given


def inputs_of(given: Template) -> Iterator[Input]:
    """The inputs in what is given, in order."""
    return (leaf for leaf in leaves_of(given) if isinstance(leaf, Input))


def steps_of(given: Template) -> set[str]:
    """The steps whose results are in what is given."""
    return {leaf.step for leaf in leaves_of(given) if isinstance(leaf, StepValue)}


def is_complete(given: Template) -> bool:
    """Whether nothing in what is given can be absent."""
    return not any(
        isinstance(leaf, StepValue) or (isinstance(leaf, Input) and not leaf.required)
        for leaf in leaves_of(given)
    )


def settled(given: Given, inputs: Mapping[str, Input]) -> Given:
    """What is given, with each input as it is known by its name."""
    match given:
        case Input(name=name):
            return inputs[name]
        case ObjectOf(members):
            return ObjectOf(tuple((key, _settled(m, inputs)) for key, m in members))
        case ArrayOf(elements):
            return ArrayOf(tuple(_settled(element, inputs) for element in elements))
        case Interpolated(parts):
            return Interpolated(tuple(_part(part, inputs) for part in parts))
        case _:
            return given


def _settled(given: Template, inputs: Mapping[str, Input]) -> Template:
    if isinstance(given, Argument | Member):
        return given
    return settled(given, inputs)


def _part(part: Part, inputs: Mapping[str, Input]) -> Part:
    return inputs[part.name] if isinstance(part, Input) else part
