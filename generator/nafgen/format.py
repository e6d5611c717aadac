"""Formats Python text: the only user of black, which is loaded when it is needed."""

from __future__ import annotations

from typing import Final

from .layout import Layout, UnknownModuleError


def python(text: str) -> str:
    """The text as black writes it.

    Raises:
        ValueError: the text is not Python.
    """
    try:
        return _LAYOUT.module(text)
    except UnknownModuleError:
        return by_black(text)


def by_black(text: str) -> str:
    """The text as black writes it, by black itself.

    Raises:
        ValueError: the text is not Python.
    """
    import black
    from black.mode import TargetVersion
    from black.parsing import InvalidInput

    mode = black.Mode(
        target_versions={TargetVersion.PY311}, line_length=88, preview=False
    )
    try:
        return black.format_str(text, mode=mode)
    except InvalidInput as error:
        raise ValueError(str(error)) from error


def _statement(text: str, depth: int) -> str:
    """One statement, that much indented, as black writes it."""
    above = [f"{'    ' * each}if x:" for each in range(depth)]
    indent = "    " * depth
    below = []
    if text[0] == "@":
        below = [f"{indent}def f():", f"{indent}    pass"]
    elif text[-1] == ":":
        below = [f"{indent}    pass"]
    made = by_black("\n".join([*above, indent + text, *below, ""])).split("\n")
    # Around a decorator are empty lines, which are not the statement's.
    return "\n".join(made[depth : len(made) - 1 - len(below)]).lstrip("\n")


_LAYOUT: Final = Layout(_statement)
