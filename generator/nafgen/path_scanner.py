"""Walks along the text of a JSONPath."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from .diagnostics import show

_ESCAPED: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class PathError(ValueError):
    """A text is no path: what is wrong, where in the text, and what to do."""

    def __init__(self, message: str, offset: int, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.offset, self.hint = message, offset, hint


@dataclass(slots=True)
class Scanner:
    """A text and the place reached in it; the path stands between `start` and `end`."""

    text: str
    start: int
    end: int
    at: int = field(init=False)

    def __post_init__(self) -> None:
        self.at = self.start

    @property
    def is_done(self) -> bool:
        return self.at >= self.end

    def peek(self) -> str:
        """The next character; at the end, none."""
        return self.text[self.at] if self.at < self.end else ""

    def is_one_of(self, characters: str) -> bool:
        """Whether the next character is one of some."""
        return not self.is_done and self.peek() in characters

    def take(self, token: str) -> bool:
        """Go beyond a token that stands here."""
        found = self.text.startswith(token, self.at, self.end)
        self.at += len(token) if found else 0
        return found

    def expect(self, token: str) -> None:
        """Go beyond a token that has to stand here."""
        if not self.take(token):
            found = "it ends" if self.is_done else f"{show(self.peek())} stands there"
            raise PathError(f"{show(token)} was expected, but {found}", self.at)

    def match(self, pattern: re.Pattern[str]) -> str:
        """Go beyond what a pattern matches here: the text of it, or none."""
        found = pattern.match(self.text, self.at, self.end)
        self.at = found.end() if found else self.at
        return found[0] if found else ""

    def until(self, token: str) -> str:
        """Go to the next such token, or to the end: the text before it."""
        start = self.at
        found = self.text.find(token, start, self.end)
        self.at = self.end if found < 0 else found
        return self.text[start : self.at].strip()

    def blanks(self) -> bool:
        """Go beyond blanks, of which there may be none."""
        while self.peek() and self.peek() in " \t\r\n":
            self.at += 1
        return True

    def quoted(self) -> str:
        """A text in single or double quotes."""
        start, quote = self.at, self.peek()
        if quote not in ("'", '"'):
            raise PathError("a text in quotes was expected", start)
        self.at += 1
        pieces = []
        while not self.take(quote):
            if self.is_done:
                raise PathError("the quote is never closed", start)
            pieces.append(self._character())
        return "".join(pieces)

    def _character(self) -> str:
        if not self.take("\\"):
            self.at += 1
            return self.text[self.at - 1]
        escaped = self.peek()
        if not escaped or (escaped.isalnum() and escaped not in _ESCAPED):
            hint = "`\\'`, `\\\"`, `\\\\` and `\\n` are escapes"
            raise PathError("this escape is not known", self.at - 1, hint)
        self.at += 1
        return _ESCAPED.get(escaped, escaped)
