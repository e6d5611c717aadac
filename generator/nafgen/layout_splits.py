"""Breaks statements that are too long over lines, exactly where black does.

These are black's own rules, for what `layout_leaves` knows: `transform_line` and what it
calls in black's `linegen`, with the parts of its `lines` and `brackets` that those ask. As
there, to try a break marks the leaves of a line: the order of what is tried matters.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from msgspec import Struct

from .layout_brackets import COMMA, DOT
from .layout_leaves import CLOSERS, CLOSING, Leaf, width
from .layout_lines import LENGTH, Line, is_single


class _CannotSplitError(Exception):
    """A line cannot be broken in the way that was tried."""


class _Parts(Struct):
    """A line that was broken at a pair of brackets."""

    head: Line
    body: Line
    tail: Line
    opening: Leaf
    closing: Leaf


Split = Callable[[Line, bool], Iterator[Line] | list[Line]]


def broken(line: Line, forced: bool = False) -> list[Line]:
    """The lines that a line is broken into.

    With `forced`, optional brackets are used wherever they stand.
    """
    text = line.text()
    if not line.explodes and line.comma is None and width(text) <= LENGTH:
        return [line]
    splits: tuple[Split, ...] = (_at_last_brackets,)
    if line.is_def:
        splits = (_at_parameters,)
    elif line.inside:
        splits = (_at_delimiters, _at_last_brackets)
    for split in splits:
        try:
            return _tried(line, split, forced, text)
        except _CannotSplitError:
            continue
    return [line]


def _tried(line: Line, split: Split, forced: bool, text: str) -> list[Line]:
    optional = [bracket for bracket in line.optional if not bracket.depth]
    found: list[Line] = []
    for made in split(line, forced):
        if made.text() == text:
            raise _CannotSplitError
        found += broken(made, forced)
    if (
        forced
        or split is not _at_last_brackets
        or not line.optional
        or any(bracket.value for bracket in optional)
        or found[0].fits()
        or any(leaf.added for leaf in line.leaves)
    ):
        return found
    second = _tried(line.copy(), split, True, text)
    return second if all(each.fits() for each in second) else found


def _at_parameters(line: Line, _forced: bool) -> list[Line]:
    """Break a definition at the brackets of its parameters, or of what it returns."""
    leaves = line.leaves
    pairs = (
        (leaves.index(leaf.opening), place)
        for place, leaf in enumerate(leaves)
        if leaf.kind == ")" and leaf.opening is not None and not leaf.depth
    )
    found = next(((start, end) for start, end in pairs if end > start + 1), None)
    if found is None:
        raise _CannotSplitError
    parts = _parts(line, *found)
    parts.opening.value, parts.closing.value = "(", ")"
    return [parts.head, parts.body, parts.tail]


def _parts(line: Line, start: int, end: int) -> _Parts:
    """A line, broken after the bracket at `start` and before the one at `end`."""
    leaves = line.leaves
    opening = leaves[start]
    body = Line(line.depth + 1, inside=True)
    inner = leaves[start + 1 : end]
    if inner and inner[-1].kind != "," and _needs_comma(inner, line, opening):
        comma = Leaf(",", ",")
        comma.added = True
        inner = [*inner, comma]
    for leaf in inner:
        body.append(leaf)
    head = Line(line.depth)
    paired = _paired(leaves[: start + 1])
    for leaf in leaves[: start + 1]:
        head.append(leaf, mark=id(leaf) in paired)
    tail = Line(line.depth)
    tail.leaves = leaves[end:]
    if not inner and len(tail.text().strip()) < 3:
        raise _CannotSplitError
    last = inner[-1] if inner else None
    comma_last = last is not None and last.kind == ","
    if inner and body.highest(but=id(last) if comma_last else 0) == COMMA:
        body.explodes = comma_last or opening.atom
    return _Parts(head, body, tail, opening, leaves[end])


def _needs_comma(inner: Sequence[Leaf], line: Line, opening: Leaf) -> bool:
    if line.is_import:
        return True
    if not line.is_def or opening.value != "(":
        return False
    return not any(leaf.kind == "," and not leaf.annotates for leaf in inner)


def _paired(leaves: Sequence[Leaf]) -> set[int]:
    """The ids of the leaves in brackets that close, with those brackets."""
    found: set[int] = set()
    stack: list[tuple[str, list[int]]] = []
    for leaf in leaves:
        if leaf.kind in CLOSING:
            stack.append((CLOSING[leaf.kind], [id(leaf)]))
        elif leaf.kind in CLOSERS:
            if stack and stack[-1][0] == leaf.kind:
                found.update([*stack.pop()[1], id(leaf)])
            elif stack or found:
                break
        elif stack:
            stack[-1][1].append(id(leaf))
    return found


def _at_last_brackets(line: Line, forced: bool) -> list[Line]:
    """Break at the last brackets after which the first line fits."""
    first: list[Line] | None = None
    lengths: dict[int, int] = {}
    length = 4 * line.depth
    for leaf in line.leaves:
        lengths[id(leaf)] = length
        length += len(leaf.prefix) + len(leaf.value)
    for omitted in _omissions(line):
        if omitted:
            opening = next(
                (
                    leaf.opening
                    for leaf in reversed(line.leaves)
                    if leaf.kind in CLOSERS and id(leaf) not in omitted
                ),
                None,
            )
            if opening and opening.value and lengths.get(id(opening), 0) > LENGTH:
                continue
        made = _without_optional(_last(line, omitted), line, forced, omitted)
        if first is None and not omitted:
            first = made
        if made[0].fits():
            return made
    return first or _without_optional(_last(line, ()), line, forced, ())


def _last(line: Line, omitted: Collection[int]) -> _Parts:
    """The line broken at its last brackets that are not omitted."""
    leaves = line.leaves
    for end in reversed(range(len(leaves))):
        closing = leaves[end]
        if closing.kind not in CLOSERS or id(closing) in omitted:
            continue
        before = leaves[end - 1] if end else None
        if before is not None and before is closing.opening:
            continue  # empty brackets belong to what follows them
        places = range(end - 1, -1, -1)
        start = next((n for n in places if leaves[n] is closing.opening), None)
        if start is not None:
            return _parts(line, start, end)
        break
    raise _CannotSplitError


def _without_optional(
    parts: _Parts, line: Line, forced: bool, omitted: Collection[int]
) -> list[Line]:
    """The broken line, or one broken elsewhere if its brackets are better not shown."""
    is_optional = not parts.opening.value and not parts.closing.value
    if not forced and is_optional and not line.is_import and _may_omit(parts):
        omitted = {id(parts.closing), *omitted}
        try:
            other = _last(line, omitted)
            if _prefers(other, parts):
                return _without_optional(other, line, forced, omitted)
        except _CannotSplitError:
            is_chained = sum(leaf.kind == "=" for leaf in line.leaves) > 1
            if not is_chained and not _can_break(parts.body) and not parts.body.fits():
                raise
    if parts.opening.kind == "(" and not parts.opening.value:
        parts.opening.value, parts.closing.value = "(", ")"
    return [each for each in (parts.head, parts.body, parts.tail) if each.leaves]


def _prefers(other: _Parts, parts: _Parts) -> bool:
    """Whether to break inside the optional brackets of an assignment, not at them."""
    head = parts.head.leaves
    if len(head) < 2 or head[-2].kind != "=":
        return True
    if not any(leaf.kind in CLOSING or leaf.kind in CLOSERS for leaf in head[:-1]):
        return True
    if not parts.head.fits(LENGTH - 1) or parts.head.comma is not None:
        return True
    signs = sum(leaf.kind == "=" for leaf in head)
    others = sum(leaf.kind == "=" for leaf in other.head.leaves)
    if signs > 1 and signs > others:
        return False
    for leaf in reversed(other.head.leaves):
        if leaf.kind == "=":
            break
        if leaf.kind in CLOSERS:
            return True
    return others > 0 and other.head.fits()


def _can_break(line: Line) -> bool:
    """Whether a line may be broken at all; False for calls of methods of a text."""
    leaves = line.leaves
    if len(leaves) < 2:
        return False
    if leaves[0].kind != "text" or leaves[1].kind != ".":
        return True
    calls = dots = 0
    after = leaves[-1]
    for leaf in leaves[-2::-1]:
        if leaf.kind in CLOSING:
            if after.kind not in CLOSERS:
                return False
            calls += 1
        elif leaf.kind == ".":
            dots += 1
        elif leaf.kind == "name":
            if after.kind != "." and after.kind not in CLOSING:
                return False
        elif leaf.kind not in CLOSERS:
            return False
        if dots > 1 and calls > 1:
            return False
    return True


def _may_omit(parts: _Parts) -> bool:
    """Whether the body may do without the optional brackets around it."""
    line = parts.body
    if not line.delimiters:
        return True
    highest = line.highest()
    if line.count(highest) > 1:
        return False
    if highest == DOT:
        return True
    first, second = line.leaves[:2]
    if first.kind in CLOSING and second.kind not in CLOSERS and _opens(line, first):
        return True
    last = line.leaves[-1]
    is_value = last.kind != "]" or (last.opening is not None and last.opening.atom)
    if last.kind not in CLOSERS or not is_value or line.leaves[-2].kind in CLOSING:
        return False
    return _closes(line, last)


def _opens(line: Line, first: Leaf) -> bool:
    """Whether what follows the brackets at the start of a line fits after them."""
    follows, length = False, 4 * line.depth
    for leaf in line.leaves:
        if leaf.kind in CLOSERS and leaf.opening is first:
            follows = True
        if follows:
            length += len(leaf.prefix) + len(leaf.value)
            if length > LENGTH:
                return False
            if leaf.kind in CLOSING:
                follows = False
    return True


def _closes(line: Line, last: Leaf) -> bool:
    """Whether what is before the brackets at the end of a line fits before them."""
    length, is_other = 4 * line.depth, False
    for leaf in line.leaves:
        length += len(leaf.prefix) + len(leaf.value)
        if leaf is last.opening:
            if is_other or length <= LENGTH:
                return True
        elif leaf.kind in CLOSING:
            is_other = True
    return False


def _omissions(line: Line) -> Iterator[set[int]]:
    """Ever more closing brackets, from the end, that a line need not be broken at."""
    omitted: set[int] = set()
    if line.comma is None:
        yield omitted
    length = 4 * line.depth
    opening: Leaf | None = None
    closing: Leaf | None = None
    inner: set[int] = set()
    for place in reversed(range(len(line.leaves))):
        leaf = line.leaves[place]
        length += len(leaf.prefix) + len(leaf.value)
        if length > LENGTH:
            break
        before = line.leaves[place - 1] if place else None
        if opening is not None:
            if leaf is opening:
                opening = None
            elif leaf.kind in CLOSERS:
                if _explodes(leaf, before, line):
                    break
                inner.add(id(leaf))
        elif leaf.kind in CLOSERS:
            if before is not None and before.kind in CLOSING:
                inner.add(id(leaf))
                continue
            if closing is not None:
                omitted.add(id(closing))
                omitted |= inner
                inner.clear()
                yield omitted
            if _explodes(leaf, before, line):
                break
            if leaf.value:
                opening, closing = leaf.opening, leaf


def _explodes(closing: Leaf, before: Leaf | None, line: Line) -> bool:
    if before is None or before.kind != "," or closing.opening is None:
        return False
    return not is_single(closing.opening, closing, line.leaves)


def _at_delimiters(line: Line, _forced: bool) -> Iterator[Line]:
    """Break at all delimiters of the highest priority."""
    last = line.leaves[-1]
    highest = line.highest(but=id(last))
    if not highest or (highest == DOT and line.count(DOT) == 1):
        raise _CannotSplitError
    made = Line(line.depth, inside=line.inside)
    for leaf in line.leaves:
        made.append(leaf)
        if line.delimiters.get(id(leaf)) == highest:
            made.leaves[0].prefix = ""
            yield made
            made = Line(line.depth, inside=line.inside)
    if made.leaves:
        if highest == COMMA and made.leaves[-1].kind != ",":
            comma = Leaf(",", ",")
            comma.added = True
            made.append(comma)
        made.leaves[0].prefix = ""
        yield made
