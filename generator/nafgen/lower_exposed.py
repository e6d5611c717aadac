"""Lowers the exposed side of a capability."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from . import spec
from .binary_answers import lower_served_type, lower_size
from .diagnostics import show
from .keywords import (
    FORWARD,
    HINTS,
    MCP,
    REST,
    REST_OPERATION,
    REST_PARAM,
    REST_RESOURCE,
    TOOL,
)
from .lower_behaviour import Behaviours
from .lower_control import lower_control
from .lower_guards import lower_guard
from .lower_served import ServedSide, lower_caching
from .lower_skills import lower_skills
from .reader import Reader
from .spec import Located
from .units import LOOPBACK, Units
from .versions import LABEL

_DEFAULT_PORTS: Final = {"rest": 8080, "mcp": 9090}


class ExposedSide(Struct, frozen=True):
    """Lowers entries of `exposes`."""

    units: Units

    def lower(self, entry: Reader) -> spec.Exposes | spec.Skills | spec.Control | str:
        kind = entry.located("type")
        if kind is None:  # the schema has reported it
            return "NAF102"
        if kind.value == "rest":
            return self._rest(entry)
        if kind.value == "mcp":
            return self._mcp(entry)
        if kind.value == "control":
            return lower_control(entry, self.units)
        if kind.value == "skill":
            return lower_skills(entry, self.units)
        self.units.reporter.report(
            "NAF907",
            kind.span,
            f"an adapter of the type {show(kind.value)} is not supported yet",
            hint="nafgen compiles rest, mcp, skill and control; this one is left out",
        )
        return "NAF907"

    def _rest(self, entry: Reader) -> spec.Rest | str:
        if refused := entry.check_keys(REST):
            return refused
        if entry.is_broken("resources"):
            return "NAF101"
        resources = entry.children("resources", "path")
        written = [
            resource.data.get("operations") or resource.data.get("forward")
            for resource in resources
        ]
        if not entry.data.get("resources") or (written and not any(written)):
            self.units.report_empty(entry, "resources")
        else:
            self.units.note_defaults(
                entry, namespace="rest", port=_DEFAULT_PORTS["rest"]
            )
        auth = lower_guard(entry, self.units)
        if isinstance(auth, str):
            return auth
        size = lower_size(entry)
        if isinstance(size, str):
            return size
        return spec.Rest(
            namespace=entry.text("namespace", "rest"),
            address=entry.text("address", LOOPBACK),
            port=entry.number("port") or _DEFAULT_PORTS["rest"],
            description=entry.text("description"),
            auth=auth,
            max_size=size,
            resources=tuple(map(self._rest_resource, resources)),
            origin=entry.origin,
        )

    def _rest_resource(self, resource: Reader) -> spec.RestResource:
        refused = resource.check_keys(REST_RESOURCE)
        params, costly = self.units.shared_params(resource, REST_PARAM)

        def make(entry: Reader) -> spec.RestOperation | str:
            return refused or costly or self._rest_operation(entry)

        return spec.RestResource(
            name=resource.name,
            path=resource.located("path") or Located("/", resource.span),
            params=params,
            operations=self.units.of(resource.children("operations"), "route", make),
            forwards=self.units.of(
                tuple(filter(None, [resource.child("forward")])),
                "route",
                lambda entry: refused or self._forward(entry),
            ),
            origin=resource.origin,
        )

    def _forward(self, entry: Reader) -> spec.Forward | str:
        if entry.is_broken():
            return "NAF101"
        entry.check_keys(FORWARD)
        target = entry.located("targetNamespace")
        if target is None:
            self.units.reporter.report(
                "NAF102",
                entry.span,
                "`targetNamespace` is missing in `forward`",
                hint="name the consumed API that requests are passed on to",
            )
            return "NAF102"
        return spec.Forward(
            target=target,
            trusted=entry.items("trustedHeaders"),
            origin=entry.origin,
        )

    def _rest_operation(self, entry: Reader) -> spec.RestOperation | str:
        if entry.is_broken():
            return "NAF101"
        if refused := entry.check_keys(REST_OPERATION):
            return refused
        behaviour = Behaviours(self.units).lower(entry)
        if isinstance(behaviour, str):
            return behaviour
        answer_type = lower_served_type(entry)
        if isinstance(answer_type, str):
            return answer_type
        return spec.RestOperation(
            name=entry.name,
            method=entry.text("method").upper(),
            params=self.units.params(entry, REST_PARAM),
            behaviour=behaviour,
            answer_type=answer_type,
            description=entry.text("description") or entry.text(entry.spelling(LABEL)),
            origin=entry.origin,
        )

    def _mcp(self, entry: Reader) -> spec.Mcp | str:
        if refused := entry.check_keys(MCP):
            return refused
        if entry.is_broken("tools", "resources", "prompts"):
            return "NAF101"
        transport = entry.located("transport") or Located("http", entry.span)
        if transport.value not in ("http", "stdio"):
            self.units.reporter.report(
                "NAF907",
                transport.span,
                f"the transport {show(transport.value)} is not supported",
                hint="http and stdio are; this adapter is left out",
            )
            return "NAF907"
        auth = lower_guard(entry, self.units)
        if isinstance(auth, str):
            return auth
        if auth is not None and transport.value == "stdio":
            self.units.reporter.report(
                "NAF422",
                auth.origin.span,
                "`authentication` has no effect on stdio",
                hint="who starts the server is its only caller; over HTTP it counts",
            )
        size = lower_size(entry)
        if isinstance(size, str):
            return size
        tools, served = entry.children("tools"), ServedSide(self.units)
        if not any(map(entry.data.get, ("tools", "resources", "prompts"))):
            self.units.report_empty(entry, "tools")
        elif transport.value == "stdio":
            self.units.note_defaults(entry, namespace="mcp")
        else:
            self.units.note_defaults(entry, namespace="mcp", port=_DEFAULT_PORTS["mcp"])
        return spec.Mcp(
            namespace=entry.text("namespace", "mcp"),
            address=entry.text("address", LOOPBACK),
            port=entry.number("port") or _DEFAULT_PORTS["mcp"],
            transport=transport.value,
            description=entry.text("description"),
            auth=auth,
            max_size=size,
            tools=self.units.of(tools, "tool", self._tool),
            resources=self.units.of(
                entry.children("resources"), "resource", served.resource
            ),
            prompts=self.units.of(entry.children("prompts"), "prompt", served.prompt),
            caching=lower_caching(entry),
            origin=entry.origin,
        )

    def _tool(self, entry: Reader) -> spec.McpTool | str:
        if entry.is_broken():
            return "NAF101"
        if refused := entry.check_keys(TOOL):
            return refused
        hints = entry.child("hints")
        if hints is not None:
            hints.check_keys(HINTS)
        behaviour = Behaviours(self.units).lower(entry)
        if isinstance(behaviour, str):
            return behaviour
        given = ((h, hints.flag(h)) for h in sorted(HINTS.read)) if hints else ()
        return spec.McpTool(
            name=entry.name,
            title=entry.text(entry.spelling(LABEL)),
            params=self.units.params(entry),
            behaviour=behaviour,
            hints=tuple((name, flag) for name, flag in given if flag is not None),
            description=entry.text("description"),
            origin=entry.origin,
        )
