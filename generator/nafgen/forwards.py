"""Links forwards: requests that are passed on to a whole API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from . import spec
from .arguments import is_token
from .diagnostics import Reporter, Span, show
from .ir import ApiKeys, Input, Upstream
from .matching import suggestion
from .program import Forward, LeftOut
from .route_paths import route_path, shape, specificity
from .upstreams import Linked
from .wire import Location

_REST: Final = "path"
"""The variable that stands for the rest of a path."""
_OF_CONNECTIONS: Final = frozenset("""
    connection content-length expect host keep-alive proxy-authenticate
    proxy-authorization proxy-connection te trailer transfer-encoding upgrade
    """.split())
"""Headers that say something of one connection, and nothing of the next one."""


def link_forwards(
    exposed: spec.Rest,
    upstreams: Mapping[str, Linked],
    refused: Mapping[str, str],
    reporter: Reporter,
) -> tuple[tuple[Forward, ...], list[LeftOut]]:
    """The forwards of an adapter, those with longer literal paths first, and those that
    are left out.

    `refused` says which error cost an API that is left out.
    """
    made: list[Forward] = []
    left_out: list[LeftOut] = []
    seen: dict[str, Span] = {}
    for resource in exposed.resources:
        for entry in resource.forwards:
            forward = _forward(resource, entry, upstreams, refused, seen, reporter)
            if isinstance(forward, Forward):
                made.append(forward)
            else:
                name = str(resource.path.value)
                left_out.append(LeftOut(kind="route", name=name, code=forward))
    made.sort(key=lambda forward: specificity(forward.path))
    return tuple(made), left_out


def _forward(
    resource: spec.RestResource,
    entry: spec.Forward,
    upstreams: Mapping[str, Linked],
    refused: Mapping[str, str],
    seen: dict[str, Span],
    reporter: Reporter,
) -> Forward | str:
    path = route_path(resource, reporter)
    if isinstance(path, str):
        return path
    upstream = _target(entry, upstreams, refused, reporter)
    if isinstance(upstream, str):
        return upstream
    trusted = _trusted(entry, upstream, reporter)
    if isinstance(trusted, str):
        return trusted
    form = shape(path)
    if form in seen:
        reporter.report(
            "NAF403",
            entry.origin.span,
            f"{resource.path.value} is passed on already; the first wins",
            hint="remove one of the two, or change its path",
            related=[("the first one", seen[form])],
        )
        return "NAF403"
    seen[form] = entry.origin.span
    last = path[-1]
    takes_rest = isinstance(last, Input) and last.name == _REST
    _report_lost(path[:-1] if takes_rest else path, reporter)
    return Forward(
        path=path,
        takes_rest=takes_rest,
        upstream=upstream.origin,
        namespace=upstream.namespace,
        trusted=trusted,
        origin=entry.origin,
    )


def _target(
    entry: spec.Forward,
    upstreams: Mapping[str, Linked],
    refused: Mapping[str, str],
    reporter: Reporter,
) -> Upstream | str:
    """The API that is meant, or the code of the error that there is none."""
    name = str(entry.target.value)
    if name in upstreams:
        return upstreams[name].upstream
    code = refused.get(name, "NAF202")
    message = f"no consumed API has the namespace {show(name)}"
    known = ", ".join(f"`{namespace}`" for namespace in sorted(upstreams))
    close = suggestion(name, sorted(upstreams))
    hint = f"did you mean `{close}`?" if close else f"known: {known or 'none'}"
    if name in refused:
        message = f"the API `{name}` is left out, and so is this forward"
        hint = f"the error of `{name}` says why"
    reporter.report(code, entry.target.span, message, hint=hint)
    return code


def _trusted(
    entry: spec.Forward, upstream: Upstream, reporter: Reporter
) -> tuple[str, ...] | str:
    """The headers to pass on, or the code of the error that one cannot be a header."""
    own = _own_headers(upstream)
    names = []
    for located in entry.trusted:
        name = str(located.value).lower()
        if not is_token(name):
            message = f"{show(located.value)} cannot be the name of a header"
            reporter.report("NAF101", located.span, message)
            return "NAF101"
        if name in own:
            message = (
                f"`{upstream.namespace}` has a header `{name}` of its own, which is sent"
                " instead"
            )
            hint = "take it out of `trustedHeaders`, or out of the consumed API"
        elif name in _OF_CONNECTIONS:
            message = f"`{name}` is about one connection, so it is not passed on"
            hint = "take it out of `trustedHeaders`"
        else:
            names.append(name)
            continue
        reporter.report("NAF450", located.span, message, hint=hint)
    return tuple(dict.fromkeys(names))


def _own_headers(upstream: Upstream) -> set[str]:
    """The headers that the API is sent with each request, in lower case."""
    names = {name.lower() for name, _ in upstream.headers}
    match upstream.auth:
        case None:
            pass
        case ApiKeys(keys=keys):
            names |= {k.name.lower() for k in keys if k.location is Location.HEADER}
            if any(key.location is Location.COOKIE for key in keys):
                names.add("cookie")
        case _:
            names.add("authorization")
    return names


def _report_lost(path: tuple[str | Input, ...], reporter: Reporter) -> None:
    """Say which variables of a path are not passed on."""
    for part in path:
        if isinstance(part, Input):
            reporter.report(
                "NAF415",
                part.origin.span,
                f"`{part.name}` is in the path, but a forward passes on no variable but a"
                f" last one called `{_REST}`",
                hint=f"call the last variable `{_REST}`: it stands for the rest of a path",
            )
