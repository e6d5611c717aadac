"""The rules that a project has. `rules` applies them, where something is compiled."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from msgspec import Struct, to_builtins

if TYPE_CHECKING:
    from .rule import Rule


class Rules(Struct, frozen=True, kw_only=True):
    """A project's own rules, and whether those that come with nafgen apply too.

    `tools_budget` is how many tokens the list of a server's tools may have.
    """

    own: tuple[Rule, ...] = ()
    builtin: bool = True
    tools_budget: int | None = None

    def inputs(self) -> dict[str, str]:
        """What a package was made from besides files; empty without configuration."""
        if self == Rules():
            return {}
        text = json.dumps(to_builtins(self), sort_keys=True)
        return {"[tool.nafgen]": sha256(text.encode()).hexdigest()}


NO_RULES: Final = Rules()
