"""The tables of HTML answers as JSON values."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx
from lxml import cssselect, etree  # type: ignore[import-untyped, unused-ignore]

from .answers import UpstreamError

MAX_TABLES: Final = 20
"""Tables inside one another at the most: a cell's text holds that of tables in it."""
MAX_VALUES: Final = 1_000_000
"""Values of all tables at the most: short rows are filled up."""
MAX_ATTRIBUTES: Final = 100
"""Attributes of a tag at the most: reading them takes time by the square of them."""

_ATTRIBUTE: Final = (
    r"[ \t\n\f\r/]*+[^ \t\n\f\r/>][^ \t\n\f\r/>=]*+"
    r"(?:[ \t\n\f\r]*+=[ \t\n\f\r]*+"
    r"""(?:"[^"]*+"|'[^']*+'|[^ \t\n\f\r>"'][^ \t\n\f\r>]*+|(?=>)))?+"""
)
_CROWDED: Final = re.compile(
    rf"<[a-zA-Z][^ \t\n\f\r/>]*+(?:{_ATTRIBUTE}){{{MAX_ATTRIBUTES + 1}}}"
).search
_PARTS: Final = frozenset({"thead", "tbody", "tfoot"})
_ROWS: Final = _PARTS | {"table", "tr"}
_CELLS: Final = frozenset({"th", "td"})

Element = Any
Table = list[dict[str, str]]


def html_tables(selector: str = "table") -> Callable[[httpx.Response], Any]:
    """Reads the tables that a CSS selector finds: themselves, or inside what it finds.

    What is read is `{"tables": [...]}`, each table a list of rows, each row an object by
    the names in the table's header. A table without a header is left out, as is a row
    that holds header cells. All values are text, with white space made even.
    """

    def read(response: httpx.Response) -> Any:
        page = _page(response)
        if page is None:
            return {"tables": []}
        found = set(cssselect.CSSSelector(selector, translator="html")(page))
        try:
            tables = _tables(page, found)
        except ValueError:
            raise UpstreamError(response, "with HTML that is too deep") from None
        split = [_split(rows) for rows in tables if rows]
        if sum(len(names) * len(body) for names, body in split) > MAX_VALUES:
            raise UpstreamError(response, "with tables that are too large")
        return {"tables": [_value(names, body) for names, body in split if any(names)]}

    return read


def _page(response: httpx.Response) -> Element | None:
    """The root element, which an empty page lacks."""
    text = response.text
    if _CROWDED(text):
        raise UpstreamError(response, "with HTML of too many attributes")
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        page = etree.fromstring(text.encode(errors="replace"), parser)
    except etree.LxmlError:
        raise UpstreamError(response, "with broken HTML") from None
    limit = etree.ErrorTypes.ERR_RESOURCE_LIMIT
    if any(error.type == limit for error in parser.error_log):
        raise UpstreamError(response, "with HTML that is too deep")
    if page is not None:
        etree.strip_elements(page, "script", "style", "template", with_tail=False)
    return page


@dataclass(frozen=True, slots=True)
class _Row:
    part: str
    cells: tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """What is known of an element by those around it."""

    is_wanted: bool = False
    depth: int = 0
    part: str = ""
    rows: list[_Row] = field(default_factory=list)


def _tables(page: Element, found: set[Element]) -> list[list[_Row]]:
    """The rows of each table that is wanted, in the order of the page.

    Raises:
        ValueError: there are too many tables inside one another.
    """
    tables: list[list[_Row]] = []
    places = [_Place()]
    for event, element in etree.iterwalk(page, events=("start", "end")):
        if event == "end":
            places.pop()
            continue
        place = places[-1]
        if element in found:
            place = replace(place, is_wanted=True)
        if element.tag == "table":
            place = _Place(place.is_wanted, place.depth + 1)
            if place.depth > MAX_TABLES:
                raise ValueError("too deep")
            if place.is_wanted:
                tables.append(place.rows)
        elif element.tag in _PARTS:
            place = replace(place, part=element.tag)
        if element.tag in _ROWS:
            cells = tuple(cell for cell in element if cell.tag in _CELLS)
            # Cells may lack their row.
            if cells or element.tag == "tr":
                place.rows.append(_Row(place.part, cells))
        places.append(place)
    return tables


def _split(rows: list[_Row]) -> tuple[list[str], list[_Row]]:
    """The names in a table's header, and the rows of its body."""
    heads = [row for row in rows if row.part == "thead" and _names(row)]
    body = [row for row in rows if row.part in ("", "tbody") and not _names(row)]
    return _names((heads or rows)[0]), body


def _value(names: list[str], body: list[_Row]) -> Table:
    return [
        {
            name: _text(row.cells[place]) if place < len(row.cells) else ""
            for place, name in enumerate(names)
        }
        for row in body
    ]


def _names(row: _Row) -> list[str]:
    return [_text(cell) for cell in row.cells if cell.tag == "th"]


def _text(cell: Element) -> str:
    return " ".join("".join(cell.itertext()).split())
