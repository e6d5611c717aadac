"""Links the patterns that inputs of routes have to match."""

from __future__ import annotations

from typing import NoReturn

from msgspec.structs import replace

from . import spec
from .arguments import RefusedError, type_of
from .diagnostics import Reporter, Span, show
from .ir import Input
from .pattern_syntax import PatternError, matching_text
from .wire import Location, Type


def pattern_of(param: spec.Param, place: Location, reporter: Reporter) -> str:
    """The pattern of an input in a place; none where it has none that has an effect.

    Raises:
        RefusedError: it cannot be compiled (reported).
    """
    if param.pattern is None:
        return ""
    pattern, span = param.pattern.value, param.pattern.span
    if not isinstance(pattern, str):
        message = f"{show(pattern)} is no pattern, which is a text"
        _refuse("NAF101", span, message, "put it into quotes", reporter)
    type_ = type_of(param.type, Type.STRING)
    if type_ is not Type.STRING:
        report_unused_pattern(param.name, span, f"of type {type_}", reporter)
        return ""
    try:
        text = matching_text(pattern, param.name)
    except PatternError as error:
        message = f"the pattern {show(pattern)} cannot be compiled: {error.message}"
        _refuse("NAF910", span, message, error.hint, reporter)
    if not place.can_hold(text):
        message = f"{show(text)} matches the pattern, and no {place} can hold it"
        _refuse("NAF910", span, message, "put the input into the query", reporter)
    return pattern


def report_unused_pattern(name: str, span: Span, why: str, reporter: Reporter) -> None:
    """Say that a pattern has no effect, because an input is of some kind."""
    message = f"`{name}` is {why}, so its pattern has no effect"
    reporter.report("NAF461", span, message, hint="a pattern is for texts of callers")


def of_its_type(given: Input, reporter: Reporter) -> Input:
    """An input without its pattern (reported), if it became another type than text."""
    if not given.pattern or given.type is Type.STRING:
        return given
    why = f"sent as {given.type}"
    report_unused_pattern(given.name, given.origin.span, why, reporter)
    return replace(given, pattern="")


def _refuse(
    code: str, span: Span, message: str, hint: str, reporter: Reporter
) -> NoReturn:
    reporter.report(code, span, message, hint=hint)
    raise RefusedError(code)
