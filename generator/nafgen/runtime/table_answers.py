"""Answers of separated values as JSON values."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import httpx

from .answers import UpstreamError

Rows = list[dict[str, str]]


def csv_value(response: httpx.Response) -> Rows:
    """The rows of comma-separated values, as objects by the names in the first row.

    All values are text. A short row lacks the last members; blank rows are no rows.

    Raises:
        UpstreamError: a row has more values than there are names, or one is not closed.
    """
    return _rows(response, ",")


def tsv_value(response: httpx.Response) -> Rows:
    """Like `csv_value`, for values that tabs separate."""
    return _rows(response, "\t")


def psv_value(response: httpx.Response) -> Rows:
    """Like `csv_value`, for values that `|` separates."""
    return _rows(response, "|")


def _rows(response: httpx.Response, separator: str) -> Rows:
    text = io.StringIO(response.text.removeprefix("\ufeff"), newline="")
    rows = (row for row in csv.reader(text, delimiter=separator, strict=True) if row)
    try:
        names = [name.strip() for name in next(rows, [])]
        return [*_objects(names, rows)]
    except (csv.Error, ValueError):
        raise UpstreamError(response, "with a broken table") from None


def _objects(names: list[str], rows: Iterator[list[str]]) -> Iterator[dict[str, str]]:
    for row in rows:
        if len(row) > len(names):
            raise ValueError("a value without a name")
        yield dict(zip(names, row, strict=False))
