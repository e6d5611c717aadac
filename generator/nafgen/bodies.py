"""Links the body of a consumed operation: whole, by members, or from a template."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple, NoReturn

from msgspec import Struct, field
from msgspec.structs import replace

from . import media_types, spec
from .arguments import Arguments, place_of
from .binds import Settings
from .body_members import as_objects, names_of, variable_of, with_constants
from .body_places import PlaceError, places
from .body_texts import is_placeholder, kind_of, parse_form, parse_json
from .diagnostics import Origin, Span, show
from .ir import (
    Argument,
    ArrayOf,
    Constant,
    Member,
    ObjectOf,
    Placed,
    Setting,
    Template,
    Value,
)
from .media_types import AS_MEMBERS, AS_TEXT, Kind, whole_type
from .parameter_values import NAME, in_xml, joined_value
from .parts import check_files, file_names, read_parts
from .reader import pointer_name
from .spec import Located
from .values import ROOTS, Placeholder, reference, template
from .wire import Encoding, Location, Place, Type

BODY_EXPECTED: Final = frozenset({"POST", "PUT", "PATCH"})
_WORDS: Final = {Encoding.JSON: "JSON", Encoding.XML: "XML", Encoding.MULTIPART: "form"}
_HINTS: Final = {
    "text": "write it as one text, with `|` behind `data:`",
    "a mapping": "write `NAME: VALUE` for each; where a rule or a Content-Type asks for a"
    " form, they can say otherwise",
    "a mapping, or a list of parts": "write each part as `- {name: NAME, value: VALUE}`",
}
_OBJECTS: Final = frozenset({Type.OBJECT, Type.ANY})


class Body(NamedTuple):
    """A linked body and how it is written."""

    template: Template | None
    kind: Kind


class BodyLinker(Struct):
    """Links one body; what it takes from the caller joins the arguments.

    `kind` is how the API takes bodies for which the spec names no encoding; `constant`
    gives what a name means that another parameter declares with a value.
    """

    operation: spec.ConsumedOperation
    settings: Settings
    arguments: Arguments
    kind: Kind
    constant: Callable[[str], Value | None]
    placeholder_type: str = "any"
    is_xml: bool = False
    files: frozenset[str] = frozenset()
    used: set[str] = field(default_factory=set)
    objects: dict[str, Argument] = field(default_factory=dict)

    def link(self, params: list[spec.Param]) -> Body:
        """The body; its template is None where the operation has none.

        Raises:
            RefusedError: it cannot be compiled (reported).
        """
        body, block = self._linked(params), self.operation.body
        is_binary = body.kind.encoding is Encoding.BINARY
        if is_binary and not isinstance(body.template, Argument):
            written = block and (block.data or block.type)
            self.arguments.refuse(
                "NAF902",
                written.span if written else self.operation.origin.span,
                "a binary body can only be one input as a whole",
                "write `data: '{{tools.file}}'`, or declare one parameter `in: body`",
            )
        return body

    def _linked(self, params: list[spec.Param]) -> Body:
        members = [param for param in params if place_of(param) == "body"]
        block = self.operation.body
        if block is not None:
            return self._block(block, members)
        if members:
            return self._declared(members, self.kind)
        if self.operation.method in BODY_EXPECTED:
            return self._free_form(self.operation.origin.span, self.kind)
        return Body(None, media_types.JSON)

    def _declared(self, members: list[spec.Param], kind: Kind) -> Body:
        """A body of parameters alone."""
        is_binary = kind.encoding is Encoding.BINARY
        if [p.name for p in members] == ["body"] or (is_binary and len(members) == 1):
            return Body(self._whole(members[0], kind), kind)
        made = ObjectOf(tuple((p.name, self._member(p)) for p in members))
        return Body(made, media_types.JSON if kind.encoding in AS_TEXT else kind)

    def _whole(self, param: spec.Param, kind: Kind) -> Template:
        if param.value is not None:
            return self._member(param)
        whole = replace(param, type=whole_type(param.type, kind))
        return self.arguments.add(whole, Location.BODY, required=bool(param.required))

    def _member(self, param: spec.Param) -> Template:
        if param.value is not None:
            constant = param.value.value
            return self._filled(constant, param.value.span, {})
        return self._argument(param)

    def _argument(self, param: spec.Param) -> Argument:
        return self.arguments.add(param, Location.BODY, required=bool(param.required))

    def _free_form(self, span: Span, kind: Kind) -> Body:
        word = _WORDS.get(kind.encoding, str(kind.encoding))
        self.arguments.reporter.report(
            "NAF412",
            span,
            f"{self.operation.method} with no body declared takes an optional {word} body",
            hint="declare a parameter with `in: body`, or a `body`",
        )
        param = spec.Param(
            name="body",
            location=None,
            type=whole_type(None, kind),
            items=None,
            required=False,
            description=f"Request body ({word}).",
            value=None,
            origin=Origin(f"{self.operation.origin.pointer}.body", span),
        )
        return Body(self.arguments.add(param, Location.BODY, required=False), kind)

    # --- body blocks -------------------------------------------------------------

    def _block(self, block: spec.Body, members: list[spec.Param]) -> Body:
        kind = self._kind_of(block)
        if block.data is None or block.data.value in ({}, [], ""):
            if members:
                return self._declared(members, kind)
            return self._free_form(block.type.span, kind)
        located = with_constants(block.data, members)
        members = [param for param in members if param.value is None]
        data, is_json = located.value, kind.encoding is Encoding.JSON
        members = as_objects(members, data)
        if isinstance(data, str) and is_placeholder(data) and not is_json:
            self.placeholder_type = whole_type(None, kind)
            members = [replace(p, type=whole_type(p.type, kind)) for p in members]
        if kind.encoding is Encoding.MULTIPART:
            self.files = file_names(data)
        members = [self._by_variable(param, data, members) for param in members]
        members = [
            replace(p, type=Type.BYTES) if p.name in self.files else p for p in members
        ]
        known = {param.name: self._argument(param) for param in members}
        self.objects = {
            name: argument
            for name, argument in known.items()
            if argument.type in _OBJECTS
        }
        made = self._data(kind, block, located, known)
        for param in members:
            if param.name not in self.used:
                made = self._joined(param, known[param.name], made)
        return Body(made, kind)

    def _by_variable(
        self, param: spec.Param, data: Any, declared: list[spec.Param]
    ) -> spec.Param:
        """A parameter by the name of the variable that stands for it in the data."""
        written = variable_of(param, data)
        target = reference(written, ROOTS) if written else None
        if not written or not (target or self.settings.variable(written) is None):
            return param
        name = target.name if target else written
        return param if names_of(declared, name) else replace(param, name=name)

    def _joined(self, param: spec.Param, made: Template, body: Template) -> Template:
        """A body with a declared parameter that its data does not mention."""
        if isinstance(body, ObjectOf) and param.name not in dict(body.members):
            return ObjectOf((*body.members, (param.name, made)))
        self.arguments.found[:] = [a for a in self.arguments.found if a is not made]
        self.arguments.reporter.report(
            "NAF404",
            param.origin.span,
            f"the body has no place for {show(param.name)}, so it is not an input",
            hint=f"put `{{{{tools.{param.name}}}}}` into its data",
        )
        return body

    def _kind_of(self, block: spec.Body) -> Kind:
        written = str(block.type.value)
        if written == "raw":
            return kind_of(str(block.data.value if block.data else ""), self.kind)
        kind = media_types.of_type(written)
        if kind is None:
            self.arguments.refuse(
                "NAF906",
                block.type.span,
                f"the body type {show(block.type.value)} is not supported yet",
                "json, form, multipart, text, xml, sparql, yaml and binary are",
            )
        # `json` is what is written where nothing better is known.
        is_default = kind is media_types.JSON and self.kind.encoding in AS_MEMBERS
        return self.kind if is_default else kind

    def _data(
        self, kind: Kind, block: spec.Body, data: Located, known: dict[str, Argument]
    ) -> Template:
        value, span = data.value, data.span
        if isinstance(value, str) and is_placeholder(value):
            made = self._filled(value.strip(), span, known)
            if isinstance(made, Member) and kind.encoding in AS_MEMBERS:
                self._refuse_data(block, "a mapping", span)
            return made
        match kind.encoding:
            case Encoding.JSON if isinstance(value, str):
                value = self._json(value, span)
            case Encoding.FORM:
                if isinstance(value, str):
                    value = self._form(value, span)
                if not isinstance(value, dict):
                    self._refuse_data(block, "a mapping", span)
            case Encoding.MULTIPART if isinstance(value, list):
                value = read_parts(value, span, self.arguments)
                made = self._filled(value, span, known)
                check_files(made, span, self.arguments)
                return made
            case Encoding.MULTIPART if not isinstance(value, dict):
                self._refuse_data(block, "a mapping, or a list of parts", span)
            case Encoding.TEXT | Encoding.XML:
                if not isinstance(value, str):
                    self._refuse_data(block, "text", span)
                return self._text(kind, value, span, known)
        return self._filled(value, span, known)

    def _refuse_data(self, block: spec.Body, wanted: str, span: Span) -> NoReturn:
        self.arguments.refuse(
            "NAF101",
            span,
            f"the data of a body of type {show(block.type.value)} must be {wanted}",
            _HINTS.get(wanted, ""),
        )

    def _form(self, text: str, span: Span) -> Any:
        """The members of a form, which may be written as JSON where a rule wants forms."""
        start = text.lstrip()[:2]
        if start[:1] in ("{", "[") and start != "{{":
            return self._json(text, span)
        return parse_form(text) if "=" in text else text

    def _json(self, text: str, span: Span) -> Any:
        try:
            return parse_json(text)
        except (ValueError, RecursionError):
            self.arguments.refuse(
                "NAF101",
                span,
                "the body is not JSON, whatever its placeholders stand for",
                "write it as a mapping, or use `type: text`",
            )

    def _text(
        self, kind: Kind, text: str, span: Span, known: dict[str, Argument]
    ) -> Template:
        """A text in which each value is written as its place wants it."""
        self.is_xml = kind.encoding is Encoding.XML
        try:
            found = places(kind, text)
        except PlaceError as error:
            self.arguments.refuse("NAF902", span, str(error), error.hint)
        where = iter(found)
        return joined_value(
            (
                piece
                if isinstance(piece, str)
                else self._placed(piece, next(where), span, known)
            )
            for piece in template(text)
        )

    def _placed(
        self,
        piece: Placeholder,
        place: Place | None,
        span: Span,
        known: dict[str, Argument],
    ) -> Value | Setting | Placed:
        """What a placeholder in a text stands for, as its place wants it."""
        value = self._placeholder(piece, span, known)
        if place is None:
            return value
        if isinstance(value, Argument | Member):
            return Placed(value, place)
        if place is not Place.XML:
            self.arguments.refuse(
                "NAF902",
                span,
                f"{show('{{' + piece.name + '}}')} is no input, and only inputs can be"
                f" {place}",
                "let the call give it",
            )
        return value

    def _filled(self, data: Any, span: Span, known: dict[str, Argument]) -> Template:
        """A body template; a placeholder that nobody declares becomes an argument."""
        if isinstance(data, dict):
            for key in data:
                if any(isinstance(piece, Placeholder) for piece in template(key)):
                    self.arguments.refuse(
                        "NAF902",
                        span,
                        f"the name {show(key)} in a body cannot hold a placeholder",
                        "write the name itself, or take the whole body as one input",
                    )
            return ObjectOf(
                tuple((k, self._filled(v, span, known)) for k, v in data.items())
            )
        if isinstance(data, list):
            return ArrayOf(tuple(self._filled(item, span, known) for item in data))
        if isinstance(data, float) and not math.isfinite(data):
            self.arguments.refuse("NAF101", span, f"JSON has no number {data}")
        if not isinstance(data, str):
            return Constant(data)
        return joined_value(
            piece if isinstance(piece, str) else self._placeholder(piece, span, known)
            for piece in template(data)
        )

    def _placeholder(
        self, piece: Placeholder, span: Span, known: dict[str, Argument]
    ) -> Value | Setting:
        target = reference(piece.name, ROOTS)
        name = (target.name if target else piece.name).strip()
        if target is None:
            setting = self.settings.declared(piece.name)
            constant = self.constant(name) if name not in known else None
            if setting is None and constant is not None:
                return in_xml(constant) if self.is_xml else constant
            undeclared = self.settings.of(piece.name, span)
            if undeclared is not None:
                return undeclared
        first, *path = name.split(".")
        if name not in known and first in self.objects and all(path):
            self.used.add(first)
            return Member(self.objects[first], tuple(path))
        self.used.add(name)
        if name not in known:
            if not NAME(name):
                self.arguments.refuse(
                    "NAF902",
                    span,
                    f"{show('{{' + piece.name + '}}')} is not the name of an input",
                    "write `{{tools.NAME}}`; there are no filters, sections or functions",
                )
            pointer = f"{self.operation.origin.pointer}.body[{pointer_name(name)}]"
            origin = Origin(pointer, span)
            known[name] = self.arguments.add(
                spec.Param(
                    name=name,
                    location=None,
                    type=Type.BYTES if name in self.files else self.placeholder_type,
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
