"""Patterns that inputs of routes have to match: which are taken, and texts that match.

At run time, the engine of pydantic matches them, in time that is linear in the text. What
is taken is a part of what that engine, ECMA-262 and Python's `re` all read alike: no
looking around, no references back, and `^` and `$` only where a text begins and ends.
"""

from __future__ import annotations

import re
import zlib
from typing import Final, NamedTuple

from msgspec import Struct

from .diagnostics import show
from .path_scanner import Scanner

MAX_PATTERN: Final = 250
"""Characters of a pattern."""
MAX_COST: Final = 2000
"""States that a pattern may need, about: the engine refuses what needs 10 MiB."""
_WORDS: Final = 20
_CLASS: Final = 2
_ESCAPE: Final = (
    r"\\(?:[dDwWsStnrfv]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[ -~](?<![A-Za-z0-9<>]))"
)
_PLAIN: Final = re.compile(r"[^\\\[\](){}*+?|^$.]")
_ESCAPED: Final = re.compile(_ESCAPE)
_SET: Final = re.compile(rf"\[(?!\^?\])\^?(?:{_ESCAPE}|[^\\\[\]])+\]")
_OPERATOR: Final = re.compile(r"--|&&|~~|\|\|").search
_SURROGATE: Final = re.compile(r"\\u[dD][89A-Fa-f]").search
_REPEAT: Final = re.compile(r"(?:[*+?]|\{([0-9]{1,4})(?:(,)([0-9]{1,4})?)?\})\??")
_USUAL: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_OTHERS: Final = "-_.~@:+=%!*'()#&;,/?|<>{}[]^$\"\\` \t\n\r\f\v"


class PatternError(ValueError):
    """A pattern is not taken: what is wrong, and what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def matching_text(pattern: str, name: str) -> str:
    """A text that matches a pattern, another one for each name.

    Raises:
        PatternError: the pattern is not one that is taken.
    """
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"it has more than {MAX_PATTERN} characters")
    seed = zlib.crc32(name.encode())
    made = _Reader(Scanner(pattern, 0, len(pattern)), seed).whole()
    if made.cost > MAX_COST:
        raise PatternError("it repeats too much", "use smaller numbers in `{}`")
    return made.text


class _Part(NamedTuple):
    """A part of a pattern: a text that it matches, about how many states it needs, and
    whether it has `^` or `$` in it."""

    text: str
    cost: int
    begins: bool = False
    ends: bool = False


class _Reader(Struct):
    """Reads a pattern; `made` counts the characters of the text, so that they differ."""

    scanner: Scanner
    seed: int
    made: int = 0

    def whole(self) -> _Part:
        found = self._choices(True)
        if not self.scanner.is_done:
            raise self._unexpected()
        return found

    def _unexpected(self) -> PatternError:
        hint = "write `\\` before a character that stands for itself"
        at, text = self.scanner.at, self.scanner.text
        return PatternError(f"{show(text[at : at + 2])} cannot stand here", hint)

    def _choices(self, is_first: bool) -> _Part:
        """Alternatives; the text is that of the first that matches some."""
        found = [self._sequence(is_first)]
        while self.scanner.take("|"):
            found.append(self._sequence(is_first))
        return _Part(
            next((part.text for part in found if part.text), ""),
            sum(part.cost for part in found) + 1,
            any(part.begins for part in found),
            any(part.ends for part in found),
        )

    def _sequence(self, is_first: bool) -> _Part:
        """Parts one after another; `is_first` says that nothing comes before them."""
        parts: list[_Part] = []
        while not (self.scanner.is_done or self.scanner.is_one_of("|)")):
            if any(part.ends for part in parts):
                raise PatternError("nothing can come after `$`")
            parts.append(self._repeated(is_first and not parts))
        return _Part(
            "".join(part.text for part in parts),
            sum(part.cost for part in parts),
            any(part.begins for part in parts),
            any(part.ends for part in parts),
        )

    def _repeated(self, is_first: bool) -> _Part:
        part = self._part(is_first)
        repeat = _REPEAT.match(self.scanner.text, self.scanner.at)
        if repeat is None:
            return part
        if part.begins or part.ends:
            raise PatternError("`^` and `$` cannot be repeated")
        self.scanner.match(_REPEAT)
        least, comma, most = repeat.groups()
        low = int(least) if least else int(repeat[0][0] == "+")
        high = low if least and not comma else int(most) if most else max(low, 1)
        if high < low:
            raise PatternError(f"{show(repeat[0])} has its numbers in the wrong order")
        text = part.text * max(low, min(high, 1))
        return _Part(text, part.cost * max(high, 1) + 1)

    def _part(self, is_first: bool) -> _Part:
        scanner = self.scanner
        if scanner.take("^"):
            if not is_first:
                raise PatternError("`^` can only come first")
            return _Part("", 1, begins=True)
        if scanner.take("$"):
            return _Part("", 1, ends=True)
        if scanner.take("("):
            return self._group(is_first)
        if scanner.take("."):
            return _Part(self._character("."), _CLASS)
        if found := scanner.match(_PLAIN):
            return _Part(found, 1)
        if found := scanner.match(_ESCAPED) or scanner.match(_SET):
            return self._class(found)
        raise self._unexpected()

    def _group(self, is_first: bool) -> _Part:
        if self.scanner.peek() == "?" and not self.scanner.take("?:"):
            at, text = self.scanner.at, self.scanner.text
            kind = text[at - 1 : at + 2]
            hint = "groups are `(` or `(?:`; there is no looking around"
            raise PatternError(f"{show(kind)} is not supported", hint)
        found = self._choices(is_first)
        if not self.scanner.take(")"):
            raise PatternError("a group is never closed")
        return found

    def _class(self, written: str) -> _Part:
        """One character of several, or one that is written as an escape."""
        if _SURROGATE(written) or (written[0] == "[" and _OPERATOR(written[1:-1])):
            hint = "write `\\` before a character that stands for itself"
            raise PatternError(f"{show(written)} is not supported", hint)
        cost = _WORDS * len(re.findall(r"\\[wW]", written)) + _CLASS
        return _Part(self._character(written), cost)

    def _character(self, written: str) -> str:
        """A character that a class matches: a letter or a digit, if there is one."""
        try:
            is_one = re.compile(written).fullmatch
        except re.error as error:
            raise PatternError(f"{show(written)} is wrong: {error}") from None
        self.made += 1
        usual = [each for each in _USUAL if is_one(each)]
        if usual:
            return usual[(self.seed + 7 * self.made) % len(usual)]
        own = written + "".join(
            chr(int(code, 16)) for code in re.findall(r"\\[xu]([0-9A-Fa-f]+)", written)
        )
        for each in _OTHERS + own:
            if is_one(each):
                return each
        raise PatternError(f"{show(written)} matches nothing that is known")
