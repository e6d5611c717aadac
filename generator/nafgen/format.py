"""Formats Python text: the only user of black."""

from __future__ import annotations

from typing import Final

import black
from black.mode import TargetVersion
from black.parsing import InvalidInput

_MODE: Final = black.Mode(
    target_versions={TargetVersion.PY311}, line_length=88, preview=False
)


def python(text: str) -> str:
    """The text as black writes it.

    Raises:
        ValueError: the text is not Python.
    """
    try:
        return black.format_str(text, mode=_MODE)
    except InvalidInput as error:
        raise ValueError(str(error)) from error
