"""What a spec says that values are made into: arguments, texts and results.

Like `expect`, it shares no code with what emits or runs the generated code.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from .diagnostics import Origin
from .expect_places import UnsendableError, text, written_at
from .expect_results import ABSENT, expected_result, found_at
from .ir import (
    Argument,
    ArrayOf,
    Constant,
    Input,
    Interpolated,
    Member,
    ObjectOf,
    Part,
    Placed,
    Setting,
    StepValue,
    Template,
    Text,
    Value,
)
from .program import Call, FlowCall
from .wire import Type

Values: TypeAlias = Mapping[Origin, Any]
"""JSON values by the origin of the argument that they are given to."""
NOTHING: Final[Mapping[str, Any]] = {}


def argument_values(
    call: Call | FlowCall,
    inputs: Values,
    settings: Mapping[str, str],
    results: Mapping[str, Any] = NOTHING,
) -> dict[Origin, Any]:
    """What the arguments of a call get, given a route's or tool's inputs by origin, and
    the results of a flow's steps.

    Raises:
        UnsendableError: a text that must be sent has no value in it.
    """
    values: dict[Origin, Any] = {}
    for argument, source in call.values:
        match source:
            case Input(origin=origin):
                if origin in inputs:
                    values[argument.origin] = inputs[origin]
            case Constant(value):
                values[argument.origin] = value
            case Text():
                values[argument.origin] = resolved(source, settings)
            case StepValue(step=step) if argument.type is Type.BYTES:
                values[argument.origin] = results.get(step) or b""
            case Interpolated() | StepValue():
                made = filled(source, inputs, settings, results)
                if made is not ABSENT:
                    values[argument.origin] = made
                elif argument.required and isinstance(source, Interpolated):
                    raise UnsendableError(argument.name)
            case ObjectOf() | ArrayOf():
                values[argument.origin] = filled(source, inputs, settings, results)
                if argument.required and values[argument.origin] is ABSENT:
                    values[argument.origin] = [] if isinstance(source, ArrayOf) else {}
    return values


def resolved(template: Text, settings: Mapping[str, str]) -> str:
    """A text with the settings' values in it."""
    return "".join(
        settings[part.variable] if isinstance(part, Setting) else part
        for part in template.parts
    )


def in_json(value: Any) -> Any:
    """A value as callers write it in JSON: bytes in base64."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def given_value(value: Value, values: Values, settings: Mapping[str, str]) -> Any:
    match value:
        case Argument():
            return values.get(value.origin, ABSENT)
        case Member(argument, path):
            found = found_at(path, values.get(argument.origin))
            return ABSENT if found is None else found
        case Constant(constant):
            return constant
        case Text():
            return resolved(value, settings)
        case Interpolated():
            return filled(value, values, settings)


def filled(
    template: Template,
    values: Values,
    settings: Mapping[str, str],
    results: Mapping[str, Any] = NOTHING,
) -> Any:
    """The JSON value that a body template makes, or `ABSENT`.

    What is made of arguments none of which is given is absent as a whole.
    """
    match template:
        case Input(origin=origin):
            return values.get(origin, ABSENT)
        case Argument() | Member() | Constant() | Text():
            return given_value(template, values, settings)
        case StepValue(step, made):
            found = expected_result(made, results.get(step))
            return ABSENT if found is None else found
        case Interpolated(parts):
            texts = [_part(part, values, settings, results) for part in parts]
            return ABSENT if ABSENT in texts else "".join(map(text, texts))
        case ObjectOf(members):
            inside = {
                key: filled(member, values, settings, results)
                for key, member in members
            }
            present = {
                key: value for key, value in inside.items() if value is not ABSENT
            }
            return present if present or not members else ABSENT
        case ArrayOf(elements):
            items = [filled(element, values, settings, results) for element in elements]
            kept = [item for item in items if item is not ABSENT]
            return kept if kept or not elements else ABSENT


def _part(
    part: Part,
    values: Values,
    settings: Mapping[str, str],
    results: Mapping[str, Any],
) -> Any:
    """A part of a text: a value as its place has it."""
    match part:
        case str():
            return part
        case Placed(value, place):
            found = given_value(value, values, settings)
            return ABSENT if found is ABSENT else written_at(place, found)
        case _:
            return filled(part, values, settings, results)
