"""Lowers the consumed side of a capability."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from . import spec
from .binary_answers import lower_size, lower_type
from .diagnostics import show
from .keywords import BODY, CONSUMED_OPERATION, CONSUMED_RESOURCE, CONSUMES
from .lower_authentication import lower_auth
from .media_types import TEXT, of_type
from .placed_keys import place_keys
from .reader import Reader
from .spec import Located
from .units import Units
from .wire import Encoding


class ConsumedSide(Struct, frozen=True):
    """Lowers entries of `consumes`."""

    units: Units

    def lower(self, entry: Reader) -> spec.Consumes | str:
        kind = entry.located("type")
        if kind is not None and kind.value != "http":
            self.units.reporter.report(
                "NAF907",
                kind.span,
                f"a consumed {show(kind.value)} is not supported yet",
                hint="nafgen consumes `type: http`",
            )
            return "NAF907"
        if refused := entry.check_keys(CONSUMES):
            return refused
        if entry.is_broken("resources", "operations"):
            return "NAF101"
        if not entry.text("namespace"):
            self.units.reporter.report(
                "NAF102",
                entry.span,
                "this consumed API has no `namespace`",
                hint="give it one; calls name it, as in `call: NAMESPACE.OPERATION`",
            )
            return "NAF102"
        headers = entry.located("headers")
        if headers is not None:
            self.units.note(
                headers.span, "`headers`", "`inputParameters` with `in: header`"
            )
        api = spec.Consumes(
            namespace=entry.text("namespace"),
            base_uri=entry.located("baseUri") or Located("", entry.span),
            headers=entry.pairs("headers"),
            params=self.units.params(entry),
            auth=lower_auth(entry, self.units),
            resources=(
                *self._own_operations(entry),
                *map(self._consumed_resource, entry.children("resources")),
            ),
            description=entry.text("description"),
            origin=entry.origin,
        )
        return place_keys(api, self.units)

    def _own_operations(self, entry: Reader) -> Iterator[spec.ConsumedResource]:
        """The operations that an API has outside its resources: paths of their own."""
        written = entry.located("operations")
        if written is None:
            return
        self.units.note(written.span, "`operations`", "`operations` of a resource")
        yield spec.ConsumedResource(
            path=Located("", written.span),
            params=(),
            operations=tuple(
                self.units.unit(operation, "operation", self._consumed_operation)
                for operation in entry.children("operations")
            ),
        )

    def _consumed_resource(self, resource: Reader) -> spec.ConsumedResource:
        refused = resource.check_keys(CONSUMED_RESOURCE)
        params, costly = self.units.shared_params(resource)

        def make(entry: Reader) -> spec.ConsumedOperation | str:
            return refused or costly or self._consumed_operation(entry)

        return spec.ConsumedResource(
            path=resource.located("path") or Located("", resource.span),
            params=params,
            operations=tuple(
                self.units.unit(entry, "operation", make)
                for entry in resource.children("operations")
            ),
        )

    def _consumed_operation(self, entry: Reader) -> spec.ConsumedOperation | str:
        if entry.is_broken():
            return "NAF101"
        if refused := entry.check_keys(CONSUMED_OPERATION):
            return refused
        size, answer_type = lower_size(entry), lower_type(entry, "outputMediaType")
        if isinstance(size, str) or isinstance(answer_type, str):
            return "NAF101"
        return spec.ConsumedOperation(
            name=entry.name,
            method=entry.text("method").upper(),
            path=entry.located("path"),
            params=self.units.params(entry),
            body=self._body(entry),
            raw_format=entry.located("outputRawFormat"),
            selector=entry.located("outputSchema"),
            schema=None,
            max_size=size,
            answer_type=answer_type,
            outputs=self.units.extracted(entry),
            description=entry.text("description"),
            origin=entry.origin,
        )

    def _body(self, entry: Reader) -> spec.Body | None:
        body = entry.located("body")
        if body is None:
            return None
        block = entry.child("body")
        if block is None:
            return spec.Body(type=Located("raw", body.span), data=body)
        block.check_keys(BODY)
        kind = block.located("type") or Located("json", body.span)
        data = block.located("data")
        known = of_type(str(kind.value))
        is_binary = known is not None and known.encoding is Encoding.BINARY
        if data is not None and (known is TEXT or is_binary):
            data = self._one_text(data)
        return spec.Body(type=kind, data=data)

    def _one_text(self, data: Located) -> Located:
        """The data of a text, which may be the only member of a mapping."""
        members = list(data.value.values()) if isinstance(data.value, dict) else []
        if len(members) != 1 or not isinstance(members[0], str):
            return data
        self.units.note(data.span, "a mapping that holds one text", "`data: TEXT`")
        return Located(members[0], data.span)
