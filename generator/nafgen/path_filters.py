"""Reads the filters of JSONPath, and says them in the syntax that RFC 9535 has for them.

Compared are paths that begin with `@` or `$`, numbers, texts, lists and regular
expressions, by `== != < <= > >= =~ in nin size`; comparisons and paths, which then have
to exist, are joined by `&& || !` and parentheses.
"""

from __future__ import annotations

import json
import re
from typing import Final, TypeAlias

from msgspec import Struct

from .diagnostics import show
from .path_patterns import MAX_PATTERN, pattern
from .path_scanner import PathError, Scanner
from .paths import Path

Scalar: TypeAlias = bool | int | float | str | None
Wish: TypeAlias = tuple[Path, Scalar]

MAX_DEPTH: Final = 8
MAX_TERMS: Final = 20
MAX_INTEGER: Final = 2**53
_OPERATOR: Final = re.compile(r"==|!=|<=|>=|=~|<(?!>)|>|(?:in|nin|size)\b")
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORD: Final = re.compile(r"true\b|false\b|null\b")
_NAME: Final = re.compile(r"[^\W\d][\w-]*|[$@][\w-]+|[0-9][\w-]*")
_INDEX: Final = re.compile(r"-?[0-9]{1,4}")
_LENGTH: Final = re.compile(r"\.length\(\s*\)")
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch
_LOOSE: Final = re.compile(r"\.[*+?]|[$^]")
_WORDS: Final[dict[str, Scalar]] = {"true": True, "false": False, "null": None}


class Filter(Struct, frozen=True):
    """A filter in the syntax of RFC 9535.

    `wishes` are paths and values that an element may have to pass; `is_absolute`: a
    path in it begins at `$`.
    """

    text: str
    wishes: tuple[Wish, ...]
    is_absolute: bool


class Term(Struct, frozen=True):
    """A part of a filter, and what fulfils it as far as that is known."""

    text: str
    wishes: tuple[Wish, ...] = ()


class Operand(Struct, frozen=True):
    """Something that is compared: a path of an element, or else a value of JSON."""

    text: str
    path: Path | None = None
    value: Scalar = None
    is_query: bool = False


def filter_text(scanner: Scanner) -> Filter:
    """The filter that stands here, in parentheses or not."""
    reader = _Filters(scanner)
    found = reader.alternatives(0)
    return Filter(found.text, found.wishes, reader.is_absolute)


class _Filters(Struct):
    scanner: Scanner
    terms: int = 0
    is_absolute: bool = False

    def alternatives(self, depth: int) -> Term:
        """Terms joined by `||` and `&&`."""
        if depth > MAX_DEPTH:
            message = f"a filter nests more than {MAX_DEPTH} levels"
            raise PathError(message, self.scanner.at)
        found = [self._all(depth)]
        while self._take("||"):
            found.append(self._all(depth))
        if len(found) == 1:
            return found[0]
        return Term(f"({' || '.join(term.text for term in found)})", found[0].wishes)

    def _all(self, depth: int) -> Term:
        found = [self._term(depth)]
        while self._take("&&"):
            found.append(self._term(depth))
        if len(found) == 1:
            return found[0]
        wishes = tuple(wish for term in found for wish in term.wishes)
        return Term(f"({' && '.join(term.text for term in found)})", wishes)

    def _take(self, token: str) -> bool:
        self.scanner.blanks()
        return self.scanner.take(token)

    def _term(self, depth: int) -> Term:
        scanner = self.scanner
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise PathError(f"a filter has more than {MAX_TERMS} terms", scanner.at)
        scanner.blanks()
        if scanner.take("!"):
            if depth > MAX_DEPTH:
                message = f"a filter nests more than {MAX_DEPTH} levels"
                raise PathError(message, scanner.at)
            return Term(f"!({self._term(depth + 1).text})")
        if scanner.take("("):
            found = self.alternatives(depth + 1)
            scanner.blanks()
            scanner.expect(")")
            return found
        return self._comparison()

    def _comparison(self) -> Term:
        scanner = self.scanner
        start = scanner.at
        left = self._operand()
        scanner.blanks()
        at = scanner.at
        operator = scanner.match(_OPERATOR)
        if not operator:
            if not left.is_query:
                raise PathError("a value has to be compared", start)
            return Term(left.text, _wish(left, True))
        scanner.blanks()
        match operator:
            case "=~":
                regex = pattern(scanner)
                plain = _LOOSE.sub("", regex[1 : regex.rindex("/")])
                return Term(f"{left.text} =~ {regex}", _wish(left, plain))
            case "in":
                text, values = self._list()
                wishes = _wish(left, values[0]) if values else ()
                return Term(f"{left.text} in {text}", wishes)
            case "nin":
                text, _ = self._list()
                return Term(f"!({left.text} in {text})", _wish(left, "none of them"))
            case "size":
                size = scanner.match(_INDEX)
                if not size or not left.is_query:
                    raise PathError("`size` takes a path and a number", at)
                wishes = _wish(left, "x" * min(int(size), MAX_PATTERN))
                return Term(f"length({left.text}) == {int(size)}", wishes)
            case _:
                right = self._operand()
                wishes = (
                    () if right.is_query else _wish(left, _passing(operator, right))
                )
                return Term(f"{left.text} {operator} {right.text}", wishes)

    def _operand(self) -> Operand:
        scanner = self.scanner
        if scanner.is_one_of("@$"):
            return self._path()
        if scanner.is_one_of("'\""):
            text = scanner.quoted()
            return Operand(json.dumps(text), value=text)
        start = scanner.at
        number = scanner.match(_NUMBER)
        if number:
            value = float(number)
            if abs(value) >= MAX_INTEGER:
                raise PathError("the number is too large to compare", start)
            whole = int(value) if value.is_integer() else value
            return Operand(repr(whole), value=whole)
        word = scanner.match(_WORD)
        if word:
            return Operand(word, value=_WORDS[word])
        found = "nothing" if scanner.is_done else show(scanner.peek())
        hint = "filters are such as `[?(@.price > 9 && @.tags)]`"
        raise PathError(f"a value was expected, not {found}", start, hint)

    def _list(self) -> tuple[str, list[Scalar]]:
        """A list of values, or the path of one."""
        scanner = self.scanner
        if scanner.is_one_of("@$"):
            return self._path().text, []
        scanner.expect("[")
        scanner.blanks()
        found: list[Operand] = []
        while not scanner.take("]"):
            if found:
                scanner.expect(",")
                scanner.blanks()
            at = scanner.at
            found.append(self._operand())
            if found[-1].is_query:
                raise PathError("a list holds no paths", at)
            scanner.blanks()
        return f"[{', '.join(each.text for each in found)}]", [o.value for o in found]

    def _path(self) -> Operand:
        """A path of an element or of the whole value, or the length of what is there."""
        scanner = self.scanner
        root = scanner.peek()
        self.is_absolute |= root == "$"
        scanner.at += 1
        text = root
        steps: list[str | int] | None = [] if root == "@" else None
        while True:
            if scanner.match(_LENGTH):
                return Operand(f"length({text})", is_query=True)
            step: str | int | None
            if scanner.take(".") and not scanner.is_one_of("["):
                step = self._name()
            elif scanner.take("["):
                step = self._bracket()
            else:
                path = None if steps is None else tuple(steps)
                return Operand(text, path, is_query=True)
            text += _step_text(step)
            steps = None if step is None or steps is None else [*steps, step]

    def _name(self) -> str | None:
        """A name after a dot; None is the wildcard."""
        scanner = self.scanner
        if scanner.is_one_of("."):
            raise PathError("a filter takes no `..`", scanner.at)
        name = scanner.match(_NAME)
        if not name and not scanner.take("*"):
            raise PathError("a name was expected", scanner.at)
        return name or None

    def _bracket(self) -> str | int | None:
        """What is in brackets; None is the wildcard."""
        scanner = self.scanner
        scanner.blanks()
        found: str | int | None = None
        if scanner.is_one_of("'\""):
            found = scanner.quoted()
        elif not scanner.take("*"):
            index = scanner.match(_INDEX)
            if not index:
                message = "a filter takes a quoted name, an index or `*` here"
                raise PathError(message, scanner.at)
            found = int(index)
        scanner.blanks()
        scanner.expect("]")
        return found


def _step_text(step: str | int | None) -> str:
    if isinstance(step, str) and _PLAIN(step):
        return f".{step}"
    return "[*]" if step is None else f"[{json.dumps(step)}]"


def _wish(left: Operand, value: Scalar) -> tuple[Wish, ...]:
    return () if left.path is None else ((left.path, value),)


def _passing(operator: str, right: Operand) -> Scalar:
    """A value that passes a comparison."""
    value = right.value
    if isinstance(value, int | float) and operator in ("<", ">"):
        return value + (1 if operator == ">" else -1)
    return f"not {value}" if operator == "!=" else value
