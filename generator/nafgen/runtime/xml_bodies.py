"""Bodies of XML: what is put into them is text there, whatever it holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from .calls import ArgumentError, Setting, as_text

_NOT_IN_XML: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]").search
_ESCAPES: Final = str.maketrans(
    {c: f"&#{ord(c)};" for c in "\t\n\r\"'"} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
)


class XmlSetting(Setting):
    """XML with settings as `{NAME}`."""

    __slots__ = ()

    def filled(self, settings: Mapping[str, str]) -> str:
        """The XML with the values of settings as text in it."""
        escaped = {name: value.translate(_ESCAPES) for name, value in settings.items()}
        return self.format_map(escaped)


def xml(value: object) -> str | None:
    """A value as text inside an element or an attribute; None stays None.

    Raises:
        ArgumentError: it holds a character that XML cannot write.
    """
    if value is None:
        return None
    text = as_text(value)
    if _NOT_IN_XML(text):
        raise ArgumentError("an argument holds a character that XML cannot write")
    return text.translate(_ESCAPES)
