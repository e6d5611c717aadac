"""Lowers the resources and prompts of MCP adapters."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from . import spec
from .binary_answers import lower_type
from .diagnostics import show
from .keywords import MCP_RESOURCE, PROMPT, PROMPT_ARGUMENT, PROMPT_MESSAGE
from .lower_behaviour import Behaviours
from .reader import Reader
from .spec import Located
from .units import Units
from .versions import LABEL
from .wire import Caching, PromptArgument

_BEHAVIOUR: Final = ("call", "with", "ref", "steps", "mappings", "outputParameters")
"""Keywords that say what a resource is made of; a folder has none of them."""


class ServedSide(Struct, frozen=True):
    """Lowers what MCP adapters have besides tools."""

    units: Units

    def resource(self, entry: Reader) -> spec.McpResource | str:
        """A resource, or the code of the error that costs it."""
        if entry.is_broken():
            return "NAF101"
        if refused := entry.check_keys(MCP_RESOURCE):
            return refused
        location = entry.located("location")
        others = [key for key in _BEHAVIOUR if key in entry]
        if location is not None and others:
            return self._refuse(
                Located("", entry.data.key_span(others[0])),
                f"a resource with a `location` is files, and has no `{others[0]}`",
                "remove one of the two",
            )
        media_type = lower_type(entry, "mimeType")
        if isinstance(media_type, str):
            return media_type
        behaviour = Behaviours(self.units).lower(entry)
        if isinstance(behaviour, str):
            return behaviour
        return spec.McpResource(
            name=entry.name,
            title=entry.text(entry.spelling(LABEL)),
            uri=entry.located("uri") or Located("", entry.span),
            media_type="" if media_type is None else media_type.value,
            is_binary=entry.flag("binary") or False,
            behaviour=behaviour,
            location=location,
            description=entry.text("description"),
            origin=entry.origin,
        )

    def prompt(self, entry: Reader) -> spec.Prompt | str:
        """A prompt, or the code of the error that costs it."""
        if entry.is_broken():
            return "NAF101"
        if refused := entry.check_keys(PROMPT):
            return refused
        location, template = entry.located("location"), entry.children("template")
        if (location is None) is not bool(template):
            return self._refuse(
                Located("", entry.span),
                "a prompt has either a `template` or the `location` of one",
                "write one of them",
            )
        return spec.Prompt(
            name=entry.name,
            title=entry.text(entry.spelling(LABEL)),
            arguments=tuple(map(_argument, entry.children("arguments"))),
            messages=tuple(map(_message, template)),
            location=location,
            description=entry.text("description"),
            origin=entry.origin,
        )

    def _refuse(self, located: Located, message: str, hint: str) -> str:
        self.units.reporter.report("NAF101", located.span, message, hint=hint)
        return "NAF101"


def lower_caching(entry: Reader) -> Caching | None:
    """What an adapter says of caches; None where it says nothing."""
    if "ttlMs" not in entry and "cacheScope" not in entry:
        return None
    scope = entry.located("cacheScope") or Located("private", entry.span)
    if scope.value not in ("public", "private"):
        entry.reporter.report(
            "NAF101",
            scope.span,
            f"{show(scope.value)} is no scope of a cache, so it is read as `private`",
            hint="`public` and `private` are",
        )
        scope = replace(scope, value="private")
    return Caching(ttl_ms=entry.number("ttlMs") or 0, scope=scope.value)


def _argument(entry: Reader) -> PromptArgument:
    entry.check_keys(PROMPT_ARGUMENT)
    required = entry.flag("required")
    return PromptArgument(
        name=entry.name,
        title=entry.text(entry.spelling(LABEL)),
        description=entry.text("description"),
        required=True if required is None else required,
    )


def _message(entry: Reader) -> tuple[str, Located]:
    entry.check_keys(PROMPT_MESSAGE)
    return entry.text("role"), entry.located("content") or Located("", entry.span)
