"""Gives a credential that is written as a parameter the bind that is there for it.

Some published APIs have no `authentication`: each operation has a parameter `token`
instead, and the capability a bind that nothing refers to.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec.structs import replace

from . import spec
from .diagnostics import Reporter, show
from .source import Map
from .spec import Located
from .values import leaves

_TOKENS: Final = frozenset({"token", "accesstoken", "authtoken", "apikey", "apitoken"})
_SECRET: Final = re.compile(r"[A-Z0-9_]*(KEY|TOKEN|SECRET)").fullmatch
_PLACES: Final = frozenset({"header", "query"})


def bind_tokens(
    capability: spec.Capability, document: Map, reporter: Reporter
) -> spec.Capability:
    """The capability in which such parameters are what the bind holds.

    There must be one API alone and one bind, with the name of a secret and no other use:
    else nobody knows who is to get it.
    """
    if len(capability.binds) != 1 or len(capability.consumes) != 1:
        return capability
    bind, entry = capability.binds[0], capability.consumes[0]
    if entry.auth or not _SECRET(bind.name) or _is_used(bind.name, document):
        return capability

    def bound(params: tuple[spec.Param, ...]) -> tuple[spec.Param, ...]:
        return tuple(_bound(param, bind, reporter) for param in params)

    def operation(
        unit: spec.ConsumedOperation | spec.Unusable,
    ) -> spec.ConsumedOperation | spec.Unusable:
        if isinstance(unit, spec.Unusable):
            return unit
        return replace(unit, params=bound(unit.params))

    resources = (
        replace(
            resource,
            params=bound(resource.params),
            operations=tuple(map(operation, resource.operations)),
        )
        for resource in entry.resources
    )
    bound_entry = replace(entry, params=bound(entry.params), resources=tuple(resources))
    return replace(capability, consumes=(bound_entry,))


def _bound(param: spec.Param, bind: spec.Bind, reporter: Reporter) -> spec.Param:
    name = re.sub(r"[^a-z]", "", param.name.lower())
    place = param.location.value if param.location else "query"
    if param.value is not None or name not in _TOKENS or place not in _PLACES:
        return param
    reporter.report(
        "NAF411",
        param.origin.span,
        f"{show(param.name)} is sent from {bind.variable}, so it is not an input",
        hint="write it as `authentication`, or refer to the bind elsewhere",
    )
    value = Located(f"{{{{{bind.name}}}}}", param.origin.span)
    return replace(param, value=value, is_credential=True)


def _is_used(name: str, document: Map) -> bool:
    """Whether any text of the document but the binds themselves has the name."""
    mentions = re.compile(rf"\b{re.escape(name)}\b").search
    capability = document.get("capability")
    inside = capability if isinstance(capability, Map) else {}
    parts = [value for key, value in document.items() if key != "binds"]
    parts += [value for key, value in inside.items() if key != "binds"]
    parts = [part for part in parts if part is not capability]
    return any(mentions(text) for text in leaves(parts) if isinstance(text, str))
