"""Links what is done in steps, or without calling anything: routes, tools, aggregates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct, field
from msgspec.structs import replace

from . import spec
from .batches import batches
from .binary_answers import answered_bytes, report_bytes_of_steps
from .binds import Settings
from .diagnostics import Origin, Reporter, Span, show
from .exposed import CallLinker
from .fitting import report_bytes
from .givens import inputs_of, leaves_of, settled
from .inferred import report_inferred
from .ir import (
    WHOLE,
    Argument,
    Constant,
    Given,
    Input,
    Operation,
    Relay,
    Result,
    Setting,
    Shape,
    StepValue,
    Text,
)
from .mocks import has_values, mocked, nested
from .program import Call, CallStep, Flow, LookupStep, ScriptStep, Step, given_to
from .resolve import Resolver
from .results import result
from .script_contexts import in_context
from .spec import Located
from .steps import Steps
from .wire import Location, Type

_NOTHING = spec.Invocation(call=None, arguments=(), has_arguments=False)


def is_flow(behaviour: spec.Behaviour) -> bool:
    """Whether more is done than to call one operation."""
    mock = behaviour.invocation.call is None and any(map(has_values, behaviour.outputs))
    return bool(behaviour.steps) or mock


def stepwise(behaviour: spec.Behaviour, name: str) -> spec.Behaviour | None:
    """What a flow of an aggregate does, its one call being a step; None for nothing."""
    call = behaviour.invocation.call
    if call is None:
        return behaviour if is_flow(behaviour) else None
    origin = Origin(f"call {name}", call.span)
    step = spec.CallStep(name=name, invocation=behaviour.invocation, origin=origin)
    return replace(behaviour, steps=(step,), mappings=())


def with_bare_names(
    behaviour: spec.Behaviour, params: tuple[spec.Param, ...], reporter: Reporter
) -> spec.Behaviour:
    """The same, with values that are the bare name of an input as references to it."""
    names = {param.name for param in params}

    def referring(step: spec.Step) -> spec.Step:
        if isinstance(step, spec.LookupStep):
            return step
        arguments = []
        for key, located in step.invocation.arguments:
            if isinstance(located.value, str) and located.value in names:
                official = f"{{{{{located.value}}}}}"
                written = show(located.value)
                message = f"{written} is read as {show(official)}"
                reporter.report("NAF409", located.span, message)
                located = Located(official, located.span)
            arguments.append((key, located))
        invocation = replace(step.invocation, arguments=tuple(arguments))
        return replace(step, invocation=invocation)

    return replace(behaviour, steps=tuple(map(referring, behaviour.steps)))


class Unit(Struct, frozen=True, kw_only=True):
    """A route, a tool, or a flow of an aggregate, whose `kind` is mcp, as a tool's.

    `path_inputs` and `method` are those of a route.
    """

    kind: str
    namespace: str
    name: str
    behaviour: spec.Behaviour
    params: tuple[spec.Param, ...]
    path_inputs: tuple[Input, ...] = ()
    method: str = ""
    description: str
    origin: Origin


class FlowLinker(Struct):
    """Links what a unit does in steps, or without calling anything."""

    unit: Unit
    resolver: Resolver
    reporter: Reporter
    inputs: dict[str, Input] = field(default_factory=dict)
    constants: dict[str, Located] = field(default_factory=dict)
    calls: dict[str, tuple[Operation, CallLinker]] = field(default_factory=dict)
    linkers: list[CallLinker] = field(default_factory=list)

    def link(self) -> Flow | str:
        """The flow, or the code of the error that costs the unit."""
        failed = self._calls()
        if failed is not None:
            return failed
        self._declare()
        steps = [self._linked(step) for step in self.unit.behaviour.steps]
        made = self._made()
        failed = next((each.failed for each in self.linkers if each.failed), None)
        if isinstance(made, str) or failed:
            return made if isinstance(made, str) else failed or "NAF902"
        found = [step for step in steps if step is not None]
        linked = [self._settled(step, found[:i]) for i, step in enumerate(found)]
        plain = [
            given
            for step in linked
            if not isinstance(step, CallStep)
            for given in given_to(step)
        ]
        if any(map(_has_setting, (*plain, made))):
            return self._refuse(
                self.unit.origin.span,
                "a bind is for requests alone: in what is answered it would be shown",
                "take it out of the mappings, lookups, scripts and outputs",
                "NAF902",
            )
        failed = report_bytes(self._uses(linked, made), self.reporter)
        failed = failed or report_bytes_of_steps(
            linked, made, self.unit.origin.span, self.reporter
        )
        if failed is not None:
            return failed
        self._report_inputs([*(g for step in linked for g in given_to(step)), made])
        return Flow(
            name=self.unit.name,
            namespace=self.unit.namespace,
            inputs=tuple(self.inputs.values()),
            batches=batches(linked),
            result=settled(made, self.inputs),
            binary=answered_bytes(linked, made),
            description=self.unit.description,
            origin=self.unit.origin,
        )

    def _uses(
        self, steps: Iterable[Step], made: Given
    ) -> Iterator[tuple[Argument, Given]]:
        """All that gets a value, and what it gets."""
        for step in steps:
            if isinstance(step, CallStep):
                yield from step.call.values
                continue
            place = self._place(step.name, Located("", step.origin.span))
            yield from ((place, given) for given in given_to(step))
        yield self._place("result", Located("", self.unit.origin.span)), made

    def _calls(self) -> str | None:
        """Find what the steps call; the code of the error that costs the unit."""
        names: list[str] = []
        for step in self.unit.behaviour.steps:
            if step.name in names:
                message = f"there are two steps called {show(step.name)}"
                return self._refuse(step.origin.span, message, "rename one of them")
            if isinstance(step, spec.CallStep):
                found = self.resolver.called(
                    step.invocation, step.name, step.origin.span, self.unit.namespace
                )
                if isinstance(found, str):
                    return found
                settings = self.resolver.upstreams[found.namespace].settings
                linker = self._linker(found, step.invocation, settings, names)
                self.calls[step.name] = found, linker
            names.append(step.name)
        return None

    def _linker(
        self,
        callee: Operation | Flow,
        invocation: spec.Invocation,
        settings: Settings,
        before: Iterable[str],
    ) -> CallLinker:
        names = [step.name for step in self.unit.behaviour.steps]
        linker = CallLinker(
            kind=self.unit.kind,
            namespace=self.unit.namespace,
            operation=callee,
            invocation=invocation,
            path_inputs=self.unit.path_inputs,
            method=self.unit.method,
            settings=settings,
            reporter=self.reporter,
            inputs=self.inputs,
            constants=self.constants,
            steps=Steps(dict.fromkeys(names, False) | dict.fromkeys(before, True)),
        )
        self.linkers.append(linker)
        return linker

    def _without_call(self, before: Iterable[str]) -> CallLinker:
        """What links values that no operation gets."""
        nothing = Flow(
            name=self.unit.name,
            namespace=self.unit.namespace,
            inputs=(),
            batches=(),
            result=Constant(None),
            description="",
            origin=self.unit.origin,
        )
        settings = Settings((), self.reporter)
        return self._linker(nothing, _NOTHING, settings, before)

    def _declare(self) -> None:
        for path_input in self.unit.path_inputs:
            self.inputs[path_input.name] = path_input
        linkers = [linker for _, linker in self.calls.values()]
        other = self._without_call(())
        for param in self.unit.params:
            feeding = (
                each
                for each in linkers
                if each.references.fed(param.name, each.invocation) is not None
            )
            next(feeding, other).declare(param)
        for linker in linkers:
            linker.give()
        if self.unit.kind == "mcp":
            report_inferred(self.unit.params, self.inputs, self.reporter)
        for linker in linkers:
            linker.fit()

    # --- steps ---------------------------------------------------------------------

    def _linked(self, step: spec.Step) -> Step | None:
        match step:
            case spec.CallStep():
                return self._called(step)
            case spec.LookupStep():
                return self._lookup(step)
            case spec.ScriptStep():
                return self._script(step)

    def _called(self, step: spec.CallStep) -> CallStep:
        operation, linker = self.calls[step.name]
        call = Call(operation=operation, values=linker.settled())
        kept = _kept(operation)
        return CallStep(name=step.name, call=call, kept=kept, origin=step.origin)

    def _lookup(self, step: spec.LookupStep) -> LookupStep | None:
        names = [each.name for each in self.unit.behaviour.steps]
        linker = self._without_call(names[: names.index(step.name)])
        index = linker.value(
            self._place(step.name, step.index),
            Located(f"$.{step.index.value}", step.index.span),
        )
        value = linker.value(self._place(step.name, step.value), step.value)
        if not isinstance(index, StepValue) or value is None:
            linker.failed = linker.failed or "NAF902"
            return None
        return LookupStep(
            name=step.name,
            index=index.step,
            match=step.match,
            value=value,
            fields=step.fields,
            origin=step.origin,
        )

    def _script(self, step: spec.ScriptStep) -> ScriptStep | None:
        """A script with what only it is given; the rest is known when all is linked."""
        names = [each.name for each in self.unit.behaviour.steps]
        linker = self._without_call(names[: names.index(step.name)])
        script = self.resolver.scripts[step.origin]
        context: dict[str, Given | None] = {
            name: linker.constant(self._place(name, located), name)
            for name, located in tuple(self.constants.items())
        }
        for name, located in step.invocation.arguments:
            context[name] = linker.value(self._place(name, located), located)
        given = tuple((n, value) for n, value in context.items() if value is not None)
        if isinstance(script, str) or len(given) < len(context):
            linker.failed = linker.failed or (
                script if isinstance(script, str) else "NAF902"
            )
            return None
        return ScriptStep(
            name=step.name, script=script, context=given, origin=step.origin
        )

    def _place(self, name: str, located: Located) -> Argument:
        """Something that can get any value, wherever inputs come from."""
        return Argument(
            name=name,
            location=Location.BODY,
            type=Type.ANY,
            items=None,
            required=False,
            description="",
            origin=Origin(f"{self.unit.origin.pointer}.{name}", located.span),
        )

    def _settled(self, step: Step, before: Iterable[Step]) -> Step:
        """A step, with the inputs as they became when all were known."""
        if isinstance(step, LookupStep):
            return replace(step, value=settled(step.value, self.inputs))
        if isinstance(step, ScriptStep):
            return in_context(step, before, self.inputs)
        values = tuple((a, settled(g, self.inputs)) for a, g in step.call.values)
        return replace(step, call=replace(step.call, values=values))

    # --- the result ----------------------------------------------------------------

    def _made(self) -> Given | str:
        """What the flow results in: what its mappings say, or the last step's result."""
        behaviour = self.unit.behaviour
        names = [step.name for step in behaviour.steps]
        linker = self._without_call(names)
        if behaviour.mappings:
            members = {}
            for mapping in behaviour.mappings:
                place = self._place(mapping.target, mapping.value)
                value = linker.value(place, mapping.value)
                if value is None:
                    return linker.failed or "NAF902"
                if mapping.target in members:
                    message = f"{show(mapping.target)} is mapped twice"
                    hint = "remove one of the two"
                    return self._refuse(mapping.value.span, message, hint)
                members[mapping.target] = value
            made = nested(members)
            if made is None:
                message = "a target is a value and has members of its own"
                hint = "rename it: `a` and `a.b` cannot both be mapped"
                return self._refuse(behaviour.mappings[0].value.span, message, hint)
            return made
        if not behaviour.steps:
            return mocked(behaviour.outputs, linker, self._place, self.reporter)
        last = behaviour.calls[-1].name if behaviour.calls else names[-1]
        outputs = tuple(o for o in behaviour.outputs if o.mapping or has_values(o))
        if not outputs or last not in self.calls:
            return StepValue(last, WHOLE)
        answered = result(outputs, self.calls[last][0], self.reporter)
        if isinstance(answered, str):
            return answered
        return StepValue(last, WHOLE if isinstance(answered, Relay) else answered)

    def _refuse(self, span: Span, message: str, hint: str, code: str = "NAF101") -> str:
        self.reporter.report(code, span, message, hint=hint)
        return code

    def _report_inputs(self, given: Iterable[Given]) -> None:
        """Say which declared inputs nothing uses; a mock answers whatever it is asked."""
        used = {each.name for one in given for each in inputs_of(one)}
        for each in self.inputs.values():
            if each.name not in used and self.unit.behaviour.steps:
                self.reporter.report(
                    "NAF404",
                    each.origin.span,
                    f"{show(each.name)} goes to no step, so it is not used",
                    hint="give it to one in its `with`, or remove it",
                )


def _kept(operation: Operation) -> Result | None:
    """What a step keeps of an answer: what the operation extracts, by its name."""
    extracted = operation.extracted
    if not extracted:
        return None
    if len(extracted) == 1 and not extracted[0][0]:
        return extracted[0][1]
    return Shape(extracted)


def _has_setting(given: Given) -> bool:
    texts = (leaf for leaf in leaves_of(given) if isinstance(leaf, Text))
    return any(isinstance(part, Setting) for text in texts for part in text.parts)
