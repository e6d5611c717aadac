"""Links what routes and tools do: calls, flows of their own, and flows of aggregates."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct, field

from . import spec
from .arguments import is_protocol_header, place_of
from .binary_answers import with_answer_type
from .binds import Settings
from .diagnostics import Origin, Reporter, show
from .exposed import CallLinker, Values
from .flows import FlowLinker, Unit, is_flow, stepwise, with_bare_names
from .ir import RELAY, Input, Relay, Result
from .matching import suggestion
from .program import Call, Callee, Flow, FlowCall
from .resolve import Resolver
from .results import result
from .spec import Located
from .wire import Location


class BehaviourLinker(Struct):
    """Links units. `flows` are those of aggregates by `NAMESPACE.NAME`, or the codes of
    the errors that cost them, `semantics` what they say of themselves, and `used` all
    flows that a unit needs."""

    resolver: Resolver
    reporter: Reporter
    flows: dict[str, Flow | str] = field(default_factory=dict)
    semantics: dict[str, dict[str, bool]] = field(default_factory=dict)
    used: dict[Origin, Flow] = field(default_factory=dict)

    def linked(
        self, unit: Unit, route: tuple[str, tuple[str | Input, ...]] | None
    ) -> tuple[tuple[Input, ...], Call | FlowCall, Result | Relay] | str:
        """The inputs, the call and the result of a unit, or an error's code."""
        behaviour = unit.behaviour
        if behaviour.ref is not None:
            return self._referred(unit, behaviour.ref)
        if is_flow(behaviour):
            flow = FlowLinker(unit, self.resolver, self.reporter).link()
            if isinstance(flow, str):
                return flow
            self.used[flow.origin] = flow
            values = tuple(zip(flow.arguments, flow.inputs, strict=True))
            return flow.inputs, FlowCall(flow=flow, values=values), RELAY
        operation = self.resolver.called(
            behaviour.invocation, unit.name, unit.origin.span, unit.namespace, route
        )
        if isinstance(operation, str):
            return operation
        settings = self.resolver.upstreams[operation.namespace].settings
        linked = self._call(unit, operation, settings)
        made = result(behaviour.outputs, operation, self.reporter)
        if isinstance(linked, str):
            return linked
        if isinstance(made, str):
            return made
        return linked[0], Call(operation=operation, values=linked[1]), made

    def _call(
        self, unit: Unit, callee: Callee, settings: Settings
    ) -> tuple[tuple[Input, ...], Values] | str:
        return CallLinker(
            kind=unit.kind,
            namespace=unit.namespace,
            operation=callee,
            invocation=unit.behaviour.invocation,
            params=unit.params,
            path_inputs=unit.path_inputs,
            method=unit.method,
            settings=settings,
            reporter=self.reporter,
        ).link()

    # --- aggregates ----------------------------------------------------------------

    def aggregated(
        self, aggregate: spec.Aggregate, entry: spec.Flow | spec.Unusable
    ) -> str | None:
        """Link a flow of an aggregate; the code of the error that costs it."""
        name = f"{aggregate.namespace}.{entry.name}"
        if isinstance(entry, spec.Unusable):
            self.flows.setdefault(name, entry.code)
            return entry.code
        if name in self.flows:
            self.reporter.report(
                "NAF202",
                entry.origin.span,
                f"there is another flow `{name}`, and the first one counts",
                hint="give this one a name of its own",
            )
            return "NAF202"
        behaviour = stepwise(entry.behaviour, entry.name)
        if behaviour is None:
            self.reporter.report(
                "NAF201",
                entry.origin.span,
                f"the flow `{name}` neither calls nor says anything",
                hint="give it a `call`, `steps`, or outputs with a `value`",
            )
            self.flows[name] = "NAF201"
            return "NAF201"
        unit = Unit(
            kind="mcp",
            namespace=aggregate.namespace,
            name=entry.name,
            behaviour=with_bare_names(behaviour, entry.params, self.reporter),
            params=entry.params,
            description=entry.description,
            origin=entry.origin,
        )
        flow = FlowLinker(unit, self.resolver, self.reporter).link()
        if isinstance(flow, Flow):
            flow = with_answer_type(flow, entry.answer_type, self.reporter)
        self.flows[name] = flow
        self.semantics[name] = dict(entry.semantics)
        return flow if isinstance(flow, str) else None

    def _referred(
        self, unit: Unit, ref: Located
    ) -> tuple[tuple[Input, ...], FlowCall, Relay] | str:
        """What a unit that refers to a flow gives it."""
        flow = self.flows.get(str(ref.value))
        if flow is None:
            known = ", ".join(f"`{name}`" for name in self.flows)
            close = suggestion(str(ref.value), self.flows)
            self.reporter.report(
                "NAF209",
                ref.span,
                f"there is no flow {show(ref.value)}",
                hint=(
                    f"did you mean `{close}`?" if close else f"known: {known or 'none'}"
                ),
            )
            return "NAF209"
        if isinstance(flow, str):
            self.reporter.report(
                flow,
                ref.span,
                f"the flow `{ref.value}` is left out, and so is what refers to it",
                hint=f"the error of `{ref.value}` says why",
            )
            return flow
        behaviour = unit.behaviour
        if behaviour.outputs or behaviour.invocation.call or behaviour.steps:
            self.reporter.report(
                "NAF433",
                ref.span,
                f"the flow `{ref.value}` says what is done and answered; what is said"
                " beside `ref` has no effect",
                hint="remove it, or write it into the flow",
            )
        linked = self._call(unit, flow, Settings((), self.reporter))
        if isinstance(linked, str):
            return linked
        self.used.setdefault(flow.origin, flow)
        return linked[0], FlowCall(flow=flow, values=linked[1]), RELAY


def given_by_calls(capability: spec.Capability) -> dict[str, dict[str, Located]]:
    """What calls give, by the text of the call and the name of the value.

    Without a `with`, inputs are given by their names; their values are the parameters.
    """
    given: dict[str, dict[str, Located]] = {}
    for behaviour, params in _behaviours(capability):
        for invocation in (
            behaviour.invocation,
            *(step.invocation for step in behaviour.calls),
        ):
            if invocation.call is None:
                continue
            values = given.setdefault(str(invocation.call.value), {})
            for name, located in invocation.arguments:
                values.setdefault(name, located)
            if not invocation.has_arguments and not behaviour.steps:
                for param in filter(_is_implied, params):
                    values.setdefault(param.name, Located(param, param.origin.span))
    return given


def _behaviours(
    capability: spec.Capability,
) -> Iterator[tuple[spec.Behaviour, tuple[spec.Param, ...]]]:
    """What each unit does, and the inputs that it declares."""
    for aggregate in capability.aggregates:
        for flow in aggregate.flows:
            if isinstance(flow, spec.Flow):
                yield flow.behaviour, flow.params
    for exposed in capability.exposes:
        if isinstance(exposed, spec.Rest):
            for resource in exposed.resources:
                for unit in resource.operations:
                    yield unit.behaviour, (*resource.params, *unit.params)
        else:
            yield from ((tool.behaviour, tool.params) for tool in exposed.tools)
            for each in exposed.resources:
                if isinstance(each, spec.McpResource):
                    yield each.behaviour, ()


def _is_implied(param: spec.Param) -> bool:
    """Whether an input can go to a parameter of its name that nobody declares."""
    place = place_of(param)
    return (
        param.value is None
        and place in ("query", "body")
        and not is_protocol_header(Location.HEADER, param.name)
    )
