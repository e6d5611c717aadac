"""The linked model of a capability: what the generated package does with the APIs of `ir`."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from .diagnostics import Origin
from .ir import (
    Binary,
    Guard,
    Input,
    Relay,
    Result,
    Setting,
    Upstream,
)
from .program_calls import Call as Call
from .program_calls import Callee as Callee
from .program_calls import CallStep as CallStep
from .program_calls import Flow as Flow
from .program_calls import FlowCall as FlowCall
from .program_calls import LookupStep as LookupStep
from .program_calls import ScriptStep as ScriptStep
from .program_calls import Step as Step
from .program_calls import given_to as given_to
from .program_control import ControlAdapter as ControlAdapter
from .program_control import Observability as Observability
from .program_control import Scripting as Scripting
from .program_served import Folder as Folder
from .program_served import Prompt as Prompt
from .scripted import ScriptFile
from .wire import Caching, SkillFolder


class Route(Struct, frozen=True, kw_only=True):
    """One REST route. `path` is the spec's path in literal parts and path inputs."""

    method: str
    path: tuple[str | Input, ...]
    name: str
    tag: str
    inputs: tuple[Input, ...]
    call: Call | FlowCall
    result: Result | Relay
    binary: Binary | None = None
    description: str
    origin: Origin


class Forward(Struct, frozen=True, kw_only=True):
    """Requests below a path that are passed on to a whole API.

    `upstream` is the origin of the API. Where `takes_rest`, the last part of `path` is a
    variable that stands for the rest of it, and that goes behind the API's base URL.
    `trusted` are the headers that are passed on, in lower case.
    """

    path: tuple[str | Input, ...]
    takes_rest: bool
    upstream: Origin
    namespace: str
    trusted: tuple[str, ...]
    origin: Origin


class RestAdapter(Struct, frozen=True, kw_only=True):
    """A REST server; `routes` in the order in which they are matched, then `forwards`."""

    namespace: str
    address: str
    port: int
    description: str
    guard: Guard | None
    routes: tuple[Route, ...]
    forwards: tuple[Forward, ...]
    origin: Origin

    @property
    def units(self) -> tuple[Route, ...]:
        """All that calls something."""
        return self.routes


class Hints(Struct, frozen=True, kw_only=True):
    """What a tool says of its effects, all four always stated."""

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool


class Tool(Struct, frozen=True, kw_only=True):
    """One MCP tool."""

    name: str
    title: str
    description: str
    hints: Hints
    inputs: tuple[Input, ...]
    call: Call | FlowCall
    result: Result | Relay
    binary: Binary | None = None
    origin: Origin


class Resource(Struct, frozen=True, kw_only=True):
    """An MCP resource, or where its URI has variables, which are its inputs, a template
    of several. `writes` says that reading it may change something."""

    name: str
    title: str
    description: str
    uri: tuple[str | Input, ...]
    media_type: str
    is_binary: bool
    writes: bool
    inputs: tuple[Input, ...]
    call: Call | FlowCall
    result: Result | Relay
    binary: Binary | None = None
    origin: Origin


class McpAdapter(Struct, frozen=True, kw_only=True):
    """An MCP server; `transport` is `http` or `stdio`. Without `caching`, clients may keep
    what never changes."""

    namespace: str
    address: str
    port: int
    transport: str
    description: str
    guard: Guard | None
    tools: tuple[Tool, ...]
    resources: tuple[Resource, ...]
    folders: tuple[Folder, ...]
    prompts: tuple[Prompt, ...]
    caching: Caching | None
    origin: Origin

    @property
    def units(self) -> tuple[Tool | Resource, ...]:
        """All that calls something."""
        return (*self.tools, *self.resources)


Adapter: TypeAlias = RestAdapter | McpAdapter


class DerivedTool(Struct, frozen=True, kw_only=True):
    """A tool of a skill that an adapter serves, where `action` is its name."""

    name: str
    description: str
    adapter: Adapter
    action: str
    unit: Route | Tool
    origin: Origin


class InstructionTool(Struct, frozen=True, kw_only=True):
    """A tool of a skill that the file at `path` in its folder explains."""

    name: str
    description: str
    path: str
    origin: Origin


SkillTool: TypeAlias = DerivedTool | InstructionTool


class Skill(Struct, frozen=True, kw_only=True):
    """What agents are told of tools; texts are empty, and flags None, where the spec says
    nothing."""

    name: str
    description: str
    license: str
    compatibility: str
    metadata: tuple[tuple[str, str], ...]
    allowed_tools: str
    argument_hint: str
    user_invocable: bool | None
    disable_model_invocation: bool | None
    folder: SkillFolder | None
    tools: tuple[SkillTool, ...]
    origin: Origin


class SkillAdapter(Struct, frozen=True, kw_only=True):
    """A server of skills."""

    namespace: str
    address: str
    port: int
    description: str
    guard: Guard | None
    skills: tuple[Skill, ...]
    origin: Origin


class LeftOut(Struct, frozen=True, kw_only=True):
    """A unit that was not compiled: `kind` is operation, route, tool, resource, prompt,
    skill, skill tool or adapter."""

    kind: str
    name: str
    code: str


class Held(Struct, frozen=True, kw_only=True):
    """Settings that are held besides the environment: the key of each variable.

    They are in the file at `path` from the package's folder, unless `variable` names
    another; where `path` is None, in the mapping that the factory makes which `variable`
    names.
    """

    variable: str
    path: str | None
    keys: tuple[tuple[str, str], ...]


class Program(Struct, frozen=True, kw_only=True):
    """A whole capability; `version` is empty where it has none."""

    label: str
    description: str
    version: str
    upstreams: tuple[Upstream, ...]
    flows: tuple[Flow, ...]
    adapters: tuple[Adapter, ...]
    left_out: tuple[LeftOut, ...]
    origin: Origin
    skills: tuple[SkillAdapter, ...] = ()
    held: tuple[Held, ...] = ()
    control: ControlAdapter | None = None

    @property
    def servers(self) -> tuple[Adapter | SkillAdapter | ControlAdapter, ...]:
        """All that listens."""
        control = [self.control] if self.control is not None else []
        return (*self.adapters, *self.skills, *control)

    @property
    def guards(self) -> tuple[Guard, ...]:
        """What callers of adapters must show."""
        return tuple(each.guard for each in self.servers if each.guard is not None)

    @property
    def adapter_settings(self) -> tuple[Setting, ...]:
        """What adapters read from the environment."""
        read = [setting for guard in self.guards for setting in guard.settings]
        observed = self.control and self.control.observability
        return (*read, *(observed.settings if observed else ()))

    @property
    def script_files(self) -> tuple[ScriptFile, ...]:
        """The files of all scripts, each once, in the order of the spec."""
        files = {
            file.origin: file
            for flow in self.flows
            for step in flow.steps
            if isinstance(step, ScriptStep)
            for file in step.script.files
        }
        return tuple(files.values())
