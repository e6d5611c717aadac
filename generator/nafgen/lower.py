"""Lowers a document to the surface model: versions, shapes and published habits end here.

Each normalisation that changes a spelling reports NAF409 with the official spelling.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

from . import spec
from .diagnostics import Origin, Reporter, Span, show
from .keywords import (
    AUTH,
    BIND,
    CAPABILITY,
    CONSUMED_OPERATION,
    CONSUMED_RESOURCE,
    CONSUMES,
    INFO,
    MCP,
    OUTPUT,
    PARAM,
    REST,
    REST_OPERATION,
    REST_RESOURCE,
    ROOT,
    TOOL,
)
from .reader import Reader, pointer_name
from .source import Document, Map
from .spec import Located

Unit = TypeVar("Unit")
LOOPBACK: Final = "127.0.0.1"
_DEFAULT_PORTS: Final = {"rest": 8080, "mcp": 9090}
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch
_HINTS: Final = ("readOnly", "destructive", "idempotent", "openWorld")


def lower(
    document: Document,
    reporter: Reporter,
    broken: frozenset[tuple[str | int, ...]] = frozenset(),
) -> spec.Capability | None:
    """The capability of a document; None when nothing of it can be read.

    `broken` holds the paths of schema errors: a unit with one inside is left out.
    """
    if not isinstance(document.root, Map):
        return None
    root = Reader(
        data=document.root,
        path=(),
        pointer="",
        span=Span.whole(document.path),
        reporter=reporter,
        broken=broken,
    )
    return _Lowering(reporter).capability(root)


class _Lowering:
    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._unusable: list[spec.Unusable] = []
        self._refused_inside: str | None = None

    def capability(self, root: Reader) -> spec.Capability | None:
        body = root.child("capability")
        if body is None:
            return None
        root.check_keys(ROOT)
        body.check_keys(CAPABILITY)
        info = root.child("info")
        if info is not None:
            info.check_keys(INFO)
        binds = (
            *root.children("binds", "namespace"),
            *body.children("binds", "namespace"),
        )
        consumes = body.children("consumes", "namespace")
        exposes = body.children("exposes", "namespace")
        return spec.Capability(
            label=(info.text("label") or info.text("title")) if info else "",
            description=info.text("description") if info else "",
            binds=tuple(bind for entry in binds for bind in self._binds(entry)),
            consumes=self._units(consumes, "upstream", self._consumes),
            exposes=self._units(exposes, "adapter", self._exposes),
            unusable=tuple(self._unusable),
            origin=body.origin,
        )

    def _units(
        self,
        readers: tuple[Reader, ...],
        kind: str,
        make: Callable[[Reader], Unit | str],
    ) -> tuple[Unit, ...]:
        """Lower each reader; `make` gives the code of the error that costs the unit."""
        units: list[Unit] = []
        for reader in readers:
            self._refused_inside = None
            made = make(reader)
            made = self._refused_inside or made
            if isinstance(made, str):
                name = reader.text("name") or reader.text("namespace")
                self._unusable.append(
                    spec.Unusable(kind=kind, name=name or reader.pointer, code=made)
                )
            else:
                units.append(made)
        return tuple(units)

    def _note(self, span: Span, written: str, official: str) -> None:
        self._reporter.report(
            "NAF409", span, f"{written} is read as the official {official}"
        )

    def _binds(self, entry: Reader) -> tuple[spec.Bind, ...]:
        if entry.check_keys(BIND):
            return ()
        binds = []
        for name, source in entry.pairs("keys"):
            variable = name if source.value is None else str(source.value)
            if not _VARIABLE(variable):
                self._reporter.report(
                    "NAF101",
                    source.span,
                    f"{show(variable)} cannot be the name of an environment variable",
                    hint="letters, digits and underscores make one",
                )
                continue
            binds.append(
                spec.Bind(
                    name=name,
                    variable=variable,
                    namespace=entry.text("namespace"),
                    origin=Origin(
                        f"{entry.pointer}.keys.{pointer_name(name)}", source.span
                    ),
                )
            )
        return tuple(binds)

    # --- consumed side ---------------------------------------------------------

    def _consumes(self, entry: Reader) -> spec.Consumes | str:
        kind = entry.located("type")
        if kind is not None and kind.value != "http":
            self._reporter.report(
                "NAF907",
                kind.span,
                f"a consumed {show(kind.value)} is not supported yet",
                hint="nafgen consumes `type: http`",
            )
            return "NAF907"
        if refused := entry.check_keys(CONSUMES):
            return refused
        headers = entry.located("headers")
        if headers is not None:
            self._note(headers.span, "`headers`", "`inputParameters` with `in: header`")
        return spec.Consumes(
            namespace=entry.text("namespace"),
            base_uri=entry.located("baseUri") or Located("", entry.span),
            headers=entry.pairs("headers"),
            params=self._params(entry),
            auth=self._auth(entry),
            resources=tuple(
                self._consumed_resource(resource)
                for resource in entry.children("resources")
            ),
            description=entry.text("description"),
            origin=entry.origin,
        )

    def _auth(self, entry: Reader) -> spec.Auth | None:
        key = "authentication"
        if key not in entry and "auth" in entry:
            key = "auth"
            self._note(entry.data.key_span(key), "`auth`", "`authentication`")
        auth = entry.child(key)
        if auth is None:
            return None
        kind = auth.located("type") or Located("none", auth.span)
        self._refused_inside = auth.check_keys(AUTH) or self._refused_inside
        fields = dict(auth.members("type"))
        if str(kind.value).lower() == "apikey":
            kind = Located("apikey", kind.span)
            for written, official in (("name", "key"), ("in", "placement")):
                if written in fields and official not in fields:
                    self._note(fields[written].span, f"`{written}`", f"`{official}`")
                    fields[official] = fields.pop(written)
        return spec.Auth(type=kind, fields=tuple(fields.items()), origin=auth.origin)

    def _consumed_resource(self, resource: Reader) -> spec.ConsumedResource:
        resource.check_keys(CONSUMED_RESOURCE)
        operations = resource.children("operations")
        return spec.ConsumedResource(
            path=resource.located("path") or Located("", resource.span),
            params=self._params(resource),
            operations=self._units(operations, "operation", self._consumed_operation),
        )

    def _consumed_operation(self, entry: Reader) -> spec.ConsumedOperation | str:
        if entry.is_broken:
            return "NAF101"
        if refused := entry.check_keys(CONSUMED_OPERATION):
            return refused
        return spec.ConsumedOperation(
            name=entry.name,
            method=entry.text("method").upper(),
            path=entry.located("path"),
            params=self._params(entry),
            body=self._body(entry),
            raw_format=entry.located("outputRawFormat"),
            outputs=self._outputs(entry),
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
        kind = block.located("type") or Located("json", body.span)
        return spec.Body(type=kind, data=block.located("data"))

    # --- exposed side ----------------------------------------------------------

    def _exposes(self, entry: Reader) -> spec.Exposes | str:
        kind = entry.located("type")
        written = kind.value if kind is not None else ""
        if written == "rest":
            return self._rest(entry)
        if written == "mcp":
            return self._mcp(entry)
        self._reporter.report(
            "NAF907",
            kind.span if kind is not None else entry.span,
            f"an adapter of the type {show(written)} is not supported yet",
            hint="nafgen compiles `type: rest` and `type: mcp`; this one is left out",
        )
        return "NAF907"

    def _rest(self, entry: Reader) -> spec.Rest | str:
        if refused := entry.check_keys(REST):
            return refused
        return spec.Rest(
            namespace=entry.text("namespace", "rest"),
            address=entry.text("address", LOOPBACK),
            port=entry.number("port") or _DEFAULT_PORTS["rest"],
            description=entry.text("description"),
            resources=tuple(
                self._rest_resource(resource)
                for resource in entry.children("resources", "path")
            ),
            origin=entry.origin,
        )

    def _rest_resource(self, resource: Reader) -> spec.RestResource:
        refused = resource.check_keys(REST_RESOURCE)
        operations = () if refused else resource.children("operations")
        path = resource.located("path") or Located("/", resource.span)
        return spec.RestResource(
            name=resource.text("name"),
            path=path,
            params=self._params(resource),
            operations=self._units(operations, "route", self._rest_operation),
            origin=resource.origin,
        )

    def _rest_operation(self, entry: Reader) -> spec.RestOperation | str:
        if entry.is_broken:
            return "NAF101"
        if refused := entry.check_keys(REST_OPERATION):
            return refused
        return spec.RestOperation(
            name=entry.name,
            method=entry.text("method").upper(),
            params=self._params(entry),
            invocation=_invocation(entry),
            outputs=self._outputs(entry),
            description=entry.text("description") or entry.text("label"),
            origin=entry.origin,
        )

    def _mcp(self, entry: Reader) -> spec.Mcp | str:
        if refused := entry.check_keys(MCP):
            return refused
        return spec.Mcp(
            namespace=entry.text("namespace", "mcp"),
            address=entry.text("address", LOOPBACK),
            port=entry.number("port") or _DEFAULT_PORTS["mcp"],
            transport=entry.text("transport", "http"),
            description=entry.text("description"),
            tools=self._units(entry.children("tools"), "tool", self._tool),
            origin=entry.origin,
        )

    def _tool(self, entry: Reader) -> spec.McpTool | str:
        if entry.is_broken:
            return "NAF101"
        if refused := entry.check_keys(TOOL):
            return refused
        hints = entry.child("hints")
        given = ((h, hints.flag(h)) for h in _HINTS) if hints else ()
        return spec.McpTool(
            name=entry.name,
            title=entry.text("label"),
            params=self._params(entry),
            invocation=_invocation(entry),
            hints=tuple((name, flag) for name, flag in given if flag is not None),
            outputs=self._outputs(entry),
            description=entry.text("description"),
            origin=entry.origin,
        )

    # --- both sides ------------------------------------------------------------

    def _params(self, entry: Reader) -> tuple[spec.Param, ...]:
        params = []
        for reader in entry.children("inputParameters"):
            self._refused_inside = reader.check_keys(PARAM) or self._refused_inside
            items = reader.child("items")
            params.append(
                spec.Param(
                    name=reader.name,
                    location=reader.located("in"),
                    type=reader.text("type") or None,
                    items=items.text("type") if items else None,
                    required=reader.flag("required"),
                    description=reader.text("description"),
                    value=reader.located("value"),
                    origin=reader.origin,
                )
            )
        return tuple(params)

    def _outputs(self, entry: Reader) -> tuple[spec.Output, ...]:
        return tuple(
            self._output(reader) for reader in entry.children("outputParameters")
        )

    def _output(self, reader: Reader) -> spec.Output:
        self._refused_inside = reader.check_keys(OUTPUT) or self._refused_inside
        value, mapping = reader.located("value"), reader.located("mapping")
        if mapping is None and _is_json_path(value):
            mapping, value = value, None
        items = reader.child("items")
        properties = tuple(
            (child.path[-1], self._output(child))
            for child in reader.children("properties")
        )
        return spec.Output(
            name=reader.text("name"),
            type=reader.text("type", "object"),
            mapping=mapping,
            value=value or reader.located("const"),
            properties=tuple((str(name), output) for name, output in properties)
            or None,
            items=self._output(items) if items else None,
            origin=reader.origin,
        )


def _is_json_path(value: Located | None) -> bool:
    return (
        value is not None
        and isinstance(value.value, str)
        and value.value.startswith("$")
    )


def _invocation(entry: Reader) -> spec.Invocation:
    return spec.Invocation(
        call=entry.located("call"),
        arguments=entry.pairs("with"),
        has_arguments="with" in entry,
    )
