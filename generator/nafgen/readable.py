"""Splits names whose words run together, as the names of their users split them."""

from __future__ import annotations

from .diagnostics import Origin
from .ir import Operation
from .naming import words
from .program import McpAdapter, Program, RestAdapter, Route, Tool


def readable_names(program: Program) -> dict[Origin, str]:
    """Names of operations whose words run together, split as a unit's name splits them.

    `listmessagebatches` is `list-message-batches` when a tool or, failing that, a route
    that calls it has a name such as `anthropic-list-message-batches`.
    """
    tools = [a for a in program.adapters if isinstance(a, McpAdapter)]
    rests = [a for a in program.adapters if isinstance(a, RestAdapter)]
    units: list[Route | Tool] = [tool for adapter in tools for tool in adapter.tools]
    units += [route for adapter in rests for route in adapter.routes]
    readable: dict[Origin, str] = {}
    for unit in units:
        operation = unit.call.callee
        if not isinstance(operation, Operation):
            continue
        split = _split_like(operation, unit.name)
        if split is not None:
            readable.setdefault(operation.origin, split)
    return readable


def _split_like(operation: Operation, name: str) -> str | None:
    squashed = operation.name.lower()
    if len(words(operation.name)) != 1:
        return None
    parts = words(name)
    for start in range(len(parts)):
        for end in range(start + 2, len(parts) + 1):
            if "".join(parts[start:end]) == squashed:
                return "-".join(parts[start:end])
    return None
