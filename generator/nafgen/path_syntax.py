"""Reads the JSONPath of the specification: Jayway's dialect, and a little more leniency.

The `$` may be missing or be `@`, names may hold blanks (`$.user details.email`), and
functions may end a path or begin it (`$.items.length()`, `$.sum($.items[*].price)`).
What is no path is refused here, so that nothing is null at run time for that reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from .diagnostics import show
from .path_filters import Filter, filter_text
from .path_scanner import PathError, Scanner
from .paths import Literal

MAX_LENGTH: Final = 500
MAX_SEGMENTS: Final = 50
MAX_BRANCHES: Final = 2
"""Segments that may find one thing several times: `..`, and lists of selectors."""
MAX_WILDCARDS: Final = 8
FUNCTIONS: Final = ("length", "keys", "sum", "min", "max", "avg", "stddev", "append")
_AGGREGATES: Final = frozenset({"sum", "min", "max", "avg", "stddev"})
_ENDS: Final = {"first": 0, "last": -1}
"""Functions that are an index."""
_NAME: Final = re.compile(r"[^.\[({})\]*'\",?\x00-\x1f]+")
_INDEXES: Final = re.compile(r"-?[0-9]{1,4}(?:\s*,\s*-?[0-9]{1,4})*").fullmatch
_SLICE: Final = re.compile(r"(-?[0-9]{1,4})?\s*:\s*(-?[0-9]{1,4})?").fullmatch
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")


class Wildcard(Struct, frozen=True):
    """Each element of an array, or each member of an object."""


class Slice(Struct, frozen=True):
    """Some elements of an array, in the syntax of RFC 9535."""

    text: str


Selector: TypeAlias = str | int | Wildcard | Slice | Filter


class Segment(Struct, frozen=True):
    """One segment of a path; `deep` after `..`, which also looks into what is below."""

    selectors: tuple[Selector, ...]
    deep: bool
    offset: int

    @property
    def is_definite(self) -> bool:
        """Whether it finds one thing at most."""
        return not self.deep and (
            len(self.selectors) == 1 and isinstance(self.selectors[0], str | int)
        )


class Parsed(Struct, frozen=True):
    """A path as it is written: its segments, and the function that ends it."""

    segments: tuple[Segment, ...]
    function: str = ""
    arguments: tuple[Parsed | Literal, ...] = ()


def parsed(text: str) -> Parsed:
    """What a path says.

    Raises:
        PathError: the text is no path, or one that is too much to compile.
    """
    if len(text) > MAX_LENGTH:
        raise PathError(f"it has more than {MAX_LENGTH} characters", 0)
    stripped = text.strip()
    scanner = Scanner(text, len(text) - len(text.lstrip()), len(text.rstrip()))
    if not stripped:
        raise PathError("it is empty", 0, "`$` is the whole value")
    if stripped in ("$", "$.", "@"):
        return Parsed(())
    if scanner.take("{{"):
        hint = "write it without braces, as `$.data.id`"
        raise PathError("a placeholder is no path", scanner.start, hint)
    if scanner.is_one_of("$@"):
        following = scanner.text[scanner.at + 1 : scanner.at + 2]
        if following in (".", "["):
            scanner.at += 1
            return _Parser(scanner).path()
        if scanner.peek() == "$":
            hint = "after `$` comes `.name` or `[0]`"
            raise PathError(
                f"`$` is followed by {show(following)}", scanner.at + 1, hint
            )
    return _Parser(scanner).path(bare=True)


class _Parser(Struct):
    scanner: Scanner
    depth: int = 0

    def path(self, *, bare: bool = False) -> Parsed:
        """The segments up to the end; a bare path begins with a name or a bracket."""
        scanner = self.scanner
        segments: list[Segment] = []
        bare = bare and scanner.peek() != "["
        while not scanner.is_done:
            if self.depth and not bare and scanner.peek() not in ".[":
                break  # the argument of a function ends
            start = scanner.at
            dot = bare or scanner.take(".")
            deep = not bare and dot and scanner.take(".")
            bare = False
            if scanner.peek() == "[":
                segments += self._bracket(deep, start)
            elif not dot:
                message = f"{show(scanner.peek())} is not expected here"
                raise PathError(message, start, "segments are `.name` and `[0]`")
            elif scanner.take("*"):
                segments.append(Segment((Wildcard(),), deep, start))
            else:
                at = scanner.at
                name = self._name()
                if scanner.peek() == "(" and not deep:
                    return self._function(name, segments, at)
                segments.append(Segment((name,), deep, start))
        _check_bounds(segments)
        return Parsed(tuple(segments))

    def _name(self) -> str:
        scanner = self.scanner
        start = scanner.at
        name = scanner.match(_NAME)
        if self.depth:  # in an argument, a blank ends the name
            name = name.rstrip()
            scanner.at = start + len(name)
        if not name:
            found = show(scanner.peek()) if not scanner.is_done else "nothing"
            hint = "names with such characters are quoted: `['a.b']`"
            raise PathError(f"a name was expected, not {found}", start, hint)
        if name != name.strip():
            hint = f"remove the blank, or quote the name: `[{json.dumps(name)}]`"
            raise PathError("a name begins or ends with a blank", start, hint)
        return name

    def _bracket(self, deep: bool, start: int) -> list[Segment]:
        scanner = self.scanner
        scanner.take("[")
        scanner.blanks()
        inner = scanner.at
        if scanner.is_one_of("'\""):
            selectors: list[Selector] = [scanner.quoted()]
            while scanner.blanks() and scanner.take(","):
                scanner.blanks()
                selectors.append(scanner.quoted())
        elif scanner.take("*"):
            selectors = [Wildcard()]
        elif scanner.take("?"):
            selectors = [filter_text(scanner)]
        else:
            selectors = self._positions(inner)
        scanner.blanks()
        scanner.expect("]")
        return [Segment(tuple(dict.fromkeys(selectors)), deep, start)]

    def _positions(self, inner: int) -> list[Selector]:
        """Indexes, or a slice of them."""
        scanner = self.scanner
        written = scanner.until("]")
        if _INDEXES(written):
            return [int(number) for number in written.split(",")]
        ends = _SLICE(written)
        if ends is not None and (ends[1] or ends[2]):
            numbers = ("" if end is None else str(int(end)) for end in ends.groups())
            return [Slice(":".join(numbers))]
        hint = (
            "in brackets stand `'name'`, `0`, `-1`, `0,1`, `1:3`, `*` or `?(@.a == 1)`"
        )
        raise PathError(f"{show(f'[{written}]')} is no selector", inner, hint)

    def _function(self, name: str, segments: list[Segment], at: int) -> Parsed:
        scanner = self.scanner
        if name not in FUNCTIONS and name not in _ENDS:
            known = ", ".join((*FUNCTIONS, *_ENDS))
            raise PathError(
                f"there is no function {show(name)}", at, f"there are {known}"
            )
        arguments = self._arguments()
        if not scanner.is_done and not self.depth:
            raise PathError("nothing can follow a function", scanner.at)
        self._check_call(name, arguments, segments, at)
        if name in _ENDS:
            segments.append(Segment((_ENDS[name],), False, at))
            name = ""
        _check_bounds(segments)
        return Parsed(tuple(segments), name, arguments)

    def _check_call(
        self,
        name: str,
        arguments: tuple[Parsed | Literal, ...],
        segments: list[Segment],
        at: int,
    ) -> None:
        """Hold a function to what it can be given, and to where it can stand."""
        scanner = self.scanner
        definite = all(segment.is_definite for segment in segments)
        if name in _AGGREGATES and not definite and not arguments:
            hint = f"give it the path: `$.{name}({scanner.text[scanner.start:at - 1]})`"
            raise PathError(f"here, `{name}` is of each value alone", at, hint)
        if name == "append" and not arguments:
            raise PathError("`append` needs what to append", at)
        if not arguments or (definite and (name in _AGGREGATES or name == "append")):
            return
        is_path = len(arguments) == 1 and isinstance(arguments[0], Parsed)
        if segments or name != "length" or not is_path:
            raise PathError(f"`{name}` cannot have these arguments here", at)

    def _arguments(self) -> tuple[Parsed | Literal, ...]:
        scanner = self.scanner
        scanner.take("(")
        arguments: list[Parsed | Literal] = []
        scanner.blanks()
        while not scanner.take(")"):
            if arguments:
                scanner.expect(",")
                scanner.blanks()
            arguments.append(self._argument())
            scanner.blanks()
        return tuple(arguments)

    def _argument(self) -> Parsed | Literal:
        scanner = self.scanner
        if scanner.is_one_of("'\""):
            return Literal(scanner.quoted())
        if scanner.is_one_of("$@"):
            if self.depth:
                raise PathError("functions do not nest", scanner.at)
            scanner.at += 1
            start = scanner.at
            found = _Parser(scanner, self.depth + 1).path()
            if found.function:
                raise PathError("functions do not nest", start)
            return found
        number = scanner.match(_NUMBER)
        if number:
            return Literal(float(number) if "." in number else int(number))
        hint = "arguments are paths, numbers and quoted texts"
        raise PathError("an argument was expected", scanner.at, hint)


def _check_bounds(segments: Sequence[Segment]) -> None:
    if len(segments) > MAX_SEGMENTS:
        message = f"it has more than {MAX_SEGMENTS} segments"
        raise PathError(message, segments[MAX_SEGMENTS].offset)
    branches = [s for s in segments if s.deep or len(s.selectors) > 1]
    if len(branches) > MAX_BRANCHES:
        message = f"it has more than {MAX_BRANCHES} `..` and lists in brackets"
        hint = "each of them could multiply what is found"
        raise PathError(message, branches[MAX_BRANCHES].offset, hint)
    wild = [
        s for s in segments if isinstance(s.selectors[0], Wildcard | Slice | Filter)
    ]
    if len(wild) > MAX_WILDCARDS:
        message = f"it has more than {MAX_WILDCARDS} wildcards, slices and filters"
        raise PathError(message, wild[MAX_WILDCARDS].offset)
