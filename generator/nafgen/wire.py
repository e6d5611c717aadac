"""How values travel: where, as which types, in which encodings, styles and formats."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Final, TypeAlias

from msgspec import Struct

BASE64: Final = {"contentEncoding": "base64"}
"""What JSON Schema says of bytes that travel as text."""
_HEADER: Final = re.compile(r"[!-~]([ -~]*[!-~])?").fullmatch
_COOKIE: Final = re.compile(r"[A-Za-z0-9%.#&=?{}<>|:@+/-]+").fullmatch


class Location(StrEnum):
    """Where a value travels in an HTTP request."""

    PATH = "path"
    QUERY = "query"
    HEADER = "header"
    COOKIE = "cookie"
    BODY = "body"

    def can_hold(self, text: str) -> bool:
        """Whether every client can send a text there, and every server reads it."""
        match self:
            case Location.PATH:
                return text != "" and "\n" not in text
            case Location.HEADER:
                return _HEADER(text) is not None
            case Location.COOKIE:
                return _COOKIE(text) is not None
            case _:
                return True


class Type(StrEnum):
    """The JSON type of a value; `ANY` where the spec does not say.

    `BYTES` is the type of a body that is bytes: no spec names it.
    """

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ARRAY = "array"
    OBJECT = "object"
    ANY = "any"
    BYTES = "bytes"


class Encoding(StrEnum):
    """How a body is written; XML differs from text in how arguments are escaped, and
    a binary body is an argument as it is."""

    JSON = "json"
    FORM = "form"
    MULTIPART = "multipart"
    TEXT = "text"
    XML = "xml"
    BINARY = "binary"


class Place(StrEnum):
    """Where a value stands in a text of another language, which says how it is written:
    inside quotes, or as a whole of its own."""

    XML = "XML"
    SPARQL_DOUBLE_QUOTED = "double-quoted SPARQL"
    SPARQL_SINGLE_QUOTED = "single-quoted SPARQL"
    SPARQL_IRI = "SPARQL IRI"
    SPARQL_IRI_PART = "part of a SPARQL IRI"
    SPARQL_TERM = "SPARQL term"
    YAML_DOUBLE_QUOTED = "double-quoted YAML"
    YAML_SINGLE_QUOTED = "single-quoted YAML"
    YAML_NODE = "YAML node"
    CSV_QUOTED = "quoted CSV"
    CSV_FIELD = "CSV field"


class ArrayStyle(StrEnum):
    """An array in a query or form: `a=1&a=2`, `a[]=1&a[]=2`, or `a=1,2`."""

    REPEAT = "repeat"
    BRACKETS = "brackets"
    COMMA = "comma"


class ObjectStyle(StrEnum):
    """An object in a query or form: its JSON, or `a[b]=1`."""

    JSON = "json"
    BRACKETS = "brackets"


class Format(StrEnum):
    """How an answer is declared: as JSON, as what is read into a JSON value, or as text
    or bytes that are only passed on."""

    JSON = "json"
    XML = "xml"
    CSV = "csv"
    TSV = "tsv"
    PSV = "psv"
    YAML = "yaml"
    HTML = "html"
    MARKDOWN = "markdown"
    AVRO = "avro"
    PROTOBUF = "protobuf"
    TEXT = "text"
    BINARY = "binary"

    @property
    def is_opaque(self) -> bool:
        """Whether no value is read in it."""
        return self in (Format.TEXT, Format.BINARY)


class AvroSchema(Struct, frozen=True):
    """What an answer in Avro is read by: `declared` is the schema, a JSON value."""

    declared: Any

    def __hash__(self) -> int:
        return hash(AvroSchema)  # what is declared may hold lists and objects


class ProtobufSchema(Struct, frozen=True):
    """What an answer in Protocol Buffers is read by: the full name of its `message`, and
    the FileDescriptorProto of its `file` in base64."""

    message: str
    file: str


class Caching(Struct, frozen=True, kw_only=True):
    """How long the clients of an MCP server may keep what it tells them, and for whom:
    `public` or `private`."""

    ttl_ms: int
    scope: str


class PromptArgument(Struct, frozen=True, kw_only=True):
    """What the caller of a prompt gives."""

    name: str
    title: str
    description: str
    required: bool


AnswerSchema: TypeAlias = AvroSchema | ProtobufSchema


class SkillFolder(Struct, frozen=True, kw_only=True):
    """The files of a skill: at `path` from the package's folder, unless `variable` names
    another one; where `path` is None, nothing else says where they are. `folder` is the
    path from the specs folder."""

    variable: str
    path: str | None
    folder: str = ""
