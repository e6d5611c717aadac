"""Links the paths of routes."""

from __future__ import annotations

from itertools import pairwise
from typing import Final
from urllib.parse import unquote

from . import spec
from .consumed_paths import join
from .diagnostics import Origin, Reporter
from .ir import Input, segments
from .reader import pointer_name
from .values import Placeholder, climbs, path_template
from .wire import Location, Type

_BRACES: Final = frozenset("{}")
"""What Starlette and FastAPI look for variables with."""


def route_path(
    resource: spec.RestResource, reporter: Reporter
) -> tuple[str | Input, ...] | str:
    """The path of a resource, its literal parts decoded, or the code of its error."""
    text = join(str(resource.path.value)) or "/"
    # Servers decode a path before they look for its route.
    path = tuple(
        (
            _path_input(piece.name, resource)
            if isinstance(piece, Placeholder)
            else unquote(piece)
        )
        for piece in path_template(text)
    )
    message = hint = ""
    names = [part.name for part in path if isinstance(part, Input)]
    if "?" in text or "#" in text:
        message = "a route's path ends before `?` or `#`, so this one is never reached"
        hint = "take the query out of the path; it belongs to the parameters"
    elif climbs(text):
        message = "clients resolve segments `.` and `..`, so this path is never reached"
        hint = "write the path that it leads to"
    elif not all(names):
        message = "a variable of this path has no name"
        hint = "write it between the braces, as in `{id}`"
    elif any(isinstance(part, str) and not _BRACES.isdisjoint(part) for part in path):
        message = "braces that are no variable cannot stand in a route's path"
    elif any(isinstance(a, Input) and isinstance(b, Input) for a, b in pairwise(path)):
        message = (
            "nothing tells where one variable of this path ends and the next begins"
        )
        hint = "put text between the two"
    elif any(isinstance(part, Input) and not part.name for part in path):
        message = "a variable of a route's path needs a name, as in `{id}`"
    if not message:
        return path
    reporter.report("NAF414", resource.path.span, message, hint=hint)
    return "NAF414"


def shape(path: tuple[str | Input, ...]) -> str:
    """What tells a route's path from others: two variables in a row match as one does."""
    made = "".join(part if isinstance(part, str) else "{}" for part in path)
    while "{}{}" in made:
        made = made.replace("{}{}", "{}")
    return made


def specificity(path: tuple[str | Input, ...]) -> tuple[tuple[int, int], ...]:
    """Literal segments before mixed ones before parameters, from the left.

    Of mixed ones, those with more literal text come first.
    """
    return tuple(
        (0, 0) if not inputs else (1, -len(text)) if text else (2, 0)
        for text, inputs in segments(path)
    )


def _path_input(name: str, resource: spec.RestResource) -> Input:
    return Input(
        name=name,
        location=Location.PATH,
        whole=False,
        type=Type.STRING,
        items=None,
        required=True,
        description="",
        origin=Origin(
            f"{resource.origin.pointer}.path[{pointer_name(name)}]", resource.path.span
        ),
    )
