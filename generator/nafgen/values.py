"""Reads the small languages inside a spec's strings: templates and references."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final, TypeAlias, TypeGuard
from urllib.parse import quote, unquote

from msgspec import Struct

_PLACEHOLDER: Final = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_VARIABLE: Final = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}|\{\s*([^{}]*?)\s*\}")
_UNESCAPED: Final = re.compile(r"\{\{\{([^{}]*)\}\}\}|\{\{\s*&([^{}]*)\}\}")
_SCREAMING: Final = re.compile(r"[A-Z][A-Z0-9_]*").fullmatch
ROOTS: Final = frozenset({"tools", "rest"})
"""What references to inputs begin with in consumed APIs, where no adapter is known."""
_UNSAFE: Final = "/:@!$&'()*+,;=-._~%"
_SLASHES: Final = re.compile(r"[/\\]")


class Placeholder(Struct, frozen=True):
    """A `{{name}}`, or in paths a `{name}`, and its offset in the text."""

    name: str
    offset: int
    double: bool = True


Piece: TypeAlias = str | Placeholder


def is_constant(value: object) -> TypeGuard[bool | int | float]:
    """Whether a value is a flag or a number that JSON can write."""
    return isinstance(value, bool | int | float) and math.isfinite(value)


def plain(text: str) -> str:
    """A text in which `{{{x}}}` and `{{&x}}` are `{{x}}`: nothing is ever escaped for
    HTML, so that they mean the same."""
    return _UNESCAPED.sub(lambda match: f"{{{{{match[1] or match[2]}}}}}", text)


def template(text: str) -> tuple[Piece, ...]:
    """Split a text at its placeholders: `a {{B}}` is `("a ", Placeholder("B"))`."""
    pieces: list[Piece] = []
    end = 0
    text = plain(text)
    for match in _PLACEHOLDER.finditer(text):
        if match.start() > end:
            pieces.append(text[end : match.start()])
        pieces.append(Placeholder(match[1], match.start()))
        end = match.end()
    if end < len(text):
        pieces.append(text[end:])
    return tuple(pieces)


def bind_name(name: str) -> str | None:
    """The variable that a placeholder names in one of the spellings of a bind.

    `X`, `env.X` and `bind.X` name X where X is in upper case; the namespaces of
    declared binds are for the caller to cut off.
    """
    for prefix in ("env.", "bind."):
        if name.startswith(prefix):
            return name[len(prefix) :]
    return name if _SCREAMING(name) else None


def path_template(text: str) -> tuple[Piece, ...]:
    """Split a path at `{x}` and lower-case `{{x}}`; literal parts are not encoded."""
    pieces: list[Piece] = []
    end = 0
    text = plain(text)
    for match in _VARIABLE.finditer(text):
        name = match[1] if match[1] is not None else match[2]
        if match.start() > end:
            pieces.append(text[end : match.start()])
        pieces.append(Placeholder(name, match.start(), match[1] is not None))
        end = match.end()
    if end < len(text):
        pieces.append(text[end:])
    return tuple(pieces)


def leaves(value: object) -> Iterator[object]:
    """The scalars of a structure, in order."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    else:
        yield value


def encoded(text: str) -> str:
    """Percent-encode what a literal part of a path may not hold; `%` stays."""
    return quote(text, safe=_UNSAFE)


def climbs(path: str) -> bool:
    """Whether a path has a segment `.` or `..`: it leads elsewhere than it seems to,
    even when it is percent-encoded."""
    return not {".", ".."}.isdisjoint(_SLASHES.split(unquote(path)))


class Reference(Struct, frozen=True):
    """`root.name` as in `rest.limit` or `tools.body`; `in_body` in `rest.body.name`."""

    root: str
    name: str
    in_body: bool = False


def reference(text: str, roots: frozenset[str]) -> Reference | None:
    """A reference when the text begins with one of the roots: split at the first dot."""
    root, dot, name = text.partition(".")
    return Reference(root, name) if dot and name and root in roots else None


def whole_reference(value: object) -> Reference | None:
    """What a text that is one placeholder and nothing else refers to: `{{tools.x}}`."""
    pieces = template(value) if isinstance(value, str) else ()
    piece = pieces[0] if len(pieces) == 1 else None
    return reference(piece.name, ROOTS) if isinstance(piece, Placeholder) else None
