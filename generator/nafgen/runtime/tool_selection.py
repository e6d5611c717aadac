"""Which tools a server offers: what its operator chooses in the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from mcp_types import Tool, ToolAnnotations

from .settings import SettingsError

FALSE: Final = frozenset({"", "0", "false", "no", "off"})
"""Values of a switch that turn it off; any other turns it on, so that a typo is safe."""

_HINTS: Final[Mapping[str, Callable[[ToolAnnotations], bool | None]]] = {
    "read-only": lambda hints: hints.read_only_hint,
    "destructive": lambda hints: hints.destructive_hint,
    "idempotent": lambda hints: hints.idempotent_hint,
    "open-world": lambda hints: hints.open_world_hint,
}


class Choice(NamedTuple):
    """A tool, and the namespaces of the APIs that it calls, where there are several."""

    tool: Tool
    apis: Collection[str] = ()


def is_on(switch: str) -> bool:
    """Whether a variable of the environment turns something on."""
    return os.environ.get(switch, "").strip().lower() not in FALSE


def selected(choices: Iterable[Choice], known: Collection[Choice]) -> list[str]:
    """The names of the tools to serve: those of TOOLS, but those of EXCLUDE_TOOLS.

    READ_ONLY leaves out all that write besides. An entry of the lists is a pattern of
    names, `hint:` with a hint, or `api:` with a pattern of namespaces; each must say
    something of the `known` tools, which are those of all servers of a process.

    Raises:
        SettingsError: an entry does not.
    """
    wanted, unwanted = _entries("TOOLS", known), _entries("EXCLUDE_TOOLS", known)
    read_only = is_on("READ_ONLY")
    return [
        choice.tool.name
        for choice in choices
        if (not wanted or any(_fits(entry, choice) for entry in wanted))
        and not any(_fits(entry, choice) for entry in unwanted)
        and not (read_only and not _fits("hint:read-only", choice))
    ]


def _entries(variable: str, known: Collection[Choice]) -> list[str]:
    entries = os.environ.get(variable, "").replace(",", " ").split()
    for entry in entries:
        kind, _, what = entry.rpartition(":")
        if kind == "hint" and what in _HINTS:
            continue  # that no tool has it is no mistake
        if not any(_fits(entry, choice) for choice in known):
            raise SettingsError(f"{variable}: {_unfit(kind, what, known)}")
    return entries


def _fits(entry: str, choice: Choice) -> bool:
    match entry.rpartition(":"):
        case ("", _, pattern):
            return fnmatchcase(choice.tool.name, pattern)
        case ("api", _, pattern):
            return any(fnmatchcase(api, pattern) for api in choice.apis)
        case ("hint", _, hint) if hint in _HINTS:
            hints = choice.tool.annotations
            return hints is not None and bool(_HINTS[hint](hints))
    return False


def _unfit(kind: str, what: str, known: Collection[Choice]) -> str:
    """Why an entry fits no tool, and what was meant."""
    match kind:
        case "":
            noun, there_are = "tool", {choice.tool.name for choice in known}
        case "api":
            noun, there_are = "API", {api for choice in known for api in choice.apis}
        case "hint":
            noun, there_are = "hint", set(_HINTS)
        case _:
            return f"there is nothing like `{kind}:`, but `api:` and `hint:`"
    close = get_close_matches(what, sorted(there_are), 1)
    meant = f"; did you mean {close[0]}?" if close else ""
    return f"there is no {noun} {what}{meant}"
