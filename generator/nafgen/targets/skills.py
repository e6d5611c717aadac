"""skill_app.py: an app per skill adapter; and a folder per skill, for agents."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ..markdown import prose, scalar
from ..names import NameTable
from ..plan import FilePlan
from ..program import DerivedTool, McpAdapter, Program, Skill, SkillAdapter, SkillTool
from ..pycode import Code, Imports, comment, doc, lit, literal
from .expressions import RUNTIME, comma
from .guards import GuardView, described, guard_views
from .observed import observes
from .skill_docs import places, tool_lines

_SKILLS = f"{RUNTIME}.skills"


class SkillView(Struct, frozen=True, kw_only=True):
    origin: Code
    made: Code


class AppView(Struct, frozen=True, kw_only=True):
    doc: Code
    imports: tuple[tuple[Code, ...], ...]
    skills: tuple[SkillView, ...]
    arguments: Code
    guards: tuple[GuardView, ...]
    observes: tuple[Code, ...]


class PageView(Struct, frozen=True, kw_only=True):
    fields: tuple[Code, ...]
    title: Code
    description: Code
    has_tools: bool
    tools: tuple[Code, ...]
    has_places: bool
    places: tuple[Code, ...]


def plan(program: Program, names: NameTable) -> tuple[FilePlan, ...]:
    """The plan of each adapter's module, and of each skill's SKILL.md."""
    plans = []
    for adapter in program.skills:
        module = names.modules[adapter.origin]
        view = _app(program, adapter, names)
        plans.append(
            FilePlan(path=f"{module}.py", template="skill_app.py.j2", view=view)
        )
        for skill in adapter.skills:
            path = f"skills/{names.skills[skill.origin]}/SKILL.md"
            page = _page(adapter, skill, names)
            plans.append(FilePlan(path=path, template="SKILL.md.j2", view=page))
    return tuple(plans)


# --- the app -------------------------------------------------------------------------


def _app(program: Program, adapter: SkillAdapter, names: NameTable) -> AppView:
    imports = Imports()
    imports.use("__future__", "annotations")
    imports.use("fastapi", "FastAPI")
    imports.use(f"{RUNTIME}.rest", "add_health")
    for name in ("OPTIONS", "Skill", "add_skills"):
        imports.use(_SKILLS, name)
    guards = guard_views(adapter.guard, program, imports)
    if guards:
        imports.use(f"{RUNTIME}.inbound", "add_guard")
    observed = observes(program, imports)
    arguments = [Code(f"title={lit(program.label or adapter.namespace)}")]
    if adapter.description:
        arguments.append(Code(f"description={lit(adapter.description)}"))
    if adapter.guard is not None:
        arguments.append(Code(f"dependencies=[{described(adapter.guard, imports)}]"))
    return AppView(
        doc=doc(
            adapter.description or f"Skills of {program.label or adapter.namespace}."
        ),
        skills=tuple(_skill(each, names, imports) for each in adapter.skills),
        imports=imports.blocks(),
        arguments=comma(arguments),
        guards=guards,
        observes=observed,
    )


def _skill(skill: Skill, names: NameTable, imports: Imports) -> SkillView:
    arguments = [literal(dict(_about(skill, names)))]
    if skill.folder is not None:
        folder = imports.use(f"{RUNTIME}.folders", "Folder")
        path = lit(skill.folder.path)
        place = comma([lit(skill.folder.variable), Code("__file__"), path])
        arguments.append(Code(f"{folder}({place})"))
    return SkillView(
        origin=comment(skill.origin.pointer), made=Code(f"Skill({comma(arguments)})")
    )


def _about(skill: Skill, names: NameTable) -> Iterator[tuple[str, object]]:
    """What is said of a skill over HTTP; what the spec does not say is left out."""
    yield "name", skill.name
    yield "description", skill.description
    said: dict[str, str | bool | None] = {
        "license": skill.license or None,
        "compatibility": skill.compatibility or None,
        "argument-hint": skill.argument_hint or None,
        "allowed-tools": skill.allowed_tools or None,
        "user-invocable": skill.user_invocable,
        "disable-model-invocation": skill.disable_model_invocation,
    }
    yield from ((key, value) for key, value in said.items() if value is not None)
    if skill.metadata:
        yield "metadata", dict(skill.metadata)
    yield "tools", [_tool(tool, names) for tool in skill.tools]


def _tool(tool: SkillTool, names: NameTable) -> dict[str, object]:
    made: dict[str, object] = {"name": tool.name, "description": tool.description}
    if not isinstance(tool, DerivedTool):
        return {**made, "type": "instruction", "instruction": tool.path}
    is_mcp = isinstance(tool.adapter, McpAdapter)
    reference = {
        "targetNamespace": tool.adapter.namespace,
        "action": names.units[tool.unit.origin].tool if is_mcp else tool.action,
        "mode": "mcp" if is_mcp else "rest",
    }
    return {**made, "type": "derived", "invocationRef": reference}


# --- the folder ----------------------------------------------------------------------


def _page(adapter: SkillAdapter, skill: Skill, names: NameTable) -> PageView:
    tools = tuple(tool_lines(skill, names))
    found = tuple(places(adapter, skill, names))
    return PageView(
        fields=tuple(_fields(skill, names)),
        title=prose(skill.name),
        description=prose(skill.description),
        has_tools=bool(tools),
        tools=tools,
        has_places=bool(found),
        places=found,
    )


def _fields(skill: Skill, names: NameTable) -> Iterator[Code]:
    """What the front matter of an Agent Skill says, and what the spec has beside that."""
    texts = {
        "name": names.skills[skill.origin],
        "description": skill.description,
        "license": skill.license,
        "compatibility": skill.compatibility,
        "allowed-tools": skill.allowed_tools,
        "argument-hint": skill.argument_hint,
    }
    yield from (Code(f"{key}: {scalar(text)}") for key, text in texts.items() if text)
    flags = {
        "user-invocable": skill.user_invocable,
        "disable-model-invocation": skill.disable_model_invocation,
    }
    for key, flag in flags.items():
        if flag is not None:
            yield Code(f"{key}: {'true' if flag else 'false'}")
    if skill.metadata:
        yield Code("metadata:")
        for name, text in skill.metadata:
            yield Code(f"  {scalar(name)}: {scalar(text)}")
