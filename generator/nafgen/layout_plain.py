"""Breaks the plainest statements over lines: one name with one pair of brackets.

Nearly all that nafgen writes and that does not fit is a call, a definition or a display, of
elements that hold such in their turn. On those the rules of `layout_splits` come down to
few, which are followed here on the text itself: to break at the brackets; to put what is in
them on one line if it fits and is no display of several; else to put each element on a
line, with a comma, and to break those that are too long in the same way.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct, field

from .layout_leaves import CLOSERS, CLOSING, KEYWORDS, width
from .layout_lines import LENGTH

_WORD: Final = rf"(?!(?:{'|'.join(sorted(KEYWORDS))})\b)[A-Za-z_][A-Za-z0-9_]*"
_NAME: Final = rf"{_WORD}(?:\.{_WORD})*"
_AS: Final = rf"{_WORD}(?: as {_WORD})?"
_START: Final = re.compile(
    rf"(?:async )?(?P<is_def>def ){_WORD}(?=\()"
    rf"|(?:return (?:await )?|@|{_WORD} = )?{_NAME}(?=\()"
    rf"|(?:return |{_WORD} = )(?=[\[{{])"
)
_IMPORT: Final = re.compile(
    rf"(from [A-Za-z0-9_.]+ import )(\()?({_AS}(?:, {_AS})*)(?(2)\))"
).fullmatch
# What may stand in the brackets: few operators, no comma that asks to be kept, no texts one
# after another, and no literal that might be written with other quotes.
_PLAIN: Final = re.compile(
    rf"(?:{_WORD}|[0-9][0-9A-Za-z_.]*"
    r"""|(?:"(?:[^"\\\n]|\\[^"'\n])*"|(?<!\w)'[^'"\\\n]*"[^'\\\n]*')(?! *\w{0,2}["'])"""
    r"|\((?! )|[\[{](?![ (])|[)\]}](?!\.)| (?:if|else)(?= )| (?![)\]}])|, (?![ )\]}])"
    r"|[.=:|](?!=)|(?:(?<=[(\[{])|(?<=, ))\*\*?(?=[A-Za-z_,(]))*+"
)
_RETURNED: Final = re.compile(r"[A-Za-z0-9_.\[\], |]+:").fullmatch
_PIECE: Final = re.compile(r""""(?:[^"\\]|\\.)*"|'[^']*'|[()\[\]{},:|]| if """)
_NEWLINE: Final = re.compile(r"([(\[{])?\s*\n\s*(?=([)\]}])?)")


class _OtherwiseError(Exception):
    """A statement is not as plain as it seemed."""


class _Element(Struct):
    """What stands between commas, from `start` to before `end`, and the `groups` in it."""

    start: int
    end: int = 0
    groups: list[_Group] = field(default_factory=list)
    has_operator: bool = False


class _Group(Struct):
    """What brackets hold. Those that make a value hold one element a line, if broken."""

    opening: int
    elements: list[_Element]
    is_value: bool
    closing: int = 0


def laid_out(statement: str, depth: int) -> str | None:
    """A statement, indented so many levels, as black writes it; None if it is not plain.

    Raises:
        UnknownStatementError: it has a character whose width is not known here.
    """
    text = _NEWLINE.sub(_space, statement) if "\n" in statement else statement
    start = _START.match(text)
    if start is None:
        return _imported(text, depth)
    explodes = text.endswith((",)", ",]", ",}"))
    if explodes:
        text = text[:-2] + text[-1]
    opening, closing = start.end(), len(text) - 1
    if start["is_def"]:
        before, _, returned = text.rpartition(") -> ")
        closing = len(before)
        if _RETURNED(returned) is None:
            return None
    plain = _PLAIN.match(text, opening, closing + 1)
    if plain is None or plain.end() <= closing:
        return None
    try:
        lines = _Lines(text)
        lines.add(_element(text, opening, closing), "", depth, explodes=explodes)
    except _OtherwiseError:
        return None
    return "\n".join(lines.made)


def _imported(text: str, depth: int) -> str | None:
    found = _IMPORT(text)
    if found is None:
        return None
    indent = "    " * depth
    line = f"{indent}{found[1]}{found[3]}"
    if len(line) <= LENGTH:
        return line
    names = "".join(f"{indent}    {name},\n" for name in found[3].split(", "))
    return f"{indent}{found[1]}(\n{names}{indent})"


def _space(found: re.Match[str]) -> str:
    """What stands for a line break: nothing at a bracket, else a space."""
    return found[1] or ("" if found[2] else " ")


def _element(text: str, opening: int, closing: int) -> _Element:
    """A statement as an element, whose one group has these brackets."""
    whole = element = _Element(0, len(text))
    around: list[tuple[_Element, _Group]] = []
    for piece in _PIECE.finditer(text, opening, closing + 1):
        place = piece.start()
        mark = text[place]
        if mark in CLOSING:
            first = _Element(place + 1)
            group = _Group(place, [first], _makes_value(text[place - 1]))
            element.groups.append(group)
            around.append((element, group))
            element = first
        elif mark in CLOSERS:
            element.end = place
            element, group = around.pop()
            group.closing = place
            if not around:
                break
        elif mark == ",":
            element.end = place
            element = _Element(place + 2)
            around[-1][1].elements.append(element)
        elif mark in "| ":
            element.has_operator = True
        elif mark == ":" and text[around[-1][1].opening] == "[":
            raise _OtherwiseError
    if around or whole.groups[0].closing != closing:
        raise _OtherwiseError
    return whole


def _makes_value(before: str) -> bool:
    """Whether brackets after this character make a value, not a call or a subscript."""
    return not (before.isalnum() or before in "_\"')]}")


class _Lines:
    """The lines that a statement is broken into, of which `made` are those so far."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._is_def = text.startswith(("def ", "async def "))
        self.made: list[str] = []

    def add(
        self, element: _Element, comma: str, depth: int, *, explodes: bool = False
    ) -> None:
        """Add an element, broken at its brackets if it is too long or `explodes`.

        Raises:
            _OtherwiseError: it has other places to break it too.
        """
        line = self._text[element.start : element.end] + comma
        if not explodes and 4 * depth + width(line) <= LENGTH:
            self.made.append("    " * depth + line)
            return
        if element.has_operator or len(element.groups) > 1:
            raise _OtherwiseError
        if not element.groups:
            self.made.append("    " * depth + line)
            return
        group = element.groups[0]
        head = self._text[element.start : group.opening + 1]
        tail = self._text[group.closing : element.end] + comma
        is_empty = group.closing == group.opening + 1
        if is_empty or 4 * depth + max(width(head), width(tail)) > LENGTH:
            raise _OtherwiseError
        self.made.append("    " * depth + head)
        self._add_between(group, depth + 1, explodes=explodes)
        self.made.append("    " * depth + tail)

    def _add_between(self, group: _Group, depth: int, *, explodes: bool) -> None:
        """Add what brackets hold."""
        first, last = group.elements[0], group.elements[-1]
        if first is last:
            if explodes:
                raise _OtherwiseError  # the comma may make a tuple
            self.add(first, self._comma_after(first), depth)
            return
        line = self._text[first.start : last.end]
        is_short = 4 * depth + width(line) <= LENGTH
        if is_short and not group.is_value and not explodes:
            self.made.append("    " * depth + line)
            return
        for element in group.elements:
            self.add(element, ",", depth)

    def _comma_after(self, alone: _Element) -> str:
        """A comma after the only parameter, but none after the only argument."""
        if not self._is_def or len(self.made) > 1:
            return ""
        groups = alone.groups
        if groups and "=" in self._text[alone.start : groups[-1].opening]:
            raise _OtherwiseError  # for black, commas in a default are commas enough
        return ","
