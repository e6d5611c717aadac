"""Texts that an input of a route must refuse."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, TypeAdapter, ValidationError

from .ir import Input
from .wire import Type

NO_BASE64: Final = "YQ=*"

_CANDIDATES: Final = ("!", "%", "a", "0", "A", "-", "Zz9%", "%" * 300)


def unmatched(given: Input) -> str | None:
    """A text that is no base64, for bytes, or that the pattern of an input does not
    match; None where there is none."""
    if given.type is Type.BYTES and not given.whole:
        return NO_BASE64
    if not given.pattern:
        return None
    matching = TypeAdapter[str](Annotated[str, Field(pattern=given.pattern)])
    for text in _CANDIDATES:
        if not given.location.can_hold(text):
            continue
        try:
            matching.validate_python(text)
        except ValidationError:
            return text
    return None
