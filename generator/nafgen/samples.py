"""JSON values in which mappings find something, for verification and mocked upstreams."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from .ir import Constant, Each, Pick, Result, Shape
from .paths import Every, Function, Literal, Members, Path, Query

Make: TypeAlias = Callable[[str], Any]
"""Makes a value of a mark, which tells it from the others."""

_NUMBERS: Final = [3, 1.5, 2]
_LONG: Final = 24


def sample_of(result: Result, mark: str, element: Make) -> Any:
    """A JSON value that has all that a result picks; None where any value has.

    What is picked is a text that begins with the mark. `element` makes what an element
    of an array is beside that.
    """
    match result:
        case Pick(()) | Constant():
            return None
        case Pick(path):
            names = ".".join(str(step) for step in path if isinstance(step, str | int))
            return sample_at(path, str, f"{mark} {names}".strip())
        case Shape(members):
            made = None
            for _, member in members:
                made = merged(made, sample_of(member, mark, element))
            return made
        case Each(path, item):

            def make(mark: str) -> Any:
                own = sample_of(item, mark, element)
                return element(mark) if own is None else merged(own, element(mark))

            return sample_at(path, make, mark, many=True)


def sample_at(path: Path, make: Make, mark: str, *, many: bool = False) -> Any:
    """A JSON value that has something of `make` at a path; where `many`, two of it."""
    if not path:
        return _both(make, mark) if many else make(mark)
    step, rest = path[0], path[1:]
    match step:
        case str():
            return {step: sample_at(rest, make, mark, many=many)}
        case int():
            # One more than it takes, so that the first and the last are not the same.
            elements: list[Any] = [f"beside {mark}"] * (max(step + 1, -step) + 1)
            elements[step] = sample_at(rest, make, mark, many=many)
            return elements
        case Members(names):
            return {name: make(f"{mark} {name}") for name in names}
        case Every(below):
            return _both(lambda each: sample_at((*below, *rest), make, each), mark)
        case Query():
            return json.loads(step.example)
        case Function(name, operands):
            made = None
            for operand in operands:
                if not isinstance(operand, Literal):
                    made = merged(made, _operand(name, operand, mark))
            return made


def _both(make: Make, mark: str) -> list[Any]:
    """Two elements; deep inside, one, so that few mappings do not make many."""
    return [make(f"{mark} {n}") for n in ((1, 2) if len(mark) < _LONG else (1,))]


def _operand(name: str, path: Path, mark: str) -> Any:
    """What a function can work on, at a path."""
    if any(isinstance(step, Every) for step in path):
        return sample_at(path, lambda each: float(len(each)), mark)
    value: Any = [*_NUMBERS]
    if name in ("keys", "length"):
        value = {"first": mark, "second": mark}
    return sample_at(path, lambda _: value, mark)


def merged(old: Any, new: Any) -> Any:
    """Both values in one; where they contradict, a structure goes before a scalar."""
    if old is None:
        return new
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{k: merged(old.get(k), value) for k, value in new.items()}}
    if isinstance(old, list) and isinstance(new, list):
        longer = old if len(old) > len(new) else new
        pairs = zip(old, new, strict=False)
        return [*(merged(a, b) for a, b in pairs), *longer[min(len(old), len(new)) :]]
    if isinstance(old, dict | list) and not isinstance(new, list):
        return old
    return new
