"""Support code that reads answers in other formats than JSON."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from ..ir import Operation
from ..program import Program
from ..pycode import Code, Imports, lit, literal
from ..wire import AvroSchema, Format, ProtobufSchema
from .expressions import RUNTIME, comma


class Reader(Struct, frozen=True):
    """A function of a support module, and the libraries that this needs.

    `is_made`: the function makes the reader, perhaps for a selector or a schema.
    """

    module: str
    function: str
    libraries: tuple[str, ...] = ()
    is_made: bool = False


READERS: Final = {
    Format.XML: Reader("xml_answers", "xml_value"),
    Format.CSV: Reader("table_answers", "csv_value"),
    Format.TSV: Reader("table_answers", "tsv_value"),
    Format.PSV: Reader("table_answers", "psv_value"),
    Format.YAML: Reader("yaml_answers", "yaml_value", ("ruamel.yaml",)),
    Format.HTML: Reader(
        "html_answers", "html_tables", ("cssselect", "lxml"), is_made=True
    ),
    Format.MARKDOWN: Reader(
        "markdown_answers",
        "markdown_parts",
        ("markdown-it-py", "ruamel.yaml"),
        is_made=True,
    ),
    Format.AVRO: Reader("avro_answers", "avro_value", ("avro",), is_made=True),
    Format.PROTOBUF: Reader(
        "protobuf_answers", "protobuf_value", ("protobuf",), is_made=True
    ),
}
_LINE: Final = 72
"""Characters of a literal in base64 on one line."""


def answer_modules(program: Program) -> set[str]:
    """The support modules for answers that are not JSON."""
    formats = _formats(program)
    modules = {READERS[each].module for each in formats & READERS.keys()}
    return modules | ({"bytes_answers"} if Format.BINARY in formats else set())


def answer_libraries(program: Program) -> set[str]:
    """The libraries that read answers."""
    formats = _formats(program) & READERS.keys()
    return {library for each in formats for library in READERS[each].libraries}


def _formats(program: Program) -> set[Format]:
    return {each.format for up in program.upstreams for each in up.operations}


def reader(operation: Operation, imports: Imports) -> Code | None:
    """What reads the answer of an operation; None where nothing special does."""
    known = READERS.get(operation.format)
    if known is None:
        return None
    name = imports.use(f"{RUNTIME}.{known.module}", known.function)
    if not known.is_made:
        return name
    match operation.schema:
        case AvroSchema(declared):
            made = literal(declared)
        case ProtobufSchema(message, file):
            lines = range(0, len(file), _LINE)
            text = " ".join(lit(file[at : at + _LINE]) for at in lines)
            made = comma([lit(message), Code(text)])
        case None:
            made = lit(operation.selector) if operation.selector else Code()
    return Code(f"{name}({made})")
