"""What is said of answers of bytes: how many there may be, and their media type."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Final, Literal, TypeAlias

from msgspec.structs import replace

from . import spec
from .diagnostics import Reporter, Span, show
from .givens import leaves_of
from .ir import WHOLE, Binary, Given, StepValue
from .keywords import CONTENT, RESPONSE, RESPONSE_BINARY
from .program import Call, CallStep, Flow, FlowCall, Step, given_to
from .reader import Reader
from .spec import Located
from .wire import Format, Type

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
    """The same for a route or tool; what the operation or flow itself says goes before,
    and the steps of a flow have their own bounds."""
    own = call.callee.binary
    if own is None:
        _report(media_type, "no answer of this route is declared as bytes", reporter)
        return None
    if own.is_default and size is not None and isinstance(call, Call):
        own = replace(own, limit=size.value)
    if media_type is not None and not own.media_type:
        own = replace(own, media_type=media_type.value)
    return own


def answered_bytes(steps: Iterable[Step], result: Given) -> Binary | None:
    """What is said of the bytes that a flow answers, where it answers those of a step."""
    for step in steps:
        if isinstance(step, CallStep) and result == StepValue(step.name, WHOLE):
            return step.call.operation.binary
    return None


def with_answer_type(
    flow: Flow, media_type: Located | None, reporter: Reporter
) -> Flow:
    """A flow whose bytes are of the type that it declares, if it declares one."""
    if media_type is None:
        return flow
    if flow.binary is None:
        _report(media_type, "what the flow answers is not bytes", reporter)
        return flow
    return replace(flow, binary=replace(flow.binary, media_type=media_type.value))


def report_bytes_of_steps(
    steps: Iterable[Step], result: Given, span: Span, reporter: Reporter
) -> str | None:
    """The code of the error that bytes which a step answers become a part of something
    else, or that a step answers none where bytes are wanted."""
    given: list[Given] = [] if isinstance(result, StepValue) else [result]
    binary = set()
    for step in steps:
        if not isinstance(step, CallStep):
            given += given_to(step)
            continue
        for argument, value in step.call.values:
            if argument.type is not Type.BYTES or not isinstance(value, StepValue):
                given.append(value)
            elif value.step not in binary or value.made != WHOLE:
                reporter.report(
                    "NAF902",
                    step.origin.span,
                    f"`{argument.name}` is bytes, and not what is given of the step"
                    f" {show(value.step)}",
                    hint=f"give the whole answer, `$.{value.step}`, of an operation that"
                    " has `outputRawFormat: binary`",
                )
                return "NAF902"
        if step.call.operation.binary is not None:
            binary.add(step.name)
    for leaf in (leaf for value in given for leaf in leaves_of(value)):
        if isinstance(leaf, StepValue) and leaf.step in binary and leaf.made == WHOLE:
            reporter.report(
                "NAF904",
                span,
                f"the bytes that the step {show(leaf.step)} answers are put into something",
                hint="they can only be answered or sent on as they are: as a body of"
                " bytes, or as a part that is a file",
            )
            return "NAF904"
    return None


def _report(written: Located | None, why: str, reporter: Reporter) -> None:
    if written is not None:
        reporter.report(
            "NAF434",
            written.span,
            f"this has no effect: {why}",
            hint="write `outputRawFormat: binary` in the operation, or remove it",
        )
