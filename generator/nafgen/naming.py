"""Turns names of a spec into names of Python, tools and packages.

The rules are public: docs/names.md says them, and a change of them renames things in the
code of users.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

from .pycode import RESERVED

MAX_IDENTIFIER: Final = 60
MAX_TOOL: Final = 64
_PROPERTY: Final = re.compile("[A-Za-z0-9_.-]+")
_NOT_IN_PROPERTY: Final = re.compile("[^A-Za-z0-9_.-]+")
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+[a-z]*")


def words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: split at punctuation, capitals, after digits.

    Letters are reduced to ASCII by the frozen Unicode 3.2 tables; others are dropped.
    """
    if not name.isascii():
        folded = unicodedata.ucd_3_2_0.normalize("NFKD", name)
        name = folded.encode("ascii", "ignore").decode("ascii")
    return tuple(word.lower() for word in _WORDS.findall(name))


def snake(name: str, kind: str) -> str:
    """A free snake_case identifier; `kind` begins one that has no letter to begin with."""
    text = shortened("_".join(words(name)) or kind, "_", MAX_IDENTIFIER)
    if text[0].isdigit():
        text = f"{kind}_{text}"
    return f"{text}_" if text in RESERVED else text


def camel(name: str, kind: str) -> str:
    """A CamelCase identifier. A name that says the same words twice says them once."""
    found = words(name)
    half = len(found) // 2
    if half and found[:half] == found[half:]:
        found = found[:half]
    text = "".join(word.capitalize() for word in found) or kind.capitalize()
    text = shortened(text, "", MAX_IDENTIFIER)
    return text if text[0].isalpha() else f"{kind.capitalize()}{text}"


def tool_name(name: str) -> str:
    """A tool name that every client takes: 1 to 64 of `A-Z a-z 0-9 _ -`."""
    text = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "tool"
    return shortened(text, "-", MAX_TOOL)


def skill_name(name: str) -> str:
    """A name of an Agent Skill, which its folder has too: 1 to 64 of `a-z 0-9 -`."""
    text = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "skill"
    return shortened(text, "-", MAX_TOOL)


def property_name(name: str) -> str:
    """A name of a tool's argument that every client takes: 1 to 64 of `A-Z a-z 0-9 _ . -`.

    A name that fits is kept as it is.
    """
    if len(name) <= MAX_TOOL and _PROPERTY.fullmatch(name):
        return name
    text = _NOT_IN_PROPERTY.sub("_", name).strip("_") or "value"
    return shortened(text, "_", MAX_TOOL)


def variable_name(name: str) -> str:
    """A name that the variable of a URI template may have: `A-Z a-z 0-9 _`."""
    text = re.sub("[^A-Za-z0-9_]+", "_", name).strip("_") or "value"
    return shortened(text, "_", MAX_TOOL)


def package_path(spec: str) -> str:
    """The package of a spec: its path below the specs folder, each part in snake_case."""
    stem = re.sub(r"\.(naftiko|ikanos|capability)?\.?(ya?ml)$", "", spec)
    return "/".join(snake(part, "spec") for part in stem.split("/"))


def shortened(text: str, joint: str, limit: int) -> str:
    """A long name cut at a word, with a hash of the whole so that it stays its own."""
    if len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:6]
    head = text[: limit - len(digest) - 1]
    if joint and joint in head:
        head = head.rpartition(joint)[0]
    return f"{head}{joint or ''}{digest}"
