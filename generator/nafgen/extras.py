"""Finds a place for values that calls give and consumed operations do not declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from . import spec
from .arguments import Arguments, place_of, undeclared
from .bodies import Body
from .diagnostics import Origin, show
from .ir import Argument, Field, ObjectOf, Template
from .matching import find
from .media_types import Kind, whole_type
from .program import Callee
from .reader import pointer_name
from .spec import Located
from .wire import Encoding, Location

_OF_MEMBERS: Final = frozenset({Encoding.JSON, Encoding.FORM})


def join_extras(
    operation: spec.ConsumedOperation,
    given: Mapping[str, Located],
    body: Body,
    arguments: Arguments,
) -> tuple[Template | None, tuple[Field, ...]]:
    """The body and the query fields, with all that is given and has no parameter yet.

    It becomes a member of a body that has members, or that the spec does not describe;
    else it is sent in the query. A `body` replaces one that is described, and leaves no
    place for its members. What has the name of a member is for that one, if an argument
    can fill it. An input that is given by its name alone has its `spec.Param` for a value;
    a DELETE has no place for it, as it may be what tells one thing from all.
    """
    template = body.template
    fields = []
    described: set[str] = set()
    if "body" in given and _is_described(template, arguments):
        described = {a.name for a in arguments.all if a.location is Location.BODY}
        described |= set(_members(template))
        template = _whole(operation, given["body"], body.kind, arguments)
    for name, located in given.items():
        if not name or named(name, arguments.all):
            continue
        if name in described or name in _members(template):
            continue
        if isinstance(located.value, spec.Param) and operation.method == "DELETE":
            continue
        pointer = f"{operation.origin.pointer}.with[{pointer_name(name)}]"
        param = undeclared(name, Origin(pointer, located.span), required=False)
        if not fits(param.type, located.value):
            param = replace(param, type="any")
        if isinstance(located.value, spec.Param):
            param = replace(param, type=located.value.type or "string")
        if (
            "body" not in given
            and _is_free_form(operation, template)
            and body.kind.encoding in _OF_MEMBERS
        ):
            _drop_body(arguments)
            template = ObjectOf(())
        if isinstance(template, ObjectOf) and body.kind.encoding in _OF_MEMBERS:
            where = "as a member of the body"
            member = _add(replace(param, type="any"), arguments)
            template = ObjectOf((*template.members, (name, member)))
        elif _is_member(located.value, template):
            continue  # its call makes the body of it
        else:
            where = "in the query"
            value = arguments.add(param, Location.QUERY, required=False)
            fields.append(Field(name=name, value=value))
        arguments.reporter.report(
            "NAF404",
            located.span,
            f"`{operation.name}` declares no parameter {show(name)};"
            f" the value is sent {where}",
            hint="declare it in the consumed operation's inputParameters",
        )
    return template, tuple(fields)


def _is_member(given: object, template: Template | None) -> bool:
    """Whether what is given is an input that can only be a member of a body."""
    if not isinstance(given, spec.Param):
        return False
    anywhere = given.location is None and isinstance(template, Argument)
    return anywhere or place_of(given) == "body"


def _members(template: Template | None) -> dict[str, Template]:
    return dict(template.members) if isinstance(template, ObjectOf) else {}


def _is_described(template: Template | None, arguments: Arguments) -> bool:
    """Whether the spec says what a body is made of."""
    named = (a.location is Location.BODY and a.name == "body" for a in arguments.all)
    return template is not None and not any(named)


def _whole(
    operation: spec.ConsumedOperation, given: Located, kind: Kind, arguments: Arguments
) -> Argument:
    """The argument that takes the place of a body that is described."""
    _drop_body(arguments)
    origin = Origin(f"{operation.origin.pointer}.with[body]", given.span)
    param = undeclared("body", origin, required=False)
    return _add(replace(param, type=whole_type("object", kind)), arguments)


def filling(name: str, operation: Callee) -> tuple[Argument, ...]:
    """The arguments that a call names: by their own name, or by the member they fill."""
    arguments = named(name, operation.arguments)
    member = _members(operation.body).get(name)
    if not arguments and isinstance(member, Argument):
        return (member,)
    return arguments


def named(name: str, arguments: tuple[Argument, ...]) -> tuple[Argument, ...]:
    """The arguments of a name; those in several places can have the same one."""
    found = find(name, [*dict.fromkeys(a.name for a in arguments)], str)
    return tuple(argument for argument in arguments if argument.name == found)


def fits(type_: str | None, given: object) -> bool:
    """Whether what `with` gives can be of a parameter's type; a reference always can."""
    if isinstance(given, bool):
        return type_ in ("boolean", "any")
    if isinstance(given, int):
        return type_ in ("integer", "number", "any")
    if isinstance(given, float):
        return type_ in ("number", "any")
    if isinstance(given, str) and type_ not in (None, "string", "any"):
        return "." in given or "{{" in given
    return True


def _is_free_form(operation: spec.ConsumedOperation, template: Template | None) -> bool:
    """Whether a body is there only because the spec does not say that there is none."""
    pointer = f"{operation.origin.pointer}.body"
    return isinstance(template, Argument) and template.origin.pointer == pointer


def _drop_body(arguments: Arguments) -> None:
    arguments.found[:] = [a for a in arguments.found if a.location is not Location.BODY]


def _add(param: spec.Param, arguments: Arguments) -> Argument:
    return arguments.add(param, Location.BODY, required=False)
