"""XML answers as JSON values."""

from __future__ import annotations

from typing import Any, Final
from xml.parsers.expat import ExpatError, ParserCreate

import httpx

from .answers import UpstreamError

MAX_DEPTH: Final = 200
"""Elements inside one another at the most."""


def xml_value(response: httpx.Response) -> Any:
    """The answer's JSON value.

    The root itself is left out. Children and attributes are members by their local
    names, several of one name are a list, and text beside them is the member `""`. An
    element that has neither is its text. All scalars are text.

    Raises:
        UpstreamError: it is not XML, declares a document type, or is too deep.
    """
    reader = _Reader()
    parser = ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    # Entities are declared there, and neither bombs nor files are worth having.
    parser.StartDoctypeDeclHandler = reader.refuse
    try:
        parser.Parse(response.content, True)
    except (ExpatError, ValueError):
        raise UpstreamError(response, "with broken XML") from None
    return reader.value


class _Reader:
    """Makes the value while the document is read."""

    def __init__(self) -> None:
        self.value: Any = None
        self._open: list[tuple[dict[str, Any], list[str]]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) == MAX_DEPTH:
            raise ValueError("too deep")
        members: dict[str, Any] = {}
        for key, value in attributes.items():
            _add(members, _local(key), value)
        self._open.append((members, []))

    def text(self, text: str) -> None:
        self._open[-1][1].append(text)

    def end(self, name: str) -> None:
        members, texts = self._open.pop()
        text = "".join(texts)
        value: Any = text
        if members:
            value = members
            if text.strip():
                _add(members, "", text.strip())
        if self._open:
            _add(self._open[-1][0], _local(name), value)
        else:
            self.value = value

    def refuse(self, *declared: object) -> None:
        raise ValueError("a document type is declared")


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def _add(members: dict[str, Any], name: str, value: Any) -> None:
    """Add a member; the second of a name makes it a list."""
    known = members.get(name)
    if known is None:
        members[name] = value
    elif isinstance(known, list):
        known.append(value)
    else:
        members[name] = [known, value]
