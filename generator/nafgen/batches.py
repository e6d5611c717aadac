"""Groups the steps of flows: what can run at once without changing what happens."""

from __future__ import annotations

from collections.abc import Iterable

from .givens import steps_of
from .ir import READING
from .program import CallStep, LookupStep, ScriptStep, Step, given_to


def batches(steps: Iterable[Step]) -> tuple[tuple[Step, ...], ...]:
    """Steps in groups, of which calls can run at once without changing what happens.

    Neighbouring calls that only read and need nothing of each other are one group. What
    has no effect, a lookup or a script, waits until the calls around it are done.
    """
    made: list[tuple[Step, ...]] = []
    calls: list[CallStep] = []
    pure: list[LookupStep | ScriptStep] = []

    def close() -> None:
        if calls:
            made.append(tuple(calls))
        made.extend((each,) for each in pure)
        calls.clear()
        pure.clear()

    for step in steps:
        if not isinstance(step, CallStep):
            pure.append(step)
            continue
        needed = {name for given in given_to(step) for name in steps_of(given)}
        waiting = {each.name for each in (*calls, *pure)}
        if needed & waiting or not all(map(_reads, (*calls, step))):
            close()
        calls.append(step)
    close()
    return tuple(made)


def _reads(step: CallStep) -> bool:
    return step.call.operation.method in READING
