"""What a value looks like at a place of a text in another language.

Like `expect`, it shares no code with what emits or runs the generated code.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from .wire import Place

_XML_CHARACTERS: Final = re.compile(
    "[\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*"
)
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_NOT_IN_IRI: Final = frozenset('<>"{}|^`\\') | frozenset(map(chr, range(0x21)))
_NOT_IN_PART: Final = _NOT_IN_IRI | frozenset("%/?#")
_CONTROLS: Final = {
    "\n": "n",
    "\r": "r",
    "\t": "t",
    "\b": "b",
    "\f": "f",
    "\\": "\\",
}


class UnsendableError(ValueError):
    """A value must be refused, because it cannot be sent without harm."""


def text(value: Any) -> str:
    """A JSON value where only text can travel: strings as they are, whole numbers
    without a fraction, the rest as compact JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return json.dumps(value, separators=(",", ":"))


def written_at(place: Place, value: Any) -> str:
    """A value as it must be written.

    Raises:
        UnsendableError: it cannot be.
    """
    match place:
        case Place.XML:
            return _in_xml(text(value))
        case Place.SPARQL_DOUBLE_QUOTED:
            return _sparql(text(value), '"')
        case Place.SPARQL_SINGLE_QUOTED:
            return _sparql(text(value), "'")
        case Place.SPARQL_TERM if isinstance(value, bool | int | float):
            return text(value)
        case Place.SPARQL_TERM:
            return '"' + _sparql(text(value), '"') + '"'
        case Place.SPARQL_IRI:
            return _encoded(text(value), _NOT_IN_IRI)
        case Place.SPARQL_IRI_PART if text(value) in (".", ".."):
            raise UnsendableError(value)
        case Place.SPARQL_IRI_PART:
            return _encoded(text(value), _NOT_IN_PART)
        case Place.YAML_NODE:
            return "".join(map(_yaml, json.dumps(value, ensure_ascii=False)))
        case Place.YAML_DOUBLE_QUOTED:
            return "".join(
                map(_yaml, json.dumps(text(value), ensure_ascii=False)[1:-1])
            )
        case Place.YAML_SINGLE_QUOTED if (
            not text(value).replace("\t", "").isprintable()
        ):
            raise UnsendableError(value)
        case Place.YAML_SINGLE_QUOTED:
            return "''".join(text(value).split("'"))
        case Place.CSV_QUOTED:
            return '""'.join(text(value).split('"'))
        case Place.CSV_FIELD:
            return '"' + '""'.join(text(value).split('"')) + '"'


def _in_xml(value: str) -> str:
    if not _XML_CHARACTERS.fullmatch(value):
        raise UnsendableError(value)
    return "".join(
        _ENTITIES.get(c, f"&#{ord(c)};" if c in "\"'\t\n\r" else c) for c in value
    )


def _sparql(value: str, quote: str) -> str:
    written = ""
    for index, character in enumerate(value):
        if character in "uU" and value[index - 1 : index] == "\\":
            written += f"\\U000000{ord(character):X}"
        elif character in _CONTROLS:
            written += "\\" + _CONTROLS[character]
        else:
            written += "\\" + character if character == quote else character
    return written


def _encoded(value: str, refused: frozenset[str]) -> str:
    return "".join(f"%{ord(c):02X}" if c in refused else c for c in value)


def _yaml(character: str) -> str:
    code = ord(character)
    if 0x20 <= code < 0x7F:
        return character
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
