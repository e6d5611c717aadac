"""What a flow looks for in the answers of its steps, and answers that have it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

from .examples import marked
from .expect_results import ABSENT
from .expect_values import Values, filled
from .givens import leaves_of
from .ir import Constant, Each, Pick, Result, Shape, StepValue
from .paths import Path
from .program import CallStep, Flow, LookupStep, ScriptStep, Step, given_to

_MEMBER: Final = re.compile(r"""(?:\.|\[["']|get\(["'])([A-Za-z_][A-Za-z0-9_-]*)""")
"""A member of an object as JavaScript and Python name it."""
_MEMBERS: Final = 20
Mode: TypeAlias = Literal["one", "many", "nothing"]
"""Whether what is looked up is one thing or several, or answers hold nothing."""


def looked_for(flow: Flow) -> dict[str, Result]:
    """What is looked for in the answer of each step that calls."""
    found: dict[str, list[Result]] = {}
    listed: dict[str, list[Result]] = {}
    indexes = {s.name: s.index for s in flow.steps if isinstance(s, LookupStep)}
    for value in _step_values(flow):
        if value.step in indexes:  # what is looked up is an item of its index
            listed.setdefault(indexes[value.step], []).append(value.made)
        else:
            found.setdefault(value.step, []).append(value.made)
    for step in flow.steps:
        if isinstance(step, LookupStep):
            names = (step.match, *step.fields)
            picks = tuple((name, Pick((name,))) for name in names)
            listed.setdefault(step.index, []).append(Shape(picks))
    made: dict[str, Result] = {}
    for step in flow.steps:
        if not isinstance(step, CallStep):
            continue
        items, members = listed.get(step.name, []), found.get(step.name, [])
        if isinstance(step.kept, Shape):
            (items if items else members).append(step.kept)
        whole: Result = Each((), _all(items)) if items else _all(members)
        made[step.name] = (
            _below(step.kept.path, whole) if isinstance(step.kept, Pick) else whole
        )
    return made


def step_answers(flow: Flow, inputs: Values, mode: Mode) -> dict[str, Any]:
    """A JSON value as the answer of each step that calls, by the step's name."""
    wanted = looked_for(flow)
    if mode == "nothing":
        return {name: {} for name in wanted}
    answers = {name: marked(made, f"of {name}") for name, made in wanted.items()}
    steps = {step.name: step for step in flow.steps}
    for step in flow.steps:
        if isinstance(step, LookupStep):
            _let_find(step, steps, answers, inputs, mode)
        elif isinstance(step, ScriptStep):
            answers |= _for_script(step, answers, mode)
    return answers


def _for_script(
    step: ScriptStep, answers: Mapping[str, Any], mode: Mode
) -> dict[str, Any]:
    """Answers that a script may make something of, for steps of which nobody knows what
    they answer: lists of objects, or one, with members that the script speaks of."""
    said = " ".join(file.text for file in step.script.files)
    names = [*dict.fromkeys(_MEMBER.findall(said))][:_MEMBERS]
    numbers = {name: number for number, name in enumerate(names, 1)}
    texts = {name: f"{name} of {step.name}" for name in names}
    made = [numbers, {name: 10 * n for name, n in numbers.items()}]
    return {
        name: texts if mode == "many" else made
        for name, _ in step.context
        if isinstance(answers.get(name), str)
    }


def _let_find(
    lookup: LookupStep,
    steps: Mapping[str, Step],
    answers: dict[str, Any],
    inputs: Values,
    mode: Mode,
) -> None:
    """Make what is looked up the second thing of its index, or the second and the first."""
    index = answers.get(lookup.index)
    if not isinstance(index, list):
        return
    ids = [f"{lookup.name} 1", f"{lookup.name} 2"]
    value = lookup.value
    if isinstance(value, StepValue):
        source = steps.get(value.step)
        direct = isinstance(source, CallStep) and source.kept is None
        if direct and isinstance(value.made, Pick):
            several = [ids[1], "missing", ids[0]]
            wanted = several if mode == "many" else ids[1]
            _put(answers[value.step], value.made.path, wanted)
    else:
        made = filled(value, inputs, {})
        ids[1] = ids[1] if made is ABSENT or isinstance(made, list) else made
    for item, own in zip(index, ids, strict=False):
        _put(item, _raw(steps[lookup.index], lookup.match), own)


def _put(value: Any, path: Path, what: Any) -> None:
    """Put something at a path of names; other paths are left as they are."""
    for step in path[:-1]:
        value = value.get(step) if isinstance(value, dict) else None
    if path and isinstance(path[-1], str) and isinstance(value, dict):
        value[path[-1]] = what


def _raw(step: Step, name: str) -> Path:
    """Where a member of a step's result is in the answer."""
    kept = step.kept if isinstance(step, CallStep) else None
    made = dict(kept.members).get(name) if isinstance(kept, Shape) else None
    return made.path if isinstance(made, Pick) else (name,)


def _step_values(flow: Flow) -> Iterator[StepValue]:
    given = [flow.result]
    for step in flow.steps:
        given += given_to(step)
    for one in given:
        yield from (leaf for leaf in leaves_of(one) if isinstance(leaf, StepValue))


def _all(results: list[Result]) -> Result:
    return Shape(tuple((str(number), made) for number, made in enumerate(results)))


def _below(path: Path, made: Result) -> Result:
    match made:
        case Pick(inside):
            return Pick(path + inside)
        case Each(inside, item):
            return Each(path + inside, item)
        case Shape(members):
            return Shape(tuple((name, _below(path, one)) for name, one in members))
        case Constant():
            return made
