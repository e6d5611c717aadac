"""Reads members of JSON values for output mappings."""

from __future__ import annotations

from typing import Any


def pick(value: Any, *path: str) -> Any:
    """The member at `path`; None where a step has none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def items(value: Any, *path: str) -> list[Any]:
    """The elements of the array at `path`; none where it is not an array."""
    value = pick(value, *path)
    return value if isinstance(value, list) else []
