"""Explains a diagnostic's code, or where a line of generated code comes from."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from .compile import compile_spec
from .diagnostics import CODES, Origin
from .discover import absolute, reader
from .inputs import Spec
from .manifest import Manifest
from .plan import MANIFEST
from .resources import explanations
from .rule_set import NO_RULES, Rules

_POINTER: Final = re.compile(r"\s*# ((?:capability|consumes)\S+)$")
_Unit = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class UnexplainedError(Exception):
    """No line of a spec can be named; the message says why."""


def code_page(code: str) -> str | None:
    """The page of a code; None when there is no such code."""
    if code.upper() not in CODES:
        return None
    return (explanations() / f"{code.upper()}.md").read_text(encoding="utf-8")


def origin_of(
    file: Path,
    line: int,
    roots: Sequence[Path],
    importable: tuple[str, ...] = (),
    rules: Rules = NO_RULES,
) -> Origin:
    """What in a spec below one of the roots a line of a generated file comes from.

    `importable` are the folders that imports may come from besides the roots.

    Raises:
        UnexplainedError: there is no such line, or nothing of a spec that it is for.
    """
    folder = next(
        (place for place in file.absolute().parents if (place / MANIFEST).is_file()),
        None,
    )
    if folder is None or not file.is_file():
        raise UnexplainedError(f"{file} is not a file of a generated package")
    manifest = Manifest.parse((folder / MANIFEST).read_bytes())
    if manifest is None:
        raise UnexplainedError(f"{folder / MANIFEST} cannot be read")
    text = file.read_text(encoding="utf-8", errors="replace")
    if not 0 < line <= len(text.splitlines()):
        raise UnexplainedError(f"{file} has no line {line}")
    pointer = pointer_at(text, line)
    if pointer is None:
        raise UnexplainedError(f"{file}:{line} comes from no single place of a spec")
    for root in roots:
        shown = (root / manifest.spec).as_posix()
        spec = Spec(
            shown=shown,
            relative=manifest.spec,
            root=absolute(root).as_posix(),
            folders=importable,
        )
        made = compile_spec(spec, reader(spec), rules=rules)
        for origin in _origins(made.program):
            if origin.pointer == pointer:
                return origin
    folders = ", ".join(root.as_posix() for root in roots)
    raise UnexplainedError(f"{pointer} is not in {manifest.spec} below {folders}")


def pointer_at(text: str, line: int) -> str | None:
    """The spec pointer of the operation, route or tool that a line of Python is for.

    It stands above the function or class that holds the line. A client's method has
    that of the function of its name, and a helper that of the unit that it helps.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return None
    lines = text.splitlines()
    units = [node for node in ast.walk(tree) if isinstance(node, _Unit)]
    pointers = {unit: _POINTER.match(lines[_first(unit) - 2]) for unit in units}
    # ast.walk goes from the outside in.
    for unit in reversed(units):
        if _first(unit) - 1 <= line <= (unit.end_lineno or 0):
            others = (other for other in units if _is_for(unit, other))
            for each in (unit, *others):
                if found := pointers[each]:
                    return found[1]
    return None


def _first(unit: _Unit) -> int:
    return min(each.lineno for each in (*unit.decorator_list, unit))


def _is_for(unit: _Unit, other: _Unit) -> bool:
    return unit.name == other.name or any(
        isinstance(node, ast.Name) and node.id == unit.name for node in ast.walk(other)
    )


def _origins(value: Any) -> Iterator[Origin]:
    if isinstance(value, Origin):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _origins(item)
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from _origins(getattr(value, name))
