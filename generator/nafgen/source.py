"""Bytes to plain values in which every key and value knows where it was written.

Plain scalars follow the core schema of YAML 1.2, so that `on` is a string and `010` is
ten. An alias stands for the very value that its anchor names; the limits count that value
again for each alias, so that a small file cannot unfold into a large one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import yaml
from msgspec import Struct
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner, ScannerError

from . import yaml_rules as rules
from .diagnostics import Reporter, Span

MAX_DEPTH: Final = 100
MAX_NODES: Final = 1_000_000
MAX_MISTAKES: Final = 100

_CORE: Final = "tag:yaml.org,2002:"
_TYPES: Final[dict[str, type]] = {
    _CORE + "null": type(None),
    _CORE + "bool": bool,
    _CORE + "int": int,
    _CORE + "float": float,
}


class Map(dict[str, Any]):
    """A YAML mapping: a plain dict that knows its span and those of its entries."""

    __slots__ = ("_spans", "span")

    def __init__(self, span: Span) -> None:
        super().__init__()
        self.span = span
        self._spans: dict[str, tuple[Span, Span]] = {}

    def put(self, key: str, value: object, key_span: Span, value_span: Span) -> None:
        """Set an entry together with the places of its key and its value."""
        self[key] = value
        self._spans[key] = (key_span, value_span)

    def key_span(self, key: str) -> Span:
        """Where the key is written; the whole mapping when it is absent."""
        found = self._spans.get(key)
        return found[0] if found else self.span

    def value_span(self, key: str) -> Span:
        """Where the value of a key is written; the whole mapping when it is absent."""
        found = self._spans.get(key)
        return found[1] if found else self.span


class Seq(list[Any]):
    """A YAML sequence: a plain list that knows its span and those of its items."""

    __slots__ = ("_spans", "span")

    def __init__(self, span: Span) -> None:
        super().__init__()
        self.span = span
        self._spans: list[Span] = []

    def add(self, value: object, span: Span) -> None:
        """Append an item together with its place."""
        self.append(value)
        self._spans.append(span)

    def item_span(self, index: int) -> Span:
        """Where an item is written; the whole sequence when there is no such item."""
        return self._spans[index] if 0 <= index < len(self._spans) else self.span


class Document(Struct, frozen=True, kw_only=True):
    """A file that was read. `root` is a Map, a Seq, a scalar, or None when it is empty."""

    path: str
    root: Any
    lines: tuple[str, ...]
    truncated: bool

    def line(self, number: int) -> str:
        """The text of a line (1-based) without its break; empty beyond the end."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


class _PureParser(Reader, Scanner, Parser):
    """PyYAML's own parser, held to what libyaml says about escapes in quoted text."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def scan_flow_scalar(self, style: str) -> yaml.ScalarToken:
        start = self.get_mark()
        try:
            token: yaml.ScalarToken = super().scan_flow_scalar(style)
            token.value.encode()
        except ValueError as error:
            begun, problem = "while parsing a quoted scalar", "found invalid escape"
            raise ScannerError(begun, start, problem, start) from error
        return token


_open: Callable[[str], Any]
try:
    from yaml._yaml import CParser
except ImportError:
    _open = _PureParser
else:
    _open = CParser


class _RefusedError(Exception):
    """The file is given up: what to report."""

    def __init__(self, code: str, span: Span, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.span, self.message, self.hint = code, span, message, hint


class _Anchor(NamedTuple):
    value: Any
    height: int
    nodes: int
    characters: int


class _Builder:
    """Builds the value of one document from the events of a parser."""

    def __init__(self, path: str, text: str, reporter: Reporter) -> None:
        self._path = path
        self._reporter = reporter
        self._next: Callable[[], Any] = _open(text).get_event
        self._anchors: dict[str, _Anchor | None] = {}
        self._nodes = self._characters = self._deepest = 0
        self.mistakes = 0

    def document(self) -> Any:
        """The root value; None for a file without one.

        Raises:
            _RefusedError: The file breaks a rule after which reading makes no sense.
            YAMLError: The file is not YAML.
        """
        self._next()
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        root, _ = self._value(self._next(), 1)
        self._next()
        after = self._next()
        if isinstance(after, yaml.DocumentStartEvent):
            message = "a second document starts here"
            hint = "keep one document per file"
            raise _RefusedError("NAF002", self._span(after), message, hint)
        return root

    def _value(self, event: Any, depth: int) -> tuple[Any, Span]:
        span = self._span(event)
        kind = event.__class__
        if kind is yaml.AliasEvent:
            return self._alias(event, depth, span), span
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._beyond(span)
        if event.anchor is not None:
            return self._anchored(event, depth, span)
        if kind is yaml.ScalarEvent:
            return self._scalar(event, span), span
        value = self._collection(event, depth, span)
        return value, value.span

    def _collection(self, event: Any, depth: int, span: Span) -> Map | Seq:
        if depth > MAX_DEPTH:
            raise self._beyond(span)
        if depth > self._deepest:
            self._deepest = depth
        is_map = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in (None, "!", _CORE + ("map" if is_map else "seq")):
            self._bad_tag(event.tag, span)
        value = Map(span) if is_map else Seq(span)
        fill: Any = self._fill_map if is_map else self._fill_seq
        end, last = fill(value, depth + 1)
        if event.flow_style:
            last = self._span(end)
        # In block style the end event stands at whatever comes next in the file.
        value.span = Span(self._path, span.line, span.column, last[3], last[4])
        return value

    def _fill_map(self, value: Map, depth: int) -> tuple[Any, Span]:
        last = value.span
        while (event := self._next()).__class__ is not yaml.MappingEndEvent:
            key, key_span = self._key(event)
            item, last = self._value(self._next(), depth)
            if key not in value:
                value[key] = item
                value._spans[key] = (key_span, last)
                continue
            first = ("it is first written here", value.key_span(key))
            message = f"the key {key!r} is written twice"
            self._mistake("NAF003", key_span, message, "remove one of the two", first)
        return event, last

    def _fill_seq(self, value: Seq, depth: int) -> tuple[Any, Span]:
        last = value.span
        while (event := self._next()).__class__ is not yaml.SequenceEndEvent:
            item, last = self._value(event, depth)
            value.add(item, last)
        return event, last

    def _key(self, event: Any) -> tuple[str, Span]:
        span = self._span(event)
        if event.__class__ is not yaml.ScalarEvent:
            hint = "write the key as text; " + rules.FIX_QUOTES
            raise _RefusedError("NAF002", span, "a key must be plain text", hint)
        text: str = event.value
        value = self._scalar(event, span) if event.tag or event.anchor else text
        if text == "<<" and event.implicit[0]:
            hint = "write the entries out"
            self._mistake("NAF002", span, "merge keys are not supported", hint)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchor(value, 0, 1, len(text))
        return text, span

    def _anchored(self, event: Any, depth: int, span: Span) -> tuple[Any, Span]:
        nodes, characters, deepest = self._nodes, self._characters, self._deepest
        self._deepest = depth - 1
        self._anchors[event.anchor] = None
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, span)
        else:
            value = self._collection(event, depth, span)
            span = value.span
        self._anchors[event.anchor] = _Anchor(
            value,
            self._deepest - depth + 1,
            self._nodes - nodes + 1,
            self._characters - characters,
        )
        self._deepest = max(self._deepest, deepest)
        return value, span

    def _alias(self, event: Any, depth: int, span: Span) -> Any:
        anchor = self._anchors.get(event.anchor)
        if anchor is None:
            message = f"`*{event.anchor}` refers to no finished value before it"
            hint = f"define `&{event.anchor}` first, or " + rules.FIX_QUOTES
            raise _RefusedError("NAF002", span, message, hint)
        self._nodes += anchor.nodes
        self._characters += anchor.characters
        bottom = depth + anchor.height - 1
        self._deepest = max(self._deepest, bottom)
        too_many = self._nodes > MAX_NODES or self._characters > rules.MAX_BYTES
        if too_many or bottom > MAX_DEPTH:
            raise self._beyond(span)
        return anchor.value

    def _scalar(self, event: Any, span: Span) -> Any:
        text: str = event.value
        tag: str | None = event.tag
        self._characters += len(text)
        if tag is None:
            may_be_typed = event.implicit[0] and text[:1] in rules.FIRST_OF_TYPED
            return self._typed(text, span) if may_be_typed else text
        if tag in ("!", _CORE + "str"):
            return text
        if tag not in _TYPES:
            self._bad_tag(tag, span)
            return text
        value = self._typed(text, span)
        if tag == _CORE + "float" and type(value) is int:
            return float(value)
        if type(value) is not _TYPES[tag]:
            kind = tag.removeprefix(_CORE)
            hint = "change the value, or remove the tag"
            self._mistake("NAF002", span, f"this is no value of type {kind}", hint)
        return value

    def _typed(self, text: str, span: Span) -> Any:
        try:
            return rules.resolve(text)
        except OverflowError:
            message = f"a number has more than {rules.MAX_NUMBER:,} characters"
            raise _RefusedError("NAF004", span, message, rules.FIX_QUOTES) from None

    def _bad_tag(self, tag: str, span: Span) -> None:
        self._mistake(
            "NAF002", span, f"the tag `{tag}` is not supported", rules.FIX_TAG
        )

    def _mistake(
        self, code: str, span: Span, message: str, hint: str, *related: tuple[str, Span]
    ) -> None:
        self.mistakes += 1
        if self.mistakes > MAX_MISTAKES:
            message = f"the file has more than {MAX_MISTAKES} mistakes like those above"
            raise _RefusedError("NAF004", span, message, "correct these first")
        self._reporter.report(code, span, message, hint=hint, related=related)

    def _beyond(self, span: Span) -> _RefusedError:
        message = (
            f"a file may nest {MAX_DEPTH} levels and hold {MAX_NODES:,} values and "
            f"{rules.MAX_BYTES:,} characters, counted again for each alias"
        )
        return _RefusedError("NAF004", span, message, "split the file")

    def _span(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        line, end_line = start.line + 1, end.line + 1
        place = (self._path, line, start.column + 1, end_line, end.column + 1)
        # This runs for every key and value; Span(...) takes half as long again.
        return tuple.__new__(Span, place)


def load(path: str, data: bytes, reporter: Reporter) -> Document | None:
    """Read a file that is shown to the user as `path`; None when there was an error.

    The root of an empty file is None. Findings: NAF001 (not UTF-8), NAF002 (not YAML),
    NAF003 (a key written twice), NAF004 (a limit), NAF008 (truncated, a warning).
    """
    text = rules.decode(path, data, reporter)
    if text is None:
        return None
    lines = tuple(text.splitlines())
    truncation = rules.footer(path, lines)
    builder = _Builder(path, text, reporter)
    try:
        root = builder.document()
    except _RefusedError as found:
        reporter.report(found.code, found.span, found.message, hint=found.hint)
        return None
    except yaml.MarkedYAMLError as error:
        _report_syntax(path, lines, error, truncation, reporter)
        return None
    if builder.mistakes:
        return None
    if truncation:
        message = "the file says that it was truncated, so that parts of it are missing"
        reporter.report("NAF008", truncation, message, hint="get the whole file")
    return Document(path=path, root=root, lines=lines, truncated=truncation is not None)


def span_at(root: Map | Seq, path: Sequence[str | int]) -> tuple[Span, Span]:
    """Where the key and the value at a JSON path are written.

    An item of a sequence and the root itself have no key: both spans are the value's.
    Where the path leads nowhere, the spans are those of its deepest existing ancestor.
    """
    spans = (root.span, root.span)
    node: Any = root
    for step in path:
        if isinstance(node, Map) and isinstance(step, str) and step in node:
            spans = (node.key_span(step), node.value_span(step))
        elif isinstance(node, Seq) and isinstance(step, int) and -1 < step < len(node):
            spans = (node.item_span(step), node.item_span(step))
        else:
            break
        node = node[step]
    return spans


def _report_syntax(
    path: str,
    lines: tuple[str, ...],
    error: yaml.MarkedYAMLError,
    truncation: Span | None,
    reporter: Reporter,
) -> None:
    def place(mark: Any) -> Span:
        # libyaml puts the end of a file on a line of its own.
        if mark is None or mark.line >= len(lines):
            return rules.one_character(path, len(lines), len(lines[-1]) + 1)
        return rules.one_character(path, mark.line + 1, mark.column + 1)

    span, start = place(error.problem_mark), place(error.context_mark)
    said = f"{error.context}: {error.problem}: "
    said += lines[span.line - 1][span.column - 1 : span.column]
    if rules.AT_START.search(said):
        span = start
    elif "quoted scalar: " in said:
        backslash = lines[span.line - 1].rfind("\\", 0, span.column)
        span = rules.one_character(path, span.line, backslash + 1)
    message, hint = rules.explain(said)
    begun = error.context_mark and start != span
    related = [("it starts here", start)] if begun else []
    if truncation:
        related.append(("the file says that it was truncated", truncation))
        hint = "get the whole file"
    code = "NAF004" if "nesting depth" in said else "NAF002"
    reporter.report(code, span, message, hint=hint, related=related)
