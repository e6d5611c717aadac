"""Links skill adapters: each tool of a skill to what serves it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct, field

from . import spec
from .diagnostics import Origin, Reporter, show
from .guards import link_guard
from .program import (
    Adapter,
    DerivedTool,
    InstructionTool,
    LeftOut,
    McpAdapter,
    RestAdapter,
    Route,
    Skill,
    SkillAdapter,
    SkillTool,
    Tool,
)
from .spec import Located

MAX_DESCRIPTION: Final = 1024
MAX_COMPATIBILITY: Final = 500
"""Characters that the format of Agent Skills allows."""


def link_skills(
    capability: spec.Capability, adapters: Sequence[Adapter], reporter: Reporter
) -> tuple[tuple[SkillAdapter, ...], list[LeftOut]]:
    """The skill adapters of a capability whose other adapters are linked, and what of
    them is left out. An adapter without skills is not among them."""
    linker = _Linker(adapters, reporter)
    made = []
    for exposed in capability.skills:
        skills = tuple(linker.skills(exposed))
        if skills:
            made.append(
                SkillAdapter(
                    namespace=exposed.namespace,
                    address=exposed.address,
                    port=exposed.port,
                    description=exposed.description,
                    guard=link_guard(exposed, capability.binds, reporter),
                    skills=skills,
                    origin=exposed.origin,
                )
            )
    return tuple(made), linker.left_out


class _Linker(Struct):
    adapters: Sequence[Adapter]
    reporter: Reporter
    left_out: list[LeftOut] = field(default_factory=list)

    def skills(self, exposed: spec.Skills) -> Iterator[Skill]:
        """The skills of an adapter, the first of each name."""
        first: dict[str, Origin] = {}
        for entry in exposed.skills:
            if first.setdefault(entry.name, entry.origin) is entry.origin:
                yield self._skill(entry)
                continue
            self.reporter.report(
                "NAF305",
                entry.origin.span,
                f"there is a skill {show(entry.name)} already",
                hint="give each skill of an adapter a name of its own",
                related=[("the first one", first[entry.name].span)],
            )
            self._leave_out("skill", entry.name, "NAF305")

    def _skill(self, entry: spec.Skill) -> Skill:
        tools: list[SkillTool] = []
        for each in entry.tools:
            tool = self._tool(each)
            if isinstance(tool, str):
                self._leave_out("skill tool", f"{entry.name}/{each.name}", tool)
            else:
                tools.append(tool)
        return Skill(
            name=entry.name,
            description=self._fitted(
                "description",
                entry.description.strip() or entry.name,
                MAX_DESCRIPTION,
                entry,
            ),
            license=entry.license,
            compatibility=self._fitted(
                "compatibility", entry.compatibility, MAX_COMPATIBILITY, entry
            ),
            metadata=entry.metadata,
            allowed_tools=entry.allowed_tools,
            argument_hint=entry.argument_hint,
            user_invocable=entry.user_invocable,
            disable_model_invocation=entry.disable_model_invocation,
            folder=entry.folder,
            tools=tuple(tools),
            origin=entry.origin,
        )

    def _fitted(self, key: str, text: str, limit: int, entry: spec.Skill) -> str:
        """A text cut at a word where it is too long for an Agent Skill."""
        if len(text) <= limit:
            return text
        self.reporter.report(
            "NAF441",
            entry.origin.span,
            f"the {key} of the skill {show(entry.name)} has {len(text):,} characters, and"
            f" is cut: agents take {limit:,}",
            hint="shorten it, or move a part into a file of the skill",
        )
        return f"{text[: limit - 1].rpartition(' ')[0] or text[: limit - 1]}…"

    def _tool(self, entry: spec.SkillTool) -> SkillTool | str:
        if entry.instruction is not None:
            return InstructionTool(
                name=entry.name,
                description=entry.description or entry.name,
                path=entry.instruction.value,
                origin=entry.origin,
            )
        if entry.adapter is None or entry.action is None:
            raise TypeError("a tool of a skill without a source")
        named = [a for a in self.adapters if a.namespace == entry.adapter.value]
        if not named:
            what = f"there is no REST or MCP adapter {show(entry.adapter.value)}"
            known = (adapter.namespace for adapter in self.adapters)
            return self._unknown(entry.adapter, what, known)
        for adapter in named:
            for unit in _units(adapter):
                if unit.name == entry.action.value:
                    return DerivedTool(
                        name=entry.name,
                        description=entry.description or unit.description or entry.name,
                        adapter=adapter,
                        action=unit.name,
                        unit=unit,
                        origin=entry.origin,
                    )
        namespace, action = show(entry.adapter.value), show(entry.action.value)
        kind = "operation" if isinstance(named[0], RestAdapter) else "tool"
        what = f"the adapter {namespace} serves no {kind} {action}"
        return self._unknown(
            entry.action, what, (unit.name for a in named for unit in _units(a))
        )

    def _unknown(self, located: Located, what: str, known: Iterable[str]) -> str:
        close = difflib.get_close_matches(str(located.value), sorted(known), 1)
        hint = f"did you mean `{close[0]}`?" if close else "it may have been left out"
        self.reporter.report("NAF215", located.span, what, hint=hint)
        return "NAF215"

    def _leave_out(self, kind: str, name: str, code: str) -> None:
        self.left_out.append(LeftOut(kind=kind, name=name, code=code))


def _units(adapter: Adapter) -> tuple[Route, ...] | tuple[Tool, ...]:
    return adapter.tools if isinstance(adapter, McpAdapter) else adapter.routes
