"""The empty lines between statements, as black's `EmptyLineTracker` counts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

_BLOCKS: Final = ("with", "try", "for", "while", "if", "match")


class Block(Struct):
    """A statement or a comment, and how many empty lines are `before` and `after` it."""

    text: str
    depth: int
    before: int
    is_docstring: bool = False
    after: int = 0

    @property
    def is_comment(self) -> bool:
        return self.text[0] == "#"

    @property
    def is_decorator(self) -> bool:
        return self.text[0] == "@"

    @property
    def is_import(self) -> bool:
        return self.text.startswith(("import ", "from "))

    @property
    def is_def(self) -> bool:
        return self.text.startswith(("def ", "async def "))

    @property
    def is_class(self) -> bool:
        return self.text.startswith("class ")

    @property
    def opens(self) -> bool:
        return self.text[-1] == ":"


def space(blocks: Sequence[Block]) -> None:
    """Correct the empty lines of the blocks of a module."""
    definitions: list[Block] = []
    leading: int | None = None  # the comment that starts those before a definition
    for place, block in enumerate(blocks):
        written = min(block.before, 1 if block.depth else 2)
        last = None
        while definitions and definitions[-1].depth >= block.depth:
            last = definitions.pop()
        if block.is_def or block.is_class:
            definitions.append(block)
        block.before = 0
        if place:
            _space(blocks, place, written, last, leading)
        if block.is_comment:
            previous = blocks[place - 1] if place else None
            if previous is None or (
                not previous.is_decorator
                and (not previous.is_comment or block.before)
                and (leading is None or block.before)
            ):
                leading = place
        elif not block.is_decorator or block.before:
            leading = None
    if blocks:
        blocks[-1].after = 0


def _space(
    blocks: Sequence[Block],
    place: int,
    written: int,
    last: Block | None,
    leading: int | None,
) -> None:
    block, previous = blocks[place], blocks[place - 1]
    before = written
    if block.is_docstring and previous.is_class:
        block.after = 1
        return
    if block.is_docstring and previous.is_def:
        return
    if last is not None:
        before = _after_definition(block, last)
    if block.is_decorator or block.is_def or block.is_class:
        before = _before_definition(blocks, place, before, written, leading)
    elif previous.is_import and not block.is_import:
        if not previous.depth and not block.depth:
            before = 1
        elif previous.depth == block.depth:
            before = before or 1
    block.before = max(0, before - previous.after)
    if _is_after_module_docstring(blocks, place):
        block.before = 1


def _after_definition(block: Block, last: Block) -> int:
    if block.depth:
        return 1
    is_clause = block.opens and not block.text.startswith(_BLOCKS)
    return 1 if last.depth and is_clause else 2


def _before_definition(
    blocks: Sequence[Block],
    place: int,
    before: int,
    written: int,
    leading: int | None,
) -> int:
    block, previous = blocks[place], blocks[place - 1]
    if previous.is_decorator:
        return 0
    if previous.depth < block.depth and (previous.is_class or previous.is_def):
        return 1 if written else 0
    lines = 1 if block.depth else 2
    if not previous.is_comment or previous.depth != block.depth or before:
        return lines
    if leading is None or not leading:
        return 0
    above, comment = blocks[leading - 1], blocks[leading]
    if above.is_class or above.opens or comment.before > 1:
        return 0
    comment.before = max(comment.before, lines) - above.after
    return 0


def _is_after_module_docstring(blocks: Sequence[Block], place: int) -> bool:
    block, previous = blocks[place], blocks[place - 1]
    if not previous.is_docstring or previous.depth or block.is_class or block.is_def:
        return False
    return all(each.is_comment for each in blocks[: place - 1])
