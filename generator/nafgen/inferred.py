"""Inputs that no adapter declares, because what they feed says all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from . import spec
from .arguments import is_token
from .diagnostics import Reporter
from .ir import Argument, Input
from .spec import Located
from .wire import Location

WITHOUT_BODY: Final = frozenset({"GET", "HEAD"})
"""Methods of routes that take no body, unless it is required."""


def inferred(
    argument: Argument, name: str, place: Location, whole: bool, located: Located | None
) -> Input:
    """An input like the argument that it feeds; `located` is what refers to it."""
    origin = argument.origin
    return Input(
        name=name,
        location=place,
        whole=whole and place is Location.BODY,
        type=argument.type,
        items=argument.items,
        required=argument.required,
        description=argument.description,
        origin=origin._replace(span=located.span) if located else origin,
    )


def place_of_input(
    kind: str,
    method: str,
    name: str,
    argument: Argument,
    *,
    whole: bool,
    is_member: bool,
) -> Location:
    """Where a route or tool takes an input of this name that it gives to an argument.

    `whole` says that it is the whole body that is sent, `is_member` that it is one of
    the members of a route's own body.
    """
    has_body = method not in WITHOUT_BODY
    if kind == "mcp" or (is_member and has_body):
        return Location.BODY
    if argument.location is Location.HEADER and is_token(name):
        return Location.HEADER
    if argument.location is not Location.BODY:
        return Location.QUERY
    return Location.BODY if whole or has_body else Location.QUERY


def report_inferred(
    params: Sequence[spec.Param], inputs: Mapping[str, Input], reporter: Reporter
) -> None:
    """Say which inputs joined those that a tool declares."""
    declared = {param.name for param in params}
    joined = [name for name in inputs if name not in declared]
    if declared and joined:
        names = ", ".join(f"`{name}`" for name in joined)
        message = f"{names} joined the inputs, because the call needs them"
        reporter.report("NAF406", params[0].origin.span, message)
