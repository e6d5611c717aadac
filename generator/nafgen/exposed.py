"""Links the exposed side: inputs, and the values that each call gets from them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from . import spec
from .arguments import (
    is_kept_out,
    is_protocol_header,
    is_required,
    items_of,
    literal,
    sendable,
    type_of,
)
from .binds import Settings
from .declared import declared
from .diagnostics import Origin, Reporter, show
from .extras import filling, named
from .fitting import fitted, report_bytes
from .givens import Given, inputs_of, settled
from .inferred import WITHOUT_BODY, inferred, place_of_input, report_inferred
from .ir import Argument, ArrayOf, Call, Constant, Input, ObjectOf, Operation, Text
from .matching import find
from .reader import pointer_name
from .references import References
from .spec import Located
from .unfed import report_gathered, report_mixed_body, report_undeclared, report_unfed
from .values import Reference, climbs, is_constant, template
from .wire import Location, Type

_BARE_BIND: Final = re.compile(r"env\.[A-Z][A-Z0-9_]*").fullmatch


@dataclass(slots=True)
class CallLinker:
    """Finds the inputs of one route or tool, and what its call gets from them.

    `kind` is rest or mcp; `path_inputs` are those of a route's path.
    """

    kind: str
    namespace: str
    operation: Operation
    invocation: spec.Invocation
    params: tuple[spec.Param, ...]
    path_inputs: tuple[Input, ...]
    method: str
    settings: Settings
    reporter: Reporter
    inputs: dict[str, Input] = field(default_factory=dict)
    constants: dict[str, Located] = field(default_factory=dict)
    values: dict[Argument, Given] = field(default_factory=dict)
    references: References = field(init=False)
    failed: str | None = None

    def link(self) -> tuple[tuple[Input, ...], Call] | str:
        """The inputs and the call, or the code of the error that costs the unit."""
        self.references = References(
            self.kind, self.namespace, self.operation, self.inputs, self.constants
        )
        for path_input in self.path_inputs:
            self.inputs[path_input.name] = path_input
        for param in self.params:
            self._declare(param)
        self.references.read(self.invocation)
        for name, located in self.invocation.arguments:
            self._give(name, located)
        self._gather()
        for argument in self.operation.arguments:
            if argument not in self.values:
                self._cover(argument)
        if self.kind == "mcp":
            report_inferred(self.params, self.inputs, self.reporter)
        self._fit()
        fed = {i.name for value in self.values.values() for i in inputs_of(value)}
        unfed = [each for each in self.inputs.values() if each.name not in fed]
        code = report_unfed(unfed, self.kind, self.operation, self.reporter)
        if self.kind == "rest":
            code = report_mixed_body(self.inputs.values(), self.reporter) or code
        code = report_bytes(self.values, self.reporter) or code
        self.failed = self.failed or code
        if self.failed is not None:
            return self.failed
        inputs = tuple(self.inputs.values())
        ordered = ((a, self.values.get(a)) for a in self.operation.arguments)
        values = tuple((a, value) for a, value in ordered if value is not None)
        return inputs, Call(operation=self.operation, values=values)

    def _gather(self) -> None:
        """Make a body that is taken as a whole of the inputs that can be its members."""
        body = self.operation.body
        if not isinstance(body, Argument) or body in self.values:
            return
        used = {i.name for value in self.values.values() for i in inputs_of(value)}
        members = [
            each
            for each in self.inputs.values()
            if self._is_member(each) and each.name not in used
        ]
        if members and body.type in (Type.OBJECT, Type.ANY):
            self.values[body] = ObjectOf(tuple((each.name, each) for each in members))
            report_gathered(members, self.operation, self.reporter)

    def _is_member(self, given: Input) -> bool:
        """Whether an input has no other place than a body that is taken as a whole."""
        if given.location is not Location.BODY or given.name == "body":
            return False
        implied = self.kind == "rest" or not self.invocation.has_arguments
        return implied and not named(given.name, self.operation.arguments)

    def _fit(self) -> None:
        """Fit each input to what it feeds."""
        for argument, given in self.values.items():
            if isinstance(given, Input):
                known = self.inputs[given.name]
                self.inputs[given.name] = fitted(known, argument, self.kind)
        self.values = {a: settled(g, self.inputs) for a, g in self.values.items()}

    def _fail(self, code: str, located: Located, message: str, hint: str = "") -> None:
        self.reporter.report(code, located.span, message, hint=hint)
        self.failed = self.failed or code

    # --- declared inputs ---------------------------------------------------------

    def _declare(self, param: spec.Param) -> None:
        place = declared(self.kind, param, self.settings, self.reporter)
        if isinstance(place, str):
            self.failed = self.failed or place
            return
        if isinstance(place, Located):
            self.constants[param.name] = place
            return
        if place.location is Location.PATH:
            self._describe_path(param)
            return
        argument = self.references.fed(param.name, self.invocation)
        if argument is None and self._is_setting(param.name):
            message = (
                f"{show(param.name)} is a setting of the API, so it is not an input"
            )
            self.reporter.report("NAF411", param.origin.span, message)
            return
        self.inputs[param.name] = Input(
            name=param.name,
            location=place.location,
            whole=place.whole,
            path=place.path,
            type=type_of(param.type, argument.type if argument else Type.STRING),
            items=items_of(param, argument),
            required=is_required(param, argument),
            description=param.description or (argument.description if argument else ""),
            origin=param.origin,
        )
        if argument is not None:
            self._unless_hidden(argument, self.inputs[param.name])

    def _is_setting(self, name: str) -> bool:
        """Whether nobody is asked for it, because the client has it."""
        return find(name, self.operation.from_settings, str) is not None

    def _describe_path(self, param: spec.Param) -> None:
        place = find(param.name, self.path_inputs, lambda i: i.name)
        if place is None:
            self.reporter.report(
                "NAF401",
                param.origin.span,
                f"the path has no place for `{param.name}`, so it is not an input",
                hint="put it into the path, or correct its `in`",
            )
            return
        self.inputs[place.name] = replace(
            place,
            type=type_of(param.type, place.type),
            description=param.description or place.description,
        )

    # --- with --------------------------------------------------------------------

    def _give(self, name: str, located: Located) -> None:
        arguments = filling(name, self.operation)
        if not arguments and not self._is_setting(name):
            code = report_undeclared(name, located, self.operation, self.reporter)
            self.failed = self.failed or code
        for argument in arguments:
            self._give_to(argument, name, located)

    def _give_to(self, argument: Argument, name: str, located: Located) -> None:
        if argument in self.values or (
            argument.name != name and argument.name in dict(self.invocation.arguments)
        ):
            self.reporter.report(
                "NAF404",
                located.span,
                f"{show(name)} is another name of `{argument.name}`, which `with` gives"
                " as well, so this value is not sent",
                hint="remove one of the two",
            )
        else:
            self._set(argument, self._value(argument, located))

    def _set(self, argument: Argument, value: Given | None) -> None:
        if value is not None:
            self.values[argument] = value

    def _value(self, argument: Argument, located: Located) -> Given | None:
        written = located.value
        if argument.type is Type.BYTES and self.references.target(written) is None:
            message = f"`{argument.name}` is bytes, which a spec cannot write"
            self._fail("NAF902", located, message, "refer to an input")
            return None
        if is_constant(written):
            return Constant(written)
        if isinstance(written, dict | list):
            return self._structure(written, argument, located)
        if not isinstance(written, str):
            self._fail(
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
        target = self.references.target(written)
        if target is not None:
            return self._referred(argument, target, located)
        pieces = template(written)
        is_plain = all(isinstance(piece, str) for piece in pieces)
        text = Text(parts=(written,)) if is_plain else self._text(located)
        if argument.location is Location.PATH and (not written or climbs(written)):
            self._fail("NAF101", located, f"{show(written)} is no part of a path")
        elif argument.location is Location.HEADER and text and not sendable(text):
            self._fail("NAF101", located, "a header cannot hold this value")
        return Constant(written) if is_plain else text

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
            self._fail("NAF101", located, f"JSON has no number {written}")
            return None
        if not isinstance(written, str):
            return literal(written)
        if "{{" in written and self.references.target(written) is None:
            self._fail(
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
        return self._value(part, Located(written, located.span))

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
            return self._constant(argument, name)
        known = self.references.meant(name, argument)
        given = known or self._infer(name, argument, located, target.in_body)
        return self._unless_hidden(argument, given)

    def _constant(self, argument: Argument, name: str) -> Given | None:
        """The value of a constant input; inside it, its name means something else."""
        located = self.constants.pop(name)
        value = self._value(argument, located)
        self.constants[name] = located
        return value

    # --- inferred inputs -----------------------------------------------------------

    def _infer(
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

    def _cover(self, argument: Argument) -> None:
        """Give an argument that `with` leaves out the input of its name, or a new one."""
        if argument.name in self.constants:
            self._set(argument, self._constant(argument, argument.name))
        elif not is_kept_out(self.kind, argument.location, argument.name):
            known = self.references.namesake(argument)
            if known is not None and self._is_taken(known, argument):
                if known.name == argument.name and not argument.required:
                    return
                known = known if known.name == argument.name else None
            if known is None and self._joins(argument):
                given = self._infer(argument.name, argument)
                known = self._unless_hidden(argument, given)
            self._set(argument, known)

    def _is_taken(self, known: Input, argument: Argument) -> bool:
        """Whether an input feeds what has another name already."""
        return any(
            value is known and each.name != argument.name
            for each, value in self.values.items()
        )

    def _joins(self, argument: Argument) -> bool:
        if is_protocol_header(argument.location, argument.name):
            return False
        if argument.required or argument.location is Location.PATH:
            return True
        if argument.location is Location.BODY:
            return not (argument is self.operation.body and self._has_members())
        return not self.invocation.has_arguments and not self.params

    def _has_members(self) -> bool:
        """Whether a route reads its body in members, and so has none to pass on."""
        members = (i for i in self.inputs.values() if i.location is Location.BODY)
        return self.kind == "rest" and any(not each.whole for each in members)

    def _unless_hidden(self, argument: Argument, given: Input) -> Input | None:
        """The input, which is removed where nobody is asked for the argument."""
        if not self._hides(argument, given):
            return given
        used = (i.name for value in self.values.values() for i in inputs_of(value))
        if given.name not in used and given.location is not Location.PATH:
            del self.inputs[given.name]
        return None

    def _hides(self, argument: Argument, given: Input) -> bool:
        """Whether nobody is asked for an argument (reported)."""
        name, method = self.operation.name, self.method
        is_needed = argument.required or given.required
        is_body = argument is self.operation.body and given.location is Location.BODY
        if is_kept_out(self.kind, argument.location, argument.name):
            code = "NAF411"
            message = f"the header `{argument.name}` is kept out of the inputs"
        elif is_body and method in WITHOUT_BODY and not is_needed:
            code = "NAF419"
            message = (
                f"`{name}` does not need its body, and a {method} route takes none"
            )
        else:
            return False
        self.reporter.report(code, argument.origin.span, message)
        return True
