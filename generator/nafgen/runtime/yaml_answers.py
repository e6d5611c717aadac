"""YAML answers as JSON values."""

from __future__ import annotations

import math
import re
from typing import Any, Final

import httpx
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from .answers import UpstreamError

MAX_VALUES: Final = 1_000_000
"""Values of a document at the most, each counted as often as aliases repeat it."""
MAX_DEPTH: Final = 100
"""Values inside one another at the most."""

_INTEGER: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+").fullmatch
_FLOAT: Final = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
).fullmatch
_WORDS: Final = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TEXT: Final = "tag:yaml.org,2002:str"
_BASES: Final = {"0o": 8, "0x": 16}


def yaml_value(response: httpx.Response) -> Any:
    """The JSON value of the answer's first document, read as YAML 1.2.

    Dates and whatever else JSON has no type for are text; of tags only `!!str` counts.

    Raises:
        UpstreamError: it is not YAML, or too large or too deep once aliases are resolved.
    """
    try:
        return parse_yaml(response.text)
    except (YAMLError, ValueError, RecursionError):
        raise UpstreamError(response, "with broken YAML") from None


def parse_yaml(text: str) -> Any:
    """The JSON value of the first document in a text.

    Raises:
        ValueError, YAMLError, RecursionError: it is not YAML, or too large or deep.
    """
    documents = YAML(typ="safe", pure=True).compose_all(text)
    return _Reader().value(next(iter(documents), None), MAX_DEPTH)


class _Reader:
    def __init__(self) -> None:
        self._left = MAX_VALUES

    def value(self, node: Node | None, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth < 0:
            raise ValueError("too large or too deep")
        if isinstance(node, MappingNode):
            return {
                _name(key): self.value(member, depth - 1) for key, member in node.value
            }
        if isinstance(node, SequenceNode):
            return [self.value(item, depth - 1) for item in node.value]
        return _scalar(node) if isinstance(node, ScalarNode) else None


def _name(key: Node) -> str:
    if isinstance(key, ScalarNode):
        return str(key.value)
    raise ValueError("a key that is no text")


def _scalar(node: ScalarNode) -> Any:
    text = str(node.value)
    if node.tag == _TEXT or node.style in ("'", '"', "|", ">"):
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER(text):
        base = _BASES.get(text[:2], 10)
        return int(text[2:] if base != 10 else text, base)
    if _FLOAT(text) and math.isfinite(float(text)):
        return float(text)
    return text
