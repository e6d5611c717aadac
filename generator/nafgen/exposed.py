"""Links the exposed side: inputs, and the values that each call gets from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from msgspec.structs import replace

from . import spec
from .arguments import (
    RefusedError,
    is_kept_out,
    is_protocol_header,
    is_required,
    items_of,
    type_of,
)
from .declared import Place, declared
from .diagnostics import show
from .extras import filling, named
from .fitting import fitted, report_bytes, share_body
from .given_values import ValueLinker
from .givens import inputs_of, settled
from .inferred import report_inferred
from .ir import Argument, Given, Input, ObjectOf
from .matching import find
from .patterns import of_its_type, pattern_of, report_unused_pattern
from .spec import Located
from .unfed import report_gathered, report_mixed_body, report_undeclared, report_unfed
from .wire import Location, Type

Values: TypeAlias = tuple[tuple[Argument, Given], ...]
_BARE_BIND: Final = re.compile(r"env\.[A-Z][A-Z0-9_]*").fullmatch


@dataclass(slots=True)
class CallLinker(ValueLinker):
    """Finds the inputs of one route or tool, and what its call gets from them.

    `path_inputs` are those of a route's path.
    """

    params: tuple[spec.Param, ...] = ()
    path_inputs: tuple[Input, ...] = ()

    def link(self) -> tuple[tuple[Input, ...], Values] | str:
        """The inputs and what the arguments get, or the code of the error that costs
        the unit."""
        for path_input in self.path_inputs:
            self.inputs[path_input.name] = path_input
        for param in self.params:
            self.declare(param)
        self.give()
        if self.kind == "mcp":
            report_inferred(self.params, self.inputs, self.reporter)
        self.fit()
        fed = {i.name for value in self.values.values() for i in inputs_of(value)}
        unfed = [each for each in self.inputs.values() if each.name not in fed]
        code = report_unfed(unfed, self.kind, self.operation, self.reporter)
        if self.kind == "rest":
            code = report_mixed_body(self.inputs.values(), self.reporter) or code
        code = report_bytes(self.values.items(), self.reporter) or code
        self.failed = self.failed or code
        if self.failed is not None:
            return self.failed
        return tuple(self.inputs.values()), self.settled()

    def give(self) -> None:
        """Give the arguments what `with` says, and those that it leaves out an input."""
        self.references.read(self.invocation)
        for name, located in self.invocation.arguments:
            self._give(name, located)
        self._gather()
        for argument in self.operation.arguments:
            if argument not in self.values:
                self._cover(argument)

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

    def fit(self) -> None:
        """Fit each input to what it feeds."""
        for argument, given in self.values.items():
            if isinstance(given, Input):
                known = self.inputs[given.name]
                made = fitted(known, argument, self.operation, self.kind)
                self.inputs[given.name] = of_its_type(made, self.reporter)
        if self.kind == "rest":
            share_body(self.inputs)

    def settled(self) -> Values:
        """What the arguments get, in their order, with the inputs as they became."""
        ordered = ((a, self.values.get(a)) for a in self.operation.arguments)
        return tuple((a, settled(g, self.inputs)) for a, g in ordered if g is not None)

    # --- declared inputs ---------------------------------------------------------

    def declare(self, param: spec.Param) -> None:
        place = declared(self.kind, param, self.settings, self.reporter)
        if isinstance(place, str):
            self.failed = self.failed or place
            return
        if isinstance(place, Located):
            self._report_constant(param)
            self.constants[param.name] = place
            return
        try:
            pattern = pattern_of(param, place.location, self.reporter)
        except RefusedError as refused:
            self.failed = self.failed or str(refused)
            return
        if place.location is Location.PATH or self._stands_in_path(param, place):
            self._describe_path(param, pattern)
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
            pattern=pattern,
            type=type_of(
                param.type,
                argument.type if argument and not pattern else Type.STRING,
            ),
            items=items_of(param, argument),
            required=is_required(param, argument),
            description=param.description or (argument.description if argument else ""),
            origin=param.origin,
        )
        if argument is not None:
            self.unless_hidden(argument, self.inputs[param.name])

    def _stands_in_path(self, param: spec.Param, place: Place) -> bool:
        """Whether an input that is declared elsewhere is a variable of the path."""
        if not any(each.name == param.name for each in self.path_inputs):
            return False
        self.reporter.report(
            "NAF409",
            param.origin.span,
            f"`{param.name}` stands in the path, so it is not taken from the"
            f" {place.location}",
            hint="correct its `in`, or give it another name",
        )
        return True

    def _report_constant(self, param: spec.Param) -> None:
        if param.pattern is not None:
            span = param.pattern.span
            report_unused_pattern(param.name, span, "a constant", self.reporter)

    def _is_setting(self, name: str) -> bool:
        """Whether nobody is asked for it, because the client has it."""
        return find(name, self.operation.from_settings, str) is not None

    def _describe_path(self, param: spec.Param, pattern: str) -> None:
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
            pattern=pattern,
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
            self._set(argument, self.value(argument, located))

    def _set(self, argument: Argument, value: Given | None) -> None:
        if value is not None:
            self.values[argument] = value

    def _cover(self, argument: Argument) -> None:
        """Give an argument that `with` leaves out the input of its name, or a new one."""
        if argument.name in self.constants:
            self._set(argument, self.constant(argument, argument.name))
        elif not is_kept_out(self.kind, argument.location, argument.name):
            known = self.references.namesake(argument)
            if known is not None and self._is_taken(known, argument):
                if known.name == argument.name and not argument.required:
                    return
                known = known if known.name == argument.name else None
            if known is None and self._joins(argument):
                given = self.infer(argument.name, argument)
                known = self.unless_hidden(argument, given)
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
        if self.steps is not None:
            return False
        if argument.location is Location.BODY:
            return not (argument is self.operation.body and self._has_members())
        return not self.invocation.has_arguments and not self.params

    def _has_members(self) -> bool:
        """Whether a route reads its body in members, and so has none to pass on."""
        members = (i for i in self.inputs.values() if i.location is Location.BODY)
        return self.kind == "rest" and any(not each.whole for each in members)
