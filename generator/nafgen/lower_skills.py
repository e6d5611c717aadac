"""Lowers skill adapters: what agents are told of tools, and files that explain them."""

from __future__ import annotations

import re
from typing import Final

from . import spec
from .binds import scalar
from .diagnostics import show
from .keywords import SKILL, SKILL_SOURCE, SKILL_TOOL, SKILLS
from .lower_guards import lower_guard
from .reader import Reader
from .spec import Located
from .units import LOOPBACK, Units

_DEFAULT_PORT: Final = 9091
_NAME: Final = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
_PATH: Final = re.compile(rf"{_NAME}(/{_NAME})*").fullmatch
"""Paths of files that packages serve: `runtime.folders` refuses all others."""


def lower_skills(entry: Reader, units: Units) -> spec.Skills | str:
    """A skill adapter, or the code of the error that costs it."""
    if refused := entry.check_keys(SKILLS):
        return refused
    if entry.is_broken("skills"):
        return "NAF101"
    auth = lower_guard(entry, units)
    if isinstance(auth, str):
        return auth
    if not entry.data.get("skills"):
        units.report_empty(entry, "skills")
    else:
        units.note_defaults(entry, namespace="skill", port=_DEFAULT_PORT)
    side = _Skills(units)
    return spec.Skills(
        namespace=entry.text("namespace", "skill"),
        address=entry.text("address", LOOPBACK),
        port=entry.number("port") or _DEFAULT_PORT,
        description=entry.text("description"),
        auth=auth,
        skills=units.of(entry.children("skills"), "skill", side.skill),
        origin=entry.origin,
    )


class _Skills:
    def __init__(self, units: Units) -> None:
        self._units = units

    def skill(self, entry: Reader) -> spec.Skill | str:
        if entry.is_broken("tools"):
            return "NAF101"
        if refused := entry.check_keys(SKILL):
            return refused
        location = entry.located("location")
        if not entry.name.strip("."):
            at = Located(None, entry.span)
            hint = "give it one, of letters, digits and hyphens"
            return self._refused("NAF102", at, "a skill needs a name", hint)

        def tool(reader: Reader) -> spec.SkillTool | str:
            return self._tool(reader, location)

        return spec.Skill(
            name=entry.name,
            license=entry.text("license"),
            compatibility=entry.text("compatibility"),
            metadata=tuple(
                (key, scalar(located.value)) for key, located in entry.pairs("metadata")
            ),
            allowed_tools=entry.text("allowed-tools"),
            argument_hint=entry.text("argument-hint"),
            user_invocable=entry.flag("user-invocable"),
            disable_model_invocation=entry.flag("disable-model-invocation"),
            location=location,
            tools=self._units.of(entry.children("tools"), "skill tool", tool),
            description=entry.text("description"),
            origin=entry.origin,
        )

    def _tool(self, entry: Reader, location: Located | None) -> spec.SkillTool | str:
        if entry.is_broken():
            return "NAF101"
        if refused := entry.check_keys(SKILL_TOOL):
            return refused
        source, instruction = entry.child("from"), entry.located("instruction")
        if source is not None and instruction is not None:
            return self._refused(
                "NAF101",
                instruction,
                "a tool of a skill has `from` or `instruction`, not both",
                "remove one of the two",
            )
        if source is not None:
            source.check_keys(SKILL_SOURCE)
            adapter = source.located("sourceNamespace")
            action = source.located("action")
            if adapter is None or action is None:
                return self._refused(
                    "NAF102",
                    Located(None, source.span),
                    "`from` needs `sourceNamespace` and `action`",
                    "name an adapter of this file, and one of its tools or operations",
                )
        elif instruction is not None:
            adapter, action = None, None
            if code := self._misplaced(instruction, location):
                return code
        else:
            return self._refused(
                "NAF102",
                Located(None, entry.span),
                f"the tool {show(entry.name)} says neither `from` nor `instruction`",
                "say which tool of an adapter it is, or which file explains it",
            )
        return spec.SkillTool(
            name=entry.name,
            adapter=adapter,
            action=action,
            instruction=instruction,
            description=entry.text("description"),
            origin=entry.origin,
        )

    def _misplaced(self, instruction: Located, location: Located | None) -> str | None:
        """The code of the error that costs a tool whose file cannot be served."""
        path = instruction.value
        if location is None:
            return self._refused(
                "NAF102",
                instruction,
                "an instruction is a file of the skill, which has no `location`",
                "say where the skill's folder is: `location: file:///./skills/NAME`",
            )
        if _PATH(path):
            return None
        if path.startswith("/") or ".." in path.split("/"):
            message = f"{show(path)} leads outside of the skill's folder"
            hint = "write a path from that folder, as `guide.md`"
            return self._refused("NAF503", instruction, message, hint)
        return self._refused(
            "NAF101",
            instruction,
            f"{show(path)} is no path of a file that is served",
            "its parts hold letters, digits, `.`, `_` and `-`, and begin with no dot",
        )

    def _refused(self, code: str, at: Located, message: str, hint: str) -> str:
        self._units.reporter.report(code, at.span, message, hint=hint)
        return code
