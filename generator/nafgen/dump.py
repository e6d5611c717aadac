"""Prints any stage of the pipeline as indented text, the same for the same input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, Final

from .compile import Compilation
from .diagnostics import Origin, Span
from .pycode import Code

STAGES: Final[dict[str, Callable[[Compilation], Any]]] = {
    "document": lambda made: made.document.root if made.document else None,
    "capability": lambda made: made.capability,
    "ir": lambda made: made.program,
    "names": lambda made: made.names,
    "plan": lambda made: made.plans,
    "files": lambda made: made.package.files if made.package else None,
}
"""What each stage has made; None where the spec did not get so far."""


def dump(made: Compilation, stage: str) -> str:
    """A stage as text."""
    value = STAGES[stage](made)
    if stage == "files":
        parts = (f"==> {f.path} <==\n{f.data.decode()}" for f in value or ())
        return "\n".join(parts)
    return "\n".join(_Dumper().lines(value, "")) + "\n"


class _Dumper:
    """Prints a tree; an object with an origin is printed once and referred to after."""

    def __init__(self) -> None:
        self._printed: set[int] = set()

    def lines(self, value: Any, label: str) -> Iterator[str]:
        head = f"{label}: " if label else ""
        if isinstance(value, Origin):
            yield f"{head}{value.pointer} {_place(value.span)}"
        elif isinstance(value, Span):
            yield f"{head}{_place(value)}"
        elif _is_leaf(value):
            yield head + _leaf(value)
        elif isinstance(value, dict):
            yield from self._block(head + "{}", ((str(k), v) for k, v in value.items()))
        elif isinstance(value, list | tuple):
            yield from self._block(head + "[]", (("-", item) for item in value))
        else:
            yield from self._object(value, head)

    def _object(self, value: Any, head: str) -> Iterator[str]:
        kind = type(value).__name__
        origin = getattr(value, "origin", None)
        if isinstance(origin, Origin) and id(value) in self._printed:
            yield f"{head}{kind} -> {origin.pointer}"
            return
        self._printed.add(id(value))
        members = ((name, getattr(value, name)) for name in value.__struct_fields__)
        yield from self._block(head + kind, members)

    def _block(self, head: str, members: Iterator[tuple[str, Any]]) -> Iterator[str]:
        yield head
        for label, member in members:
            for line in self.lines(member, label):
                yield f"  {line}"


def _is_leaf(value: Any) -> bool:
    empty = isinstance(value, dict | list | tuple) and not value
    return empty or value is None or isinstance(value, str | int | float | Enum)


def _leaf(value: Any) -> str:
    if isinstance(value, Enum):
        return str(value)
    return str.__repr__(value) if isinstance(value, Code | str) else repr(value)


def _place(span: Span) -> str:
    return f"@{span.line}:{span.column}"
