"""Regular expressions in the filters of JSONPath."""

from __future__ import annotations

import re
from typing import Final

from .diagnostics import show
from .path_scanner import PathError, Scanner

MAX_PATTERN: Final = 100
MAX_REPEATS: Final = 2
MAX_CHOICES: Final = 4
_ATOM: Final = re.compile(
    r"\\[dDwWsStnr]|\\[^A-Za-z0-9]|[^\\\[\](){}*+?|/]"
    r"|\[\^?(?:\\[dDwWsStnr]|\\[^A-Za-z0-9]|[^\\\[\]&])+\]"
)
_REPEAT: Final = re.compile(r"(?:\*|\+|\?|\{[0-9]{1,3}(?:,(?:[0-9]{1,3})?)?\})\??")
_EXACT: Final = re.compile(r"\{[0-9]+\}").fullmatch


def pattern(scanner: Scanner) -> str:
    """A pattern between slashes, which no text can keep busy for long.

    Single characters and classes alone are repeated, and few of them: a pattern that
    could be tried in more ways than about the square of a text's length is refused.
    """
    start = scanner.at
    scanner.expect("/")
    depth = repeats = choices = 0
    while not scanner.take("/"):
        if scanner.is_done or scanner.at - start > MAX_PATTERN:
            message = f"no `/` ends the pattern within {MAX_PATTERN} characters"
            raise PathError(message, start)
        if scanner.take("("):
            depth += 1
            scanner.take("?:")
        elif scanner.take("|"):
            choices += 1
        elif depth and scanner.take(")"):
            depth -= 1
        elif scanner.match(_ATOM):
            repeat = scanner.match(_REPEAT)
            choices += repeat.startswith("?")
            repeats += bool(repeat) and repeat[0] != "?" and not _EXACT(repeat)
        else:
            hint = "groups cannot be repeated, and there is no looking around"
            found = show(scanner.peek())
            raise PathError(f"the pattern cannot have {found} here", scanner.at, hint)
    if depth:
        raise PathError("a group of the pattern is never closed", start)
    if repeats > MAX_REPEATS or choices > MAX_CHOICES:
        most = f"{MAX_REPEATS} repetitions or {MAX_CHOICES} choices"
        hint = "a text could keep a service busy with it"
        raise PathError(f"the pattern has more than {most}", start, hint)
    written = scanner.text[start : scanner.at]
    try:
        re.compile(written[1:-1])
    except re.error as error:
        raise PathError(f"the pattern is wrong: {error}", start) from None
    return f"{written}{'ai' if scanner.take('i') else 'a'}"
