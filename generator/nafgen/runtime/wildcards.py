"""Finds all that is at a path with wildcards in a JSON value."""

from __future__ import annotations

from collections.abc import Iterable
from types import EllipsisType
from typing import Any, TypeAlias

Step: TypeAlias = str | int | tuple[str, ...] | EllipsisType


def pick_all(value: Any, *path: Step) -> list[Any]:
    """All values at a path, in which `...` stands for each element or member.

    Names and indexes are those of `pick`. A tuple of names, as the last step, makes an
    object of the members of those names. What lacks a step is left out.
    """
    found = [value]
    for step in path:
        found = [below for each in found for below in _below(each, step)]
    return found


def pick_members(value: Any, *names: str) -> dict[str, Any] | None:
    """An object of those named members that the value has; None of anything else."""
    if not isinstance(value, dict):
        return None
    return {name: value[name] for name in names if name in value}


def _below(value: Any, step: Step) -> Iterable[Any]:
    if isinstance(value, dict):
        if isinstance(step, str):
            return [value[step]] if step in value else []
        if isinstance(step, tuple):
            return [pick_members(value, *step)]
        return [] if isinstance(step, int) else value.values()
    if isinstance(value, list):
        if isinstance(step, int):
            return [value[step]] if -len(value) <= step < len(value) else []
        return value if isinstance(step, EllipsisType) else []
    return []
