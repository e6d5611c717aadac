"""Reads what routes and tools declare of their inputs: where each value comes from."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from . import spec
from .arguments import is_token
from .binds import Settings
from .diagnostics import Reporter, Span, show
from .json_paths import json_path
from .path_scanner import PathError
from .paths import Path
from .spec import Located
from .wire import Location

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch
_PLACES: Final = ("path", "query", "header", "body", "cookie")


class Place(Struct, frozen=True):
    """Where an input is; `path` are the members on the way to it in a route's body."""

    location: Location
    whole: bool = False
    path: tuple[str, ...] = ()


def declared(
    kind: str, param: spec.Param, settings: Settings, reporter: Reporter
) -> Place | Located | str:
    """Where a route (`kind` is rest) or tool (mcp) finds an input, the constant that it
    is instead, or the code of the error that costs the unit."""
    value, place = param.value, param.location
    written = str(place.value) if place else "query"
    if value is not None:
        if _is_path(value) and kind == "rest" and (place is None or written == "body"):
            return _in_body(value, reporter)
        return value
    if written == "environment":
        return _in_environment(param, settings, reporter)
    if kind == "mcp":
        return Place(Location.BODY)
    if written in ("header", "cookie") and not is_token(param.name):
        message = f"{show(param.name)} cannot be the name of a {written}"
        return _refused("NAF101", param.origin.span, message, "", reporter)
    if written in _PLACES:
        whole = written == "body" and param.name == "body"
        return Place(Location(written), whole)
    return _refused(
        "NAF908",
        place.span if place else param.origin.span,
        f"an input in {show(written)} is not supported yet",
        "path, query, header, cookie, body and environment are",
        reporter,
    )


def _is_path(value: Located) -> bool:
    return isinstance(value.value, str) and value.value.startswith("$")


def _in_body(value: Located, reporter: Reporter) -> Place | str:
    """The place that a JSONPath into the body of a route names."""
    try:
        steps: Path | None = json_path(str(value.value))
    except PathError:
        steps = None
    path = tuple(step for step in steps or () if isinstance(step, str))
    if path != steps:
        return _refused(
            "NAF905",
            value.span,
            f"the JSONPath {show(value.value)} is not supported here",
            "member names joined by dots are supported, such as `$.user.id`",
            reporter,
        )
    return Place(Location.BODY, not path, path)


def _in_environment(
    param: spec.Param, settings: Settings, reporter: Reporter
) -> Located | str:
    """The value of a variable of the environment, as a constant."""
    if not _VARIABLE(param.name):
        return _refused(
            "NAF101",
            param.origin.span,
            f"{show(param.name)} cannot be the name of an environment variable",
            "letters, digits and underscores make one",
            reporter,
        )
    settings.declare(param.name, param.origin)
    return Located(f"{{{{env.{param.name}}}}}", param.origin.span)


def _refused(code: str, span: Span, message: str, hint: str, reporter: Reporter) -> str:
    reporter.report(code, span, message, hint=hint)
    return code
