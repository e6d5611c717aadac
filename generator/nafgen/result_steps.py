"""The steps of the paths in results, and what they need."""

from __future__ import annotations

from collections.abc import Iterator

from .givens import leaves_of
from .ir import Constant, Each, Pick, Relay, Result, Shape, StepValue
from .paths import Query, Step, inner_steps
from .program import CallStep, Flow, Program, given_to


def steps(result: Result | Relay) -> Iterator[Step]:
    """All steps of the paths in a result, in order."""
    match result:
        case Pick(path):
            yield from inner_steps(path)
        case Each(path, item):
            yield from inner_steps(path)
            yield from steps(item)
        case Shape(members):
            for _, member in members:
                yield from steps(member)
        case Relay() | Constant():
            return


def queries(*results: Result | Relay) -> list[Query]:
    """The queries in results, each once, in order."""
    found = (step for result in results for step in steps(result))
    return list(dict.fromkeys(step for step in found if isinstance(step, Query)))


def results_of(flow: Flow) -> Iterator[Result]:
    """All that a flow makes of the answers of its steps."""
    given = [flow.result]
    for step in flow.steps:
        given += given_to(step)
        if isinstance(step, CallStep) and step.kept is not None:
            yield step.kept
    for one in given:
        yield from (leaf.made for leaf in leaves_of(one) if isinstance(leaf, StepValue))


def has_queries(program: Program) -> bool:
    """Whether a result needs the library that runs queries."""
    made = [result for flow in program.flows for result in results_of(flow)]
    for adapter in program.adapters:
        results = [unit.result for unit in adapter.units]
        made += [each for each in results if not isinstance(each, Relay)]
    return bool(queries(*made))
