"""Walks what calls give to arguments: an input, a constant, or a structure of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from .ir import ArrayOf, Constant, Input, ObjectOf, Template, Text

Given: TypeAlias = Input | Constant | Text | ObjectOf | ArrayOf


def inputs_of(given: Template) -> Iterator[Input]:
    """The inputs in what is given, in order."""
    match given:
        case Input():
            yield given
        case ObjectOf(members):
            for _, member in members:
                yield from inputs_of(member)
        case ArrayOf(elements):
            for element in elements:
                yield from inputs_of(element)
        case _:
            return


def is_complete(given: Template) -> bool:
    """Whether nothing in what is given can be absent."""
    return all(each.required for each in inputs_of(given))


def settled(given: Given, inputs: Mapping[str, Input]) -> Given:
    """What is given, with each input as it is known by its name."""
    match given:
        case Input(name=name):
            return inputs[name]
        case ObjectOf() | ArrayOf():
            return _settled(given, inputs)
        case _:
            return given


def _settled(
    given: ObjectOf | ArrayOf, inputs: Mapping[str, Input]
) -> ObjectOf | ArrayOf:
    def one(template: Template) -> Template:
        if isinstance(template, ObjectOf | ArrayOf):
            return _settled(template, inputs)
        return inputs[template.name] if isinstance(template, Input) else template

    if isinstance(given, ObjectOf):
        return ObjectOf(tuple((key, one(member)) for key, member in given.members))
    return ArrayOf(tuple(map(one, given.elements)))
