"""flows.py: one function per flow, which routes and tools share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from msgspec import Struct

from ..givens import steps_of
from ..ir import (
    Argument,
    Given,
    Input,
    Member,
    ObjectOf,
    Pick,
    Shape,
    StepValue,
    Template,
)
from ..names import FlowNames, NameTable
from ..plan import FilePlan
from ..program import CallStep, Flow, LookupStep, Program, ScriptStep, Step, given_to
from ..pycode import Code, Imports, comment, doc, lit
from ..result_steps import queries, results_of
from ..wire import Type
from .expressions import (
    RUNTIME,
    annotation,
    comma,
    flow_apis,
    given_expression,
    parameter,
)
from .mappings import QueryView, ResultWriter

_FLOWS = f"{RUNTIME}.flows"


class FlowView(Struct, frozen=True, kw_only=True):
    queries: tuple[QueryView, ...]
    origin: Code
    function: Code
    parameters: Code
    doc: Code
    statements: tuple[Code, ...]
    result: Code


class ModuleView(Struct, frozen=True, kw_only=True):
    doc: Code
    imports: tuple[tuple[Code, ...], ...]
    flows: tuple[FlowView, ...]


def plan(program: Program, names: NameTable) -> tuple[FilePlan, ...]:
    """The plan of flows.py, where there is a flow."""
    if not program.flows:
        return ()
    imports = Imports()
    imports.use("__future__", "annotations")
    imports.use("typing", "Any")
    flows = tuple(_Writer(flow, names, imports).view() for flow in program.flows)
    view = ModuleView(
        doc=doc(f"What {program.label or 'the package'} does in steps."),
        imports=imports.blocks(),
        flows=flows,
    )
    return (FilePlan(path="flows.py", template="flows.py.j2", view=view),)


@dataclass(frozen=True)
class _Writer:
    """Says one flow."""

    flow: Flow
    names: NameTable
    imports: Imports

    @cached_property
    def results(self) -> ResultWriter:
        found = queries(*results_of(self.flow))
        names = dict(zip(found, self.own.queries, strict=True))
        return ResultWriter(self.imports, names)

    @cached_property
    def used(self) -> set[str]:
        """The steps whose results something uses."""
        given = [g for step in self.flow.steps for g in given_to(step)]
        used = {name for each in (*given, self.flow.result) for name in steps_of(each)}
        lookups = (s for s in self.flow.steps if isinstance(s, LookupStep))
        return used | {step.index for step in lookups}

    @property
    def own(self) -> FlowNames:
        return self.names.flows[self.flow.origin]

    def view(self) -> FlowView:
        apis = [
            f"{own.variable}: {self.imports.use('.client', own.async_class)}"
            for own in flow_apis(self.flow, self.names)
        ]
        ordered = sorted(self.flow.inputs, key=lambda given: not given.required)
        inputs = [
            parameter(
                self.own.inputs[given.origin],
                annotation(
                    given.type, given.items, self.imports, optional=not given.required
                ),
                given,
            )
            for given in ordered
        ]
        described = [
            (self.own.inputs[given.origin], given.description)
            for given in ordered
            if given.description
        ]
        statements = tuple(
            line for batch in self.flow.batches for line in self._batch(batch)
        )
        return FlowView(
            queries=self.results.views(),
            origin=comment(self.flow.origin.pointer),
            function=self.own.function,
            parameters=comma([*apis, *(["*", *inputs] if inputs else [])]),
            doc=doc(self.flow.description or self.flow.name, described, indent=4),
            statements=statements,
            result=self._result(self.flow.result),
        )

    def _value(self, value: Input | StepValue) -> Code:
        if isinstance(value, Input):
            return self.own.inputs[value.origin]
        return self.results.made(value.made, self.own.steps[value.step])

    def _batch(self, batch: tuple[Step, ...]) -> Iterator[Code]:
        calls = [step for step in batch if isinstance(step, CallStep)]
        variables = comma(self.own.steps[call.name] for call in calls)
        running = [self._running(call) for call in calls]
        for call in calls:
            yield from self._needed(call)
        if len(calls) == 1:
            yield Code(f"{self._kept_in(calls[0])}await {running[0]}")
        elif calls:
            together = self.imports.use(_FLOWS, "together")
            yield Code(f"{variables} = await {together}({comma(running)})")
        for step in batch:
            if isinstance(step, LookupStep):
                yield self._lookup(step)
            elif isinstance(step, ScriptStep):
                yield self._script(step)
            elif step.kept is not None and step.name in self.used:
                yield self._kept(step)

    def _needed(self, step: CallStep) -> Iterator[Code]:
        if step.needs:
            pairs = comma(
                f"{lit(_shown(value))}: {self._value(value)}"
                for value in dict.fromkeys(step.needs)
            )
            needed = self.imports.use(_FLOWS, "needed")
            yield Code(f"{needed}({lit(step.name)}, {{{pairs}}})")

    def _kept_in(self, step: Step) -> str:
        """The assignment of a result, unless nothing uses it."""
        return f"{self.own.steps[step.name]} = " if step.name in self.used else ""

    def _running(self, step: CallStep) -> Code:
        operation = self.names.operations[step.call.operation.origin]
        given = comma(
            f"{operation.arguments[argument.origin]}={self._given(argument, value)}"
            for argument, value in step.call.values
        )
        method = f"{operation.upstream.variable}.{operation.method}({given})"
        run = self.imports.use(_FLOWS, "step")
        return Code(f"{run}({lit(step.name)}, {method})")

    def _given(self, argument: Argument, given: Given) -> Code:
        """What an argument of a step gets; an answer of no bytes is an empty file."""
        made = given_expression(given, argument, self._value, self.imports)
        is_file = argument.type is Type.BYTES and isinstance(given, StepValue)
        return Code(f'{made} or b""') if is_file else made

    def _kept(self, step: CallStep) -> Code:
        variable = self.own.steps[step.name]
        if isinstance(step.kept, Shape):
            made = self.results.made(step.kept, Code("item"))
            extracted = self.imports.use(_FLOWS, "extracted")
            return Code(f"{variable} = {extracted}({variable}, lambda item: {made})")
        made = self.results.made(step.kept or Pick(()), variable)
        return Code(f"{variable} = {made}")

    def _lookup(self, step: LookupStep) -> Code:
        wanted = given_expression(step.value, None, self._value, self.imports)
        arguments = [
            self.own.steps[step.index],
            lit(step.match),
            wanted,
            *map(lit, step.fields),
        ]
        lookup = self.imports.use(_FLOWS, "lookup")
        return Code(f"{self.own.steps[step.name]} = {lookup}({comma(arguments)})")

    def _script(self, step: ScriptStep) -> Code:
        files = [lit(self.names.scripts[file.origin]) for file in step.script.files]
        members = comma(
            f"{lit(name)}: {given_expression(each, None, self._value, self.imports)}"
            for name, each in step.context
        )
        arguments = [*files, f"context={{{members}}}"]
        if step.script.timeout is not None:
            arguments.append(f"timeout={lit(step.script.timeout)}")
        run = self.imports.use(_FLOWS, "step")
        script = self.imports.use(f"{RUNTIME}.scripts", "script")
        running = f"{script}({comma(arguments)})"
        kept = self._kept_in(step)
        return Code(f"{kept}await {run}({lit(step.name)}, {running})")

    def _result(self, result: Template) -> Code:
        """What the flow results in: absent members are null, and never left out."""
        if isinstance(result, Argument | Member):
            raise TypeError("a flow has inputs")
        if not isinstance(result, ObjectOf):
            return given_expression(result, None, self._value, self.imports)
        pairs = comma(
            f"{lit(name)}: {self._result(member)}" for name, member in result.members
        )
        return Code(f"{{{pairs}}}")


def _shown(value: StepValue) -> str:
    """The result of a step as references spell it; its name alone, where it is a query."""
    path = value.made.path if isinstance(value.made, Pick) else ()
    members = [str(each) for each in path if isinstance(each, str | int)]
    return ".".join([value.step, *(members if len(members) == len(path) else [])])
