"""Lowers API keys that travel in the base URL or in bodies to what says so elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from . import spec
from .diagnostics import Origin, show
from .spec import Located
from .units import Units

_BODY_EXPECTED: Final = frozenset({"POST", "PUT", "PATCH"})


def place_keys(api: spec.Consumes, units: Units) -> spec.Consumes:
    """The API in which a key in the path stands in the base URL, where there is a place
    for it, and a key in the body is a constant member of every body."""
    auth = api.auth
    if auth is None:
        return api
    kept = []
    for key in auth.keys:
        moved = None
        if key.placement.value == "path":
            moved = _in_base_url(api, key)
        elif key.placement.value == "body" and key.name and key.value is not None:
            bodies = _Bodies(units, key, key.value, auth.origin)
            moved = replace(api, resources=tuple(map(bodies.resource, api.resources)))
        if moved is None:
            kept.append(key)
            continue
        place = show(key.placement.value)
        official = "`baseUri`" if key.placement.value == "path" else "`in: body`"
        units.note(key.placement.span, f"a key placed in {place}", official)
        api = moved
    scheme = auth.scheme if kept or not auth.keys else "none"
    return replace(api, auth=replace(auth, scheme=scheme, keys=tuple(kept)))


def _in_base_url(api: spec.Consumes, key: spec.ApiKey) -> spec.Consumes | None:
    placeholder = re.compile(rf"\{{{{?\s*{re.escape(key.name)}\s*\}}?\}}")
    base = str(api.base_uri.value)
    if not key.name or key.value is None or not placeholder.search(base):
        return None
    filled = str(key.value.value).join(placeholder.split(base))
    return replace(api, base_uri=Located(filled, api.base_uri.span))


class _Bodies(Struct, frozen=True):
    """Puts a key into the body of each operation."""

    units: Units
    key: spec.ApiKey
    value: Located
    origin: Origin

    def resource(self, resource: spec.ConsumedResource) -> spec.ConsumedResource:
        shared = any(map(self._is_member, resource.params))
        return replace(
            resource,
            params=self._without_key(resource.params),
            operations=tuple(
                (
                    self._operation(op, shared)
                    if isinstance(op, spec.ConsumedOperation)
                    else op
                )
                for op in resource.operations
            ),
        )

    def _operation(
        self, operation: spec.ConsumedOperation, shared: bool
    ) -> spec.ConsumedOperation | spec.Unusable:
        name, body = self.key.name, operation.body
        members = [p for p in operation.params if self._is_member(p)]
        params = self._without_key(operation.params)
        if body is not None:
            data = body.data.value if body.data is not None else {}
            if isinstance(data, dict):
                span = body.data.span if body.data is not None else body.type.span
                filled = Located({**data, name: self.value.value}, span)
                return replace(
                    operation, params=params, body=replace(body, data=filled)
                )
        elif (members or shared or operation.method in _BODY_EXPECTED) and not any(
            member.name == "body" for member in members
        ):
            return replace(operation, params=(*params, self._param()))
        self.units.reporter.report(
            "NAF903",
            operation.origin.span,
            f"the key `{name}` is a member of each body, and `{operation.name}` sends"
            " none that has members",
            hint="place the key in a header or in the query, if the API takes it there",
        )
        return spec.Unusable(kind="operation", name=operation.name, code="NAF903")

    def _is_member(self, param: spec.Param) -> bool:
        return param.location is not None and param.location.value == "body"

    def _without_key(self, params: Iterable[spec.Param]) -> tuple[spec.Param, ...]:
        """The parameters but for the key itself."""
        kept = []
        for param in params:
            if not self._is_member(param) or param.name != self.key.name:
                kept.append(param)
                continue
            self.units.reporter.report(
                "NAF411",
                param.origin.span,
                f"{show(param.name)} is sent by the authentication, so it is not an"
                " input",
            )
        return tuple(kept)

    def _param(self) -> spec.Param:
        return spec.Param(
            name=self.key.name,
            location=Located("body", self.key.placement.span),
            type="string",
            items=None,
            required=None,
            description="",
            value=self.value,
            origin=Origin(f"{self.origin.pointer}.value", self.value.span),
        )
