"""What a JSONPath does, step by step.

A path is a sequence of steps. Each makes a value of the one before it, so that two paths
in a row are one: the second begins at what the first one finds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from msgspec import Struct


class Members(Struct, frozen=True):
    """An object of those named members that the value has; None of anything else."""

    names: tuple[str, ...]


class Every(Struct, frozen=True):
    """An array of what is at `path` in each element or member of the value.

    Where one has nothing there, the array has nothing of it. The arrays of an `Every`
    within are joined. The steps of `path` are names, indexes and `Members`, then
    perhaps one `Every` or `Function`.
    """

    path: Path


class Query(Struct, frozen=True):
    """An array of all that a query finds in the value, which is its `$`.

    `text` is a query of RFC 9535, with `=~` and `in` for its filters; `example` is the
    text of a JSON value in which it finds something, as far as that is known.
    """

    text: str
    example: str


class Literal(Struct, frozen=True):
    """A value that a function is given."""

    value: bool | int | float | str | None


class Function(Struct, frozen=True):
    """A function of literals, and of what is at paths in the value.

    `name` is `length`, `keys`, `sum`, `min`, `max`, `avg`, `stddev` or `append`.
    """

    name: str
    operands: tuple[Path | Literal, ...]


Step: TypeAlias = str | int | Members | Every | Query | Function
"""The member of a name, the element of an index (negative: from the end), and more."""

Path: TypeAlias = tuple[Step, ...]
"""() is the value itself."""


def inner_steps(path: Path) -> Iterator[Step]:
    """All steps of a path, and of the paths within it."""
    for step in path:
        yield step
        match step:
            case Every(below):
                yield from inner_steps(below)
            case Function(_, operands):
                for operand in operands:
                    if not isinstance(operand, Literal):
                        yield from inner_steps(operand)
