"""Values to call things with, and answers to give them: deterministic, made from types."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

from msgspec import Struct

from .diagnostics import Origin
from .documents import document
from .givens import leaves_of
from .ir import Argument, Input, Member, Operation, Placed, Result, Template
from .pattern_syntax import matching_text
from .samples import sample_of
from .wire import Format, Location, Type

Valued: TypeAlias = Argument | Input
"""What a caller gives a value for."""

_HARD: Final = "\"double\" 'single' `back` \\ <b>&amp;"
_TEXTS: Final = (
    "a/b/../c",
    "..",
    ".",
    "100% sure & more=1?x#y",
    "%2e%2e%2f",
    "ünï 漢字 🎉",
    _HARD,
    "a;b,c|d:e@f+g",
    "{{SECRET}} {x} {} $ref",
    "true",
    "0",
    "line\nbreak\ttab",
    "x" * 2000,
    "",
)
_OBJECT: Final = {
    "nested": {"list": [1, 2.5, None, {"deep": True}], "ünï": 'say "hi" & leave'},
    "{{x}}": "{y}",
    "null": None,
}


def example(thing: Valued) -> Any:
    """A plain value of the declared type, another one for each name."""
    if isinstance(thing, Input) and thing.pattern:
        return matching_text(thing.pattern, thing.name)
    return _plain(thing.type, thing.items, thing.name)


def _plain(type_: Type, items: Type | None, name: str) -> Any:
    number = zlib.crc32(name.encode()) % 1000 + 1
    match type_:
        case Type.INTEGER:
            return number
        case Type.NUMBER:
            return number + 0.5
        case Type.BOOLEAN:
            return True
        case Type.ARRAY:
            kind = Type.STRING if items in (None, Type.ANY) else items
            return [_plain(kind, None, f"{name} {index}") for index in (1, 2)]
        case Type.OBJECT:
            return {"name": name, "number": number}
        case Type.BYTES:
            return f"{name} {number}".encode() + b"\x00\xff"
        case Type.STRING | Type.ANY:
            return f"{re.sub('[^A-Za-z0-9]+', '-', name).strip('-')}-{number}"


class Journey(Struct, frozen=True, kw_only=True):
    """Where a value travels: `inbound` into the service, `outbound` to the upstream.

    Its own caller decides what it can carry: a tool's arguments and a client's are
    JSON and have no inbound location.
    """

    inbound: Location | None
    outbound: frozenset[Location]


def edge_values(thing: Valued, journey: Journey) -> tuple[Any, ...]:
    """Values of the declared type that are easily got wrong, and that can travel so."""
    if isinstance(thing, Input) and thing.pattern:
        return (example(thing),)
    everywhere = journey.outbound | ({journey.inbound} if journey.inbound else set())
    match thing.type:
        case Type.STRING:
            return tuple(_texts(journey))
        case Type.INTEGER:
            return (0, -1, 2**53 + 1)
        case Type.NUMBER:
            return (0.5, -2.75, 1e-7, 3)
        case Type.BOOLEAN:
            return (False, True)
        case Type.BYTES:
            some = (bytes(range(256)), "ünï 漢字".encode(), b'"{}"', b"\r\n")
            # In HTTP, a body of no bytes is none; a route cannot tell the two apart.
            return some if journey.inbound else (*some, b"")
        case Type.ARRAY:
            return tuple(_arrays(thing.items, everywhere))
        case Type.OBJECT:
            return (
                ({}, _OBJECT) if everywhere <= {Location.BODY} else ({"a b": [1, ""]},)
            )
        case Type.ANY:
            texts = tuple(_texts(journey))
            if everywhere <= {Location.BODY}:
                return (*texts, 0, False, 1.5, [], {}, _OBJECT, [[_OBJECT]])
            return texts if journey.inbound else (*texts, 0, False, 1.5)


def _texts(journey: Journey) -> Iterator[str]:
    inbound = journey.inbound
    return (text for text in _TEXTS if inbound is None or inbound.can_hold(text))


def _may_be_refused(value: Any, journey: Journey) -> bool:
    """Whether it is no value that every request can hold where it travels to."""
    if not isinstance(value, str):
        return False
    if Location.PATH in journey.outbound and not value.strip("."):
        return True
    if Location.PATH in journey.outbound and "/../" in value:
        return True
    return Location.HEADER in journey.outbound and not Location.HEADER.can_hold(value)


def _arrays(items: Type | None, everywhere: frozenset[Location]) -> Iterator[list[Any]]:
    match items:
        case Type.INTEGER:
            yield [0, -1]
        case Type.NUMBER:
            yield [0.5, -2.75]
        case Type.BOOLEAN:
            yield [False, True]
        case Type.OBJECT:
            yield [{"a": 1}, {"b": "ü&=1"}]
        case Type.ARRAY:
            yield [["a", 1]]
        case _:
            yield ["a b", "ü&=1", ""]
    if everywhere <= {Location.BODY}:
        yield []


def variants(
    things: Sequence[Valued], journeys: Sequence[Journey]
) -> list[dict[Origin, Any]]:
    """Values by the origin of what they are given to: plain ones, only the required
    ones, then each of the edge values at least once.

    A value that may be refused is tried beside plain ones, for a refused call shows
    nothing of its other values.
    """
    plain = {thing.origin: example(thing) for thing in things}
    made = [
        plain,
        {thing.origin: plain[thing.origin] for thing in things if thing.required},
    ]
    edges = []
    for thing, journey in zip(things, journeys, strict=True):
        values = edge_values(thing, journey)
        refused = [value for value in values if _may_be_refused(value, journey)]
        made += [{**plain, thing.origin: value} for value in refused]
        edges.append([value for value in values if value not in refused])
    for turn in range(max(map(len, edges), default=0)):
        chosen = enumerate(zip(things, edges, strict=True))
        made.append(
            {
                thing.origin: values[(turn + index) % len(values)]
                for index, (thing, values) in chosen
            }
        )
    return [values for index, values in enumerate(made) if values not in made[:index]]


def with_members(body: Template, values: dict[Origin, Any]) -> dict[Origin, Any]:
    """Values in which objects have the members that a body takes of them."""
    made = dict(values)
    for leaf in leaves_of(body):
        member = leaf.value if isinstance(leaf, Placed) else leaf
        if isinstance(member, Member):
            origin = member.argument.origin
            made[origin] = _having(made.get(origin), member.path)
    return made


def _having(value: Any, path: tuple[str, ...]) -> Any:
    """An object that has something at a path."""
    if not path:
        return _HARD
    known = value if isinstance(value, dict) else {}
    return {**known, path[0]: _having(known.get(path[0]), path[1:])}


class Answer(Struct, frozen=True, kw_only=True):
    """An upstream's answer: what it sends, and `value`, what a client reads in it."""

    status: int
    content_type: str
    content: bytes
    value: Any

    @property
    def is_json(self) -> bool:
        """Whether it is one JSON value."""
        return self.content_type.startswith("application/json")


def _answer(status: int, content_type: str, content: bytes, value: Any) -> Answer:
    return Answer(
        status=status, content_type=content_type, content=content, value=value
    )


_EMPTY: Final = _answer(204, "", b"", None)
_BINARY: Final = _answer(
    200, "application/octet-stream", b"\x00\xff\x80", b"\x00\xff\x80"
)
_PICTURE: Final = _answer(200, "image/png", b"\x89PNG\r\n", b"\x89PNG\r\n")
_PLAIN: Final = _answer(
    200, "text/plain; charset=utf-8", "plain ünï".encode(), "plain ünï"
)


def json_answer(value: Any, status: int = 200) -> Answer:
    """A JSON answer, written with blanks and escapes that a second writing would lose."""
    content = json.dumps(value, indent=3).encode() + b"\n"
    return _answer(status, "application/json; charset=utf-8", content, value)


def answers(operation: Operation) -> tuple[Answer, ...]:
    """Answers of an operation, to be relayed as they are."""
    if operation.binary is not None:
        return (_PICTURE, _BINARY, _EMPTY)
    if operation.format.is_opaque:
        return (_PLAIN, _BINARY, _EMPTY)
    name = operation.name
    value = {"answer": name, "more": [1, 2.5, True, None, {"ünï": "é"}]}
    if operation.format is not Format.JSON:
        # Bytes of no type may well be what a schema describes, and text is not.
        other = _PLAIN if operation.schema else _BINARY
        return (_document(operation, value), json_answer(value), other, _EMPTY)
    lines = f'{{"line": 1, "of": {json.dumps(name)}}}\n{{"line": 2}}\n'
    return (
        json_answer(value),
        json_answer([{"answer": name}, []], 201),
        _answer(200, "application/x-jsonl", lines.encode(), lines),
        _BINARY,
        _EMPTY,
    )


def answers_for(result: Result, operation: Operation) -> tuple[Answer, ...]:
    """Answers of which a mapping finds all, and nothing."""
    values = [marked(result), {}, [1, "two"]]
    plain = tuple(map(json_answer, values))
    if operation.format is Format.JSON:
        return plain
    return (*(_document(operation, value) for value in values), *plain)


def _document(operation: Operation, value: Any) -> Answer:
    """An answer in the format of an operation."""
    kind, content, held = document(operation, value)
    return _answer(200, kind, content, held)


def marked(result: Result, mark: str = "found") -> Any:
    """A JSON value that has what the result picks, each with a marker of its own."""
    made = sample_of(result, mark, str)
    return mark if made is None else made
