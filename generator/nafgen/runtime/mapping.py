"""Reads members of JSON values for output mappings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def pick(value: Any, *path: str | int) -> Any:
    """What is at a path of names and indexes; None where a step has nothing.

    Negative indexes count from the end.
    """
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            has_it = isinstance(value, list) and -len(value) <= step < len(value)
            value = value[step] if has_it else None
    return value


def each(array: Any, make: Callable[[Any], Any]) -> list[Any] | None:
    """What `make` makes of each element; None where there is no array."""
    return [make(item) for item in array] if isinstance(array, list) else None
