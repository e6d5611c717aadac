"""_scripts/: the files of scripts, as data; and what runs them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from ..markdown import prose
from ..names import NameTable
from ..plan import FilePlan
from ..program import Program
from ..pycode import Code
from ..scripted import Language

_LIBRARIES: Final = {
    Language.JAVASCRIPT: "quickjs-ng",
    Language.PYTHON: "pydantic-monty",
}


class ScriptView(Struct, frozen=True, kw_only=True):
    """The text of a script, as it is."""

    text: Code


def plan(program: Program, names: NameTable) -> tuple[FilePlan, ...]:
    """The plans of the files, where there are scripts."""
    return tuple(
        FilePlan(
            path=f"_scripts/{names.scripts[file.origin]}",
            template="script.j2",
            view=ScriptView(text=Code(file.text)),
        )
        for file in program.script_files
    )


def script_modules(program: Program) -> tuple[str, ...]:
    """The support modules that run scripts; the second one is a process of its own."""
    return ("scripts", "script_worker") if program.script_files else ()


def script_libraries(program: Program) -> set[str]:
    """The libraries that run scripts."""
    return {_LIBRARIES[file.language] for file in program.script_files}


def script_variables(program: Program) -> Iterator[tuple[str, Code]]:
    """The settings of scripts."""
    if program.script_files:
        yield "SCRIPTING", prose("false switches scripts off")
        yield "SCRIPT_TIMEOUT", prose("seconds that a script may run")
