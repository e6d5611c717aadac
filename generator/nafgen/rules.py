"""Rules about APIs that a spec cannot state: how they take bodies, lists and headers.

A rule names the APIs it speaks of by patterns. What a spec says goes before all rules,
a project's rules go before those that come with nafgen, and earlier ones before later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from . import media_types, spec
from .diagnostics import Reporter, show
from .hosts import HOSTS
from .media_types import Kind
from .rule import Rule
from .rule_set import Rules
from .wire import ArrayStyle, Encoding, ObjectStyle

_KINDS: Final = {Encoding.FORM: media_types.FORM, Encoding.JSON: media_types.JSON}


class Conventions(Struct, frozen=True, kw_only=True):
    """What holds for one API: `kind` of the bodies whose spec names no encoding, the
    styles of queries and forms, and patterns of the tools to expose and to leave out.
    """

    kind: Kind
    arrays: ArrayStyle
    objects: ObjectStyle
    include: tuple[str, ...]
    exclude: tuple[str, ...]

    def exposes(self, tool: str) -> bool:
        """Whether a tool of this name is to be exposed."""
        wanted = not self.include or any(fnmatchcase(tool, p) for p in self.include)
        return wanted and not any(fnmatchcase(tool, p) for p in self.exclude)


def settle(
    entry: spec.Consumes,
    binds: tuple[spec.Bind, ...],
    rules: Rules,
    reporter: Reporter,
) -> tuple[spec.Consumes, Conventions]:
    """A consumed API with the base URL and headers that rules add, and what holds for it.

    A rule that comes with nafgen and says something new is reported (NAF430).
    """
    known = (*rules.own, *HOSTS) if rules.builtin else rules.own
    matching = [rule for rule in known if _concerns(rule, entry, binds)]
    written = str(entry.base_uri.value).strip()
    located = None if written else next((r for r in matching if r.base_url), None)
    if located is not None:
        address = spec.Located(located.base_url, entry.base_uri.span)
        entry = replace(entry, base_uri=address)
    host = _host(entry)
    settled: dict[str, Any] = {}
    headers: dict[str, str] = {}
    own = {name.lower() for name in _headers(entry)}
    for rule in matching:
        if rule.host and not fnmatchcase(host, rule.host):
            continue
        said = {k: v for k, v in _said(rule).items() if k not in settled}
        sent = {
            name: value
            for name, value in rule.headers
            if name.lower() not in own | {known.lower() for known in headers}
        }
        settled |= said
        headers |= sent
        if rule.source and (said or sent or rule is located):
            _report(rule, [*_words(rule, said, sent, rule is located)], entry, reporter)
    span = entry.base_uri.span
    added = tuple((name, spec.Located(value, span)) for name, value in headers.items())
    return replace(entry, headers=(*entry.headers, *added)), Conventions(
        kind=_KINDS[settled.get("encoding", Encoding.JSON)],
        arrays=settled.get("arrays", ArrayStyle.REPEAT),
        objects=settled.get("objects", ObjectStyle.JSON),
        include=settled.get("include", ()),
        exclude=settled.get("exclude", ()),
    )


def _concerns(rule: Rule, entry: spec.Consumes, binds: tuple[spec.Bind, ...]) -> bool:
    """Whether all but the host, which a rule may still bring, fits the rule."""
    if rule.namespace and not fnmatchcase(entry.namespace, rule.namespace):
        return False
    if rule.bind and not any(fnmatchcase(bind.name, rule.bind) for bind in binds):
        return False
    paths = [str(resource.path.value) for resource in entry.resources]
    return not rule.paths or all(re.match(rule.paths, path) for path in paths)


def _host(entry: spec.Consumes) -> str:
    try:
        return (urlsplit(str(entry.base_uri.value)).hostname or "").lower()
    except ValueError:
        return ""


def _headers(entry: spec.Consumes) -> Iterator[str]:
    """The names of headers that the spec sends with every request, or asks for."""
    yield from (name for name, _ in entry.headers)
    for param in entry.params:
        if param.location is not None and param.location.value == "header":
            yield param.name


def _said(rule: Rule) -> dict[str, Any]:
    said = {
        "encoding": rule.encoding,
        "arrays": rule.arrays,
        "objects": rule.objects,
        "include": rule.include,
        "exclude": rule.exclude,
    }
    return {name: value for name, value in said.items() if value}


def _words(
    rule: Rule, said: dict[str, Any], sent: dict[str, str], located: bool
) -> Iterator[str]:
    if located:
        yield f"its base URL is {rule.base_url}"
    if "encoding" in said:
        yield f"bodies are sent as {said['encoding']}"
    for name in ("arrays", "objects"):
        if name in said:
            yield f"{name} are written as {said[name]}"
    for name, value in sent.items():
        yield f"the header {name} is {value}"


def _report(
    rule: Rule, words: list[str], entry: spec.Consumes, reporter: Reporter
) -> None:
    reporter.report(
        "NAF430",
        entry.base_uri.span,
        f"{show(entry.namespace)} is known: {'; '.join(words)}",
        hint=f"source: {rule.source}; `builtin-hosts = false` turns this off",
    )
