"""What is said of answers of bytes: how many there may be, and their media type."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Final, Literal, TypeAlias

from . import spec
from .diagnostics import Reporter, show
from .givens import leaves_of
from .ir import WHOLE, Binary, Given, StepValue
from .keywords import CONTENT, RESPONSE, RESPONSE_BINARY
from .program import Call, FlowCall, LookupStep, Step
from .reader import Reader
from .spec import Located
from .wire import Format

DEFAULT_LIMIT: Final = 10 * 1024**2
"""Bytes at the most where a spec says nothing."""
_UNITS: Final = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_SIZE: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)(B|KiB|MiB|GiB)").fullmatch
_TYPE: Final = re.compile(
    r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+"
    r"(; ?[A-Za-z0-9!#$&^_.+-]+=[A-Za-z0-9!#$&^_.+-]+)*"
).fullmatch

Refused: TypeAlias = Literal["NAF101"]
"""The code of what is wrong in a value."""


def lower_size(entry: Reader) -> Located | Refused | None:
    """The bytes that `maxBinarySize` stands for, if there is one."""
    written = entry.located("maxBinarySize")
    if written is None:
        return None
    size = _SIZE(str(written.value))
    if size is None:
        message = f"{show(written.value)} is no size"
        hint = "such as `512KiB` or `2.5MiB`; the units are B, KiB, MiB and GiB"
        return _refused(written, message, hint, entry.reporter)
    return replace(written, value=int(Fraction(size[1]) * _UNITS[size[2]]))


def lower_type(entry: Reader, key: str) -> Located | Refused | None:
    """The media type at a key, if there is one."""
    written = entry.located(key)
    return None if written is None else _media_type(written, entry.reporter)


def lower_served_type(entry: Reader) -> Located | Refused | None:
    """The first media type that a route declares for answers of bytes."""
    own = entry.child("responseBinary")
    if own is not None:
        own.check_keys(RESPONSE_BINARY)
        return lower_type(own, "mediaType")
    found: Located | Refused | None = None
    for response in entry.children("responses"):
        response.check_keys(RESPONSE)
        for content in response.children("content"):
            content.check_keys(CONTENT)
            if content.flag("binary") and found is None:
                written = Located(content.path[-1], content.span)
                found = _media_type(written, entry.reporter)
    return found


def _media_type(written: Located, reporter: Reporter) -> Located | Refused:
    if isinstance(written.value, str) and _TYPE(written.value):
        return written
    message = f"{show(written.value)} is no media type"
    return _refused(written, message, "such as `image/png`", reporter)


def _refused(written: Located, message: str, hint: str, reporter: Reporter) -> Refused:
    reporter.report("NAF101", written.span, message, hint=hint)
    return "NAF101"


def link_binary(
    operation: spec.ConsumedOperation, format_: Format, reporter: Reporter
) -> Binary | None:
    """How an operation's answers of bytes are bounded; None for other answers."""
    size, media_type = operation.max_size, operation.answer_type
    if format_ is Format.BINARY:
        return Binary(
            limit=DEFAULT_LIMIT if size is None else size.value,
            is_default=size is None,
            media_type="" if media_type is None else media_type.value,
        )
    _report(size, "the answer is not declared as bytes", reporter)
    _report(media_type, "the answer is not declared as bytes", reporter)
    return None


def served(
    call: Call | FlowCall,
    size: Located | None,
    media_type: Located | None,
    reporter: Reporter,
) -> Binary | None:
    """The same for a route or tool; what the operation itself says goes before."""
    own = call.operation.binary if isinstance(call, Call) else None
    if own is None:
        _report(media_type, "no answer of this route is declared as bytes", reporter)
        return None
    if own.is_default and size is not None:
        own = replace(own, limit=size.value)
    if media_type is not None and not own.media_type:
        own = replace(own, media_type=media_type.value)
    return own


def embedded_bytes(steps: Iterable[Step], result: Given) -> str | None:
    """The first step whose answer of bytes becomes a part of something else, if any."""
    given: list[Given] = [] if isinstance(result, StepValue) else [result]
    binary = set()
    for step in steps:
        if isinstance(step, LookupStep):
            given.append(step.value)
            continue
        given += [value for _, value in step.call.values]
        if step.call.operation.binary is not None:
            binary.add(step.name)
    for leaf in (leaf for value in given for leaf in leaves_of(value)):
        if isinstance(leaf, StepValue) and leaf.step in binary and leaf.made == WHOLE:
            return leaf.step
    return None


def _report(written: Located | None, why: str, reporter: Reporter) -> None:
    if written is not None:
        reporter.report(
            "NAF434",
            written.span,
            f"this has no effect: {why}",
            hint="write `outputRawFormat: binary` in the operation, or remove it",
        )
