"""Queries in SPARQL: no value can leave the string, the IRI or the place it is put into."""

from __future__ import annotations

import re
from math import isfinite
from typing import Final
from urllib.parse import quote

from .calls import ArgumentError, as_text

_IN_STRING: Final = str.maketrans(
    {
        "\\": "\\\\",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\b": "\\b",
        "\f": "\\f",
    }
)
# Some processors read `\uXXXX` before anything else, even behind another backslash.
_CODE_POINT: Final = re.compile(r"\\\\([uU])")
_NOT_IN_IRI: Final = re.compile(r'[\x00-\x20<>"{}|^`\\]')
_NOT_IN_PART: Final = re.compile(r'[\x00-\x20<>"{}|^`\\%/?#]')


def sparql_double_quoted(value: object) -> str | None:
    """A value as text between double quotes, one or three; None stays None."""
    return None if value is None else _escaped(as_text(value)).replace('"', '\\"')


def sparql_single_quoted(value: object) -> str | None:
    """A value as text between single quotes, one or three; None stays None."""
    return None if value is None else _escaped(as_text(value)).replace("'", "\\'")


def sparql_iri(value: object) -> str | None:
    """A value as a whole IRI between `<` and `>`; None stays None."""
    return None if value is None else _encoded(as_text(value), _NOT_IN_IRI)


def sparql_iri_part(value: object) -> str | None:
    """A value as a part of an IRI, which is no path there; None stays None.

    Raises:
        ArgumentError: it is a segment `.` or `..`, which would be resolved.
    """
    if value is None:
        return None
    text = as_text(value)
    if text in (".", ".."):
        raise ArgumentError("a part of an IRI is a segment . or ..")
    return _encoded(text, _NOT_IN_PART)


def sparql_term(value: object) -> str | None:
    """A value as a literal: a number, a boolean, or a string; None stays None."""
    if isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value)):
        return as_text(value)
    return None if value is None else f'"{sparql_double_quoted(value)}"'


def _escaped(text: str) -> str:
    escaped = text.translate(_IN_STRING)
    return _CODE_POINT.sub(lambda found: rf"\\\U{ord(found[1]):08X}", escaped)


def _encoded(text: str, refused: re.Pattern[str]) -> str:
    return refused.sub(lambda found: quote(found[0], safe=""), text)
