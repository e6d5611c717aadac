"""Compiles the JSONPath of a spec to paths."""

from __future__ import annotations

import json
import re
from functools import partial
from itertools import takewhile
from typing import Any, Final

from .diagnostics import Reporter, Span, show
from .path_filters import Filter
from .path_scanner import PathError
from .path_syntax import Parsed, Segment, Selector, Slice, Wildcard, parsed
from .paths import Every, Function, Literal, Members, Path, Query, Step
from .samples import merged, sample_at

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch


def json_path(text: str) -> Path:
    """The path that a text says.

    Raises:
        PathError: it says none, or one that is too much to compile.
    """
    return _compiled(parsed(text))


def result_path(text: str) -> tuple[str, Path]:
    """A path among named results, such as those of steps: the name, and the path in it.

    Raises:
        PathError: it is no such path.
    """
    path = json_path(text)
    if path and isinstance(path[0], str):
        return path[0], path[1:]
    message = "it does not begin with the name of one result"
    raise PathError(message, 0, "write it as `$.ship.name`, and filters with `@` alone")


def located_path(text: object, span: Span, reporter: Reporter) -> Path | None:
    """The path that a value of the file says; None where it says none (NAF905)."""
    try:
        return json_path(_text(text))
    except PathError as error:
        report_path(text, span, error, reporter)
        return None


def located_result_path(
    text: object, span: Span, reporter: Reporter
) -> tuple[str, Path] | None:
    """Like `located_path`, but among named results: the name, and the path in it."""
    try:
        return result_path(_text(text))
    except PathError as error:
        report_path(text, span, error, reporter)
        return None


def report_path(text: object, span: Span, error: PathError, reporter: Reporter) -> None:
    """Report what is wrong with a path, where it stands in the text."""
    reporter.report(
        "NAF905",
        _inside(span, text, error.offset),
        f"the JSONPath {show(text)} cannot be compiled: {error.message}",
        hint=error.hint,
    )


def _text(text: object) -> str:
    if not isinstance(text, str):
        raise PathError("it is no text", 0, "write a path, such as `$.data.id`")
    return text


def _inside(span: Span, text: object, offset: int) -> Span:
    """The place of a character of a text that is written as it is, or in plain quotes."""
    if not isinstance(text, str) or span.line != span.end_line:
        return span
    quotes = span.end_column - span.column - len(text)
    if quotes not in (0, 2):
        return span
    return span._replace(column=span.column + quotes // 2 + offset)


def _compiled(written: Parsed) -> Path:
    segments = list(written.segments)
    tail: Path = ()
    if written.arguments:
        operands: list[Path | Literal] = [
            given if isinstance(given, Literal) else _compiled(given)
            for given in written.arguments
        ]
        if segments or written.function == "append":
            operands.insert(0, _found(segments, ()))
        return (Function(written.function, tuple(operands)),)
    if written.function:
        tail = (Function(written.function, ((),)),)
    return _found(segments, tail)


def _found(segments: list[Segment], tail: Path) -> Path:
    """The path of segments, with what is done to each thing that they find."""
    ends = segments[-1] if segments else None
    if ends is not None and len(ends.selectors) > 1:
        names = tuple(s for s in ends.selectors if isinstance(s, str))
        if names and ends.deep:
            hint = "write one name, or `..*` before the names"
            raise PathError("`..` takes no list of names", ends.offset, hint)
        if names:  # at the end of a path, they make an object
            segments, tail = segments[:-1], (Members(names), *tail)
    if all(_is_simple(segment) for segment in segments):
        return _steps(segments, tail)
    begin: list[Segment] = []
    filters = [s.selectors[0] for s in segments if isinstance(s.selectors[0], Filter)]
    if not any(each.is_absolute for each in filters):
        begin = [*takewhile(lambda segment: segment.is_definite, segments)]
    query = _query(segments[len(begin) :])
    return (*_steps(begin, ()), query, *((Every(tail),) if tail else ()))


def _is_simple(segment: Segment) -> bool:
    selector = segment.selectors[0]
    return segment.is_definite or (not segment.deep and isinstance(selector, Wildcard))


def _steps(segments: list[Segment], tail: Path) -> Path:
    steps: list[Step] = []
    for number, segment in enumerate(segments):
        selector = segment.selectors[0]
        if isinstance(selector, str | int):
            steps.append(selector)
        else:
            return (*steps, Every(_steps(segments[number + 1 :], tail)))
    return (*steps, *tail)


def _segment_text(segment: Segment) -> str:
    """A segment in the syntax of RFC 9535."""
    dots = ".." if segment.deep else ""
    first = segment.selectors[0]
    if segment.is_definite and isinstance(first, str) and _PLAIN(first):
        return f".{first}"
    return f"{dots}[{', '.join(map(_selector_text, segment.selectors))}]"


def _selector_text(selector: Selector) -> str:
    match selector:
        case str():
            return json.dumps(selector)
        case int():
            return str(selector)
        case Wildcard():
            return "*"
        case Slice(text):
            return text
        case Filter(text, _):
            return f"?{text}"


def _query(segments: list[Segment]) -> Query:
    """The query of segments, as the library that will run it can read it."""
    from .runtime.queries import JSONPathError, jsonpath

    text = "$" + "".join(map(_segment_text, segments))
    try:
        select = jsonpath(text)
    except JSONPathError as error:
        hint = "a filter compares single values: `@.a.b`, not `@.a[*]`"
        raise PathError(str(error.message), segments[0].offset, hint) from None
    example = _example(segments)
    return Query(text, json.dumps(example if select(example) else None))


def _example(segments: list[Segment]) -> Any:
    """A JSON value that has what segments look for, if they do not look too closely."""
    if not segments:
        return "found"
    below = _example(segments[1:])
    made = None
    for selector in segments[0].selectors:
        made = merged(made, _example_for(selector, below))
    return {"inner": made} if segments[0].deep else made


def _example_for(selector: Selector, below: Any) -> Any:
    match selector:
        case str() | int():
            return sample_at((selector,), partial(_same, below), "")
        case Wildcard():
            return [below]
        case Slice(text):
            ends = [abs(int(end)) for end in text.split(":") if end]
            return [below] * (sum(ends) + 1)
        case Filter(_, wishes):
            element = below
            for path, value in wishes:
                passes = sample_at(path, partial(_same, value), "")
                element = merged(element, passes)
            return [element]


def _same(value: Any, _: str) -> Any:
    return value
