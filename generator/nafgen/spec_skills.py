"""The surface model of skill adapters."""

from __future__ import annotations

from msgspec import Struct

from .diagnostics import Origin
from .spec_parts import Auth, Located
from .wire import SkillFolder


class SkillTool(Struct, frozen=True, kw_only=True):
    """A tool of a skill: the one that `action` names of an adapter, or `instruction`, the
    path of a file in the skill's folder."""

    name: str
    adapter: Located | None
    action: Located | None
    instruction: Located | None
    description: str
    origin: Origin


class Skill(Struct, frozen=True, kw_only=True):
    """A skill; None and empty texts are what the file does not say."""

    name: str
    license: str
    compatibility: str
    metadata: tuple[tuple[str, str], ...]
    allowed_tools: str
    argument_hint: str
    user_invocable: bool | None
    disable_model_invocation: bool | None
    location: Located | None
    folder: SkillFolder | None = None
    tools: tuple[SkillTool, ...]
    description: str
    origin: Origin


class Skills(Struct, frozen=True, kw_only=True):
    """A skill adapter."""

    namespace: str
    address: str
    port: int
    description: str
    auth: Auth | None
    skills: tuple[Skill, ...]
    origin: Origin
