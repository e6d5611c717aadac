"""What queries, headers and bodies look like on the wire, computed from their values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from .ir import Upstream
from .wire import ArrayStyle, ObjectStyle

AsText: TypeAlias = Callable[[Any], str]


def pairs(
    upstream: Upstream, name: str, value: Any, as_text: AsText
) -> Iterator[tuple[str, str]]:
    """The pairs of a query or form that a value is sent as; nulls are not sent."""
    for (first, *inner), text in _leaves(upstream, (name,), value, as_text):
        yield first + "".join(f"[{key}]" for key in inner), text


def _leaves(
    upstream: Upstream, path: tuple[str, ...], value: Any, as_text: AsText
) -> Iterator[tuple[tuple[str, ...], str]]:
    deep = upstream.objects is ObjectStyle.BRACKETS
    if isinstance(value, list):
        items = [item for item in value if item is not None]
        if upstream.arrays is ArrayStyle.COMMA:
            if items:
                yield path, ",".join(as_text(item) for item in items)
        elif deep and any(isinstance(item, dict | list) for item in items):
            for index, item in enumerate(items):
                yield from _leaves(upstream, (*path, str(index)), item, as_text)
        else:
            marked = upstream.arrays is ArrayStyle.BRACKETS and path[-1][-2:] != "[]"
            own = (*path, "") if marked else path
            yield from ((own, as_text(item)) for item in items)
    elif deep and isinstance(value, dict):
        for key, member in value.items():
            yield from _leaves(upstream, (*path, key), member, as_text)
    elif value is not None:
        yield path, as_text(value)


def form(upstream: Upstream, value: Any, as_text: AsText) -> list[list[str]]:
    """The pairs of a form, by name as `verify_probe` compares them."""
    found = (pairs(upstream, n, member, as_text) for n, member in value.items())
    return sorted(([*pair] for one in found for pair in one), key=lambda p: p[0])


def parts(upstream: Upstream, value: Any, as_text: AsText) -> list[dict[str, Any]]:
    """The parts of multipart form data; what is in one is text where it can be."""
    if isinstance(value, dict):
        found = (pairs(upstream, n, member, as_text) for n, member in value.items())
        return [{"name": n, "value": text} for one in found for n, text in one]
    return [_part(part, as_text) for part in value if part.get("value") is not None]


def _part(part: dict[str, Any], as_text: AsText) -> dict[str, Any]:
    sent = {
        key: readable(each) if isinstance(each, bytes) else as_text(each)
        for key, each in part.items()
        if each is not None
    }
    if isinstance(part["value"], bytes) and not sent.get("filename"):
        sent["filename"] = sent["name"]
    if not sent.get("filename"):
        sent.pop("filename", None)  # an empty name says as much as none
    else:
        sent.setdefault("content_type", "application/octet-stream")
    return sent


def readable(content: bytes) -> str | bytes:
    """The text that bytes are, or the bytes that are no text."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


def in_header(text: str) -> str | None:
    """A text as a header has it; None when no header can."""
    sent = text.strip(" \t")
    if any(c > "\xff" or (c < " " and c != "\t") or c == "\x7f" for c in sent):
        return None
    return sent


def cookie_pairs(header: str) -> Iterator[tuple[str, str]]:
    """The cookies of a `Cookie` header."""
    for pair in filter(None, header.split("; ")):
        name, _, value = pair.partition("=")
        yield name, value
