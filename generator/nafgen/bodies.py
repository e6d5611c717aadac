"""Links the body of a consumed operation: whole, by members, or from a template."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, NoReturn

from . import media_types, spec
from .arguments import Arguments, place_of
from .binds import Settings
from .body_texts import is_placeholder, parse_form, parse_json
from .diagnostics import Origin, Span, show
from .ir import (
    Argument,
    ArrayOf,
    Constant,
    Encoding,
    Interpolated,
    Location,
    ObjectOf,
    Setting,
    Template,
    Text,
)
from .media_types import Kind
from .reader import pointer_name
from .spec import Located
from .values import ROOTS, Placeholder, reference, template

_BODY_EXPECTED: Final = frozenset({"POST", "PUT", "PATCH"})
_AS_TEXT: Final = frozenset({Encoding.TEXT, Encoding.XML})
_AS_MEMBERS: Final = frozenset({Encoding.FORM, Encoding.MULTIPART})
_WORDS: Final = {Encoding.JSON: "JSON", Encoding.XML: "XML", Encoding.TEXT: "text"}
_PART: Final = {
    "name": "name",
    "value": "value",
    "filename": "filename",
    "contentType": "content_type",
}


class Body(NamedTuple):
    """A linked body and how it is written."""

    template: Template | None
    kind: Kind


@dataclass(slots=True)
class BodyLinker:
    """Links one body; what it takes from the caller joins the arguments.

    `kind` is how the API takes bodies for which the spec names no encoding.
    """

    operation: spec.ConsumedOperation
    settings: Settings
    arguments: Arguments
    kind: Kind
    placeholder_type: str = "any"

    def link(self, params: list[spec.Param]) -> Body:
        """The body; its template is None where the operation has none.

        Raises:
            RefusedError: it cannot be compiled (reported).
        """
        members = [param for param in params if place_of(param) == "body"]
        block = self.operation.body
        if block is not None:
            return self._block(block, members)
        if [param.name for param in members] == ["body"]:
            return Body(self._whole(members[0]), self.kind)
        if members:
            made = ObjectOf(tuple((p.name, self._member(p)) for p in members))
            as_text = self.kind.encoding in _AS_TEXT
            return Body(made, media_types.JSON if as_text else self.kind)
        if self.operation.method in _BODY_EXPECTED:
            return self._free_form(self.operation.origin.span, self.kind)
        return Body(None, media_types.JSON)

    def _whole(self, param: spec.Param) -> Template:
        if param.value is not None:
            return self._member(param)
        whole = replace(param, type=_whole_type(param.type, self.kind))
        return self.arguments.add(whole, Location.BODY, required=bool(param.required))

    def _member(self, param: spec.Param) -> Template:
        if param.value is not None:
            constant = param.value.value
            return self._filled(constant, param.value.span, {})
        return self.arguments.add(param, Location.BODY, required=bool(param.required))

    def _free_form(self, span: Span, kind: Kind) -> Body:
        word = _WORDS.get(kind.encoding, "form")
        self.arguments.reporter.report(
            "NAF412",
            span,
            f"{self.operation.method} with no body declared takes an optional {word} body",
            hint="declare a parameter with `in: body`, or a `body`",
        )
        param = spec.Param(
            name="body",
            location=None,
            type=_whole_type(None, kind),
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
            return self._free_form(block.type.span, kind)
        located = _with_constants(block.data, members)
        members = [param for param in members if param.value is None]
        data, is_json = located.value, kind.encoding is Encoding.JSON
        if isinstance(data, str) and is_placeholder(data) and not is_json:
            self.placeholder_type = _whole_type(None, kind)
            members = [replace(p, type=_whole_type(p.type, kind)) for p in members]
        known = {p.name: self.arguments.add(p, Location.BODY, False) for p in members}
        return Body(self._data(kind, block, located, known), kind)

    def _kind_of(self, block: spec.Body) -> Kind:
        written = str(block.type.value)
        if written == "raw":
            return self._kind_of_text(str(block.data.value if block.data else ""))
        kind = media_types.of_type(written)
        if kind is None:
            self.arguments.refuse(
                "NAF906",
                block.type.span,
                f"the body type {show(block.type.value)} is not supported yet",
                "json, form, multipart, text, xml, sparql and yaml are",
            )
        # `json` is what is written where nothing better is known.
        is_default = kind is media_types.JSON and self.kind.encoding in _AS_MEMBERS
        return self.kind if is_default else kind

    def _kind_of_text(self, text: str) -> Kind:
        """How a body that is written as one text is meant."""
        if self.kind.encoding is not Encoding.JSON or is_placeholder(text):
            return self.kind
        start = text.lstrip()[:1]
        if start == "<":
            return media_types.XML
        if start in ("{", "["):
            return self.kind
        return media_types.TEXT

    def _data(
        self, kind: Kind, block: spec.Body, data: Located, known: dict[str, Argument]
    ) -> Template:
        value, span = data.value, data.span
        if isinstance(value, str) and is_placeholder(value):
            return self._filled(value.strip(), span, known)
        match kind.encoding:
            case Encoding.JSON if isinstance(value, str):
                value = self._json(value, span)
            case Encoding.FORM:
                value = parse_form(value) if isinstance(value, str) else value
                if not isinstance(value, dict):
                    self._refuse_data(block, "a mapping", span)
            case Encoding.MULTIPART if isinstance(value, list):
                value = [self._part(part, span) for part in value]
            case Encoding.MULTIPART if not isinstance(value, dict):
                self._refuse_data(block, "a mapping, or a list of parts", span)
            case Encoding.TEXT | Encoding.XML:
                if not isinstance(value, str):
                    self._refuse_data(block, "text", span)
                self._check_text(kind, value, span)
        made = self._filled(value, span, known)
        if kind.encoding is Encoding.XML and _has_settings(made):
            self.arguments.refuse(
                "NAF902", span, "a bind in an XML body is not supported yet"
            )
        return made

    def _refuse_data(self, block: spec.Body, wanted: str, span: Span) -> NoReturn:
        self.arguments.refuse(
            "NAF101",
            span,
            f"the data of a body of type {show(block.type.value)} must be {wanted}",
        )

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

    def _check_text(self, kind: Kind, text: str, span: Span) -> None:
        """Refuse placeholders in a text where no value could be made harmless."""
        pieces = template(text)
        if all(isinstance(piece, str) for piece in pieces):
            return
        if kind in media_types.LITERAL:
            self.arguments.refuse(
                "NAF902",
                span,
                f"a value cannot be put into a text of type {kind.media_type}",
                "make the whole text one placeholder",
            )
        before = ""
        for piece in pieces:
            if isinstance(piece, str):
                before += piece
            elif kind.encoding is Encoding.XML and _is_raw_xml(before):
                self.arguments.refuse(
                    "NAF902",
                    span,
                    "a value cannot be put into CDATA, a comment or a tag's name",
                    "put it into an element or a quoted attribute",
                )

    def _part(self, part: Any, span: Span) -> dict[str, Any]:
        """A part of multipart form data, its members named as in the linked model."""
        is_part = isinstance(part, dict) and {"name", "value"} <= part.keys() <= {
            *_PART
        }
        if not is_part:
            self.arguments.refuse(
                "NAF101",
                span,
                "a part must be a mapping of name, value, filename and contentType",
                "name and value are required",
            )
        for key in ("name", "contentType"):
            if "{{" in str(part.get(key, "")):
                self.arguments.refuse(
                    "NAF902", span, f"the {key} of a part cannot hold a placeholder"
                )
        return {_PART[key]: value for key, value in part.items()}

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
        target = reference(piece.name, ROOTS)
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
                    type=self.placeholder_type,
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


def _with_constants(data: Located, members: list[spec.Param]) -> Located:
    """The data with the constants that are declared beside it, where it has members."""
    if not isinstance(data.value, dict):
        return data
    constants = {p.name: p.value.value for p in members if p.value is not None}
    return Located({**constants, **data.value}, data.span)


def _whole_type(written: str | None, kind: Kind) -> str:
    """The type of an argument that is the whole body."""
    if kind.encoding in _AS_MEMBERS:
        return "object"
    return written or ("string" if kind.encoding in _AS_TEXT else "object")


def _is_raw_xml(before: str) -> bool:
    """Whether what follows a piece of XML stands where escapes mean nothing."""
    if before.rfind("<![CDATA[") > before.rfind("]]>"):
        return True
    if before.rfind("<!--") > before.rfind("-->"):
        return True
    tag = before[before.rfind("<") :] if "<" in before else ">"
    inside = ">" not in tag
    return inside and tag.count('"') % 2 == 0 and tag.count("'") % 2 == 0


def _has_settings(made: Template) -> bool:
    return isinstance(made, Text) and any(isinstance(p, Setting) for p in made.parts)
