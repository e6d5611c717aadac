"""Answers in other formats than JSON: documents, and the value that each of them holds.

Verification and mocked upstreams send them. What generated packages read them with is
other code, so that one mistake cannot hide in both.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any, Final, TypeAlias

from . import avro_samples, protobuf_samples
from .ir import Operation
from .wire import AvroSchema, Format, ProtobufSchema

Document: TypeAlias = tuple[str, bytes, Any]
"""A media type, the bytes, and the JSON value that stands in them."""

_XML_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*").fullmatch
_SELECTOR: Final = re.compile(r"([a-z][a-z0-9]*)?((?:[.#][A-Za-z_][\w-]*)*)").fullmatch
_WORDS: Final = re.compile(r"[A-Za-z0-9]+( [A-Za-z0-9]+)*").fullmatch
_TYPES: Final = {
    Format.XML: "application/xml",
    Format.CSV: "text/csv; charset=utf-8",
    Format.TSV: "text/tab-separated-values; charset=utf-8",
    Format.PSV: "text/plain; charset=utf-8",
    Format.YAML: "application/yaml",
    Format.HTML: "text/html; charset=utf-8",
    Format.MARKDOWN: "text/markdown; charset=utf-8",
    Format.AVRO: "avro/binary",
    Format.PROTOBUF: "application/x-protobuf",
}
_SEPARATORS: Final = {Format.CSV: ",", Format.TSV: "\t", Format.PSV: "|"}
_ROWS: Final = [
    {"Name": 'Cup, "big" & ünï', "Price": "4"},
    {"Name": "|\t", "Price": ""},
]


def document(operation: Operation, value: Any) -> Document:
    """An answer of an operation that says as much of a value as its format can; with a
    schema, a value of that."""
    format_, selector = operation.format, operation.selector
    match operation.schema:
        case AvroSchema(declared):
            return (_TYPES[format_], *avro_samples.sample(declared))
        case ProtobufSchema() as schema:
            return (_TYPES[format_], *protobuf_samples.sample(schema))
        case None:
            pass
    match format_:
        case Format.XML:
            held = _in_xml(value if isinstance(value, Mapping) else {"value": value})
            content = _xml("answer", held)
        case Format.CSV | Format.TSV | Format.PSV:
            held = _rows(value)
            content = _table(held, _SEPARATORS[format_])
        case Format.HTML:
            content, held = _html(selector)
        case Format.MARKDOWN:
            content, held = _markdown(selector, value)
        case _:
            content, held = _yaml(value), value
    return _TYPES[format_], content.encode(), held


def _yaml(value: Any) -> str:
    """A value in flow style; YAML has no pairs of escapes for one character."""
    text = json.dumps(value, ensure_ascii=False)
    return re.sub(r"[^ -~]", lambda match: f"\\U{ord(match[0]):08x}", text)


def _in_xml(value: Any) -> Any:
    """What XML can say of a value: text, in objects and in lists of two or more."""
    if isinstance(value, Mapping):
        members = {k: _in_xml(v) for k, v in value.items() if _XML_NAME(k)}
        return {k: v for k, v in members.items() if v is not None} or "empty"
    if isinstance(value, list):
        items = [_in_xml(item) for item in value if not isinstance(item, list)]
        return items if len(items) > 1 else None
    return re.sub(r"[^ -~ -\u1fff]", "", str(value)).strip() or "text"


def _xml(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_xml(name, item) for item in value)
    if isinstance(value, dict):
        inner = "".join(_xml(key, member) for key, member in value.items())
        return f"<{name}>\n  {inner}\n</{name}>"
    return f"<{name}>{escape(value)}</{name}>"


def _rows(value: Any) -> list[dict[str, str]]:
    """Rows that have the texts of the objects in a list."""
    found = value if isinstance(value, list) else []
    rows = [
        {key: text for key, text in row.items() if isinstance(text, str)}
        for row in found
        if isinstance(row, Mapping)
    ]
    if not rows or not rows[0] or any(row.keys() != rows[0].keys() for row in rows):
        return [dict(row) for row in _ROWS]
    return rows


def _table(rows: list[dict[str, str]], separator: str) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [*rows[0]], delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _html(selector: str) -> tuple[str, Any]:
    """A page with one table that a plain selector finds, and none for other ones."""
    plain = _SELECTOR(selector or "table")
    if plain is None:
        return "<p>Nothing that a selector could find.</p>", {"tables": []}
    tag, marks = plain[1] or "div", plain[2]
    kinds = " ".join(re.findall(r"\.([\w-]+)", marks))
    ids = "".join(re.findall(r"#([\w-]+)", marks)[:1])
    cells = (f"<td>{escape(a)}</td><td>{escape(b)}</td>" for a, b in _cells())
    rows = "".join(f"<tr>{cell}</tr>\n" for cell in cells)
    inner = f"<tr><th>Name</th><th> Price</th></tr>\n{rows}"
    if tag != "table":
        inner = f"<table>{inner}</table>"
    page = f'<{tag} class="{kinds}" id="{ids}">{inner}</{tag}>'
    held = [{"Name": name.strip(), "Price": price} for name, price in _cells()]
    return page, {"tables": [held]}


def _cells() -> list[tuple[str, str]]:
    return [(row["Name"], row["Price"]) for row in _ROWS]


def _markdown(prefix: str, value: Any) -> tuple[str, Any]:
    """A text whose front matter says what of the value is looked for there."""
    wanted = value.get("frontMatter") if isinstance(value, Mapping) else None
    front = wanted if isinstance(wanted, dict) else {"title": "Notes"}
    heading = f"{prefix} of all" if _WORDS(prefix) else "Of all"
    text = (
        f"---\n{_yaml(front)}\n---\n# {heading}\n\n"
        "Some *text*.\n\n| Name | Price |\n| --- | --- |\n| Cup | `4` |\n"
    )
    held = {
        "frontMatter": front,
        "tables": [[{"Name": "Cup", "Price": "4"}]],
        "sections": [{"heading": heading, "level": 1, "content": "Some text."}],
    }
    if not heading.startswith(prefix):
        held["sections"] = []
    return text, held
