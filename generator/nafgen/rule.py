"""One rule about APIs, and how a table of the configuration becomes one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from msgspec import Struct

from .diagnostics import show
from .wire import ArrayStyle, Encoding, ObjectStyle


class Rule(Struct, frozen=True, kw_only=True):
    """What holds for the APIs of a host, a namespace or a declared bind.

    All selectors that are given must fit: `host`, `namespace` and `bind` are patterns
    (`*.example.com`), `paths` a regular expression that each resource's path begins
    with. `source` says where a rule that comes with nafgen has its knowledge from.
    """

    host: str = ""
    namespace: str = ""
    bind: str = ""
    paths: str = ""
    base_url: str = ""
    encoding: Encoding | None = None
    arrays: ArrayStyle | None = None
    objects: ObjectStyle | None = None
    headers: tuple[tuple[str, str], ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    source: str = ""


class Mistake(NamedTuple):
    """Why a key of a rule cannot be used."""

    key: str
    message: str
    hint: str


SELECTORS: Final = ("host", "namespace", "bind")
KEYS: Final = (
    *SELECTORS,
    "base-url",
    "body-encoding",
    "array-style",
    "object-style",
    "headers",
    "tools",
)
_CHOICES: Final = {
    "body-encoding": (Encoding.JSON, Encoding.FORM),
    "array-style": (*ArrayStyle,),
    "object-style": (*ObjectStyle,),
}


def parse(table: dict[str, Any]) -> Rule:
    """The rule of a table without mistakes."""
    tools = table.get("tools", {})
    encoding, arrays, objects = (table.get(key) for key in _CHOICES)
    return Rule(
        host=table.get("host", "").lower(),
        namespace=table.get("namespace", ""),
        bind=table.get("bind", ""),
        base_url=table.get("base-url", ""),
        encoding=Encoding(encoding) if encoding else None,
        arrays=ArrayStyle(arrays) if arrays else None,
        objects=ObjectStyle(objects) if objects else None,
        headers=tuple(table.get("headers", {}).items()),
        include=tuple(tools.get("include", ())),
        exclude=tuple(tools.get("exclude", ())),
    )


def mistakes(table: Any) -> Iterator[Mistake]:
    """What cannot be used in the table of a rule."""
    if not isinstance(table, dict):
        yield Mistake(
            "rules", "a rule must be a table", "write it as [[tool.nafgen.rules]]"
        )
        return
    if not any(table.get(key) for key in SELECTORS):
        yield Mistake(
            "rules",
            "a rule must say which APIs it is for",
            f"give it one of {', '.join(SELECTORS)}",
        )
    for key, value in table.items():
        if key in _CHOICES:
            if value not in [*_CHOICES[key]]:
                message = f"`{key}` cannot be {show(value)}"
                yield Mistake(key, message, f"one of {', '.join(_CHOICES[key])}")
        elif key == "headers":
            if not _is_table(value, str):
                message = "`headers` must be a table of texts"
                yield Mistake(key, message, 'as headers = {X-Version = "1"}')
        elif key == "tools":
            if not _is_table(value, list) or not value.keys() <= {"include", "exclude"}:
                message = "`tools` must be a table of `include` and `exclude`"
                yield Mistake(key, message, 'as tools = {include = ["list-*"]}')
        elif key not in KEYS:
            message = f"the key {show(key)} is not known"
            yield Mistake(key, message, f"one of {', '.join(KEYS)}")
        elif not isinstance(value, str):
            yield Mistake(key, f"`{key}` must be text, not {show(value)}", "")


def _is_table(value: Any, kind: type[Any]) -> bool:
    return isinstance(value, dict) and all(
        isinstance(member, kind)
        and all(isinstance(each, str) for each in (member if kind is list else ()))
        for member in value.values()
    )
