"""What is wrong with the arguments of a tool, said so that a model can correct them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

SHOWN: Final = 60
"""Characters of a wrong value that are repeated at the most."""
_KINDS: Final = {
    "array": "an array",
    "boolean": "a boolean",
    "integer": "an integer",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}
_PLAIN: Final[Mapping[str, frozenset[type]]] = {
    "array": frozenset({list}),
    "boolean": frozenset({bool}),
    "integer": frozenset({int}),
    "number": frozenset({float, int}),
    "object": frozenset({dict}),
    "string": frozenset({str}),
    "anything": frozenset({bool, dict, float, int, list, str, type(None)}),
}
"""Types of Python whose values are all of a kind."""
_NOTES: Final = frozenset({"contentEncoding", "contentMediaType", "description"})
"""Keywords that refuse nothing."""


class InputSchema:
    """The arguments that a tool takes.

    Those that are plainly right, as most are, need not wait for jsonschema.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._validator = Draft202012Validator(schema)
        self._required = frozenset(schema.get("required", ()))
        properties: Mapping[str, Any] = schema["properties"]
        self._plain = {name: _plain(known) for name, known in properties.items()}

    def mistakes(self, arguments: Mapping[str, Any]) -> list[str]:
        """What is wrong with each argument, in the order of their names."""
        if self._required <= arguments.keys() and all(
            type(value) in self._plain.get(name, ())
            for name, value in arguments.items()
        ):
            return []
        errors = self._validator.iter_errors(arguments)
        return sorted({said for error in errors for said in _said(error)})


def _plain(schema: Mapping[str, Any]) -> frozenset[type]:
    """Types whose values a schema takes, whatever they are."""
    needs_look = schema.get("items") or schema.keys() - _NOTES - {"items", "type"}
    kind = str(schema.get("type", "anything"))
    return frozenset() if needs_look else _PLAIN.get(kind, frozenset())


def _said(error: ValidationError) -> Iterator[str]:
    schema: Any = error.schema
    known: Mapping[str, Any] = schema.get("properties", {})
    given: Any = error.instance
    match error.validator:
        case "required":
            for name in schema["required"]:
                if name not in given:
                    kind = _KINDS.get(known.get(name, {}).get("type"))
                    yield f"`{name}` is missing{f'; it must be {kind}' if kind else ''}"
        case "additionalProperties":
            for name in given:
                if name not in known:
                    yield f"there is no argument `{printable(name)}`{_instead(name, known)}"
        case "type":
            yield _of_another_type(error)
        case _:
            yield f"{_place(error)}: {error.message}"


def _instead(name: str, known: Mapping[str, Any]) -> str:
    """Which argument was meant, or which there are."""
    close = get_close_matches(name.lower(), [each.lower() for each in known], 1)
    if close:
        meant = next(each for each in known if each.lower() == close[0])
        return f"; did you mean `{meant}`?"
    named = ", ".join(f"`{each}`" for each in known)
    return f"; there are {named}" if named else "; the tool takes none"


def _of_another_type(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    kind = _KINDS.get(wanted, str(wanted))
    value = json.dumps(error.instance, ensure_ascii=False)
    text = f"{_place(error)} must be {kind}, not {printable(value)}"
    if wanted in ("array", "object") and isinstance(error.instance, str):
        text += "; pass it as JSON, not as text that holds JSON"
    return text


def _place(error: ValidationError) -> str:
    first, *rest = error.absolute_path or ("arguments",)
    return f"`{first}{''.join(f'[{part!r}]' for part in rest)}`"


def printable(text: str, most: int = SHOWN) -> str:
    """A text in one line, of so many characters that can be seen."""
    cut = text if len(text) <= most else f"{text[:most]}…"
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
        for c in cut
    )
