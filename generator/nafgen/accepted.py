"""Whether a document has the shape that can be read: asked first, and answered soon.

The answer is that of `jsonschema`, which only `schema` loads, for it says what is wrong.
"""

from __future__ import annotations

import functools
import json
from typing import Any, Final

from jsonschema_rs import Draft202012Validator

from .resources import SCHEMAS

_WHOLE: Final = "x-whole"


def text() -> str:
    """The JSON Schema of what can be read."""
    return (SCHEMAS / "accepted.json").read_text(encoding="utf-8")


def is_accepted(root: object) -> bool:
    """Whether the document is valid; where that cannot be told, it is not."""
    try:
        return _validator().is_valid(root)
    except ValueError:  # it holds a number that JSON cannot write, or no text
        return False


@functools.cache
def _validator() -> Draft202012Validator:
    schema = json.loads(text(), object_hook=_marked)
    return Draft202012Validator(schema, keywords={_WHOLE: _Whole})


def _marked(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, _WHOLE: True} if "integer" in schema.get("type", ()) else schema


class _Whole:
    """JSON Schema takes 8080.0 for an integer; what reads the document does not."""

    def __init__(self, _parent: object, _value: object, _path: object) -> None:
        pass

    def validate(self, value: object) -> None:
        """Refuse a number with a fraction, be that nought."""
        if isinstance(value, float):
            raise ValueError
