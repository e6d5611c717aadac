"""Bodies of CSV (RFC 4180): what is put into them stays in its field."""

from __future__ import annotations

from .calls import as_text


def csv_quoted(value: object) -> str | None:
    """A value as text between the quotes of a field; None stays None."""
    return None if value is None else as_text(value).replace('"', '""')


def csv_field(value: object) -> str | None:
    """A value as a whole field; None stays None."""
    return None if value is None else f'"{csv_quoted(value)}"'
