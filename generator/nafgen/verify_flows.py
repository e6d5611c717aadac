"""What must happen when a flow is called: the requests of its steps, and its result."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from .diagnostics import Origin
from .examples import Answer, Journey, json_answer, variants
from .expect import ExpectedRequest
from .expect_places import UnsendableError, text
from .expect_results import ABSENT, expected_result
from .expect_values import Values, argument_values, filled
from .flow_answers import Mode, step_answers
from .givens import inputs_of
from .ir import Given, Input, ObjectOf, Shape, Template
from .program import (
    CallStep,
    Flow,
    FlowCall,
    LookupStep,
    Resource,
    Route,
    ScriptStep,
    Step,
    Tool,
)
from .script_engines import StoppedError, outcome
from .verify_client import journeys
from .verify_probe import Bench
from .wire import Location

OCTETS: Final = "application/octet-stream"
"""The type of bytes that a flow answers and of which nothing is said."""
_MODES: Final[tuple[Mode, ...]] = ("one", "many", "nothing")


class ExpectedFlow(Struct, frozen=True, kw_only=True):
    """A call of a flow: what its caller gives, the answers that its steps get, the
    requests that they make, and what it results in; `refused` is the status of the error
    where a step must not send what it is given, or a script fails, which is `stopped`,
    else 0."""

    values: dict[Origin, Any]
    answers: tuple[Answer, ...]
    requests: tuple[ExpectedRequest, ...]
    result: Any
    refused: int
    stopped: bool


def expected_flows(
    bench: Bench, unit: Route | Tool | Resource
) -> Iterator[ExpectedFlow]:
    """What a unit that calls a flow is tried with."""
    call = unit.call
    if not isinstance(call, FlowCall):
        return
    is_json = isinstance(unit, Tool)
    travels = [_journey(given, call, is_json) for given in unit.inputs]
    calls = variants(unit.inputs, travels)
    turns = max(len(calls), len(_MODES))
    if any(isinstance(step, ScriptStep) for step in call.flow.steps):
        turns = min(turns, 2 * len(_MODES))  # engines take their time
    for turn in range(turns):
        values = calls[turn % len(calls)]
        yield _expected(bench, call, values, _MODES[turn % len(_MODES)])


def _expected(
    bench: Bench, call: FlowCall, values: dict[Origin, Any], mode: Mode
) -> ExpectedFlow:
    flow = call.flow
    inputs = argument_values(call, values, bench.settings)
    answers = step_answers(flow, inputs, mode)
    results: dict[str, Any] = {}
    requests: list[ExpectedRequest] = []
    refused, stopped = 0, False
    firsts = {batch[0].name: batch for batch in flow.batches}
    for step in flow.steps:
        if isinstance(step, ScriptStep):
            try:
                results[step.name] = _scripted(bench, step, inputs, results)
            except StoppedError as error:
                refused, stopped = 422 if error.is_thrown else 500, True
                break
            continue
        if isinstance(step, LookupStep):
            wanted = filled(step.value, inputs, bench.settings, results)
            index = results.get(step.index)
            results[step.name] = _looked_up(step, index, wanted)
            continue
        if any(_lacks(each, results) for each in firsts.get(step.name, ())):
            refused = 502
            break
        request = _request(bench, step, inputs, results)
        if request is None:
            refused = 422
            break
        requests.append(request)
        results[step.name] = _kept(step, _read(step, answers[step.name]))
    return ExpectedFlow(
        values=values,
        answers=tuple(
            json_answer(answers[step.name])
            for step in flow.steps
            if isinstance(step, CallStep)
        ),
        requests=tuple(requests),
        result=None if refused else _made(bench, flow.result, inputs, results),
        refused=refused,
        stopped=stopped,
    )


def _lacks(step: Step, results: dict[str, Any]) -> bool:
    """Whether the answers of earlier steps lack what a step needs."""
    needs = step.needs if isinstance(step, CallStep) else ()
    return any(expected_result(v.made, results.get(v.step)) is None for v in needs)


def _request(
    bench: Bench, step: CallStep, inputs: Values, results: dict[str, Any]
) -> ExpectedRequest | None:
    operation = step.call.operation
    try:
        sent = argument_values(step.call, inputs, bench.settings, results)
    except UnsendableError:
        return None
    places = [a for a in operation.arguments if a.location is Location.PATH]
    if any(argument.origin not in sent for argument in places):
        return None
    return bench.wanted(operation, sent)


def _read(step: CallStep, answer: Any) -> Any:
    """What a step's client makes of a JSON answer."""
    operation = step.call.operation
    if operation.method == "HEAD":
        return None
    return json_answer(answer).content if operation.binary else answer


def _kept(step: CallStep, answer: Any) -> Any:
    if step.kept is None:
        return answer
    if not isinstance(step.kept, Shape) or not isinstance(answer, list):
        return expected_result(step.kept, answer)
    return [
        (item if isinstance(item, dict) else {}) | expected_result(step.kept, item)
        for item in answer
    ]


def _scripted(
    bench: Bench, step: ScriptStep, inputs: Values, results: dict[str, Any]
) -> Any:
    context = {}
    for name, given in step.context:
        value = filled(given, inputs, bench.settings, results)
        if value is not ABSENT and value is not None:
            context[name] = value
    sources = tuple(file.text for file in step.script.files)
    return outcome(step.script.language, sources, json.dumps(context))


def _looked_up(step: LookupStep, index: Any, wanted: Any) -> Any:
    items = index if isinstance(index, list) else [index]

    def first(one: Any) -> Any:
        for item in items:
            own = _member(item, step.match)
            if own is not None and one is not None and text(own) == text(one):
                return {name: _member(item, name) for name in step.fields} or item
        return None

    if wanted is ABSENT:
        return None
    if not isinstance(wanted, list):
        return first(wanted)
    return [found for one in wanted if (found := first(one)) is not None]


def _member(item: Any, name: str) -> Any:
    if not isinstance(item, dict):
        return None
    if name in item or "." not in name:
        return item.get(name)
    first, _, rest = name.partition(".")
    return _member(item.get(first), rest)


def _made(
    bench: Bench, result: Template, inputs: Values, results: dict[str, Any]
) -> Any:
    """The result of a flow, of which no member is left out."""
    if isinstance(result, ObjectOf):
        return {
            name: _made(bench, member, inputs, results)
            for name, member in result.members
        }
    made = filled(result, inputs, bench.settings, results)
    return None if made is ABSENT else made


def _journey(given: Input, call: FlowCall, is_json: bool) -> Journey:
    """Where an input travels: into the flow, and on with the steps that it feeds."""
    fed = {a.origin for a, source in call.values if given in inputs_of(source)}
    outbound = frozenset(_places(call.flow, fed)) or {Location.BODY}
    inbound = None if is_json else given.location
    return Journey(inbound=inbound, outbound=frozenset(outbound))


def _places(flow: Flow, fed: set[Origin]) -> Iterator[Location]:
    for step in flow.steps:
        if not isinstance(step, CallStep):
            continue
        places = journeys(step.call.operation)
        for argument, source in step.call.values:
            if _uses(source, fed):
                yield from places[argument]


def _uses(source: Given, fed: set[Origin]) -> bool:
    return any(given.origin in fed for given in inputs_of(source))
