"""A line of a statement, and the places where it may be broken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .layout_brackets import COMMA
from .layout_leaves import CLOSERS, CLOSING, Leaf, width

LENGTH: Final = 88


class Line:
    """Leaves that stand on one line, if they fit.

    `delimiters` are the places to break it: priorities by the id of the leaf before each.
    `comma` is a trailing comma that asks for one element a line.
    """

    def __init__(self, depth: int, *, inside: bool = False) -> None:
        self.depth = depth
        self.inside = inside
        self.leaves: list[Leaf] = []
        self.explodes = False
        self.comma: Leaf | None = None
        self.delimiters: dict[int, int] = {}
        self.optional: list[Leaf] = []
        self._level = 0
        self._open: dict[tuple[int, str], Leaf] = {}
        self._loops: list[int] = []
        self._lambdas: list[int] = []
        self._previous: Leaf | None = None

    def append(self, leaf: Leaf, *, mark: bool = False) -> None:
        if self.inside or mark:
            self._mark(leaf)
            if leaf.kind in CLOSERS and self._has_comma_before(leaf):
                self.comma = leaf
        self.leaves.append(leaf)

    def _mark(self, leaf: Leaf) -> None:
        kind = leaf.kind
        is_closer = kind in CLOSERS
        if is_closer and not self._level and (0, kind) not in self._open:
            return
        if kind == "in" and self._loops and self._loops[-1] == self._level:
            self._level -= 1
            self._loops.pop()
        if kind == ":" and self._lambdas and self._lambdas[-1] == self._level:
            self._level -= 1
            self._lambdas.pop()
        if is_closer:
            self._level -= 1
            leaf.opening = self._open.pop((self._level, kind))
            if not leaf.value:
                self.optional.append(leaf)
        leaf.depth = self._level
        if not self._level:
            if leaf.before and self._previous is not None:
                self.delimiters[id(self._previous)] = leaf.before
            elif kind == ",":
                self.delimiters[id(leaf)] = COMMA
        if kind in CLOSING:
            self._open[self._level, CLOSING[kind]] = leaf
            self._level += 1
            if not leaf.value:
                self.optional.append(leaf)
        self._previous = leaf
        if kind == "lambda":
            self._level += 1
            self._lambdas.append(self._level)
        if kind == "for":
            self._level += 1
            self._loops.append(self._level)

    def _has_comma_before(self, closing: Leaf) -> bool:
        if not self.leaves or self.leaves[-1].kind != ",":
            return False
        opening = closing.opening
        if opening is None:
            return False
        if closing.kind == "}" or (closing.kind == ")" and self.is_import):
            return True
        if closing.kind == "]":
            return opening.atom or not is_single(opening, closing, self.leaves, "[")
        return not is_single(opening, closing, self.leaves)

    @property
    def is_import(self) -> bool:
        return bool(self.leaves) and self.leaves[0].kind in ("from", "import")

    @property
    def is_def(self) -> bool:
        kinds = [leaf.kind for leaf in self.leaves[:2]]
        return kinds[:1] == ["def"] or kinds == ["async", "def"]

    def highest(self, *, but: int = 0) -> int:
        """The highest priority of a break, other than that after one leaf; 0 for none."""
        found = (each for key, each in self.delimiters.items() if key != but)
        return max(found, default=0)

    def count(self, priority: int) -> int:
        return sum(each == priority for each in self.delimiters.values())

    def text(self) -> str:
        first, *rest = self.leaves
        start = f"{first.prefix}{'    ' * self.depth}{first.value}"
        return start + "".join([leaf.prefix + leaf.value for leaf in rest])

    def fits(self, length: int = LENGTH) -> bool:
        return width(self.text()) <= length

    def copy(self) -> Line:
        """The same line of new leaves, as it was before any break was tried."""
        made = Line(self.depth, inside=self.inside)
        made.explodes, made.comma = self.explodes, self.comma
        for leaf in self.leaves:
            copied = leaf.copy()
            if not made.leaves:
                copied.prefix = ""
            made.append(copied, mark=True)
        return made


def is_single(
    opening: Leaf, closing: Leaf, leaves: Sequence[Leaf], bracket: str = "("
) -> bool:
    """Whether brackets hold one element: a tuple's comma then is none that explodes."""
    if opening.kind != bracket or closing.kind != CLOSING[bracket]:
        return False
    depth, commas = closing.depth + 1, 0
    start = next(place for place, leaf in enumerate(leaves) if leaf is opening)
    for leaf in leaves[start + 1 :]:
        if leaf is closing:
            break
        if leaf.depth == depth and leaf.kind == ",":
            commas += 1
            if bracket == "(" and not opening.atom:
                return False
    return commas < 2
