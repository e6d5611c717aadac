"""Says where the placeholders of a body's text stand, and where none can."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import yaml

from . import media_types
from .body_texts import is_raw_xml
from .media_types import Kind
from .values import Piece, Placeholder, template
from .wire import Encoding, Place

_MARK: Final = "{{}}"
_SPARQL: Final = re.compile(
    r"""
    (?P<comment> \#[^\n\r]*)
    | (?P<string> "\""(?:[^"\\]|\\.|"(?!""))*"\""
        | '''(?:[^'\\]|\\.|'(?!''))*'''
        | "(?:[^"\\\n\r]|\\.)*"
        | '(?:[^'\\\n\r]|\\.)*')
    | (?P<iri> <(?:[^<>"{}|^`\\\x00-\x20]|\{\{\}\})*>)
    | (?P<term> \{\{\}\})
    | (?P<broken> ["'\\])
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_BEFORE_TERM: Final = re.compile(r"(?:^|[\s(,;=\[<>!&|*/+{-])\Z").search
_AFTER_TERM: Final = re.compile(r"[\s),;=\]<>!&|*/+^@}-]|\.(?![0-9])|\Z").match
_CSV_FIELD: Final = re.compile(r'"(?P<quoted>(?:[^"]|"")*)"|(?P<bare>[^",\r\n]*)')
_CSV_END: Final = re.compile(r",|\r?\n|\Z")


class PlaceError(ValueError):
    """No value can be made harmless where a placeholder stands; `hint` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def places(kind: Kind, text: str) -> tuple[Place | None, ...]:
    """Where each placeholder of a text stands; None where any value can, as it is.

    Raises:
        PlaceError: no value could be made harmless there.
    """
    pieces = template(text)
    count = sum(isinstance(piece, Placeholder) for piece in pieces)
    if kind.encoding is Encoding.XML:
        _check_xml(pieces)
        return (Place.XML,) * count
    language = media_types.language(kind)
    if not count or language == "text":
        return (None,) * count
    marked = "".join(piece if isinstance(piece, str) else _MARK for piece in pieces)
    match language:
        case "sparql":
            found = tuple(_in_sparql(marked))
        case "yaml":
            found = tuple(_in_yaml(pieces))
        case "csv":
            found = tuple(_in_csv(marked))
        case _:
            raise PlaceError(
                f"a value cannot be put into a text of type {kind.media_type}",
                "make the whole text one placeholder",
            )
    return found


def _check_xml(pieces: tuple[Piece, ...]) -> None:
    before = ""
    for piece in pieces:
        if isinstance(piece, str):
            before += piece
        elif is_raw_xml(before):
            raise PlaceError(
                "a value cannot be put into CDATA, a comment or a tag's name",
                "put it into an element or a quoted attribute",
            )


# --- SPARQL --------------------------------------------------------------------------


def _in_sparql(text: str) -> Iterator[Place]:
    if re.search(r"\\[uU]", text):
        raise PlaceError(
            r"a value cannot be put into a query with escapes such as \u0041",
            "write the characters themselves",
        )
    for token in _SPARQL.finditer(text):
        count = token[0].count(_MARK)
        match token.lastgroup:
            case "string":
                yield from _in_string(token[0])
            case "iri" if token[0] == f"<{_MARK}>":
                yield Place.SPARQL_IRI
            case "iri":
                yield from (Place.SPARQL_IRI_PART,) * count
            case "term":
                yield _term(text[: token.start()], text[token.end() :])
            case "comment" if count:
                raise PlaceError("a value cannot be put into a comment", "take it out")
            case "broken":
                raise PlaceError(
                    "a value cannot be put into a query with a string that does not end,"
                    " or a backslash outside of strings",
                    "end the string on its line, and write names that need no backslash",
                )


def _in_string(token: str) -> Iterator[Place]:
    *before, _ = token.split(_MARK)
    for text in before:
        if text.endswith("\\"):
            raise PlaceError(
                "a value cannot be put behind a backslash",
                "put a space between the two",
            )
        is_double = token.startswith('"')
        yield Place.SPARQL_DOUBLE_QUOTED if is_double else Place.SPARQL_SINGLE_QUOTED


def _term(before: str, after: str) -> Place:
    if not _BEFORE_TERM(before) or not _AFTER_TERM(after):
        raise PlaceError(
            "a value cannot be a part of a name, a variable or a number",
            "put it into `<...>` or quotes, or let it stand alone",
        )
    return Place.SPARQL_TERM


# --- YAML ----------------------------------------------------------------------------


def _in_yaml(pieces: tuple[Piece, ...]) -> Iterator[Place]:
    literal = "".join(piece for piece in pieces if isinstance(piece, str))
    letters = "P"
    while letters in literal:
        letters += "P"
    # No escape ends in a P and means the same as without it.
    marks = [f"{letters}{index}E" for index in range(len(pieces))]
    text = "".join(
        piece if isinstance(piece, str) else mark
        for piece, mark in zip(pieces, marks, strict=True)
    )
    wanted = [
        mark
        for mark, each in zip(marks, pieces, strict=True)
        if isinstance(each, Placeholder)
    ]
    found: list[Place] = []
    try:
        before: yaml.Token | None = None
        for token in yaml.scan(text):
            if isinstance(token, yaml.ScalarToken):
                inside = [mark for mark in wanted if mark in token.value]
                if inside and isinstance(before, yaml.KeyToken):
                    break
                found += [_scalar(token, mark) for mark in inside]
            before = token
    except yaml.YAMLError:
        raise PlaceError(
            "the body is not YAML", "correct it, or use `type: text`"
        ) from None
    if len(found) != len(wanted):
        raise PlaceError(
            "a value cannot be a name, a comment, a tag or an anchor of YAML",
            "put it where a value stands",
        )
    yield from found


def _scalar(token: yaml.ScalarToken, mark: str) -> Place:
    match token.style:
        case '"':
            return Place.YAML_DOUBLE_QUOTED
        case "'":
            return Place.YAML_SINGLE_QUOTED
        case "|" | ">":
            raise PlaceError(
                "a value cannot be put into a block of text",
                "write the text in double quotes",
            )
        case _ if token.value == mark:
            return Place.YAML_NODE
        case _:
            raise PlaceError(
                "a value cannot be a part of a text without quotes",
                "put the text into double quotes",
            )


# --- CSV -----------------------------------------------------------------------------


def _in_csv(text: str) -> Iterator[Place]:
    start = 0
    while start <= len(text):
        field = _CSV_FIELD.match(text, start)
        end = _CSV_END.match(text, field.end()) if field else None
        if field is None or end is None:
            raise PlaceError(
                "a value cannot be put into CSV with a quote inside a field",
                "put the whole field into quotes, and write each quote twice",
            )
        if field["quoted"] is not None:
            yield from (Place.CSV_QUOTED,) * field[0].count(_MARK)
        elif field[0] == _MARK:
            yield Place.CSV_FIELD
        elif _MARK in field[0]:
            raise PlaceError(
                "a value cannot be a part of a field without quotes",
                "put the whole field into quotes",
            )
        start = max(end.end(), start + 1)
