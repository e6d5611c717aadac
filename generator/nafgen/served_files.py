"""Finds the folders of resources, and reads the files of prompts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from . import inputs, spec
from .diagnostics import Reporter, show
from .imports import Unfetched
from .locations import Locations, file_path
from .spec import Located

MAX_FILE: Final = 256 * 1024
"""Bytes of a prompt at the most."""

Fetch: TypeAlias = Callable[[Located], bytes | Unfetched]
"""Reads the file at a path that is relative to the file in which it is written."""


def locate_served(
    capability: spec.Capability, file: inputs.Spec, fetch: Fetch, reporter: Reporter
) -> spec.Capability:
    """The capability whose resources have their folders, and its prompts their texts.

    Findings: NAF101 (no URI of a file), NAF503 (outside the specs folder), NAF216 (a
    prompt cannot be read); each costs its unit.
    """
    pass_ = _Pass(Locations(file), fetch, reporter)
    exposes = tuple(map(pass_.exposed, capability.exposes))
    return replace(capability, exposes=exposes)


def has_folders(capability: spec.Capability) -> bool:
    """Whether a resource is a folder, which the package finds from where it is."""
    return any(
        isinstance(each, spec.McpResource) and each.folder
        for exposed in capability.exposes
        if isinstance(exposed, spec.Mcp)
        for each in exposed.resources
    )


class _RefusedError(Exception):
    """A unit is left out; the message is the code."""


class _Pass(Struct, frozen=True):
    locations: Locations
    fetch: Fetch
    reporter: Reporter

    def exposed(self, adapter: spec.Exposes) -> spec.Exposes:
        if not isinstance(adapter, spec.Mcp):
            return adapter
        return replace(
            adapter,
            resources=tuple(map(self._resource, adapter.resources)),
            prompts=tuple(map(self._prompt, adapter.prompts)),
        )

    def _resource(
        self, unit: spec.McpResource | spec.Unusable
    ) -> spec.McpResource | spec.Unusable:
        if isinstance(unit, spec.Unusable) or unit.location is None:
            return unit
        try:
            _, path = self._below(unit.location, "file:///./handbook")
        except _RefusedError as code:
            return spec.Unusable(kind="resource", name=unit.name, code=str(code))
        return replace(unit, folder=self.locations.from_package(path))

    def _prompt(self, unit: spec.Prompt | spec.Unusable) -> spec.Prompt | spec.Unusable:
        if isinstance(unit, spec.Unusable) or unit.location is None:
            return unit
        try:
            text = self._text(unit.location)
        except _RefusedError as code:
            return spec.Unusable(kind="prompt", name=unit.name, code=str(code))
        return replace(unit, messages=(("user", Located(text, unit.location.span)),))

    def _below(self, location: Located, example: str) -> tuple[str, str]:
        """The path that a location says, and the one from the specs folder."""
        written = file_path(location)
        hint = f"write a path that is relative to this file, as `{example}`"
        if written is None:
            message = f"{show(location.value)} is no URI of a file"
            raise self._refused("NAF101", location, message, hint)
        path = self.locations.below(location, written)
        if path is None:
            message = f"{show(location.value)} is outside the specs folder"
            raise self._refused("NAF503", location, message, hint)
        return written, path

    def _text(self, location: Located) -> str:
        """The text of the file at a location."""
        written, _ = self._below(location, "file:///./reply.md")
        data = self.fetch(replace(location, value=written))
        if isinstance(data, Unfetched):
            message = f"the prompt cannot be read: {data.reason}"
            raise self._refused(data.code, location, message, data.hint)
        if len(data) > MAX_FILE:
            message = f"the prompt has more than {MAX_FILE:,} bytes"
            raise self._refused("NAF216", location, message, "shorten it")
        try:
            # A checkout may have changed the ends of its lines.
            return data.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError:
            message = f"{show(location.value)} is not UTF-8"
            raise self._refused(
                "NAF216", location, message, "save it as UTF-8"
            ) from None

    def _refused(
        self, code: str, location: Located, message: str, hint: str
    ) -> _RefusedError:
        self.reporter.report(code, location.span, message, hint=hint)
        return _RefusedError(code)
