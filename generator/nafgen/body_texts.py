"""Reads bodies that are written as text, with placeholders kept."""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import unquote_plus

from . import media_types
from .media_types import Kind
from .wire import Encoding

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\{\{[^{}]*\}\}', re.DOTALL)
_WHOLE: Final = re.compile(r"\s*\{\{[^{}]*\}\}\s*").fullmatch
_FORM_PIECE: Final = re.compile(r"(\{\{[^{}]*\}\})")
_PAIR: Final = re.compile(r"&(?![^{}]*\}\})")


def is_placeholder(text: str) -> bool:
    """Whether a text is one placeholder and nothing else."""
    return _WHOLE(text) is not None


def parse_json(text: str) -> Any:
    """The value of a JSON text; a placeholder outside of a string becomes a string.

    Raises:
        ValueError: it is not JSON, even with values for its placeholders.
        RecursionError: it is too deep.
    """

    def quoted(token: re.Match[str]) -> str:
        return token[0] if token[0].startswith('"') else json.dumps(token[0])

    return json.loads(_TOKEN.sub(quoted, text), strict=False)


def parse_form(text: str) -> dict[str, Any]:
    """The members of a form written as `a=1&b={{x}}`; a name written twice has a list."""
    members: dict[str, Any] = {}
    for pair in filter(None, _PAIR.split(text.strip())):
        name, _, written = pair.partition("=")
        value = "".join(
            piece if piece.startswith("{{") else unquote_plus(piece)
            for piece in _FORM_PIECE.split(written)
        )
        name = unquote_plus(name)
        if name in members:
            known = members[name]
            members[name] = [*(known if isinstance(known, list) else [known]), value]
        else:
            members[name] = value
    return members


def kind_of(text: str, kind: Kind) -> Kind:
    """How a body that is written as one text is meant, where `kind` is the usual one."""
    start = text.lstrip()[:1]
    if not start or is_placeholder(text) or kind.encoding in media_types.AS_TEXT:
        return kind
    if start == "<":
        return media_types.XML
    is_json = kind.encoding is Encoding.JSON and start not in ("{", "[")
    return media_types.TEXT if is_json else kind


def is_raw_xml(before: str) -> bool:
    """Whether what follows a piece of XML stands where escapes mean nothing."""
    if before.rfind("<![CDATA[") > before.rfind("]]>"):
        return True
    if before.rfind("<!--") > before.rfind("-->"):
        return True
    tag = before[before.rfind("<") :] if "<" in before else ">"
    inside = ">" not in tag
    return inside and tag.count('"') % 2 == 0 and tag.count("'") % 2 == 0
