"""What the parameters that are declared beside the data of a body are in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from msgspec.structs import replace

from . import spec
from .spec import Located
from .values import ROOTS, Placeholder, leaves, reference, template

_OBJECTS: Final = (None, "object", "any")
"""Types of parameters that may have members."""


def with_constants(data: Located, params: list[spec.Param]) -> Located:
    """The data with the constants that are declared beside it and that it does not
    mention, where it has members."""
    if not isinstance(data.value, dict):
        return data
    mentioned = {piece.name for piece in _placeholders(data.value)}
    constants = {
        param.name: param.value.value
        for param in params
        if param.value is not None
        and (param.name not in mentioned or "{{" in str(param.value.value))
    }
    return Located({**constants, **data.value}, data.span)


def variable_of(param: spec.Param, data: Any) -> str | None:
    """The name of the placeholder that is a parameter's member of the data."""
    value = data.get(param.name) if isinstance(data, dict) else None
    pieces = template(value.strip()) if isinstance(value, str) else ()
    piece = pieces[0] if len(pieces) == 1 else None
    return piece.name if isinstance(piece, Placeholder) else None


def names_of(params: list[spec.Param], name: str) -> bool:
    """Whether a name in the data is one of the parameters, or a member of one."""
    return any(
        name == param.name
        or (param.type in _OBJECTS and name.startswith(f"{param.name}."))
        for param in params
    )


def as_objects(params: list[spec.Param], data: Any) -> list[spec.Param]:
    """The parameters; those without a type whose members the data mentions are objects."""
    firsts = {_input_name(piece.name).partition(".") for piece in _placeholders(data)}
    with_members = {first for first, dot, _ in firsts if dot}
    return [
        (
            replace(param, type="object")
            if param.type is None and param.name in with_members
            else param
        )
        for param in params
    ]


def _placeholders(data: Any) -> Iterator[Placeholder]:
    for leaf in leaves(data):
        pieces = template(leaf) if isinstance(leaf, str) else ()
        yield from (piece for piece in pieces if isinstance(piece, Placeholder))


def _input_name(name: str) -> str:
    target = reference(name, ROOTS)
    return target.name if target else name
