"""How a client finds its API: the settings it reads, and what all its requests share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..ir import (
    ApiKeys,
    Basic,
    Bearer,
    ClientCredentials,
    Digest,
    Negotiated,
    Setting,
    Supplied,
    Text,
    Upstream,
)
from ..names import UpstreamNames
from ..pycode import Code, Imports, fstring, lit
from ..wire import ArrayStyle, Location, ObjectStyle
from .body_modules import body_modules
from .expressions import RUNTIME, comma

UPSTREAM = f"{RUNTIME}.upstream"


def reads(upstream: Upstream, own: UpstreamNames) -> Iterator[Code]:
    """Statements that read each setting: given, else from the environment."""
    for setting in upstream.settings:
        if setting not in upstream.negotiated_settings:
            yield _read(setting, own)
    if isinstance(upstream.auth, Supplied):
        yield Code(f"auth = env.auth({lit(upstream.auth.setting.variable)}, auth)")
    elif isinstance(upstream.auth, Negotiated):
        variable = lit(upstream.auth.setting.variable)
        yield Code(f"auth = env.auth({variable}, auth, required=False)")
    base_url = upstream.base_url
    name = own.settings[base_url.variable]
    given = [lit(base_url.variable), name]
    if upstream.published is not None:
        given.append(_text(upstream.published, own))
    elif base_url.default is not None:
        given.append(lit(base_url.default))
    yield Code(f"{name} = env.get({comma(given)})")


def _read(setting: Setting, own: UpstreamNames) -> Code:
    name = own.settings[setting.variable]
    pieces = [lit(setting.variable), name]
    if setting.default is not None:
        pieces.append(lit(setting.default))
    return Code(f"{name} = env.get({comma(pieces)})")


def negotiation(
    upstream: Upstream, own: UpstreamNames, imports: Imports
) -> Iterator[Code]:
    """Statements that make the authentication where nobody supplies it."""
    auth = upstream.auth
    if not isinstance(auth, Negotiated):
        return
    for setting in upstream.negotiated_settings:
        yield _read(setting, own)
    if isinstance(auth, Digest):
        pair = comma([_text(auth.username, own), _text(auth.password, own)])
        made = imports.use(f"{RUNTIME}.digest", "DigestAuth")
        yield Code(f"auth = {made}({pair})")
        return
    made = imports.use(f"{RUNTIME}.oauth2", "ClientCredentials")
    pieces = [str(_text(auth.client_id, own)), str(_text(auth.client_secret, own))]
    for name, text in (
        ("token_url", auth.token_url),
        ("server", auth.server),
        ("scope", auth.scope),
        ("resource", auth.resource),
        ("audience", auth.audience),
    ):
        if text.parts:
            pieces.append(f"{name}={_text(text, own)}")
    yield Code(f"auth = {made}({comma(pieces)})")


def client_modules(upstreams: Iterable[Upstream]) -> Iterator[str]:
    """The runtime modules of what clients authenticate with and write bodies with."""
    for upstream in upstreams:
        if isinstance(upstream.auth, Negotiated):
            yield "digest" if isinstance(upstream.auth, Digest) else "oauth2"
        for each in upstream.operations:
            yield from body_modules(each)


def connection(upstream: Upstream, own: UpstreamNames, imports: Imports) -> Code:
    """What all requests of an API share."""
    shared: dict[str, dict[str, Code]] = {"headers": {}, "query": {}, "cookies": {}}
    for name, text in upstream.headers:
        shared["headers"][name.lower()] = _text(text, own)
    for name, text in upstream.query:
        shared["query"][name] = _text(text, own)
    match upstream.auth:
        case Basic(username=username, password=password):
            pair = comma([_text(username, own), _text(password, own)])
            value = Code(f"{imports.use(UPSTREAM, 'basic')}({pair})")
            shared["headers"]["authorization"] = value
        case Bearer(token=token):
            bearer = Text(parts=("Bearer ", *token.parts))
            shared["headers"]["authorization"] = _text(bearer, own)
        case ApiKeys(keys=keys):
            places = {Location.HEADER: "headers", Location.QUERY: "query"}
            for key in keys:
                place = places.get(key.location, "cookies")
                name = key.name.lower() if place == "headers" else key.name
                shared[place][name] = _text(key.value, own)
        case Digest() | ClientCredentials() | Supplied() | None:
            pass
    shared["settings"] = {
        s.variable: own.settings[s.variable] for s in upstream.call_settings
    }
    arguments = [str(own.settings[upstream.base_url.variable])]
    for kind, values in shared.items():
        if values:
            pairs = comma(f"{lit(name)}: {value}" for name, value in values.items())
            arguments.append(f"{kind}={{{pairs}}}")
    if upstream.arrays is not ArrayStyle.REPEAT:
        arguments.append(f"arrays={lit(upstream.arrays.value)}")
    if upstream.objects is not ObjectStyle.JSON:
        arguments.append(f"objects={lit(upstream.objects.value)}")
    if isinstance(upstream.auth, Supplied | Negotiated):
        arguments.append("auth=auth")
    return Code(f"env.connection({comma(arguments)})")


def _text(text: Text, own: UpstreamNames) -> Code:
    """A text in which each setting is the variable that holds its value."""
    parts = [
        own.settings[part.variable] if isinstance(part, Setting) else part
        for part in text.parts
    ]
    if len(parts) == 1 and isinstance(parts[0], Code):
        return parts[0]
    if any(isinstance(part, Code) for part in parts):
        return fstring(parts)
    return lit("".join(parts))
