"""The steps of the paths in results, and what they need."""

from __future__ import annotations

from collections.abc import Iterator

from .ir import (
    Constant,
    Each,
    Pick,
    Program,
    Relay,
    RestAdapter,
    Result,
    Shape,
)
from .paths import Query, Step, inner_steps


def steps(result: Result | Relay) -> Iterator[Step]:
    """All steps of the paths in a result, in order."""
    match result:
        case Pick(path):
            yield from inner_steps(path)
        case Each(path, item):
            yield from inner_steps(path)
            yield from steps(item)
        case Shape(members):
            for _, member in members:
                yield from steps(member)
        case Relay() | Constant():
            return


def queries(result: Result | Relay) -> list[Query]:
    """The queries in a result, in order."""
    return [step for step in steps(result) if isinstance(step, Query)]


def has_queries(program: Program) -> bool:
    """Whether a result needs the library that runs queries."""
    return any(
        queries(unit.result)
        for adapter in program.adapters
        for unit in (
            adapter.routes if isinstance(adapter, RestAdapter) else adapter.tools
        )
    )
