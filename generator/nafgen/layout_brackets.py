"""Which brackets of a statement are optional, and where its line may break.

As black does, `return`, `=` and the like are followed by brackets that do not show while
what is in them fits on the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from .layout_leaves import (
    CLOSERS,
    CLOSING,
    STARS,
    Leaf,
    UnknownStatementError,
    tokens,
)

COMMA: Final = 18
DOT: Final = 1
_COMPREHENSION: Final = 20
_TERNARY: Final = 16
_LOGIC: Final = 14
_STRINGS: Final = 12
_COMPARATOR: Final = 10
_UNION: Final = 9
_SUM: Final = 5
_COMPARATORS: Final = frozenset({"<", ">", "==", "!=", "<=", ">="})
# Where an expression begins, `x if y else z` among them.
_BEFORE_TEST: Final = frozenset({",", "=", ":", "else", "return", "lambda"}) | STARS


def leaves_of(statement: str) -> list[Leaf]:
    """The tokens of a statement, with its optional brackets.

    Raises:
        UnknownStatementError: it holds something that is not known here.
    """
    leaves = list(tokens(statement))
    _add_optional_brackets(leaves)
    _add_around_tests(leaves)
    _prioritize(leaves)
    return leaves


def _closing(leaves: Sequence[Leaf], start: int) -> int:
    """The place of the bracket that closes the one at `start`."""
    depth = 0
    for place in range(start, len(leaves)):
        kind = leaves[place].kind
        if kind in CLOSING:
            depth += 1
        elif kind in CLOSERS:
            depth -= 1
            if not depth:
                return place
    raise UnknownStatementError


def _top(leaves: Sequence[Leaf], start: int, end: int) -> Iterator[int]:
    """The places from `start` to before `end` that are in no bracket opened there."""
    depth = 0
    for place in range(start, end):
        kind = leaves[place].kind
        if kind in CLOSERS:
            depth -= 1
        if depth < 0:
            return
        if not depth:
            yield place
        if kind in CLOSING:
            depth += 1


def _add_optional_brackets(leaves: list[Leaf]) -> None:
    first = leaves[0].kind
    if first == "from":
        start = next(n for n, leaf in enumerate(leaves) if leaf.kind == "import") + 1
        if leaves[start].kind == "(":
            leaves[start].value = leaves[-1].value = ""
        else:
            _wrap(leaves, start, len(leaves))
    elif first in ("def", "async"):
        arrow = next((n for n, leaf in enumerate(leaves) if leaf.kind == "->"), None)
        if arrow is not None:
            _bracket(leaves, arrow + 1, len(leaves) - 1)
        parameters = next(n for n, leaf in enumerate(leaves) if leaf.kind == "(")
        _add_around_annotations(leaves, parameters)
    elif first == "return":
        if len(leaves) > 1:
            _bracket(leaves, 1, len(leaves))
    elif first in ("if", "elif", "while"):
        _bracket(leaves, 1, len(leaves) - 1)
    elif first == "for":
        raise UnknownStatementError
    elif first not in ("import", "class", "raise", "@"):
        _add_around_assigned(leaves)
    for place in reversed(range(len(leaves) - 1)):
        if leaves[place].kind in ("[", "{") and leaves[place + 1].kind == "(":
            end = _closing(leaves, place + 1)
            if leaves[end + 1].kind in CLOSERS:
                _loosen(leaves, place + 1, end)
        if leaves[place].kind == "await" and leaves[place + 1].kind == "(":
            raise UnknownStatementError


def _add_around_assigned(leaves: list[Leaf]) -> None:
    top = list(_top(leaves, 0, len(leaves)))
    signs = [place for place in top if leaves[place].kind == "="]
    if not signs:
        return
    commas = [place for place in top if leaves[place].kind == ","]
    if leaves[0].kind in CLOSING or any(place > signs[0] for place in commas):
        raise UnknownStatementError
    end = len(leaves)
    for sign in reversed(signs):
        _bracket(leaves, sign + 1, end)
        end = sign
    if commas:
        _wrap(leaves, 0, end)
    colon = next((n for n in top if n < end and leaves[n].kind == ":"), None)
    if colon is not None:
        _bracket(leaves, colon + 1, end)


def _add_around_annotations(leaves: list[Leaf], opening: int) -> None:
    """Brackets around each union that a parameter is annotated with."""
    end = _closing(leaves, opening)
    top = list(_top(leaves, opening + 1, end))
    unions: list[tuple[int, int]] = []
    start, is_union = None, False
    for place in [*top, end]:
        kind = leaves[place].kind
        if start is not None and (kind in ("=", ",") or place == end):
            for leaf in leaves[start:place]:
                leaf.annotates = True
            if is_union:
                unions.append((start, place))
            start, is_union = None, False
        elif start is not None and kind == "|":
            is_union = True
        elif kind == ":" and start is None:
            start = place + 1
    for begin, after in reversed(unions):
        _wrap(leaves, begin, after)
        leaves[begin].annotates = leaves[after + 1].annotates = True


def _bracket(leaves: list[Leaf], start: int, end: int) -> None:
    """Put what is from `start` to before `end` into optional brackets.

    Brackets that are there become optional, unless they make a tuple or a generator.
    """
    if leaves[start].kind == "(" and _closing(leaves, start) == end - 1:
        _loosen(leaves, start, end - 1)
        if leaves[start].value:
            return
    else:
        _wrap(leaves, start, end)


def _loosen(leaves: list[Leaf], opening: int, closing: int) -> None:
    """Make brackets optional that make no tuple and no generator."""
    inside = [leaves[n].kind for n in _top(leaves, opening + 1, closing)]
    if not inside or "," in inside or "for" in inside:
        return
    if inside[0] == "(" and _closing(leaves, opening + 1) == closing - 1:
        raise UnknownStatementError
    leaves[opening].value = leaves[closing].value = ""


def _wrap(leaves: list[Leaf], start: int, end: int) -> None:
    opening, closing = Leaf("(", "", leaves[start].prefix), Leaf(")", "")
    leaves[start].prefix = ""
    leaves.insert(end, closing)
    leaves.insert(start, opening)


def _add_around_tests(leaves: list[Leaf]) -> None:
    """Put each `x if y else z` into optional brackets, where it is in none alone."""
    for place in reversed(range(1, len(leaves))):
        if leaves[place].kind == "if" and _is_test(leaves, place):
            start, end = _test(leaves, place)
            around = leaves[start - 1 : start] + leaves[end : end + 1]
            if [leaf.kind for leaf in around] != ["(", ")"]:
                _wrap(leaves, start, end)


def _is_test(leaves: Sequence[Leaf], place: int) -> bool:
    """Whether this `if` has an `else`; in a comprehension it has none."""
    for after in _top(leaves, place + 1, len(leaves)):
        kind = leaves[after].kind
        if kind == "else":
            return True
        if kind in CLOSERS or kind in (",", "for", "if"):
            break
    return False


def _test(leaves: Sequence[Leaf], place: int) -> tuple[int, int]:
    """From where to where a conditional expression goes, whose `if` is at `place`."""
    start, depth = place, 0
    while start > 0:
        kind = leaves[start - 1].kind
        if kind in CLOSERS:
            depth += 1
        elif kind in CLOSING:
            if not depth:
                break
            depth -= 1
        elif not depth and kind in _BEFORE_TEST:
            break
        elif not depth and kind in ("for", "in"):
            raise UnknownStatementError
        start -= 1
    end, depth = place, 0
    while end < len(leaves):
        kind = leaves[end].kind
        if kind in CLOSING:
            depth += 1
        elif kind in CLOSERS:
            if not depth:
                break
            depth -= 1
        elif not depth and kind in (",", "for", ":"):
            break
        end += 1
    return start, end


def _prioritize(leaves: list[Leaf]) -> None:
    """Say where a line may break, and which brackets make values."""
    is_import = leaves[0].kind in ("from", "import")
    is_decorator = leaves[0].kind == "@"
    depths: list[str] = []
    previous: Leaf | None = None
    for place, leaf in enumerate(leaves):
        kind = leaf.kind
        if kind in CLOSING:
            depths.append(kind)
            is_value = previous is None or (
                previous.kind not in ("name", "text") and previous.kind not in CLOSERS
            )
            leaf.atom = is_value or not leaf.value
        elif kind in CLOSERS:
            depths.pop()
        elif kind == ".":
            after = previous is not None and previous.kind in CLOSERS
            leaf.before = DOT if after and not is_import else 0
        elif kind == "text":
            if previous is not None and previous.kind == "text":
                leaf.before = _STRINGS
        elif kind == "|":
            leaf.before = _UNION
        elif kind in _COMPARATORS or kind == "is":
            leaf.before = _COMPARATOR
        elif kind in ("and", "or"):
            leaf.before = _LOGIC
        elif kind in ("*", "**", "+", "-", "@", "not"):
            leaf.before = _prefixed(kind, previous, is_decorator and not place)
        elif place and kind in ("for", "if", "in", "else", "async"):
            leaf.before = _clause(leaves, place, previous)
        elif kind == ":" and depths and depths[-1] == "[":
            raise UnknownStatementError
        previous = leaf


def _prefixed(kind: str, previous: Leaf | None, decorates: bool) -> int:
    """Operators that are known before what they apply to alone."""
    is_operand = previous is not None and (
        previous.kind in ("name", "text", "number") or previous.kind in CLOSERS
    )
    if kind == "not":
        return _COMPARATOR if is_operand else 0
    if kind == "+" and is_operand:
        return _SUM
    first = previous is None or previous.kind in CLOSING or previous.kind == ","
    if kind == "@" and decorates:
        return 0
    if kind in STARS and (first or (previous is not None and previous.kind == ":")):
        return 0
    if kind == "-" and (
        first or (previous is not None and previous.kind in ("=", ":"))
    ):
        return 0
    raise UnknownStatementError


def _clause(leaves: Sequence[Leaf], place: int, previous: Leaf | None) -> int:
    kind = leaves[place].kind
    if kind == "async" or previous is None:
        raise UnknownStatementError
    if kind == "for":
        return _COMPREHENSION
    if kind == "if":
        return _TERNARY if _is_test(leaves, place) else _COMPREHENSION
    if kind == "else":
        return _TERNARY
    if previous.kind == "not":
        return 0
    for before in reversed(range(place)):
        found = leaves[before].kind
        if found == "," and any(leaf.kind == "for" for leaf in leaves[:before]):
            raise UnknownStatementError
        if found in ("for", "in", "if", ",") or found in CLOSING:
            return 0 if found == "for" else _COMPARATOR
    return _COMPARATOR
