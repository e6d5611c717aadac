"""The tables of HTML answers as JSON values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
from bs4 import BeautifulSoup, Tag

from .answers import UpstreamError

Table = list[dict[str, str]]


def html_tables(selector: str = "table") -> Callable[[httpx.Response], Any]:
    """Reads the tables that a CSS selector finds: themselves, or inside what it finds.

    What is read is `{"tables": [...]}`, each table a list of rows, each row an object by
    the names in the table's header. A table without a header is left out, as is a row
    that holds header cells. All values are text, with white space made even.
    """

    def read(response: httpx.Response) -> Any:
        try:
            page = BeautifulSoup(response.text, "html.parser")
            found = dict.fromkeys(_tables(page.select(selector)))
            tables = [table for each in found if (table := _rows(each)) is not None]
        except RecursionError:
            raise UpstreamError(response, "with HTML that is too deep") from None
        return {"tables": tables}

    return read


def _tables(found: list[Tag]) -> Iterator[Tag]:
    for tag in found:
        if tag.name == "table":
            yield tag
        else:
            yield from tag.select("table")


def _rows(table: Tag) -> Table | None:
    header = table.select("thead tr:first-child th") or table.select(
        "tr:first-child th"
    )
    names = [_text(cell) for cell in header]
    if not any(names):
        return None
    rows = table.select("tbody tr") or table.select("tr")
    cells = ([_text(cell) for cell in row.select("td")] for row in _plain(rows))
    return [
        {
            name: row[place] if place < len(row) else ""
            for place, name in enumerate(names)
        }
        for row in cells
    ]


def _plain(rows: list[Tag]) -> Iterator[Tag]:
    return (row for row in rows if not row.select("th"))


def _text(cell: Tag) -> str:
    return " ".join(cell.get_text().split())
