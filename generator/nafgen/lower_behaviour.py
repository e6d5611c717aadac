"""Lowers what routes, tools and the flows of aggregates do: calls, steps, mappings."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from . import spec
from .binary_answers import lower_type
from .diagnostics import show
from .keywords import (
    AGGREGATE,
    CALL_STEP,
    FLOW,
    LOOKUP_STEP,
    MAPPING,
    SEMANTICS,
)
from .lower_scripts import lower_script
from .reader import Reader
from .source import Seq
from .spec import Located
from .units import Units
from .versions import FUNCTIONS, TARGET

_STEPS: Final = {"call": CALL_STEP, "lookup": LOOKUP_STEP}
MAX_STEPS: Final = 256
"""Steps of a unit, and mappings of one, at the most."""
MAX_DOTS: Final = 20
"""Dots in the names of members that are mapped, compared or taken."""


class Behaviours(Struct, frozen=True):
    """Lowers what units do."""

    units: Units

    def lower(self, entry: Reader) -> spec.Behaviour | str:
        """What an entry does, or the code of the error that costs it."""
        for key in ("steps", "mappings"):
            if len(entry.children(key)) > MAX_STEPS:
                return self._refuse(
                    Located("", entry.data.key_span(key)),
                    f"`{key}` must not hold more than {MAX_STEPS} entries",
                    "make several flows of it",
                    "NAF004",
                )
        steps = []
        for reader in entry.children("steps"):
            step = self._step(reader)
            if isinstance(step, str):
                return step
            steps.append(step)
        mappings = []
        for reader in entry.children("mappings", "target"):
            mapping = self._mapping(reader)
            if isinstance(mapping, str):
                return mapping
            mappings.append(mapping)
        if "steps" in entry and not steps:
            span = entry.data.value_span("steps")
            return self._refuse(Located("", span), "there is no step", "add one")
        return spec.Behaviour(
            invocation=_invocation(entry),
            ref=entry.located("ref"),
            steps=tuple(steps),
            mappings=tuple(mappings),
            # Beside mappings, which say it all, outputs only describe what these make.
            outputs=() if mappings else self.units.outputs(entry),
        )

    def aggregate(self, entry: Reader) -> spec.Aggregate | str:
        """An aggregate; its flows are units of their own."""
        if refused := entry.check_keys(AGGREGATE):
            return refused
        if not entry.text("namespace"):
            self.units.reporter.report(
                "NAF102",
                entry.span,
                "this aggregate has no `namespace`",
                hint="give it one; a `ref` names it, as in `ref: NAMESPACE.FLOW`",
            )
            return "NAF102"
        readers = entry.children(entry.spelling(FUNCTIONS))
        return spec.Aggregate(
            namespace=entry.text("namespace"),
            flows=tuple(self.units.unit(each, "flow", self._flow) for each in readers),
            origin=entry.origin,
        )

    def _flow(self, entry: Reader) -> spec.Flow | str:
        if entry.is_broken():
            return "NAF101"
        if refused := entry.check_keys(FLOW):
            return refused
        behaviour = self.lower(entry)
        if isinstance(behaviour, str):
            return behaviour
        answer_type = lower_type(entry, "outputMediaType")
        if isinstance(answer_type, str):
            return answer_type
        semantics = entry.child("semantics")
        if semantics is not None:
            semantics.check_keys(SEMANTICS)
        names = sorted(SEMANTICS.read) if semantics else ()
        given = ((name, semantics.flag(name)) for name in names if semantics)
        return spec.Flow(
            name=entry.name,
            params=self.units.params(entry),
            behaviour=behaviour,
            semantics=tuple((name, flag) for name, flag in given if flag is not None),
            answer_type=answer_type,
            description=entry.text("description"),
            origin=entry.origin,
        )

    def _step(self, entry: Reader) -> spec.Step | str:
        written = entry.located("type")
        kind = entry.text("type", "call") if written else "call"
        if kind not in (*_STEPS, "script"):
            return self._refuse(
                written or Located(kind, entry.span),
                f"{show(kind)} is no type of a step",
                "call, lookup and script are",
            )
        if not entry.name:
            return self._refuse(
                Located("", entry.span),
                "this step has no name, so nothing can refer to it",
                "give it a `name`",
            )
        if kind == "script":
            script = lower_script(entry)
            self.units.script_steps += [] if isinstance(script, str) else [script]
            return script
        if refused := entry.check_keys(_STEPS[kind]):
            return refused
        needed = ("call",) if kind == "call" else ("index", "match", "lookupValue")
        for key in needed:
            if key not in entry:
                return self._refuse(
                    Located("", entry.span),
                    f"the step {show(entry.name)} has no `{key}`",
                    f"add it, or change its `type`, which is {kind}",
                    "NAF102",
                )
        index, value = entry.located("index"), entry.located("lookupValue")
        members = (entry.text("match"), *_fields(entry))
        if any(name.count(".") > MAX_DOTS for name in members):
            return self._too_deep(entry)
        if index is None or value is None:
            return spec.CallStep(
                name=entry.name, invocation=_invocation(entry), origin=entry.origin
            )
        return spec.LookupStep(
            name=entry.name,
            index=index,
            match=entry.text("match"),
            value=value,
            fields=_fields(entry),
            origin=entry.origin,
        )

    def _mapping(self, entry: Reader) -> spec.Mapping | str:
        if refused := entry.check_keys(MAPPING):
            return refused
        target = entry.text(entry.spelling(TARGET), entry.name)
        value = entry.located("value")
        if not target or not all(target.split(".")) or value is None:
            return self._refuse(
                Located("", entry.span),
                "a mapping needs a `target` and a `value`",
                "such as `target: address.city` and `value: $.step.city`",
                "NAF102",
            )
        if target.count(".") > MAX_DOTS:
            return self._too_deep(entry)
        return spec.Mapping(target=target, value=value)

    def _too_deep(self, entry: Reader) -> str:
        return self._refuse(
            Located("", entry.span),
            f"the name of a member may have {MAX_DOTS} dots, and this one has more",
            "take a shorter one",
            "NAF004",
        )

    def _refuse(
        self, located: Located, message: str, hint: str, code: str = "NAF101"
    ) -> str:
        self.units.reporter.report(code, located.span, message, hint=hint)
        return code


def _fields(entry: Reader) -> tuple[str, ...]:
    """The members that a lookup takes: a list of names, or outputs with names."""
    written = entry.data.get("outputParameters")
    if isinstance(written, Seq) and all(isinstance(name, str) for name in written):
        return tuple(dict.fromkeys(written))
    return tuple(child.name for child in entry.children("outputParameters"))


def _invocation(entry: Reader) -> spec.Invocation:
    return spec.Invocation(
        call=entry.located("call"),
        arguments=entry.pairs("with"),
        has_arguments="with" in entry,
    )
