"""Markdown text: the only door from a spec's strings to generated pages."""

from __future__ import annotations

import json
import re

from .pycode import Code, doc_text

_ITEM = re.compile(r"^([0-9]*)([-.)])")
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~&])")


def prose(text: str) -> Code:
    """Text that Markdown shows as it is, on one line."""
    plain = doc_text("".join(c if c.isprintable() else " " for c in text))
    return Code(_ITEM.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", plain)))


def scalar(text: str) -> Code:
    """Text as a scalar of YAML, for the front matter of a page: quoted, on one line."""
    plain = doc_text("".join(c if c.isprintable() else " " for c in text))
    return Code(json.dumps(plain, ensure_ascii=False))


def code(text: str) -> Code:
    """Text as inline code; backticks inside it lengthen the fence."""
    plain = "".join(c if c.isprintable() else "?" for c in text) or " "
    longest = max((len(run) for run in re.findall(r"`+", plain)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return Code(f"{fence}{pad}{plain}{pad}{fence}".replace("|", "\\|"))
