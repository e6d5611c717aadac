"""Groups the steps of flows: what can run at once without changing what happens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .givens import steps_of
from .ir import READING, Given
from .program import CallStep, LookupStep, Step


def given_to(steps: Iterable[Step]) -> Iterator[Given]:
    """All that steps are given."""
    for step in steps:
        if isinstance(step, LookupStep):
            yield step.value
        else:
            yield from (given for _, given in step.call.values)


def batches(steps: Iterable[Step]) -> tuple[tuple[Step, ...], ...]:
    """Steps in groups, of which calls can run at once without changing what happens.

    Neighbouring calls that only read and need nothing of each other are one group. To
    look something up has no effect, so it waits until the calls around it are done.
    """
    made: list[tuple[Step, ...]] = []
    calls: list[CallStep] = []
    lookups: list[LookupStep] = []

    def close() -> None:
        if calls:
            made.append(tuple(calls))
        made.extend((lookup,) for lookup in lookups)
        calls.clear()
        lookups.clear()

    for step in steps:
        if isinstance(step, LookupStep):
            lookups.append(step)
            continue
        needed = {name for given in given_to([step]) for name in steps_of(given)}
        waiting = {call.name for call in calls} | {each.name for each in lookups}
        if needed & waiting or not all(map(_reads, (*calls, step))):
            close()
        calls.append(step)
    close()
    return tuple(made)


def _reads(step: CallStep) -> bool:
    return step.call.operation.method in READING
