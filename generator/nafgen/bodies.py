"""Links the body of a consumed operation: whole, by members, or from a template."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

from . import spec
from .arguments import Arguments, place_of
from .binds import Settings
from .diagnostics import Origin, Span, show
from .ir import (
    Argument,
    ArrayOf,
    Constant,
    Interpolated,
    Location,
    ObjectOf,
    Setting,
    Template,
    Text,
)
from .reader import pointer_name
from .values import Placeholder, reference, template

_BODY_EXPECTED: Final = frozenset({"POST", "PUT", "PATCH"})
_ROOTS: Final = frozenset({"tools", "rest"})


@dataclass(slots=True)
class BodyLinker:
    """Links one body; what it takes from the caller joins the arguments."""

    operation: spec.ConsumedOperation
    settings: Settings
    arguments: Arguments

    def link(self, params: list[spec.Param]) -> Template | None:
        """The body; None where the operation has none.

        Raises:
            RefusedError: it cannot be compiled (reported).
        """
        members = [param for param in params if place_of(param) == "body"]
        block = self.operation.body
        if block is not None:
            return self._block(block, members)
        if [param.name for param in members] == ["body"]:
            param = members[0]
            if param.value is not None:
                return self._member(param)
            whole = replace(param, type=param.type or "object")
            return self.arguments.add(
                whole, Location.BODY, required=bool(param.required)
            )
        if members:
            return ObjectOf(tuple((p.name, self._member(p)) for p in members))
        if self.operation.method in _BODY_EXPECTED:
            return self._free_form(self.operation.origin.span)
        return None

    def _member(self, param: spec.Param) -> Template:
        if param.value is not None:
            constant = param.value.value
            return self._filled(constant, param.value.span, {})
        return self.arguments.add(param, Location.BODY, required=bool(param.required))

    def _free_form(self, span: Span) -> Argument:
        self.arguments.reporter.report(
            "NAF412",
            span,
            f"{self.operation.method} with no body declared takes an optional JSON body",
            hint="declare a parameter with `in: body`, or a `body`",
        )
        origin = Origin(f"{self.operation.origin.pointer}.body", span)
        param = spec.Param(
            name="body",
            location=None,
            type="object",
            items=None,
            required=False,
            description="Request body (JSON).",
            value=None,
            origin=origin,
        )
        return self.arguments.add(param, Location.BODY, required=False)

    def _block(self, block: spec.Body, members: list[spec.Param]) -> Template:
        if block.type.value != "json":
            self.arguments.refuse(
                "NAF906",
                block.type.span,
                f"the body type {show(block.type.value)} is not supported yet",
                "json is",
            )
        if block.data is None or block.data.value in ({}, ""):
            return self._free_form(block.type.span)
        known = {p.name: self.arguments.add(p, Location.BODY, False) for p in members}
        return self._filled(block.data.value, block.data.span, known)

    def _filled(self, data: Any, span: Span, known: dict[str, Argument]) -> Template:
        """A body template; a placeholder that nobody declares becomes an argument."""
        if isinstance(data, dict):
            return ObjectOf(
                tuple((k, self._filled(v, span, known)) for k, v in data.items())
            )
        if isinstance(data, list):
            return ArrayOf(tuple(self._filled(item, span, known) for item in data))
        if isinstance(data, float) and not math.isfinite(data):
            self.arguments.refuse("NAF101", span, f"JSON has no number {data}")
        if not isinstance(data, str):
            return Constant(data)
        pieces = [
            piece if isinstance(piece, str) else self._placeholder(piece, span, known)
            for piece in template(data)
        ]
        if len(pieces) == 1 and isinstance(pieces[0], Argument):
            return pieces[0]
        texts = [piece for piece in pieces if not isinstance(piece, Argument)]
        if len(texts) == len(pieces):
            return Text(parts=tuple(texts))
        if any(isinstance(piece, Setting) for piece in texts):
            self.arguments.refuse(
                "NAF902",
                span,
                "one text cannot mix binds and inputs so far",
                "give the bind a member of its own, or make the whole text a bind",
            )
        parts = [piece for piece in pieces if not isinstance(piece, Setting)]
        return Interpolated(tuple(parts))

    def _placeholder(
        self, piece: Placeholder, span: Span, known: dict[str, Argument]
    ) -> Argument | Setting:
        target = reference(piece.name, _ROOTS)
        if target is None:
            setting = self.settings.of(piece.name, span)
            if setting is not None:
                return setting
        name = target.name if target else piece.name
        if name not in known:
            pointer = f"{self.operation.origin.pointer}.body[{pointer_name(name)}]"
            origin = Origin(pointer, span)
            known[name] = self.arguments.add(
                spec.Param(
                    name=name,
                    location=None,
                    type="any",
                    items=None,
                    required=False,
                    description="",
                    value=None,
                    origin=origin,
                ),
                Location.BODY,
                required=False,
            )
        return known[name]
