"""Reads inputs that are bytes where only text can travel: in base64."""

from __future__ import annotations

import base64
from typing import Any

from .calls import ArgumentError


def decoded(text: str | None) -> Any:
    """The bytes that a text in base64 stands for; None stays None.

    Raises:
        ArgumentError: it is not base64.
    """
    try:
        return None if text is None else base64.b64decode(text, validate=True)
    except ValueError:
        raise ArgumentError("bytes must be base64") from None
