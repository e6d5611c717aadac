"""Prints diagnostics: for people, for editors, for GitHub, for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from enum import StrEnum

from .diagnostics import CODES, Diagnostic, Severity, Span, plain

Line = Callable[[str, int], str]
"""The text of a line of a file; empty where there is none."""


class Format(StrEnum):
    """How diagnostics are printed."""

    TEXT = "text"
    CONCISE = "concise"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTE: "36"}


def text(found: Diagnostic, line: Line, *, colour: bool) -> str:
    """A diagnostic for people: with its line, a caret, related places and a hint."""
    lines = [_headline(found, colour=colour), *_excerpt(found.span, line)]
    for message, span in found.related:
        lines.append(f"  {_place(span)}: {plain(message)}")
    if found.hint:
        lines.append(f"  hint: {plain(found.hint)}")
    return "\n".join(lines)


def concise(found: Diagnostic) -> str:
    """A diagnostic on one line."""
    hint = f" ({plain(found.hint)})" if found.hint else ""
    return f"{_headline(found, colour=False)}{hint}"


def github(found: Diagnostic) -> str:
    """A diagnostic as a workflow command of GitHub."""
    kind = {Severity.NOTE: "notice"}.get(found.severity, str(found.severity))
    span = found.span
    message = f"{found.message}. {found.hint}" if found.hint else found.message
    return (
        f"::{kind} file={_property(span.file)},line={span.line},col={span.column},"
        f"title={found.code}::{_data(plain(message))}"
    )


def counts(findings: Iterable[Diagnostic]) -> str:
    """How often each code was found, as lines; empty when nothing was."""
    found = Counter(finding.code for finding in findings)
    return "\n".join(
        f"  {number:5} {code} {CODES[code].severity}: {CODES[code].title}"
        for code, number in sorted(found.items())
    )


def _headline(found: Diagnostic, *, colour: bool) -> str:
    label = f"{found.severity}[{found.code}]"
    if colour:
        label = f"\x1b[1;{_COLOURS[found.severity]}m{label}\x1b[0m"
    return f"{_place(found.span)}: {label}: {plain(found.message)}"


def _place(span: Span) -> str:
    return f"{plain(span.file)}:{span.line}:{span.column}"


def _excerpt(span: Span, line: Line) -> list[str]:
    if span == Span.whole(span.file):
        return []
    source = line(span.file, span.line).rstrip()
    if not source:
        return []
    end = span.end_column - 1 if span.end_line == span.line else len(source)
    before = len(plain(source[: span.column - 1]))
    width = len(plain(source[span.column - 1 : end])) or 1
    number = str(span.line)
    return [
        f"  {number} | {plain(source)}",
        f"  {' ' * len(number)} | {' ' * before}{'^' * width}",
    ]


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
