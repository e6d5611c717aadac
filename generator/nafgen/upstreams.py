"""Links the consumed side: each API with its settings, credentials and operations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from . import spec
from .binds import Settings, screaming
from .diagnostics import Origin, Reporter, show
from .ir import (
    ApiKey,
    Auth,
    Basic,
    Bearer,
    Location,
    Operation,
    Setting,
    Text,
    Upstream,
)
from .operations import OperationLinker, Refused
from .spec import Located
from .values import Placeholder, encoded, path_template

_ADDRESS: Final = re.compile(
    r"(?P<address>https?://(?P<host>\[[0-9A-Fa-f:.]+\]|[^][/?#@:\s\"'<>\\^`{|}]+)(:[0-9]+)?)"
    r"(?P<path>(/[^?#]*)?)"
).fullmatch


@dataclass(slots=True)
class Linked:
    """An upstream, what was refused of it, and the settings that calls may add to."""

    upstream: Upstream
    operations: list[Operation | Refused]
    settings: Settings


def link_upstream(
    entry: spec.Consumes, binds: Iterable[spec.Bind], reporter: Reporter
) -> Linked | str:
    """The upstream of a `consumes` entry, or the code of the error that costs it."""
    return _Upstream(entry, Settings(tuple(binds), reporter), reporter).link()


@dataclass(slots=True)
class _Upstream:
    entry: spec.Consumes
    settings: Settings
    reporter: Reporter

    def link(self) -> Linked | str:
        entry = self.entry
        located = self._base_url()
        auth = self._auth(entry.auth) if entry.auth else None
        headers = self._shared(Location.HEADER)
        query = self._shared(Location.QUERY)
        if located is None:
            return "NAF101"
        if isinstance(auth, str):
            return auth
        if headers is None or query is None:
            return "NAF902"
        base_url, published = located
        absolute = _paths_are_absolute(entry)
        self.settings.in_calls = {}
        operations = [
            (
                OperationLinker(
                    entry,
                    self.settings,
                    self.reporter,
                    auth,
                    resource,
                    operation,
                    absolute,
                ).link()
                if isinstance(operation, spec.ConsumedOperation)
                else Refused(name=operation.name, code=operation.code)
            )
            for resource in entry.resources
            for operation in resource.operations
        ]
        upstream = Upstream(
            namespace=entry.namespace,
            base_url=base_url,
            published=published,
            headers=headers,
            query=query,
            auth=auth,
            settings=(),
            call_settings=(),
            operations=tuple(op for op in operations if isinstance(op, Operation)),
            description=entry.description,
            origin=entry.origin,
        )
        return Linked(upstream, operations, self.settings)

    def _base_url(self) -> tuple[Setting, Text | None] | None:
        base = self.entry.base_uri
        variable = f"{screaming(self.entry.namespace)}_BASE_URL"
        origin = Origin(f"{self.entry.origin.pointer}.baseUri", base.span)
        setting = Setting(variable=variable, secret=False, default=None, origin=origin)
        parts: list[str | Setting] = []
        for piece in path_template(base.value):
            if not isinstance(piece, Placeholder):
                parts.append(piece)
                continue
            bind = self.settings.of(piece.name, base.span) if piece.double else None
            name = f"{screaming(self.entry.namespace)}_{screaming(piece.name)}"
            parts.append(bind or self.settings.add(name, origin))
        if not parts:
            self.reporter.report(
                "NAF407",
                base.span,
                f"the base URL is empty, so {variable} must be set to run this",
                hint="write the address of the API as baseUri, if it has one address",
            )
            return setting, None
        if all(isinstance(part, str) for part in parts):
            return self._published(setting, base)
        return setting, Text(parts=tuple(parts))

    def _published(
        self, setting: Setting, base: Located
    ) -> tuple[Setting, Text | None] | None:
        published = _ADDRESS(base.value.rstrip("/"))
        if published is None:
            self.reporter.report(
                "NAF101",
                base.span,
                f"baseUri must be an http or https address, not {show(base.value)}",
                hint="a scheme, a host, perhaps a port and a path; no query, no user",
            )
            return None
        url = published["address"] + encoded(published["path"])
        host = published["host"].lower()
        local = host in ("localhost", "[::1]") or host.startswith("127.")
        if url.startswith("http://") and self.entry.auth and not local:
            self.reporter.report(
                "NAF410",
                base.span,
                "credentials would travel unencrypted to this address",
                hint="use https:// if the API offers it",
            )
        return replace(setting, default=url), None

    def _shared(self, location: Location) -> tuple[tuple[str, Text], ...] | None:
        """What every request carries: constants of the whole entry."""
        pairs = list(self.entry.headers) if location is Location.HEADER else []
        pairs += [
            (param.name, param.value)
            for param in self.entry.params
            if param.value is not None
            and param.location is not None
            and param.location.value == location
        ]
        texts = [(name, self.settings.text(located)) for name, located in pairs]
        if any(text is None for _, text in texts):
            return None
        return tuple((name, text) for name, text in texts if text is not None)

    def _auth(self, auth: spec.Auth) -> Auth | str | None:
        fields = dict(auth.fields)
        scheme = str(auth.type.value).lower()
        if scheme == "none":
            return None
        wanted = {
            "basic": ("username", "password"),
            "bearer": ("token",),
            "apikey": ("key", "value"),
        }.get(scheme)
        if wanted is None:
            self.reporter.report(
                "NAF903",
                auth.type.span,
                f"the authentication {show(auth.type.value)} is not supported yet",
                hint="basic, bearer and apikey are; nothing of this API is compiled",
            )
            return "NAF903"
        texts = {}
        for name in wanted:
            if name not in fields:
                self._missing(auth, scheme, name)
                return "NAF102"
            text = self.settings.text(fields[name])
            if text is None:
                return "NAF902"
            texts[name] = text
        if scheme == "basic":
            return Basic(username=texts["username"], password=texts["password"])
        if scheme == "bearer":
            return Bearer(token=texts["token"])
        return self._api_key(auth, fields, texts["value"])

    def _api_key(
        self, auth: spec.Auth, fields: dict[str, Located], value: Text
    ) -> ApiKey | str:
        placement = fields.get("placement")
        places = {
            "header": Location.HEADER,
            "query": Location.QUERY,
            "cookie": Location.COOKIE,
        }
        place = places.get(str(placement.value) if placement else "header")
        if place is None and placement is not None:
            self.reporter.report(
                "NAF903",
                placement.span,
                f"a key placed in {show(placement.value)} is not supported",
                hint="header, query and cookie are",
            )
            return "NAF903"
        name = str(fields["key"].value)
        return ApiKey(name=name, value=value, location=place or Location.HEADER)

    def _missing(self, auth: spec.Auth, scheme: str, name: str) -> None:
        self.reporter.report(
            "NAF102",
            auth.origin.span,
            f"the authentication {scheme} needs `{name}`",
            hint=f"add `{name}`; nothing of this API is compiled until then",
        )


def _paths_are_absolute(entry: spec.Consumes) -> bool:
    """Whether operation paths replace their resource's: one of them repeats its start."""
    return any(
        isinstance(operation, spec.ConsumedOperation)
        and operation.path is not None
        and _first_segment(operation.path.value) == _first_segment(resource.path.value)
        and _first_segment(resource.path.value)
        for resource in entry.resources
        for operation in resource.operations
    )


def _first_segment(path: str) -> str:
    return path.strip("/").partition("/")[0]
