"""Puts entries of other files in the place of the entries that import them.

An import names a file, the namespace of an entry in it, and perhaps another namespace
for here. The entry comes as it is written there, spans included, and alone: what it
calls and the binds that it uses are looked for in the file that imports it.
"""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from . import spec
from .diagnostics import Reporter, Span, show
from .inputs import is_relative
from .keywords import IMPORT, IMPORTED_API
from .overlay import measure
from .reader import Reader
from .source import MAX_NODES, Document, Map, Seq
from .spec import Located
from .versions import SECTIONS, SOURCE, UNDECLARED, Version, declared

MAX_IMPORTS: Final = 256
_KINDS: Final = {"consumes": "upstream", "exposes": "adapter"}
"""Sections whose entries are counted, with what their entries are."""
_MAX_NAMES: Final = 8


class Unfetched(Struct, frozen=True):
    """Why nothing can be imported from a file: a code, the reason, and what to do."""

    code: str
    reason: str
    hint: str


Fetch: TypeAlias = Callable[[str], Document | Unfetched]
"""Reads the file at a path that is relative to the folder of the document."""


class _RefusedError(Exception):
    def __init__(
        self,
        span: Span,
        message: str,
        hint: str,
        *related: tuple[str, Span],
        code: str = "NAF212",
    ) -> None:
        super().__init__(message)
        self.span, self.message, self.hint = span, message, hint
        self.related, self.code = related, code


class _Entry(NamedTuple):
    """An entry of a section, its key in a mapping, and the namespace it is known by."""

    key: str
    key_span: Span
    namespace: str
    value: Any
    span: Span


def resolve(
    document: Document, fetch: Fetch, reporter: Reporter
) -> tuple[Document, tuple[spec.Unusable, ...]]:
    """The document with all that it imports, and the entries that cannot be imported.

    Findings: NAF212 (an import cannot be resolved), NAF004 (too much is imported), and
    those of `fetch`.
    """
    root = document.root
    if not isinstance(root, Map):
        return document, ()
    found = _Resolver(fetch, reporter, declared(root) or UNDECLARED)
    return replace(document, root=found.root(root)), tuple(found.unusable)


class _Resolver(Struct):
    fetch: Fetch
    reporter: Reporter
    version: Version
    unusable: list[spec.Unusable] = field(default_factory=list)
    number: int = 0
    room: int = MAX_NODES

    def root(self, root: Map) -> Map:
        capability = root.get("capability")
        if not isinstance(capability, Map):
            return self._holder(root, SECTIONS, alone=True)
        inner = self._holder(capability, SECTIONS)
        root = _replaced(root, {"capability": inner})
        return self._holder(root, ("binds",))

    def _holder(
        self, holder: Map, sections: tuple[str, ...], *, alone: bool = False
    ) -> Map:
        """A mapping whose sections have what they import; `alone`, it has no capability."""
        changes: dict[str, Any] = {}
        for section in sections:
            entries = [*_entries(holder.get(section))]
            if any(_is_import(section, entry.value) for entry in entries):
                changes[section] = self._section(
                    section, holder[section], entries, alone=alone
                )
        return _replaced(holder, changes)

    def _section(
        self, section: str, written: Map | Seq, entries: list[_Entry], *, alone: bool
    ) -> Map | Seq:
        result = type(written)(written.span)
        taken = {
            entry.namespace: entry.span
            for entry in entries
            if entry.namespace and not _is_import(section, entry.value)
        }
        for entry in entries:
            made = entry
            if _is_import(section, entry.value):
                try:
                    made = self._imported(section, entry, taken, alone=alone)
                except _RefusedError as error:
                    self._refuse(section, entry, error)
                    continue
                taken[made.namespace] = entry.span
            if isinstance(result, Map):
                result.put(entry.key, made.value, entry.key_span, made.span)
            else:
                result.add(made.value, made.span)
        return result

    def _refuse(self, section: str, entry: _Entry, error: _RefusedError) -> None:
        self.reporter.report(
            error.code,
            error.span,
            error.message,
            hint=error.hint,
            related=error.related,
        )
        kind = _KINDS.get(section)
        if kind is not None:
            name = entry.namespace or entry.key or "import"
            self.unusable.append(spec.Unusable(kind=kind, name=name, code=error.code))

    def _imported(
        self, section: str, entry: _Entry, taken: dict[str, Span], *, alone: bool
    ) -> _Entry:
        """What an import brings, under the namespace that it has here."""
        if alone:
            raise _RefusedError(
                entry.span,
                "a file without `capability` cannot import",
                "let the capability import from the other file itself",
            )
        path, wanted, alias = self._read(section, entry)
        found = self._source(section, path, wanted)
        name = alias.value if alias else wanted.value
        if name in taken:
            raise _RefusedError(
                (alias or wanted).span,
                f"the namespace {show(name)} is taken by another entry of `{section}`",
                "give the import a namespace of its own with `as`",
                ("the other entry", taken[name]),
            )
        self._make_room(entry, found.value)
        if alias is None and "namespace" in found.value:
            return found
        named = _copy(found.value)
        span = (alias or wanted).span
        named.put("namespace", name, span, span)
        return found._replace(namespace=name, value=named)

    def _read(
        self, section: str, entry: _Entry
    ) -> tuple[Located, Located, Located | None]:
        """The path, the namespace and the alias that an import gives."""
        reader = Reader(
            data=entry.value,
            path=(),
            pointer="",
            span=entry.span,
            version=self.version,
            reporter=self.reporter,
            broken=frozenset(),
        )
        is_api = section == "consumes"
        reader.check_keys(IMPORTED_API if is_api else IMPORT)
        key = reader.spelling(SOURCE) if is_api else "from"
        path = reader.located(key)
        wanted, alias = reader.located("import"), self._alias(reader)
        if path is None:
            raise _RefusedError(
                entry.span,
                f"this import lacks `{key}`, the path of a file",
                f"write it as `{key}: ./shared/photos.yaml`",
            )
        if wanted is None:
            raise _RefusedError(
                entry.span,
                "this import lacks `import`, a namespace of that file",
                "write it as `import: photos`",
            )
        for each in filter(None, (path, wanted, alias)):
            if not isinstance(each.value, str) or not each.value:
                raise _RefusedError(
                    each.span, f"{show(each.value)} is not a name", "write it as text"
                )
        return path, wanted, alias

    def _alias(self, reader: Reader) -> Located | None:
        """The namespace that an import gives to what it brings."""
        alias = reader.located("as")
        if alias is None and "namespace" in reader:
            alias = reader.located("namespace")
            span = reader.data.key_span("namespace")
            message = "`namespace` is read as the official `as`"
            self.reporter.report("NAF409", span, message)
        return alias

    def _source(self, section: str, path: Located, wanted: Located) -> _Entry:
        """The entry of a file that has the wanted namespace."""
        _require_relative(path)
        source = self.fetch(path.value)
        if isinstance(source, Unfetched):
            message = (
                f"nothing can be imported from {show(path.value)}: {source.reason}"
            )
            raise _RefusedError(path.span, message, source.hint, code=source.code)
        if isinstance(source.root, Map) and declared(source.root) is None:
            raise _RefusedError(
                path.span,
                f"{show(path.value)} is of a version that is not known",
                "see what is wrong with it by itself with `nafgen validate`",
            )
        entries, place = _of_section(source, section)
        if not entries:
            raise _RefusedError(
                path.span,
                f"{show(path.value)} has no entries in `{section}`",
                "import from the file that has them",
                ("the file", place),
            )
        own = [entry for entry in entries if not _is_import(section, entry.value)]
        for entry in own:
            if entry.namespace == wanted.value:
                return entry
        for entry in entries:
            if entry.namespace == wanted.value:
                raise _RefusedError(
                    wanted.span,
                    f"{show(wanted.value)} is itself imported in {show(path.value)}",
                    "import it from the file that it is written in",
                    ("it is imported here", entry.span),
                )
        names = [entry.namespace for entry in own]
        raise _RefusedError(
            wanted.span,
            f"{show(path.value)} has no {show(wanted.value)} in `{section}`",
            _suggestion(wanted.value, names),
            ("its entries", place),
        )

    def _make_room(self, entry: _Entry, value: Any) -> None:
        self.number += 1
        self.room -= measure(value)[0]
        if self.number > MAX_IMPORTS or self.room < 0:
            raise _RefusedError(
                entry.span,
                f"a file may import {MAX_IMPORTS} entries, with {MAX_NODES:,} values",
                "split the file",
                code="NAF004",
            )


def _is_import(section: str, entry: Any) -> bool:
    """Whether an entry stands for one of another file."""
    if not isinstance(entry, Map) or entry.get("openapi") is not None:
        return False
    keys = ("from", "import", *(("location",) if section == "consumes" else ()))
    return any(entry.get(key) is not None for key in keys)


def _entries(section: Any) -> Iterator[_Entry]:
    if isinstance(section, Seq):
        for index, item in enumerate(section):
            span = section.item_span(index)
            yield _Entry("", span, _namespace(item, ""), item, span)
    elif isinstance(section, Map):
        for key, item in section.items():
            span = section.key_span(key)
            yield _Entry(key, span, _namespace(item, key), item, span)


def _namespace(entry: Any, key: str) -> str:
    if not isinstance(entry, Map):
        return key
    names = map(entry.get, ("as", "namespace", "import"))
    return next((name for name in names if isinstance(name, str) and name), key)


def _of_section(source: Document, section: str) -> tuple[list[_Entry], Span]:
    """The entries of a section, at the root or else of the capability, and its place."""
    root = source.root
    if isinstance(root, Map):
        for holder in (root, root.get("capability")):
            if isinstance(holder, Map):
                entries = [e for e in _entries(holder.get(section)) if e.value]
                if entries:
                    return entries, holder.key_span(section)
    return [], Span.whole(source.path)


def _require_relative(path: Located) -> None:
    written: str = path.value
    if not is_relative(written):
        raise _RefusedError(
            path.span,
            f"{show(written)} is not a relative path",
            "write a path that is relative to this file, as `./shared/photos.yaml`",
            code="NAF503",
        )
    if posixpath.basename(posixpath.normpath(written)) in (".", ".."):
        raise _RefusedError(
            path.span,
            f"{show(written)} is a folder, and entries are imported from files",
            "write the path of a file, as `./shared/photos.yaml`",
        )


def _suggestion(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, 1)
    if close:
        return f"did you mean `{close[0]}`?"
    listed = ", ".join(show(each) for each in names[:_MAX_NAMES])
    return f"it has {listed}{' and more' if len(names) > _MAX_NAMES else ''}"


def _copy(mapping: Map) -> Map:
    result = Map(mapping.span)
    for key, value in mapping.items():
        result.put(key, value, mapping.key_span(key), mapping.value_span(key))
    return result


def _replaced(mapping: Map, changes: dict[str, Any]) -> Map:
    """The mapping with other values; itself when there are none."""
    if all(mapping[key] is value for key, value in changes.items()):
        return mapping
    result = _copy(mapping)
    result.update(changes)
    return result
