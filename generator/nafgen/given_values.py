"""Links what a `with` says: the inputs, constants and results that an argument gets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from . import spec
from .arguments import is_kept_out, literal, sendable
from .binds import Settings
from .diagnostics import Origin, Reporter, show
from .givens import inputs_of
from .inferred import WITHOUT_BODY, inferred, place_of_input
from .ir import (
    Argument,
    ArrayOf,
    Constant,
    Given,
    Input,
    Interpolated,
    ObjectOf,
    StepValue,
    Text,
)
from .program import Callee
from .reader import pointer_name
from .references import References
from .spec import Located
from .steps import Steps
from .values import Piece, Reference, climbs, is_constant, template
from .wire import Location, Type

_OF_STEP: Final = "refer to an input, or to the whole answer of a step, as in `$.step`"
_BARE_BIND: Final = re.compile(r"env\.[A-Z][A-Z0-9_]*").fullmatch


@dataclass(slots=True)
class ValueLinker:
    """Says what arguments get, and finds the inputs that this needs.

    `kind` is rest or mcp, `method` a route's. In a flow, `steps` are its steps, and
    `inputs` and `constants` those of all its calls.
    """

    kind: str
    namespace: str
    operation: Callee
    invocation: spec.Invocation
    method: str
    settings: Settings
    reporter: Reporter
    inputs: dict[str, Input] = field(default_factory=dict)
    constants: dict[str, Located] = field(default_factory=dict)
    steps: Steps | None = None
    values: dict[Argument, Given] = field(default_factory=dict)
    references: References = field(init=False)
    failed: str | None = None

    def __post_init__(self) -> None:
        self.references = References(
            self.kind, self.namespace, self.operation, self.inputs, self.constants
        )

    def value(self, argument: Argument, located: Located) -> Given | None:
        """What an argument gets; None, reported, where it is nothing that can be sent."""
        written = located.value
        if argument.type is Type.BYTES and not self._refers(written):
            message = f"`{argument.name}` is bytes, which a spec cannot write"
            hint = "refer to an input" if self.steps is None else _OF_STEP
            self.fail("NAF902", located, message, hint)
            return None
        if is_constant(written):
            return Constant(written)
        if isinstance(written, dict | list):
            return self._structure(written, argument, located)
        if not isinstance(written, str):
            self.fail(
                "NAF902",
                located,
                f"{show(written)} says nothing that could be sent",
                f"refer to an input, as in `{self.references.own}.{argument.name}`, or leave the"
                " key out",
            )
            return None
        if _BARE_BIND(written) or ("." in written and self.settings.declared(written)):
            official = f"{{{{{written}}}}}"
            self.reporter.report(
                "NAF409", located.span, f"{show(written)} is read as {show(official)}"
            )
            written, located = official, Located(official, located.span)
        if self.steps is not None and self.steps.names(written):
            return self._of_step(self.steps, located)
        target = self.references.target(written)
        if target is not None:
            return self._referred(argument, target, located)
        pieces = template(written)
        if any(self._is_value(piece) for piece in pieces):
            return self._interpolated(pieces, argument, located)
        is_plain = all(isinstance(piece, str) for piece in pieces)
        text = Text(parts=(written,)) if is_plain else self._text(located)
        if argument.location is Location.PATH and (not written or climbs(written)):
            self.fail("NAF101", located, f"{show(written)} is no part of a path")
        elif argument.location is Location.HEADER and text and not sendable(text):
            self.fail("NAF101", located, "a header cannot hold this value")
        return Constant(written) if is_plain else text

    def _refers(self, written: object) -> bool:
        """Whether a value is an input or the result of a step, as it is."""
        steps = self.steps
        if steps is not None and isinstance(written, str) and steps.names(written):
            return True
        return self.references.target(written) is not None

    def _structure(
        self, written: object, argument: Argument, located: Located
    ) -> Given | None:
        """A structure, in which a reference is an input of any type."""
        if isinstance(written, dict):
            members = [
                (key, self._structure(value, argument, located))
                for key, value in written.items()
            ]
            known = [(key, value) for key, value in members if value is not None]
            return ObjectOf(tuple(known)) if len(known) == len(members) else None
        if isinstance(written, list):
            found = [self._structure(item, argument, located) for item in written]
            kept = [item for item in found if item is not None]
            return ArrayOf(tuple(kept)) if len(kept) == len(found) else None
        if isinstance(written, float) and not is_constant(written):
            self.fail("NAF101", located, f"JSON has no number {written}")
            return None
        if not isinstance(written, str):
            return literal(written)
        if "{{" in written and self.references.target(written) is None:
            self.fail(
                "NAF902",
                located,
                f"{show(written)} cannot stand inside a structure so far",
                "write a constant, or refer to an input",
            )
            return None
        pointer = f"{argument.origin.pointer}.with[{pointer_name(written)}]"
        origin = Origin(pointer, located.span)
        part = replace(
            argument, type=Type.ANY, items=None, description="", origin=origin
        )
        return self.value(part, Located(written, located.span))

    def _of_step(self, steps: Steps, located: Located) -> StepValue | None:
        made = steps.value(located, self.reporter)
        if isinstance(made, str):
            self.failed = self.failed or made
            return None
        return made

    def _is_value(self, piece: Piece) -> bool:
        """Whether a piece of a text is no literal and no bind."""
        if isinstance(piece, str):
            return False
        written = f"{{{{{piece.name}}}}}"
        of_step = self.steps is not None and self.steps.names(written)
        return of_step or self.references.target(written) is not None

    def _interpolated(
        self, pieces: tuple[Piece, ...], argument: Argument, located: Located
    ) -> Interpolated | None:
        """A text with inputs, results of steps or binds in it."""
        part = replace(argument, type=Type.STRING, items=None, location=Location.BODY)
        parts: list[str | Input | Text | StepValue] = []
        for piece in pieces:
            if isinstance(piece, str):
                parts.append(piece)
                continue
            made = self.value(part, Located(f"{{{{{piece.name}}}}}", located.span))
            if isinstance(made, Constant):
                parts.append(str(made.value))
            elif isinstance(made, Input | Text | StepValue):
                parts.append(made)
            else:
                return None
        return Interpolated(tuple(parts))

    def _text(self, located: Located) -> Text | None:
        text = self.settings.text(located)
        if text is None:
            self.failed = self.failed or "NAF902"
        return text

    def _referred(
        self, argument: Argument, target: Reference, located: Located
    ) -> Given | None:
        name = target.name
        if not self.references.is_own(target):
            official = f"{self.references.own}.{name}"
            self.reporter.report(
                "NAF409",
                located.span,
                f"{show(located.value)} is read as {show(official)}",
            )
        if name in self.constants:
            return self.constant(argument, name)
        known = self.references.meant(name, argument)
        given = known or self.infer(name, argument, located, target.in_body)
        return self.unless_hidden(argument, given)

    def constant(self, argument: Argument, name: str) -> Given | None:
        """The value of a constant input; inside it, its name means something else."""
        located = self.constants.pop(name)
        value = self.value(argument, located)
        self.constants[name] = located
        return value

    def infer(
        self,
        name: str,
        argument: Argument,
        located: Located | None = None,
        is_member: bool = False,
    ) -> Input:
        """A new input; `is_member` says that a route's body has it, whatever it feeds."""
        whole = argument is self.operation.body and not is_member
        place = place_of_input(
            self.kind, self.method, name, argument, whole=whole, is_member=is_member
        )
        made = inferred(argument, name, place, whole, located)
        self.inputs[name] = made
        return made

    def unless_hidden(self, argument: Argument, given: Input) -> Input | None:
        """The input, which is removed where nobody is asked for the argument."""
        if not self._hides(argument, given):
            return given
        used = (i.name for value in self.values.values() for i in inputs_of(value))
        is_own = self.steps is None and given.location is not Location.PATH
        if given.name not in used and is_own:
            del self.inputs[given.name]
        return None

    def _hides(self, argument: Argument, given: Input) -> bool:
        """Whether nobody is asked for an argument (reported)."""
        name, method = self.operation.name, self.method
        is_needed = argument.required or given.required
        is_body = argument is self.operation.body and given.location is Location.BODY
        is_file = argument.type is Type.BYTES and given.location is not Location.BODY
        if is_kept_out(self.kind, argument.location, argument.name):
            code = "NAF411"
            message = f"the header `{argument.name}` is kept out of the inputs"
        elif (is_body or is_file) and method in WITHOUT_BODY and not is_needed:
            code = "NAF419"
            what = "its body" if is_body else f"`{argument.name}`"
            taken = "none" if is_body else "no bytes"
            message = (
                f"`{name}` does not need {what}, and a {method} route takes {taken}"
            )
        else:
            return False
        self.reporter.report(code, argument.origin.span, message)
        return True

    def fail(self, code: str, located: Located, message: str, hint: str = "") -> None:
        self.reporter.report(code, located.span, message, hint=hint)
        self.failed = self.failed or code
