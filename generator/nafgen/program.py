"""The linked model of a capability: what the generated package does with the APIs of `ir`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from .diagnostics import Origin
from .givens import leaves_of
from .ir import (
    READING,
    Argument,
    Binary,
    Given,
    Guard,
    Input,
    Interpolated,
    Operation,
    Relay,
    Result,
    Setting,
    StepValue,
    Template,
    Text,
    Upstream,
)
from .scripted import Script, ScriptFile
from .wire import Location


class Callee(Protocol):
    """What can be called: a consumed operation or a flow."""

    @property
    def name(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def arguments(self) -> tuple[Argument, ...]: ...
    @property
    def body(self) -> Template | None: ...
    @property
    def from_settings(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A consumed operation, and what each argument gets."""

    operation: Operation
    values: tuple[tuple[Argument, Given], ...]

    @property
    def callee(self) -> Operation:
        return self.operation

    @property
    def operations(self) -> tuple[Operation, ...]:
        """What is called, in order."""
        return (self.operation,)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStep:
    """A step that calls. Its result is the answer, or what is `kept` of it: where that is
    an object and the answer a list, each of its objects gets the members of it."""

    name: str
    call: Call
    kept: Result | None
    origin: Origin

    @property
    def needs(self) -> tuple[StepValue, ...]:
        """Results of earlier steps without which there is nothing to call."""
        needed = (
            given
            for argument, given in self.call.values
            if argument.location is Location.PATH
            or (argument.required and isinstance(given, Interpolated))
        )
        leaves = (leaf for given in needed for leaf in leaves_of(given))
        return tuple(leaf for leaf in leaves if isinstance(leaf, StepValue))


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupStep:
    """A step that looks up, in the list that is the result of the step `index`, the
    objects whose member `match` is `value`, or is one of them where that is a list.

    Its result has the members `fields` of each.
    """

    name: str
    index: str
    match: str
    value: Given
    fields: tuple[str, ...]
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptStep:
    """A step that runs a script, which knows nothing but its `context`: values by their
    names, of which it gets those that are there."""

    name: str
    script: Script
    context: tuple[tuple[str, Given], ...]
    origin: Origin


Step: TypeAlias = CallStep | LookupStep | ScriptStep


def given_to(step: Step) -> tuple[Given, ...]:
    """All that a step is given."""
    match step:
        case CallStep(call=call):
            return tuple(value for _, value in call.values)
        case LookupStep(value=value):
            return (value,)
        case ScriptStep(context=context):
            return tuple(value for _, value in context)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What is made of inputs in steps, none where all is in `result` already.

    `batches` are the steps in an order that keeps that of their effects: calls of one
    batch only read and do not depend on one another. Members of `result` are never left
    out: what is absent is null. It is of the type that `binary` says, where it is bytes.
    """

    name: str
    namespace: str
    inputs: tuple[Input, ...]
    batches: tuple[tuple[Step, ...], ...]
    result: Given
    binary: Binary | None = None
    description: str
    origin: Origin

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for batch in self.batches for step in batch)

    @property
    def operations(self) -> tuple[Operation, ...]:
        """What the steps call, in order."""
        steps = self.steps
        return tuple(s.call.operation for s in steps if isinstance(s, CallStep))

    @property
    def method(self) -> str:
        """The method of a request that has the effects of the flow: GET reads."""
        methods = {operation.method for operation in self.operations}
        return "GET" if methods <= READING else "POST"

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The inputs, as arguments for who calls the flow."""
        return tuple(
            Argument(
                name=each.name,
                location=Location.BODY,
                type=each.type,
                items=each.items,
                required=each.required,
                description=each.description,
                origin=each.origin,
            )
            for each in self.inputs
        )

    @property
    def body(self) -> None:
        return None

    @property
    def from_settings(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowCall:
    """A flow, and what each of its inputs gets."""

    flow: Flow
    values: tuple[tuple[Argument, Given], ...]

    @property
    def callee(self) -> Flow:
        return self.flow

    @property
    def operations(self) -> tuple[Operation, ...]:
        return self.flow.operations


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RestAdapter:
    """A REST server; `routes` in the order in which they are matched, then `forwards`."""

    namespace: str
    address: str
    port: int
    description: str
    guard: Guard | None
    routes: tuple[Route, ...]
    forwards: tuple[Forward, ...]
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a tool says of its effects, all four always stated."""

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class McpAdapter:
    """An MCP server; `transport` is `http` or `stdio`."""

    namespace: str
    address: str
    port: int
    transport: str
    description: str
    guard: Guard | None
    tools: tuple[Tool, ...]
    origin: Origin


Adapter: TypeAlias = RestAdapter | McpAdapter


@dataclass(frozen=True, slots=True, kw_only=True)
class Observability:
    """What is recorded of a package: `traces` is how many are kept, 0 for none.

    Traces and metrics go to the collector at `endpoint`, if it has parts. `propagation`
    is `w3c` or `b3`.
    """

    has_metrics: bool
    traces: int
    sampling: float
    propagation: str
    endpoint: Text
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlAdapter:
    """A server that tells of the others; `info` is what it says of the capability."""

    namespace: str
    address: str
    port: int
    guard: Guard | None
    has_health: bool
    info: tuple[tuple[str, str], ...] | None
    observability: Observability | None
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A unit that was not compiled: `kind` is operation, route, tool or adapter."""

    kind: str
    name: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Settings that are held besides the environment: the key of each variable.

    They are in the file at `path` from the package's folder, unless `variable` names
    another; where `path` is None, in the mapping that the factory makes which `variable`
    names.
    """

    variable: str
    path: str | None
    keys: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A whole capability."""

    label: str
    description: str
    upstreams: tuple[Upstream, ...]
    flows: tuple[Flow, ...]
    adapters: tuple[Adapter, ...]
    left_out: tuple[LeftOut, ...]
    origin: Origin
    held: tuple[Held, ...] = ()
    control: ControlAdapter | None = None

    @property
    def guards(self) -> tuple[Guard, ...]:
        """What callers of adapters must show."""
        adapters = (*self.adapters, *([self.control] if self.control else []))
        return tuple(each.guard for each in adapters if each.guard is not None)

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
