"""Typed access to a document's mappings: spans, pointers and unknown keys in one place."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Set
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from .diagnostics import Origin, Reporter, Span, show
from .source import Map, Seq
from .spec import Located
from .versions import Renamed, Version

_PLAIN: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/{}"
)
_LABELS: Final = ("name", "id", "path", "method", "type")
MAX_NAME: Final = 80
_NEARLY: Final = 0.85
"""How like a known key one has to be where others are read elsewhere."""
_LEFT_OUT: Final = "this part is left out; the rest is compiled"
_ELSEWHERE: Final = (
    "write what the other file holds into this one; until then it is missing"
)


def pointer_name(name: str) -> str:
    """A name for a pointer: printable ASCII, other characters percent-encoded."""
    plain = "".join(
        c if c in _PLAIN else "".join(f"%{b:02X}" for b in c.encode(errors="replace"))
        for c in name
    )
    return plain if len(plain) <= MAX_NAME else plain[: MAX_NAME - 1] + "~"


class Keys(Struct, frozen=True, kw_only=True):
    """What an object may hold.

    Keys that are read; keys that say nothing to a compiler; keys of the specification
    that are not supported yet, with their codes. An unsupported key costs the whole
    object, except those of `separable` parts, which are left out alone. Those that are
    `elsewhere` name another file. `renamed` ones are known by the names of all versions.
    """

    read: frozenset[str]
    informative: frozenset[str]
    unsupported: Mapping[str, str]
    separable: frozenset[str]
    elsewhere: frozenset[str]
    renamed: tuple[Renamed, ...]


class Reader(Struct, frozen=True, kw_only=True):
    """A mapping of the document at `path`, with its pointer and its span."""

    data: Map
    path: tuple[str | int, ...]
    pointer: str
    span: Span
    version: Version
    reporter: Reporter
    broken: frozenset[tuple[str | int, ...]]

    @property
    def origin(self) -> Origin:
        return Origin(self.pointer, self.span)

    def is_broken(self, *but: str) -> bool:
        """Whether the schema found an error in here, except inside units of some keys."""
        length = len(self.path)
        return any(
            path[:length] == self.path
            and (len(path) < length + 2 or path[length] not in but)
            for path in self.broken
        )

    def __contains__(self, key: str) -> bool:
        return self.data.get(key) is not None

    def text(self, key: str, default: str = "") -> str:
        value = self.data.get(key)
        return value if isinstance(value, str) else default

    def spelling(self, keyword: Renamed) -> str:
        """The name under which a keyword stands in here: the declared version's first.

        `check_keys` says where it is that of another version.
        """
        own, other = self.version.spells(keyword)
        return other if other in self and own not in self else own

    def number(self, key: str) -> int | None:
        value = self.data.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def flag(self, key: str) -> bool | None:
        value = self.data.get(key)
        return value if isinstance(value, bool) else None

    def located(self, key: str) -> Located | None:
        """The value of a key with its place; None where it is absent or null."""
        if key not in self:
            return None
        return Located(self.data[key], self.data.value_span(key))

    def pairs(self, key: str) -> tuple[tuple[str, Located], ...]:
        """The members of the mapping at a key, in the order of the file."""
        value = self.data.get(key)
        if not isinstance(value, Map):
            return ()
        return tuple((k, Located(v, value.value_span(k))) for k, v in value.items())

    def items(self, key: str) -> tuple[Located, ...]:
        """The items of the list at a key, in the order of the file."""
        value = self.data.get(key)
        if not isinstance(value, Seq):
            return ()
        return tuple(Located(v, value.item_span(i)) for i, v in enumerate(value))

    def members(self, *without: str) -> tuple[tuple[str, Located], ...]:
        """The members of this mapping but for some."""
        return tuple(
            (key, Located(value, self.data.value_span(key)))
            for key, value in self.data.items()
            if key not in without
        )

    @property
    def name(self) -> str:
        """The object's own name, its `id`, or its key in a mapping of objects.

        In `ikanos`, where such mappings are official, the key is the name.
        """
        if self.version.key == "ikanos" and isinstance(self.path[-1], str):
            return self.path[-1]
        for key in ("name", "id"):
            if (value := self.data.get(key)) not in (None, ""):
                return str(value)
        return self.path[-1] if isinstance(self.path[-1], str) else ""

    def child(self, key: str) -> Reader | None:
        """The mapping at a key."""
        value = self.data.get(key)
        if not isinstance(value, Map):
            return None
        return replace(
            self,
            data=value,
            path=(*self.path, key),
            pointer=f"{self.pointer}.{key}" if self.pointer else key,
            span=self.data.key_span(key),
        )

    def children(self, key: str, name_key: str = "name") -> tuple[Reader, ...]:
        """The mappings of the list at a key, or of a mapping keyed by their names.

        A pointer names a child by `name_key`; the second child of one name is `name~2`.
        """
        seen: dict[str, int] = {}
        children = []
        for step, name, value, span in self._entries(key, name_key):
            seen[name] = seen.get(name, 0) + 1
            label = pointer_name(name) + (f"~{seen[name]}" if seen[name] > 1 else "")
            children.append(
                replace(
                    self,
                    data=value,
                    path=(*self.path, key, step),
                    pointer=f"{self.pointer}.{key}[{label}]".removeprefix("."),
                    span=span,
                )
            )
        return tuple(children)

    def _entries(
        self, key: str, name_key: str
    ) -> Iterator[tuple[str | int, str, Map, Span]]:
        value = self.data.get(key)
        if isinstance(value, Seq):
            for index, item in enumerate(value):
                if isinstance(item, Map):
                    found = (item.get(key) for key in (name_key, *_LABELS))
                    name = str(next(filter(None, found), index + 1))
                    yield index, name, item, value.item_span(index)
        elif isinstance(value, Map):
            for name, item in value.items():
                if isinstance(item, Map):
                    yield name, name, item, value.key_span(name)

    def check_keys(self, keys: Keys) -> str | None:
        """Report keys that are not read; the code of the first that costs the object."""
        refused = None
        unsupported = keys.unsupported
        own_names = {
            other: own for own, other in map(self.version.spells, keys.renamed)
        }
        known = {*keys.read, *own_names.values()}
        for key in self.data:
            if key in known or key in keys.informative or key not in self:
                continue
            if key in unsupported and self.data[key] is False:  # it is off anyway
                continue
            span = self.data.key_span(key)
            if key in own_names and own_names[key] not in self:
                message = f"`{key}` is read as the official `{own_names[key]}`"
                self.reporter.report("NAF409", span, message)
            elif code := unsupported.get(key):
                if key not in keys.separable:
                    refused = refused or code
                self.reporter.report(
                    code,
                    span,
                    f"`{key}` is not supported yet",
                    hint=_ELSEWHERE if key in keys.elsewhere else _LEFT_OUT,
                )
            else:
                self._unknown(key, span, {*known, *unsupported})
        return refused

    def check_spelling(self, known: Set[str]) -> None:
        """Report keys that are nearly one that is known, and not known themselves."""
        for key in self.data:
            if key not in known and difflib.get_close_matches(key, known, 1, _NEARLY):
                self._unknown(key, self.data.key_span(key), {*known})

    def _unknown(self, key: str, span: Span, known: set[str]) -> None:
        close = difflib.get_close_matches(key, sorted(known), 1)
        self.reporter.report(
            "NAF104",
            span,
            f"the key {show(key)} is not known and has no effect",
            hint=f"did you mean `{close[0]}`?" if close else "",
        )
