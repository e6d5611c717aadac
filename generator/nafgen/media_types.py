"""How bodies are written: by the type of a `body` block, or by a media type."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from .wire import Encoding, Type


class Kind(NamedTuple):
    """An encoding, and the media type that a body of it has by default."""

    encoding: Encoding
    media_type: str


JSON: Final = Kind(Encoding.JSON, "application/json")
FORM: Final = Kind(Encoding.FORM, "application/x-www-form-urlencoded")
MULTIPART: Final = Kind(Encoding.MULTIPART, "multipart/form-data")
TEXT: Final = Kind(Encoding.TEXT, "text/plain; charset=utf-8")
XML: Final = Kind(Encoding.XML, "application/xml")
SPARQL: Final = Kind(Encoding.TEXT, "application/sparql-query")
YAML: Final = Kind(Encoding.TEXT, "application/yaml")
BINARY: Final = Kind(Encoding.BINARY, "application/octet-stream")

AS_TEXT: Final = frozenset({Encoding.TEXT, Encoding.XML})
AS_MEMBERS: Final = frozenset({Encoding.FORM, Encoding.MULTIPART})

_WRITTEN: Final = {
    "json": JSON,
    "form": FORM,
    "formurlencoded": FORM,
    "urlencoded": FORM,
    "xwwwformurlencoded": FORM,
    "multipart": MULTIPART,
    "multipartform": MULTIPART,
    "multipartformdata": MULTIPART,
    "formdata": MULTIPART,
    "text": TEXT,
    "xml": XML,
    "sparql": SPARQL,
    "yaml": YAML,
    "binary": BINARY,
    "octetstream": BINARY,
    "application/json": JSON,
    "application/x-www-form-urlencoded": FORM,
    "multipart/form-data": MULTIPART,
    "text/plain": TEXT,
    "application/xml": XML,
    "text/xml": Kind(Encoding.XML, "text/xml; charset=utf-8"),
    "application/sparql-query": SPARQL,
    "application/yaml": YAML,
}
_FILES: Final = frozenset("""
    gzip java-archive msword octet-stream pdf vnd.ms-excel vnd.ms-powerpoint
    vnd.rar x-7z-compressed x-bzip2 x-gzip x-tar x-zip-compressed zip zstd
    """.split())
"""Subtypes of `application` whose bodies are files."""


is_sendable: Final = re.compile(r"[!-~]+/[!-~]+( *;[ -~]*)?").fullmatch
"""Whether a header can hold a media type."""


def of_type(written: str) -> Kind | None:
    """What the `type` of a body block names; None where that is not known."""
    name = written.partition(";")[0].strip().lower()
    known = _WRITTEN.get(name) or _WRITTEN.get(name.replace("-", "").replace("_", ""))
    if known is None and not is_sendable(written.strip()):
        return None
    if known is None and name.endswith("+xml"):
        return Kind(Encoding.XML, written.strip())
    if known is None and name.startswith("text/"):
        return Kind(Encoding.TEXT, written.strip())
    if known is None and _is_binary(name):
        return Kind(Encoding.BINARY, written.strip())
    return known


def _is_binary(name: str) -> bool:
    """Whether a media type is that of a file, of which nafgen need not know more."""
    family, _, subtype = name.partition("/")
    if family != "application":
        return bool(subtype) and family in ("audio", "font", "image", "video")
    return subtype in _FILES or subtype.startswith("vnd.openxmlformats-")


def is_file(media_type: str, *, is_named: bool) -> bool:
    """Whether a part of multipart form data holds bytes: it is of the type of a file, or
    has a file's name and is not of a type of text."""
    name = media_type.partition(";")[0].strip().lower()
    is_text = name in _WRITTEN or name.startswith("text/")
    if is_text or name.endswith(("/json", "+json", "/xml", "+xml")):
        return False
    return is_named or _is_binary(name)


def whole_type(written: str | None, kind: Kind) -> str:
    """The type of an argument that is a whole body, where the spec may name one."""
    if kind.encoding is Encoding.BINARY:
        return Type.BYTES
    if kind.encoding in AS_MEMBERS:
        return Type.OBJECT
    return written or (Type.STRING if kind.encoding in AS_TEXT else Type.OBJECT)


def language(kind: Kind) -> str:
    """What bodies of text are written in, as far as nafgen can put values into it: plain
    text, sparql, yaml or csv, else nothing."""
    name = kind.media_type.partition(";")[0].strip().lower()
    if name in ("application/sparql-query", "application/sparql-update"):
        return "sparql"
    if name.endswith(("/yaml", "/x-yaml", "/vnd.yaml", "+yaml")):
        return "yaml"
    return {"text/plain": "text", "text/csv": "csv"}.get(name, "")


def of_media_type(header: str) -> Kind:
    """What a `Content-Type` header says of the body; JSON where it says nothing."""
    name = header.partition(";")[0].strip().lower()
    if not name or name.endswith(("/json", "+json")):
        return Kind(Encoding.JSON, header or JSON.media_type)
    if name in (FORM.media_type, MULTIPART.media_type):
        return FORM if name == FORM.media_type else MULTIPART
    if name.endswith(("/xml", "+xml")):
        return Kind(Encoding.XML, header)
    return Kind(Encoding.BINARY if _is_binary(name) else Encoding.TEXT, header)
