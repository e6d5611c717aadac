"""The tokens of a statement, with what black's rules for line breaks ask about them.

Reads the Python that nafgen writes and nothing more: `UnknownStatementError` says that a
statement holds something else. Spaces between tokens are taken as they are written.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterator
from typing import Final

CLOSING: Final = {"(": ")", "[": "]", "{": "}"}
CLOSERS: Final = frozenset(CLOSING.values())
STARS: Final = frozenset({"*", "**"})
_KEYWORDS: Final = frozenset("""
    and async await class def elif else for from if import in is lambda not or raise
    return while
    """.split())
_UNKNOWN_KEYWORDS: Final = frozenset("""
    as assert break case continue del except finally global match nonlocal pass try
    type with yield
    """.split())
KEYWORDS: Final = _KEYWORDS | _UNKNOWN_KEYWORDS
_TOKEN: Final = re.compile(
    r"""(\s*)(?:([rRbBfFuU]{0,2}(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))"""
    r"|([A-Za-z_][A-Za-z0-9_]*)"
    r"|([0-9][0-9A-Za-z_.]*(?:(?<=[eE])[+-][0-9]+)?)"
    r"|(->|\*\*|==|!=|<=|>=|[()\[\]{},:=.@*|<>+-]))"
)

# Ranges of characters and their columns, those of the scripts that are met most.
_WIDTHS: Final = (
    (0xA1, 0xAC, 1),
    (0xAE, 0x2FF, 1),
    (0x370, 0x482, 1),
    (0x48A, 0x52F, 1),
    (0x1E00, 0x1FFF, 1),
    (0x2010, 0x2027, 1),
    (0x2030, 0x205E, 1),
    (0x20A0, 0x20BF, 1),
    (0x2100, 0x22FF, 1),
    (0x2500, 0x25FC, 1),
    (0x2701, 0x2704, 1),
    (0x2713, 0x2727, 1),
    (0x3001, 0x3029, 2),
    (0x3041, 0x3096, 2),
    (0x309B, 0x30FF, 2),
    (0x3400, 0x4DBF, 2),
    (0x4E00, 0x9FFF, 2),
    (0xAC00, 0xD7A3, 2),
    (0xFF01, 0xFF60, 2),
    (0x1F600, 0x1F64F, 2),
    (0x1F680, 0x1F6C5, 2),
)


class UnknownStatementError(Exception):
    """A statement holds what is not known here."""


def width(text: str) -> int:
    """The columns that a text takes.

    Raises:
        UnknownStatementError: it has a character whose width is not known here.
    """
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    code = ord(character)
    if code < 0x7F:
        return 1
    place = bisect(_WIDTHS, code, key=lambda each: each[0]) - 1
    if place >= 0 and code <= _WIDTHS[place][1]:
        return _WIDTHS[place][2]
    raise UnknownStatementError


class Leaf:
    """A token. `kind` is that of an operator or a keyword, else `name`, `text` or `number`.

    `before` is the priority of a line break before it. A bracket with an empty `value` is
    optional: it shows when its line has to be split there. `atom` says that a bracket
    makes a value, not a call, parameters or a subscript.
    """

    __slots__ = (
        "added",
        "annotates",
        "atom",
        "before",
        "depth",
        "kind",
        "opening",
        "prefix",
        "value",
    )

    def __init__(self, kind: str, value: str, prefix: str = "") -> None:
        self.kind = kind
        self.value = value
        self.prefix = prefix
        self.before = 0
        self.depth = 0
        self.opening: Leaf | None = None
        self.atom = False
        self.annotates = False
        self.added = False

    def copy(self) -> Leaf:
        made = Leaf(self.kind, self.value, self.prefix)
        made.before, made.atom = self.before, self.atom
        made.annotates = self.annotates
        return made


def tokens(statement: str) -> Iterator[Leaf]:
    place, end = 0, len(statement)
    is_import = statement.startswith(("from ", "import "))
    previous = ""
    while place < end:
        found = _TOKEN.match(statement, place)
        if found is None:
            raise UnknownStatementError
        space, text, word, number, operator = found.groups()
        place = found.end()
        value = text or word or number or operator
        if text:
            kind, value = "text", _quoted(text)
        elif word:
            kind = word if word in _KEYWORDS else "name"
            if word in _UNKNOWN_KEYWORDS and not (is_import and word == "as"):
                raise UnknownStatementError
        else:
            kind = operator or "number"
        if "\n" in space or kind in CLOSERS or previous in CLOSING:
            tight = previous in CLOSING or previous in STARS or previous == "."
            tight = tight or kind in CLOSERS or kind in (",", ".", ":")
            space = "" if tight or not previous else " "
        previous = kind
        yield Leaf(kind, value, space)


def _quoted(text: str) -> str:
    """A literal with the quotes that need the fewest escapes, double ones when equal."""
    if "\\" not in text and text[-1] == '"':
        return text
    if text[0] not in "\"'":
        if '\\"' in text or text[-1] == "'":
            raise UnknownStatementError
        return text
    quote, body = text[0], text[1:-1]
    other = "'" if quote == '"' else '"'
    body = re.sub(rf"(?<!\\)((?:\\\\)*)\\{other}", rf"\1{other}", body)
    freed = re.sub(rf"(?<!\\)((?:\\\\)*)\\{quote}", rf"\1{quote}", body)
    freed = re.sub(rf"(?<!\\)((?:\\\\)*){other}", rf"\1\\{other}", freed)
    was, would_be = body.count("\\"), freed.count("\\")
    if would_be > was or (would_be == was and quote == '"'):
        return f"{quote}{body}{quote}"
    return f"{other}{freed}{other}"
