"""Bodies of YAML: what is put into them is one value there, whatever it holds."""

from __future__ import annotations

import json
import re
from typing import Final

from .calls import ArgumentError, as_text

_NOT_ASCII: Final = re.compile(r"[^\n\r -~]")
_NOT_IN_LINE: Final = re.compile(
    "[\\x00-\\x08\\n-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff\\ufeff\\ufffe\\uffff]"
).search


def yaml_node(value: object) -> str | None:
    """A value as JSON, which is YAML as well; None stays None.

    Raises:
        ArgumentError: JSON cannot write it.
    """
    if value is None:
        return None
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ArgumentError("a value cannot be written as JSON") from None
    return _NOT_ASCII.sub(_escape, text)


def yaml_double_quoted(value: object) -> str | None:
    """A value as text between double quotes; None stays None."""
    if value is None:
        return None
    return _NOT_ASCII.sub(_escape, json.dumps(as_text(value), ensure_ascii=False)[1:-1])


def yaml_single_quoted(value: object) -> str | None:
    """A value as text between single quotes; None stays None.

    Raises:
        ArgumentError: it holds a line break, or what else has no escape there.
    """
    if value is None:
        return None
    text = as_text(value)
    if _NOT_IN_LINE(text):
        raise ArgumentError("an argument holds what YAML in single quotes cannot write")
    return text.replace("'", "''")


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
