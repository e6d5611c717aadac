"""The surface model: a capability as it is written, one struct per kind of object.

Names are not resolved and templates are not parsed here. Versions and published habits
are normalised already: `lower` makes these objects and nothing else does.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from .diagnostics import Origin
from .scripted import Script
from .spec_parts import ApiKey as ApiKey
from .spec_parts import Auth as Auth
from .spec_parts import Located as Located
from .spec_skills import Skill as Skill
from .spec_skills import Skills as Skills
from .spec_skills import SkillTool as SkillTool
from .wire import AnswerSchema, Caching, PromptArgument


class BindSource(Struct, frozen=True, kw_only=True):
    """What holds binds: a file, at `path` from the package's folder, or something else.

    `variable` moves the file, or names what makes the binds where `path` is None. `file`
    is the path of the file from the specs folder.
    """

    variable: str
    path: str | None
    file: str = ""


class Bind(Struct, frozen=True, kw_only=True):
    """A variable that templates may use, and the environment variable behind it.

    Where the environment has none, `source` may have it under `key`; `location` is what
    the file says of that.
    """

    name: str
    variable: str
    namespace: str
    origin: Origin
    key: str = ""
    location: Located | None = None
    source: BindSource | None = None


class Param(Struct, frozen=True, kw_only=True):
    """An input parameter, consumed or exposed; None where the file says nothing.

    The `value` of a credential is sent, and no call can give another one.
    """

    name: str
    location: Located | None
    type: str | None
    items: str | None
    required: bool | None
    description: str
    value: Located | None
    origin: Origin
    is_credential: bool = False
    pattern: Located | None = None


class Output(Struct, frozen=True, kw_only=True):
    """An output parameter: `mapping` is its JSONPath."""

    name: str
    type: str
    mapping: Located | None
    value: Located | None
    properties: tuple[tuple[str, Output], ...] | None
    items: Output | None
    origin: Origin


class Body(Struct, frozen=True, kw_only=True):
    """A `body` block; `data` is None where the file gives none."""

    type: Located
    data: Located | None


class Unusable(Struct, frozen=True, kw_only=True):
    """A unit that could not be read, so that it is counted as left out."""

    kind: str
    name: str
    code: str


class ConsumedOperation(Struct, frozen=True, kw_only=True):
    name: str
    method: str
    path: Located | None
    params: tuple[Param, ...]
    body: Body | None
    raw_format: Located | None
    selector: Located | None
    schema: AnswerSchema | None
    max_size: Located | None
    answer_type: Located | None
    outputs: tuple[Output, ...]
    description: str
    origin: Origin


class ConsumedResource(Struct, frozen=True, kw_only=True):
    path: Located
    params: tuple[Param, ...]
    operations: tuple[ConsumedOperation | Unusable, ...]


class Consumes(Struct, frozen=True, kw_only=True):
    """A consumed HTTP API. `headers` are sent with every request."""

    namespace: str
    base_uri: Located
    headers: tuple[tuple[str, Located], ...]
    params: tuple[Param, ...]
    auth: Auth | None
    resources: tuple[ConsumedResource, ...]
    description: str
    origin: Origin


class Invocation(Struct, frozen=True, kw_only=True):
    """`call` with its `with`; `call` is None where the file gives none."""

    call: Located | None
    arguments: tuple[tuple[str, Located], ...]
    has_arguments: bool


class CallStep(Struct, frozen=True, kw_only=True):
    """A step that calls an operation."""

    name: str
    invocation: Invocation
    origin: Origin


class LookupStep(Struct, frozen=True, kw_only=True):
    """A step that takes `fields` of objects in the result of the step `index`: of those
    whose member `match` is `value`."""

    name: str
    index: Located
    match: str
    value: Located
    fields: tuple[str, ...]
    origin: Origin


class ScriptStep(Struct, frozen=True, kw_only=True):
    """A step that runs `file` after `dependencies`, all below `location`."""

    name: str
    file: Located
    dependencies: tuple[Located, ...]
    language: Located | None
    location: Located | None
    invocation: Invocation
    origin: Origin


Step: TypeAlias = CallStep | LookupStep | ScriptStep


class Mapping(Struct, frozen=True, kw_only=True):
    """A member of what steps make: `target` has dots where it is a nested one."""

    target: str
    value: Located


class Behaviour(Struct, frozen=True, kw_only=True):
    """What a route, a tool or a flow does: it calls, refers to a flow, or has steps."""

    invocation: Invocation
    ref: Located | None
    steps: tuple[Step, ...]
    mappings: tuple[Mapping, ...]
    outputs: tuple[Output, ...]

    @property
    def calls(self) -> tuple[CallStep, ...]:
        """The steps that call."""
        return tuple(step for step in self.steps if isinstance(step, CallStep))


class Flow(Struct, frozen=True, kw_only=True):
    """A flow of an aggregate; `semantics` are flags by their names."""

    name: str
    params: tuple[Param, ...]
    behaviour: Behaviour
    semantics: tuple[tuple[str, bool], ...]
    answer_type: Located | None
    description: str
    origin: Origin


class Aggregate(Struct, frozen=True, kw_only=True):
    namespace: str
    flows: tuple[Flow | Unusable, ...]
    origin: Origin


class RestOperation(Struct, frozen=True, kw_only=True):
    name: str
    method: str
    params: tuple[Param, ...]
    behaviour: Behaviour
    answer_type: Located | None
    description: str
    origin: Origin


class Forward(Struct, frozen=True, kw_only=True):
    """`forward`: requests that are passed on to the API of a namespace."""

    target: Located
    trusted: tuple[Located, ...]
    origin: Origin


class RestResource(Struct, frozen=True, kw_only=True):
    name: str
    path: Located
    params: tuple[Param, ...]
    operations: tuple[RestOperation, ...]
    forwards: tuple[Forward, ...]
    origin: Origin


class Rest(Struct, frozen=True, kw_only=True):
    namespace: str
    address: str
    port: int
    description: str
    auth: Auth | None
    max_size: Located | None
    resources: tuple[RestResource, ...]
    origin: Origin


class McpTool(Struct, frozen=True, kw_only=True):
    name: str
    title: str
    params: tuple[Param, ...]
    behaviour: Behaviour
    hints: tuple[tuple[str, bool], ...]
    description: str
    origin: Origin


class McpResource(Struct, frozen=True, kw_only=True):
    """What a call makes, or where there is a `location`, the files of a folder, which is
    at `folder` from the package."""

    name: str
    title: str
    uri: Located
    media_type: str
    is_binary: bool
    behaviour: Behaviour
    location: Located | None
    folder: str = ""
    description: str
    origin: Origin


class Prompt(Struct, frozen=True, kw_only=True):
    """Messages, each with its role; where there is a `location`, it is that of the file
    that holds the only one."""

    name: str
    title: str
    arguments: tuple[PromptArgument, ...]
    messages: tuple[tuple[str, Located], ...]
    location: Located | None
    description: str
    origin: Origin


class Mcp(Struct, frozen=True, kw_only=True):
    namespace: str
    address: str
    port: int
    transport: str
    description: str
    auth: Auth | None
    max_size: Located | None
    tools: tuple[McpTool, ...]
    resources: tuple[McpResource | Unusable, ...]
    prompts: tuple[Prompt | Unusable, ...]
    caching: Caching | None
    origin: Origin


Exposes: TypeAlias = Rest | Mcp


class Observability(Struct, frozen=True, kw_only=True):
    """What is observed: `traces` is how many are kept, 0 for none. `endpoint` is the
    address of a collector."""

    has_metrics: bool
    traces: int
    sampling: float
    propagation: str
    endpoint: Located | None


class Scripting(Struct, frozen=True, kw_only=True):
    """What a control adapter says of all scripts: where they are and in which language
    if they do not say, how many seconds they may run, and which of them may run at all.
    """

    location: Located | None
    language: Located | None
    timeout: float | None
    languages: tuple[Located, ...] | None
    disabled: Located | None


class Control(Struct, frozen=True, kw_only=True):
    """The adapter that tells of the others; `version` is that of the specification."""

    namespace: str
    address: str
    port: int
    auth: Auth | None
    health: bool
    info: bool
    observability: Observability | None
    scripting: Scripting | None
    version: str
    origin: Origin


class Capability(Struct, frozen=True, kw_only=True):
    """A capability, in a `version` of its own where it has one. `scripts` are those of its
    steps, by the origins of these, as they were read, or the codes of the errors that cost
    them."""

    label: str
    description: str
    version: str
    binds: tuple[Bind, ...]
    consumes: tuple[Consumes, ...]
    aggregates: tuple[Aggregate, ...]
    exposes: tuple[Exposes, ...]
    control: Control | None
    skills: tuple[Skills, ...]
    unusable: tuple[Unusable, ...]
    origin: Origin
    script_steps: tuple[ScriptStep, ...] = ()
    scripts: tuple[tuple[Origin, Script | str], ...] = ()
