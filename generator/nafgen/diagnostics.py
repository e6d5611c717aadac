"""What nafgen says about a file: spans, coded diagnostics, and the registry of codes.

A diagnostic names a code of `CODES`, the place it speaks of and, where there is one, a
hint that says what to do. Passes collect diagnostics in a `Reporter`; they never raise
for a user's mistake.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from msgspec import Struct, field

MAX_SHOWN: Final = 60


class Span(NamedTuple):
    """A stretch of a file: 1-based lines and columns, the end exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    @classmethod
    def whole(cls, file: str) -> Span:
        """The span that stands for a file as such."""
        return cls(file, 1, 1, 1, 1)


class Origin(NamedTuple):
    """Where a fact of the spec was written.

    `pointer` names it stably under unrelated edits, as
    `capability.consumes[photos].resources[albums].operations[list]`.
    """

    pointer: str
    span: Span


class Severity(StrEnum):
    """How much a diagnostic matters; an error means that something was not compiled."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Rule(Struct, frozen=True):
    """A row of the registry: what a code means. Its page is docs/diagnostics/CODE.md."""

    code: str
    severity: Severity
    title: str


def _registry(*rows: tuple[str, Severity, str]) -> dict[str, Rule]:
    return {code: Rule(code, severity, title) for code, severity, title in rows}


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE

CODES: Final = _registry(
    # 0xx reading
    ("NAF001", _E, "the file cannot be read"),
    ("NAF002", _E, "the file is not valid YAML"),
    ("NAF003", _E, "a key is written twice"),
    ("NAF004", _E, "the file goes beyond a limit"),
    ("NAF005", _E, "the file is not a capability"),
    ("NAF006", _E, "an overlay cannot be applied"),
    ("NAF007", _W, "an overlay action matches nothing"),
    ("NAF008", _W, "the file says that it was truncated"),
    ("NAF009", _E, "the configuration cannot be used"),
    ("NAF010", _E, "the last unit of a truncated file is left out"),
    # 1xx schema
    ("NAF101", _E, "a value has the wrong type or form"),
    ("NAF102", _E, "a required key is missing"),
    ("NAF103", _E, "the version is not known"),
    ("NAF104", _W, "a key is not known"),
    ("NAF105", _E, "the file departs from the official schema"),
    # 2xx references
    ("NAF201", _E, "a call has no operation"),
    ("NAF202", _E, "a call names an unknown namespace"),
    ("NAF203", _N, "a call names its operation in another spelling"),
    ("NAF204", _E, "a call names an unknown operation"),
    ("NAF205", _N, "an operation name is written twice, and calls take them in order"),
    ("NAF206", _E, "a value names a step that is not there or comes later"),
    ("NAF207", _W, "a bind is used but not declared"),
    ("NAF208", _N, "a call is inferred from a route's name"),
    ("NAF209", _E, "a reference names an unknown flow"),
    ("NAF212", _E, "an import cannot be resolved"),
    ("NAF213", _E, "the schema of an answer cannot be used"),
    ("NAF214", _E, "a script cannot be used"),
    ("NAF215", _E, "a skill names what no adapter serves"),
    ("NAF216", _E, "the file of a prompt cannot be used"),
    # 3xx names
    ("NAF301", _N, "a Python name was changed to keep names apart"),
    ("NAF302", _W, "two tools or prompts have one name"),
    ("NAF303", _E, "two specs compile to one package"),
    ("NAF304", _N, "the name of a tool, prompt or argument was made to fit"),
    ("NAF305", _E, "two skills have one name"),
    # 4xx meaning
    ("NAF401", _W, "a path parameter has no place in the path"),
    ("NAF402", _E, "a writing operation has lost its path parameter"),
    ("NAF403", _W, "two routes are equal, and the first one wins"),
    ("NAF404", _W, "a given value has no declared parameter to go to"),
    ("NAF406", _N, "inputs were inferred from the consumed operation"),
    ("NAF407", _N, "the base URL needs a setting"),
    ("NAF408", _W, "hints contradict the HTTP method"),
    ("NAF409", _N, "a published spelling was read as the official one"),
    ("NAF410", _W, "a credential would travel unencrypted"),
    ("NAF411", _N, "an input that is a setting or protocol header is not exposed"),
    ("NAF412", _N, "a body that the spec does not describe is free-form"),
    ("NAF413", _E, "the spec compiles to nothing"),
    ("NAF414", _E, "a path cannot be served"),
    ("NAF415", _W, "a variable of a route's path feeds nothing"),
    ("NAF416", _W, "a path ends at its fragment"),
    ("NAF417", _W, "operations send the same request"),
    ("NAF418", _W, "an adapter exposes nothing"),
    ("NAF419", _N, "a GET route takes no body"),
    ("NAF420", _W, "a credential that the spec does not give is a setting"),
    ("NAF421", _W, "an authentication must be supplied"),
    ("NAF422", _W, "an authentication has no effect"),
    ("NAF423", _W, "binds must be supplied"),
    ("NAF425", _N, "access tokens need settings"),
    ("NAF426", _W, "a collector is asked at the port of gRPC"),
    ("NAF430", _N, "a rule for a public API was applied"),
    ("NAF431", _W, "a server has more tools than many clients take"),
    ("NAF432", _N, "a file holds only what others import"),
    ("NAF433", _W, "what is said beside a reference to a flow has no effect"),
    ("NAF434", _W, "what is said of answers of bytes has no effect"),
    ("NAF435", _W, "an input is what callers authenticate with"),
    ("NAF436", _W, "a limit of scripts has no effect"),
    ("NAF440", _W, "the files of a skill must be supplied"),
    ("NAF441", _W, "a text of a skill is cut"),
    ("NAF445", _E, "a resource needs what its URI does not give"),
    ("NAF446", _E, "reading a resource would write"),
    ("NAF447", _W, "a placeholder or argument of a prompt has no counterpart"),
    ("NAF450", _W, "a trusted header is not passed on"),
    ("NAF460", _W, "a part of an output has no effect"),
    ("NAF461", _W, "a pattern has no effect"),
    # 5xx safety
    ("NAF501", _E, "a file could not be proven safe"),
    ("NAF502", _E, "a path leads outside the output folder"),
    ("NAF503", _E, "a path leads outside the folders that a spec may read"),
    ("NAF504", _W, "a text gives orders to a model"),
    ("NAF505", _W, "a text holds what nobody sees"),
    ("NAF599", _E, "nafgen failed on this file"),
    # 6xx writing
    ("NAF601", _E, "a file in the way was not written by nafgen"),
    ("NAF602", _E, "a generated file was edited by hand"),
    ("NAF603", _E, "a file cannot be written"),
    ("NAF611", _E, "a generated file is missing"),
    ("NAF612", _E, "a generated file is not up to date"),
    ("NAF613", _E, "a file is left over"),
    # 7xx verification
    ("NAF701", _E, "the generated code does not do what the spec says"),
    # 8xx what agents need
    ("NAF801", _W, "a tool or its arguments are not described"),
    ("NAF802", _W, "two tools have one description"),
    ("NAF803", _W, "a tool needs many arguments"),
    ("NAF804", _W, "two servers have tools of one name"),
    ("NAF805", _W, "the names of a server and its tool are long together"),
    ("NAF806", _E, "the list of a server's tools is over its budget"),
    # 9xx not supported
    ("NAF901", _E, "a keyword is not supported yet"),
    ("NAF902", _E, "a template is not supported here"),
    ("NAF903", _E, "an authentication scheme is not supported yet"),
    ("NAF904", _E, "a response format is not supported yet"),
    ("NAF905", _E, "a JSONPath cannot be compiled"),
    ("NAF906", _E, "a body type is not supported yet"),
    ("NAF907", _E, "an adapter is not supported yet"),
    ("NAF908", _E, "a parameter location is not supported yet"),
    ("NAF909", _E, "the language of a script is not run"),
    ("NAF910", _E, "a pattern cannot be compiled"),
    ("NAF911", _E, "scripts are switched off"),
)


class Diagnostic(Struct, frozen=True, kw_only=True):
    """One finding. `hint` says what to do; `related` names other places that matter."""

    code: str
    message: str
    span: Span
    hint: str = ""
    related: tuple[tuple[str, Span], ...] = ()

    @property
    def severity(self) -> Severity:
        return CODES[self.code].severity

    @property
    def spans(self) -> tuple[Span, ...]:
        """All places that the finding names."""
        return (self.span, *(span for _, span in self.related))


class Reporter(Struct):
    """Collects what the passes find, in the order of the file, each finding once."""

    _found: dict[Diagnostic, None] = field(default_factory=dict)

    def report(
        self,
        code: str,
        span: Span,
        message: str,
        *,
        hint: str = "",
        related: Iterable[tuple[str, Span]] = (),
    ) -> None:
        """Add a finding.

        Raises:
            KeyError: `code` is not in `CODES`.
        """
        if code not in CODES:
            raise KeyError(code)
        found = Diagnostic(
            code=code, message=message, span=span, hint=hint, related=tuple(related)
        )
        self._found.setdefault(found)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(sorted(self._found, key=lambda d: (d.span, d.code, d.message)))

    @property
    def failed(self) -> bool:
        """Whether any finding is an error."""
        return any(found.severity is Severity.ERROR for found in self._found)


def show(value: object) -> str:
    """A value for a message: one short line of printable characters."""
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "a list" if value else "an empty list"
    if isinstance(value, str) and len(value) > MAX_SHOWN:
        value = value[:MAX_SHOWN] + "…"
    return plain(json.dumps(value, ensure_ascii=False))


def plain(text: str) -> str:
    """A text in which what a terminal could act on is escaped."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


def as_json(found: Diagnostic, paths: Mapping[str, str]) -> dict[str, Any]:
    """A diagnostic as a JSON object; `paths` says how files are named in it."""

    def place(span: Span) -> dict[str, Any]:
        return {**span._asdict(), "file": paths.get(span.file, span.file)}

    return {
        "code": found.code,
        "severity": str(found.severity),
        **place(found.span),
        "message": found.message,
        "hint": found.hint,
        "related": [{"message": text, **place(span)} for text, span in found.related],
    }


def from_json(value: Mapping[str, Any], paths: Mapping[str, str]) -> Diagnostic:
    """The diagnostic that `as_json` wrote.

    Raises:
        KeyError: the object lacks a member.
    """

    def place(where: Mapping[str, Any]) -> Span:
        file = str(where["file"])
        numbers = (int(where[name]) for name in Span._fields[1:])
        return Span(paths.get(file, file), *numbers)

    return Diagnostic(
        code=str(value["code"]),
        message=str(value["message"]),
        span=place(value),
        hint=str(value["hint"]),
        related=tuple((str(r["message"]), place(r)) for r in value["related"]),
    )
