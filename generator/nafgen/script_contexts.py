"""Says what scripts know: inputs, and the results of the steps before them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from .givens import settled
from .ir import WHOLE, Given, Input, StepValue
from .program import CallStep, ScriptStep, Step
from .wire import Type


def in_context(
    step: ScriptStep, before: Iterable[Step], inputs: Mapping[str, Input]
) -> ScriptStep:
    """A script that knows, beside what only it is given, all that is JSON: the inputs,
    as they became when all were known, and the results of the steps before it."""
    context: dict[str, Given] = {
        name: given for name, given in inputs.items() if given.type is not Type.BYTES
    }
    for each in before:
        if not isinstance(each, CallStep) or each.call.operation.binary is None:
            context[each.name] = StepValue(each.name, WHOLE)
    context |= dict(step.context)
    known = ((name, settled(given, inputs)) for name, given in context.items())
    return replace(step, context=tuple(known))
