"""What a package's own pages say of its skills."""

from __future__ import annotations

from collections.abc import Iterator

from ..markdown import code, prose
from ..names import NameTable
from ..program import (
    Adapter,
    DerivedTool,
    McpAdapter,
    Program,
    Route,
    Skill,
    SkillAdapter,
)
from ..pycode import Code
from .expressions import comma, url_host


def how_to_run(program: Program, names: NameTable) -> Iterator[Code]:
    """How the apps of skills are started, and where the skills are."""
    for adapter in program.skills:
        module = names.modules[adapter.origin]
        yield Code(
            f"Skills on port {adapter.port}: `python -m {names.package} skill`,"
            f" or `uvicorn {names.package}.{module}:create_app --factory`."
        )
        folders = (f"skills/{names.skills[skill.origin]}" for skill in adapter.skills)
        yield Code(f"The same for agents that read files: {comma(map(code, folders))}.")


def folder_variables(program: Program) -> Iterator[tuple[str, Code]]:
    """The variables that say where the files of skills are."""
    for skill in (skill for each in program.skills for skill in each.skills):
        if skill.folder is None:
            continue
        about = Code(f"the folder of the files of the skill {code(skill.name)}")
        if skill.folder.path is not None:
            default = code(skill.folder.path)
            about = Code(f"{about}; default: {default}, from the folder of the package")
        yield skill.folder.variable, about


def tool_lines(skill: Skill, names: NameTable) -> Iterator[Code]:
    """Each tool of a skill, and what serves it."""
    for tool in skill.tools:
        line = f"{code(tool.name)}: {_sentence(tool.description)}"
        if isinstance(tool, DerivedTool):
            yield Code(f"{line} {_served(tool, names)}.")
        else:
            yield Code(f"{line} Read {code(tool.path)} among the files of this skill.")


def places(adapter: SkillAdapter, skill: Skill, names: NameTable) -> Iterator[Code]:
    """Where the servers and the files are that the tools of a skill mention."""
    servers = {
        tool.adapter.origin: tool.adapter
        for tool in skill.tools
        if isinstance(tool, DerivedTool)
    }
    for server in servers.values():
        yield Code(f"{code(server.namespace)}: {_reached(server, names)}.")
    if skill.folder is None:
        return
    url = f"{_url(adapter)}/skills/{skill.name}/contents"
    started = code(f"python -m {names.package} skill")
    served = f"{code(url)}, once {started} runs"
    if skill.folder.path is None:
        yield Code(f"Files: {served}.")
    else:
        own = code(f"../../{skill.folder.path}")
        yield Code(f"Files: {own}, from the folder of this one; or {served}.")


def _served(tool: DerivedTool, names: NameTable) -> Code:
    unit, namespace = tool.unit, code(tool.adapter.namespace)
    if isinstance(unit, Route):
        path = "".join(p if isinstance(p, str) else f"{{{p.name}}}" for p in unit.path)
        return Code(f"{code(f'{unit.method} {path}')} of the REST API {namespace}")
    served = code(names.units[unit.origin].tool)
    return Code(f"The tool {served} of the MCP server {namespace}")


def _reached(server: Adapter, names: NameTable) -> Code:
    """How agents reach a server."""
    known = "" if server.guard is None else ", for callers that it knows"
    if isinstance(server, McpAdapter):
        hosts = f"{code('../../mcp.json')} says how hosts reach it"
        if server.transport == "stdio":
            return Code(hosts)
        where, kind = f"{_url(server)}/mcp", "mcp"
        known = f"{known}; {hosts}"
    else:
        where, kind = _url(server), "rest"
    started = code(f"python -m {names.package} {kind}")
    return Code(f"{code(where)}, once {started} runs{known}")


def _sentence(text: str) -> Code:
    """A text that ends as sentences do."""
    said = prose(text)
    return said if said.endswith((".", "!", "?", "…")) else Code(f"{said}.")


def _url(server: Adapter | SkillAdapter) -> str:
    return f"http://{url_host(server.address)}:{server.port}"
