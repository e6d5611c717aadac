"""The linked model of what calls: calls, flows and their steps."""

from __future__ import annotations

from typing import Protocol, TypeAlias

from msgspec import Struct

from .diagnostics import Origin
from .givens import leaves_of
from .ir import (
    READING,
    Argument,
    Binary,
    Given,
    Input,
    Interpolated,
    Operation,
    Result,
    StepValue,
    Template,
)
from .scripted import Script
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


class Call(Struct, frozen=True, kw_only=True):
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


class CallStep(Struct, frozen=True, kw_only=True):
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


class LookupStep(Struct, frozen=True, kw_only=True):
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


class ScriptStep(Struct, frozen=True, kw_only=True):
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


class Flow(Struct, frozen=True, kw_only=True):
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


class FlowCall(Struct, frozen=True, kw_only=True):
    """A flow, and what each of its inputs gets."""

    flow: Flow
    values: tuple[tuple[Argument, Given], ...]

    @property
    def callee(self) -> Flow:
        return self.flow

    @property
    def operations(self) -> tuple[Operation, ...]:
        return self.flow.operations
