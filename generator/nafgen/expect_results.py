"""What an answer must be made into, computed from the IR.

Names, indexes and wildcards are walked here by other code than that of the generated
packages, so that one mistake cannot hide in both. Queries and functions are theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from .ir import Constant, Each, Pick, Result, Shape
from .paths import Every, Function, Literal, Members, Path, Query, Step
from .runtime import path_functions
from .runtime.queries import jsonpath

_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "length": path_functions.length,
    "keys": path_functions.keys,
    "append": path_functions.append,
    "sum": path_functions.total,
    "min": path_functions.smallest,
    "max": path_functions.largest,
    "avg": path_functions.average,
    "stddev": path_functions.deviation,
}


class Absence(Enum):
    """The one value that stands for no value; JSON's null is a value."""

    ABSENT = "absent"


ABSENT: Final = Absence.ABSENT


def expected_result(result: Result, answer: Any) -> Any:
    """What a JSON answer is made into."""
    match result:
        case Constant(value):
            return value
        case Pick(path):
            return found_at(path, answer)
        case Shape(members):
            return {name: expected_result(made, answer) for name, made in members}
        case Each(path, item):
            array = found_at(path, answer)
            if not isinstance(array, list):
                return None
            return [expected_result(item, element) for element in array]


def found_at(path: Path, value: Any) -> Any:
    """What is at a path in a JSON value; None where nothing is."""
    found = _walked(path, value)
    return None if found is ABSENT else found


def _walked(path: Path, value: Any) -> Any:
    for step in path:
        value = _below(step, value)
    return value


def _below(step: Step, value: Any) -> Any:
    match step:
        case str():
            return value.get(step, ABSENT) if isinstance(value, dict) else ABSENT
        case int():
            elements = value if isinstance(value, list) else []
            place = step if step >= 0 else len(elements) + step
            return dict(enumerate(elements)).get(place, ABSENT)
        case Members(names):
            if not isinstance(value, dict):
                return ABSENT
            return {name: value[name] for name in names if name in value}
        case Every(path):
            return _everything(path, value)
        case Query(text):
            return jsonpath(text)(value)
        case Function(name, operands):
            if value is ABSENT:
                return ABSENT
            given = (
                o.value if isinstance(o, Literal) else found_at(o, value)
                for o in operands
            )
            return _FUNCTIONS[name](*given)


def _everything(path: Path, value: Any) -> list[Any]:
    children = [*value.values()] if isinstance(value, dict) else value
    found: list[Any] = []
    for child in children if isinstance(children, list) else []:
        below = _walked(path, child)
        if below is not ABSENT:
            found += below if path and isinstance(path[-1], Every) else [below]
    return found
