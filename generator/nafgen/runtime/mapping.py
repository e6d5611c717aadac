"""Reads members of JSON values for output mappings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def pick(value: Any, *path: str) -> Any:
    """The member at `path`; None where a step has none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def each(array: Any, make: Callable[[Any], Any]) -> list[Any] | None:
    """What `make` makes of each element; None where there is no array."""
    return [make(item) for item in array] if isinstance(array, list) else None
