"""The functions of JSONPath, for output mappings."""

from __future__ import annotations

from collections.abc import Callable
from math import fsum, isfinite
from statistics import fmean, pstdev
from typing import Any


def length(value: Any) -> int | None:
    """The number of elements or members; None where there are none to count."""
    return len(value) if isinstance(value, dict | list) else None


def keys(value: Any) -> list[str] | None:
    """The names of an object's members."""
    return list(value) if isinstance(value, dict) else None


def append(value: Any, *items: Any) -> Any:
    """An array with more elements; anything else as it is."""
    return [*value, *items] if isinstance(value, list) else value


def total(*values: Any) -> float | None:
    """The sum of all numbers among the values and in their arrays; None without any."""
    return _of_numbers(fsum, values)


def smallest(*values: Any) -> float | None:
    """The smallest number, as `total` finds them."""
    return _of_numbers(min, values)


def largest(*values: Any) -> float | None:
    """The largest number, as `total` finds them."""
    return _of_numbers(max, values)


def average(*values: Any) -> float | None:
    """The mean of the numbers, as `total` finds them."""
    return _of_numbers(fmean, values)


def deviation(*values: Any) -> float | None:
    """The standard deviation of the numbers, as `total` finds them."""
    return _of_numbers(pstdev, values)


def _of_numbers(
    make: Callable[[list[float]], float], values: tuple[Any, ...]
) -> float | None:
    try:
        numbers = [
            float(item)
            for value in values
            for item in (value if isinstance(value, list) else [value])
            if isinstance(item, int | float) and not isinstance(item, bool)
        ]
        made = make(numbers) if numbers else None
    except OverflowError:  # JSON knows larger numbers than floats can hold
        return None
    return made if made is not None and isfinite(made) else None
