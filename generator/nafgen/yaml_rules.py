"""The part of reading YAML that needs no parser: text, plain scalars, plain words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from .diagnostics import Reporter, Span

MAX_BYTES: Final = 8 * 1024 * 1024
# Each integer of so few characters can be printed by Python, and fits into a float.
MAX_NUMBER: Final = 200
_LINE_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_NOT_PRINTABLE: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_FIX_INDENT: Final = "check the indentation: siblings start in the same column"
FIX_QUOTES: Final = "put the text in quotes"
FIX_TAG: Final = "remove the tag, or put text that starts with `!` in quotes"

_FOOTER: Final = re.compile(r"[ \t]*#[ \t-]*truncated at .*", re.IGNORECASE)
_FOOTER_LINES: Final = 5

_CONSTANTS: Final[dict[str, bool | float | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF"), float("inf")),
    **dict.fromkeys(("+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
# With what the plain scalars begin that are no strings; the empty one is null.
FIRST_OF_TYPED: Final = frozenset(("", *"~nNtTfF+-.0123456789"))
_NUMBERS: Final[tuple[tuple[re.Pattern[str], Callable[[str], int | float]], ...]] = (
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+"), lambda text: int(text[2:], 8)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text[2:], 16)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
)

# These mistakes belong where the thing starts, not where the parser gave up on it.
AT_START: Final = re.compile(
    "simple key: |alias: |anchor: |tag: |quoted scalar: found (unexpected|invalid)"
)
# What PyYAML's two parsers say ("context: problem: character"), in the user's words.
# The first pattern that is found decides; the last one is found in everything.
_MISTAKES: Final[tuple[tuple[str, str, str], ...]] = (
    ("nesting depth", "brackets are nested too deep", "split the file"),
    ("any token: \t|tab character", "a tab cannot indent", "indent with spaces"),
    ("any token", "a value cannot start with `{character}`", FIX_QUOTES),
    (
        "quoted scalar: found unexpected",
        "this quoted text is never closed",
        "add the closing quote",
    ),
    (
        "quoted scalar",
        "this quoted text has an escape that YAML does not know",
        "write a backslash as `\\\\`, or use single quotes",
    ),
    (
        "mapping values are not allowed",
        "a `:` cannot stand here",
        "put text that contains `: ` in quotes; otherwise " + _FIX_INDENT,
    ),
    (
        "could not find expected ':'",
        "this line is no `key: value`",
        "add the `:`; otherwise " + _FIX_INDENT,
    ),
    (
        "flow (mapping|sequence): ",
        "a `,` or a closing bracket is missing",
        "close the bracket, or put text that contains brackets in quotes",
    ),
    ("block mapping: ", "this does not fit into the mapping around it", _FIX_INDENT),
    ("block collection: ", "this does not fit into the list around it", _FIX_INDENT),
    ("are not allowed", "an entry cannot start here", _FIX_INDENT),
    ("an? (alias|anchor): ", "a name is missing after `&` or `*`", FIX_QUOTES),
    (
        "block scalar: ",
        "a block of text cannot start like this",
        "write only `|`, `|-`, `>` or `>-` before the line break",
    ),
    ("node content", "a value cannot start here", FIX_QUOTES),
    ("(?<!%)tag", "this tag cannot be read", FIX_TAG),
    ("document start>", "the file goes on after its value has ended", _FIX_INDENT),
    ("", "this is not YAML", "remove it, or put the text in quotes"),
)


def decode(path: str, data: bytes, reporter: Reporter) -> str | None:
    """The text of a file; None when it is reported as too long, or as no YAML text."""
    if len(data) > MAX_BYTES:
        message = f"the file has {len(data):,} bytes; the limit is {MAX_BYTES:,}"
        reporter.report("NAF004", Span.whole(path), message, hint="split the file")
        return None
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8").removeprefix("\ufeff")
        message = f"byte {error.start + 1} (0x{data[error.start]:02x}) is not UTF-8"
        hint = "save the file as UTF-8 text"
        reporter.report("NAF001", _span_after(path, before), message, hint=hint)
        return None
    if control := _NOT_PRINTABLE.search(text):
        message = f"the character U+{ord(control[0]):04X} is not allowed in YAML"
        hint = 'remove it, or write it as an escape in "double quotes"'
        span = _span_after(path, text[: control.start()])
        reporter.report("NAF002", span, message, hint=hint)
        return None
    return text


def _span_after(path: str, before: str) -> Span:
    """The span of the one character that follows this beginning of a file."""
    lines = _LINE_BREAK.split(before)
    return one_character(path, len(lines), len(lines[-1]) + 1)


def one_character(path: str, line: int, column: int) -> Span:
    """The span of the character at a line and column, both 1-based."""
    return Span(path, line, column, line, column + 1)


def footer(path: str, lines: tuple[str, ...]) -> Span | None:
    """Where the last lines say in a comment that the file was truncated."""
    for number in range(len(lines), max(len(lines) - _FOOTER_LINES, 0), -1):
        if _FOOTER.fullmatch(lines[number - 1]):
            return Span(path, number, 1, number, len(lines[number - 1]) + 1)
    return None


def resolve(text: str) -> Any:
    """The value of a plain scalar by the core schema of YAML 1.2.

    Raises:
        OverflowError: It is a number of more than `MAX_NUMBER` characters.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    for pattern, convert in _NUMBERS:
        if pattern.fullmatch(text):
            if len(text) > MAX_NUMBER:
                raise OverflowError
            return convert(text)
    return text


def explain(said: str) -> tuple[str, str]:
    """The message and the hint for what a parser says."""
    message, hint = next(
        (message, hint)
        for pattern, message, hint in _MISTAKES
        if re.search(pattern, said)
    )
    return message.format(character=said[-1]), hint
