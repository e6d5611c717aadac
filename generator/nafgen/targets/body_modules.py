"""The support code that bodies are written with: members of objects, and languages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..givens import leaves_of
from ..ir import Interpolated, Member, Operation, Placed, Template, Text
from ..wire import Encoding, Place
from .expressions import RUNTIME

XML_BODIES: Final = f"{RUNTIME}.xml_bodies"
_SPARQL: Final = f"{RUNTIME}.sparql_bodies"
_YAML: Final = f"{RUNTIME}.yaml_bodies"
_CSV: Final = f"{RUNTIME}.csv_bodies"
WRITTEN_AT: Final = {
    Place.XML: (XML_BODIES, "xml"),
    Place.SPARQL_DOUBLE_QUOTED: (_SPARQL, "sparql_double_quoted"),
    Place.SPARQL_SINGLE_QUOTED: (_SPARQL, "sparql_single_quoted"),
    Place.SPARQL_IRI: (_SPARQL, "sparql_iri"),
    Place.SPARQL_IRI_PART: (_SPARQL, "sparql_iri_part"),
    Place.SPARQL_TERM: (_SPARQL, "sparql_term"),
    Place.YAML_DOUBLE_QUOTED: (_YAML, "yaml_double_quoted"),
    Place.YAML_SINGLE_QUOTED: (_YAML, "yaml_single_quoted"),
    Place.YAML_NODE: (_YAML, "yaml_node"),
    Place.CSV_QUOTED: (_CSV, "csv_quoted"),
    Place.CSV_FIELD: (_CSV, "csv_field"),
}
"""Module and function of what writes a value at a place."""


def body_modules(operation: Operation) -> Iterator[str]:
    """The runtime modules that the body of an operation needs."""
    body = operation.body
    if operation.encoding is Encoding.XML and _is_template(body):
        yield "xml_bodies"
    for leaf in leaves_of(body) if body else ():
        if isinstance(leaf, Placed):
            yield WRITTEN_AT[leaf.place][0].removeprefix(f"{RUNTIME}.")
            leaf = leaf.value
        if isinstance(leaf, Member):
            yield "mapping"


def _is_template(body: Template | None) -> bool:
    """Whether a body is a text with something in it that a call or a setting gives."""
    if not isinstance(body, Interpolated | Text) or len(body.parts) == 1:
        return False
    return not all(isinstance(part, str) for part in body.parts)
