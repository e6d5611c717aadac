"""Reads the parts of multipart form data: what they are called, and which are files."""

from __future__ import annotations

from typing import Any, Final

from .arguments import Arguments
from .body_texts import is_placeholder
from .diagnostics import Span, show
from .givens import leaves_of
from .ir import Argument, ArrayOf, ObjectOf, Template
from .media_types import is_file, is_sendable
from .values import ROOTS, Placeholder, reference, template
from .wire import Type

_KEYS: Final = {
    "name": "name",
    "value": "value",
    "filename": "filename",
    "contentType": "content_type",
}


def read_parts(data: list[Any], span: Span, arguments: Arguments) -> list[Any]:
    """The parts that a list describes, their members named as in the linked model.

    Raises:
        RefusedError: one of them is no part (reported).
    """
    return [_part(part, span, arguments) for part in data]


def _part(part: Any, span: Span, arguments: Arguments) -> dict[str, Any]:
    is_part = isinstance(part, dict) and {"name", "value"} <= part.keys() <= {*_KEYS}
    if not is_part:
        arguments.refuse(
            "NAF101",
            span,
            "a part must be a mapping of name, value, filename and contentType",
            "name and value are required",
        )
    for key in ("name", "contentType"):
        if "{{" in str(part.get(key, "")):
            arguments.refuse(
                "NAF902", span, f"the {key} of a part cannot hold a placeholder"
            )
    kind = part.get("contentType")
    if kind is not None and not is_sendable(str(kind)):
        arguments.refuse(
            "NAF101", span, f"{show(kind)} is no media type", "such as `image/png`"
        )
    return {_KEYS[key]: value for key, value in part.items()}


def file_names(data: Any) -> frozenset[str]:
    """The names of the placeholders that are all of a part which is a file."""
    parts = data if isinstance(data, list) else []
    return frozenset(filter(None, map(_file, parts)))


def _file(part: Any) -> str:
    if not isinstance(part, dict):
        return ""
    value, kind = part.get("value"), str(part.get("contentType") or "")
    if not isinstance(value, str) or not is_placeholder(value):
        return ""
    if not is_file(kind, is_named=bool(part.get("filename"))):
        return ""
    (piece,) = template(value.strip())
    if not isinstance(piece, Placeholder):
        return ""
    target = reference(piece.name, ROOTS)
    return target.name if target else piece.name


def check_files(body: Template, span: Span, arguments: Arguments) -> None:
    """Refuse bytes that stand where only text can: in a file name or inside a text.

    Raises:
        RefusedError: there are some (reported).
    """
    for part in body.elements if isinstance(body, ArrayOf) else ():
        for key, member in part.members if isinstance(part, ObjectOf) else ():
            if key == "value" and isinstance(member, Argument):
                continue
            for leaf in leaves_of(member):
                if isinstance(leaf, Argument) and leaf.type is Type.BYTES:
                    arguments.refuse(
                        "NAF902",
                        span,
                        f"{show(leaf.name)} is the content of a file, and text elsewhere",
                        "give the two names of their own",
                    )
