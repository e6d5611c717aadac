"""Reads inputs that stand deep in the JSON body of a request."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Final

from pydantic import StringConstraints, TypeAdapter, ValidationError

from .calls import ArgumentError

_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "any": (object,),
}


def body_member(
    body: Any, kind: str, *path: str, required: bool = True, pattern: str = ""
) -> Any:
    """The member of a body at a path; None where it is absent and not required.

    `kind` is its type in JSON, to which nothing is converted.

    Raises:
        ArgumentError: it is absent and required, of another type, or a text that the
            pattern does not match.
    """
    value = body
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if value is None and not required:
        return None
    # In Python, true is a number.
    is_flag = isinstance(value, bool) and kind in ("integer", "number")
    if value is None or is_flag or not isinstance(value, _KINDS[kind]):
        where = ".".join(path)
        raise ArgumentError(f"the body must have a value of type {kind} at {where}")
    if pattern and not _matches(pattern, value):
        where = ".".join(path)
        raise ArgumentError(f"the text at {where} in the body must match {pattern}")
    return value


@cache
def _matching(pattern: str) -> TypeAdapter[str]:
    """The texts that a pattern matches, as FastAPI reads patterns elsewhere."""
    return TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])


def _matches(pattern: str, text: object) -> bool:
    try:
        _matching(pattern).validate_python(text)
    except ValidationError:
        return False
    return True
