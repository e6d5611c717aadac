"""binds.py: where settings are held that the environment does not give."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ..names import NameTable
from ..plan import FilePlan
from ..program import Held, Program
from ..pycode import Code, Imports, doc, lit
from .expressions import RUNTIME, comma
from .sources import reading


class BindsView(Struct, frozen=True, kw_only=True):
    doc: Code
    imports: tuple[tuple[Code, ...], ...]
    held: tuple[Code, ...]


def plan(program: Program, names: NameTable) -> tuple[FilePlan, ...]:
    """The plan of binds.py, where there are such settings."""
    if not program.held:
        return ()
    imports = Imports()
    imports.use("__future__", "annotations")
    view = BindsView(
        doc=doc("Where settings are held that the environment does not give."),
        held=tuple(_made(each, imports) for each in program.held),
        imports=imports.blocks(),
    )
    return (FilePlan(path="binds.py", template="binds.py.j2", view=view),)


def _made(held: Held, imports: Imports) -> Code:
    keys = comma(f"{lit(variable)}: {lit(key)}" for variable, key in held.keys)
    arguments = comma([*_place(held, imports), Code(f"{{{keys}}}")])
    name = "HeldElsewhere" if held.path is None else "HeldInFile"
    return Code(f"{imports.use(f'{RUNTIME}.held_settings', name)}({arguments})")


def _place(held: Held, imports: Imports) -> Iterator[Code]:
    yield lit(held.variable)
    if held.path is not None:
        known = reading(held.path)
        yield Code("__file__")
        yield lit(held.path)
        yield imports.use(f"{RUNTIME}.{known.module}", known.function)
