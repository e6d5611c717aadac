"""Lays out modules of Python exactly as black does, in a fraction of its time.

A module is read statement by statement: one that is short stands as it is written, a plain
one is broken by `layout_plain`, others by `layout_splits`. What is not known here, such as
comments in brackets, is left to black. Each statement is laid out once, however many modules
hold it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from . import layout_plain
from .layout_brackets import leaves_of
from .layout_leaves import UnknownStatementError, width
from .layout_lines import LENGTH, Line
from .layout_spacing import Block, space
from .layout_splits import broken

Other = Callable[[str, int], str]
"""Lays out a statement, indented so many levels, that is not known here."""

_MAX_KNOWN: Final = 20_000  # statements that are remembered
_STRING: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'')
_DOCSTRING: Final = re.compile(r'"""((?:[^"\\]|\\.)*)"""', re.DOTALL)
_BARE: Final = re.compile(r"[A-Za-z0-9_ .,:=@*]*+").fullmatch
_BACKSLASH_AT_END: Final = re.compile(r"\\\s*\n")
# What may change in a statement that fits.
_TO_LOOK_AT: Final = re.compile(
    r"#|, *[)\]}]|[\[{(] *\(|(?:[=:>]|return|in|if|while|import|await) \("
)
_COMMENT: Final = re.compile("#.*")
_UNKNOWN: Final = re.compile(r'""""|\'\'\'|[;\\\t]')


class UnknownModuleError(Exception):
    """A module holds what is not known here."""


class Layout:
    """Lays out modules, and remembers their statements."""

    def __init__(self, other: Other) -> None:
        self._other = other
        self._known: dict[tuple[str, int], str] = {}

    def module(self, text: str) -> str:
        """The module as black writes it.

        Raises:
            UnknownModuleError: it holds what is not known here.
        """
        blocks = list(_blocks(text))
        space(blocks)
        return "".join(
            "\n" * block.before + self._shown(block) + "\n" * (block.after + 1)
            for block in blocks
        )

    def _shown(self, block: Block) -> str:
        indent = "    " * block.depth
        if block.is_comment:
            return indent + block.text
        if block.is_docstring:
            return indent + _docstring(block.text, indent)
        if _stands(block):
            return indent + block.text
        key = (block.text, block.depth)
        if key not in self._known:
            if len(self._known) == _MAX_KNOWN:
                self._known.clear()
            self._known[key] = self._laid_out(*key)
        return self._known[key]

    def _laid_out(self, statement: str, depth: int) -> str:
        try:
            plain = layout_plain.laid_out(statement, depth)
            if plain is not None:
                return plain
            once = _broken(statement, depth)
            # What is broken may be broken further, as black finds when it looks again.
            return _broken(once.strip(), depth) if "\n" in once else once
        except UnknownStatementError:
            return self._other(statement, depth)


def _broken(statement: str, depth: int) -> str:
    line = Line(depth)
    for leaf in leaves_of(statement):
        line.append(leaf, mark=True)
    return "\n".join(each.text() for each in broken(line))


def _stands(block: Block) -> bool:
    """Whether a statement is laid out as it is written."""
    text = block.text
    if "\n" in text or "'" in text or '\\"' in text:
        return False
    try:
        fits = 4 * block.depth + width(text) <= LENGTH
    except UnknownStatementError:
        return False
    return fits and _TO_LOOK_AT.search(text) is None


def _blocks(text: str) -> Iterator[Block]:
    """The statements and comments of a module, none of them laid out.

    Raises:
        UnknownModuleError: it holds something else.
    """
    lines = iter(text.split("\n"))
    before = 0
    previous: Block | None = None
    for line in lines:
        start = line.strip()
        if not start:
            before += 1
            continue
        depth, odd = divmod(len(line) - len(line.lstrip(" ")), 4)
        if odd:
            raise UnknownModuleError
        block = Block(start, depth, before)
        if start.startswith('"""'):
            if not (previous is None or previous.is_def or previous.is_class):
                raise UnknownModuleError
            block.text = _docstring_from(line.lstrip(), lines)
            block.is_docstring = True
        elif start[0] != "#":
            block.text = _statement_from(start, lines)
            if (block.is_def or block.is_class) and not block.opens:
                raise UnknownModuleError
        yield block
        before = 0
        previous = previous if block.is_comment and previous is None else block


def _docstring_from(start: str, lines: Iterator[str]) -> str:
    """A docstring from its first line through that which ends it."""
    text = start
    while (found := _DOCSTRING.match(text)) is None:
        text += f"\n{_next(lines)}"
    if text[found.end() :].strip():
        raise UnknownModuleError
    return text


def _statement_from(start: str, lines: Iterator[str]) -> str:
    """A statement from its first line through that which closes its brackets."""
    text = start
    opened = _opened(start)
    while opened > 0:
        line = _next(lines)
        text += f"\n{line}"
        opened += _opened(line)
    return text


def _next(lines: Iterator[str]) -> str:
    try:
        return next(lines)
    except StopIteration:
        raise UnknownModuleError from None


def _opened(line: str) -> int:
    """How many more brackets a line opens than it closes."""
    if _BARE(line) is not None:
        return 0
    code = _COMMENT.sub("", _STRING.sub('""', line))
    if _UNKNOWN.search(code):
        raise UnknownModuleError
    opening = code.count("(") + code.count("[") + code.count("{")
    return opening - code.count(")") - code.count("]") - code.count("}")


def _docstring(text: str, indent: str) -> str:
    """A docstring without needless space, and with some before a quote or a backslash."""
    text = text.rstrip()
    if _BACKSLASH_AT_END.search(text):
        return text
    inner = text[3:-3]
    shown = _dedented(inner, indent) if "\n" in inner else inner.strip()
    if not shown:
        return '""" """' if inner else text
    backslashes = len(shown) - len(shown.rstrip("\\"))
    if shown[-1] == '"' or backslashes % 2:
        shown += " "
    *above, last = shown.split("\n")
    if above and len(last) + 3 > LENGTH and not backslashes % 2:
        shown += f"\n{indent}"
    return f'"""{shown}"""'


def _dedented(inner: str, indent: str) -> str:
    first, *rest = inner.split("\n")
    margins = [len(line) - len(line.lstrip()) for line in rest if line.strip()]
    margin = min(margins, default=None)
    if margin is None:
        return first.strip()
    lines = [line[margin:].rstrip() for line in rest]
    shown = [indent + line if line else "" for line in lines[:-1]]
    return "\n".join([first.strip(), *shown, indent + lines[-1]])
