"""Links the consumed side: each API with its settings, credentials and operations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from . import spec
from .arguments import is_token, place_of, sendable
from .authentication import link_auth
from .base_urls import link_base_url
from .binds import Settings
from .diagnostics import Reporter, show
from .ir import Auth, Negotiated, Operation, Setting, Text, Upstream
from .operations import OperationLinker, Refused
from .parameter_values import environment_binds, is_shared
from .rules import Conventions
from .spec import Located
from .wire import Location


class Linked(Struct):
    """An upstream, what was refused of it, and the settings that calls may add to."""

    upstream: Upstream
    operations: list[Operation | Refused]
    settings: Settings
    conventions: Conventions

    def leave_out(self, entry: spec.Consumes, code: str) -> None:
        """Note that calls of what only this entry has are calls of what is left out."""
        known = {operation.name for operation in self.operations}
        self.operations += [
            Refused(name=operation.name, code=code)
            for resource in entry.resources
            for operation in resource.operations
            if operation.name not in known
        ]


def merged(entries: tuple[spec.Consumes, ...]) -> tuple[spec.Consumes, ...]:
    """Entries of one namespace, one address and one authentication are one API."""
    apis: dict[tuple[str, ...], spec.Consumes] = {}
    for entry in entries:
        address = str(entry.base_uri.value).strip().rstrip("/")
        key = (entry.namespace, address, *_credentials(entry.auth))
        first = apis.get(key)
        if first is not None:
            resources = (*first.resources, *entry.resources)
            entry = replace(
                first,
                resources=resources,
                params=(*first.params, *entry.params),
                headers=(*first.headers, *entry.headers),
            )
        apis[key] = entry
    return tuple(apis.values())


def _credentials(auth: spec.Auth | None) -> tuple[str, ...]:
    """What an authentication sends; two that send the same are one."""
    if auth is None:
        return ()
    fields = (f"{name}={located.value}" for name, located in auth.fields)
    keys = (
        f"{key.placement.value} {key.name}={key.value.value if key.value else None}"
        for key in auth.keys
    )
    return (str(auth.type.value), *fields, *keys)


def link_upstream(
    entry: spec.Consumes,
    conventions: Conventions,
    binds: Iterable[spec.Bind],
    given: Mapping[str, dict[str, Located]],
    reporter: Reporter,
) -> Linked | str:
    """The upstream of a `consumes` entry, or the code of the error that costs it.

    `given` says what calls give, by operation.
    """
    settings = Settings((*binds, *environment_binds(entry)), reporter)
    return _Upstream(entry, conventions, given, settings, reporter).link()


class _Upstream(Struct):
    entry: spec.Consumes
    conventions: Conventions
    given: Mapping[str, dict[str, Located]]
    settings: Settings
    reporter: Reporter

    def link(self) -> Linked | str:
        entry = self.entry
        located = link_base_url(entry, self.settings, self.reporter)
        auth = link_auth(entry, self.settings, self.reporter)
        headers = self._shared(Location.HEADER)
        query = self._shared(Location.QUERY)
        if located is None:
            return "NAF101"
        if isinstance(auth, str):
            return auth
        if isinstance(headers, str):
            return headers
        if isinstance(query, str):
            return query
        base_url, published = located
        self.settings.in_calls = {}
        operations = self._operations(auth)
        upstream = Upstream(
            namespace=entry.namespace,
            base_url=base_url,
            published=published,
            headers=headers,
            query=query,
            auth=auth,
            settings=(),
            call_settings=(),
            negotiated_settings=(),
            arrays=self.conventions.arrays,
            objects=self.conventions.objects,
            operations=tuple(op for op in operations if isinstance(op, Operation)),
            description=entry.description,
            origin=entry.origin,
        )
        return Linked(upstream, operations, self.settings, self.conventions)

    def _operations(self, auth: Auth | None) -> list[Operation | Refused]:
        entry = self.entry
        absolute = _paths_are_absolute(entry)
        names = Counter(name for name, *_ in _requests(entry))
        return [
            (
                OperationLinker(
                    entry,
                    self.settings,
                    self.reporter,
                    auth,
                    resource,
                    operation,
                    absolute,
                    # Among operations of one name, what is given says nothing of each.
                    (
                        self.given.get(operation.name, {})
                        if names[operation.name] < 2
                        else {}
                    ),
                    self.conventions.kind,
                ).link()
                if isinstance(operation, spec.ConsumedOperation)
                else Refused(name=operation.name, code=operation.code)
            )
            for resource in entry.resources
            for operation in resource.operations
        ]

    def _shared(self, location: Location) -> tuple[tuple[str, Text], ...] | str:
        """What every request carries: constants of the whole entry."""
        pairs = list(self.entry.headers) if location is Location.HEADER else []
        pairs += [
            (param.name, param.value)
            for param in self.entry.params
            if param.value is not None
            and place_of(param) == location
            and is_shared(param, self.entry.params, self.settings)
        ]
        shared = []
        for name, located in pairs:
            text = self.settings.text(located)
            if text is None:
                return "NAF902"
            if location is Location.HEADER and not (is_token(name) and sendable(text)):
                self.reporter.report(
                    "NAF101",
                    located.span,
                    f"the header {show(name)} cannot hold this",
                    hint="names are ASCII without spaces, values are one line of Latin-1",
                )
                return "NAF101"
            shared.append((name, text))
        return tuple(shared)


def negotiated_settings(upstream: Upstream) -> tuple[Setting, ...]:
    """The settings that nobody needs who supplies the authentication."""
    if not isinstance(upstream.auth, Negotiated):
        return ()
    shared = (text for _, text in (*upstream.headers, *upstream.query))
    texts = (*shared, *filter(None, [upstream.published]))
    others = {part for text in texts for part in text.parts}
    others |= set(upstream.call_settings)
    return tuple(setting for setting in upstream.settings if setting not in others)


def _requests(entry: spec.Consumes) -> set[tuple[str, ...]]:
    """What tells operations apart: the same one may be written twice."""
    return {
        (
            operation.name,
            operation.method,
            str(resource.path.value),
            str(operation.path.value) if operation.path else "",
        )
        for resource in entry.resources
        for operation in resource.operations
        if isinstance(operation, spec.ConsumedOperation)
    }


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
    first = re.split("[/?#:]", path.lstrip("/"), maxsplit=1)[0]
    return first.replace("{{", "{").replace("}}", "}")
