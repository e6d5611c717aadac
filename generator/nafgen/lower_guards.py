"""Lowers the authentication that an adapter asks of its callers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from . import spec
from .arguments import is_token
from .diagnostics import Span, show
from .keywords import GUARD
from .lower_authentication import lower_auth, squashed
from .reader import Reader
from .spec import Located
from .units import Units

_PLACES: Final = ("header", "query", "cookie")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]").search
_ADDRESS: Final = re.compile(
    r"(?i:(https?://)[^/?#\s\"\\]+|\{\{[^{}]+\}\})[^#\x00-\x20\x7f\"\\]*"
).fullmatch
_FITS: Final = {
    "authorizationServerUri": _ADDRESS,
    "resource": _ADDRESS,
    "audience": re.compile(r"[^\x00-\x1f\x7f]+").fullmatch,
    "tokenEndpoint": _ADDRESS,
}
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+").fullmatch
_UNSAFE: Final = re.compile(r"(?i:http)://(?!localhost\b|127\.|\[::1\])").match
_LEFT_OUT: Final = "this adapter is left out: it would be open without it"


def lower_guard(entry: Reader, units: Units) -> spec.Auth | str | None:
    """What callers of an adapter must show, or the code of the error that costs it.

    An adapter never loses its authentication in silence: without a block that can be
    compiled there is no adapter.
    """
    keys = [key for key in ("authentication", "auth") if key in entry.data]
    if not keys:
        return None
    block = next(filter(None, map(entry.child, keys)), None)
    auth = lower_auth(entry, units)
    if block is not None and auth is None and _is_none(block):
        return None
    if block is None or auth is None:
        span = entry.data.key_span(keys[0])
        return _refused(span, units, "NAF102", "the authentication needs `type`")
    written = squashed(str(auth.type.value))
    if not auth.scheme and written in GUARD:
        auth = replace(auth, scheme=written)
    if auth.scheme in GUARD:
        block.check_keys(GUARD[auth.scheme])
    return _checked(auth, block, units)


def _is_none(block: Reader) -> bool:
    """Whether the block says that there is no authentication."""
    return squashed(block.text("type")) in ("none", "noauth", "anonymous")


def _checked(auth: spec.Auth, block: Reader, units: Units) -> spec.Auth | str:
    """The authentication, whose values can all be compared with what callers show."""
    if auth.scheme == "oauth2":
        return _tokens(auth, block, units)
    for located in _values(auth):
        if isinstance(located.value, dict | list) or _UNPRINTABLE(str(located.value)):
            message = f"{show(located.value)} cannot be a credential"
            return _refused(block.span, units, "NAF101", message)
    match auth.scheme:
        case "basic" | "bearer" | "digest":
            return auth
        case "apikey":
            return _keys(auth, block, units)
        case _:
            scheme = show(auth.type.value)
            message = f"callers cannot be authenticated by {scheme} yet"
            return _refused(block.span, units, "NAF903", message)


def _values(auth: spec.Auth) -> Iterator[Located]:
    yield from (located for _, located in auth.fields)
    yield from (key.value for key in auth.keys if key.value is not None)


def _keys(auth: spec.Auth, block: Reader, units: Units) -> spec.Auth | str:
    for key in auth.keys:
        place = key.placement.value
        if not key.name:
            message = "the authentication apikey needs `key`"
            return _refused(block.span, units, "NAF102", message)
        if place not in _PLACES:
            message = f"a caller's key in {show(place)} is not supported"
            return _refused(block.span, units, "NAF903", message)
        if place != "query" and not is_token(key.name):
            message = f"no {place} can be called {show(key.name)}"
            return _refused(block.span, units, "NAF101", message)
    return auth


def _tokens(auth: spec.Auth, block: Reader, units: Units) -> spec.Auth | str:
    """The rules for access tokens, their addresses and scopes being usable."""
    validation = block.text("tokenValidation", "jwks")
    if validation not in ("jwks", "introspection"):
        message = f"the token validation {show(validation)} is not supported yet"
        return _refused(block.span, units, "NAF903", message)
    for name in ("authorizationServerUri", "resource"):
        if name not in block:
            message = f"the authentication oauth2 needs `{name}`"
            return _refused(block.span, units, "NAF102", message)
    for name, fits in _FITS.items():
        if name in block and not fits(block.text(name)):
            message = f"`{name}` cannot be {show(block.data[name])}"
            return _refused(block.data.value_span(name), units, "NAF101", message)
    scopes = block.data.get("scopes") or []
    listed = scopes.split() if isinstance(scopes, str) else scopes
    if not isinstance(listed, list) or not all(map(_is_scope, listed)):
        message = "`scopes` must be a list of scopes, which hold no spaces or quotes"
        return _refused(block.data.value_span("scopes"), units, "NAF101", message)
    if _UNSAFE(block.text("authorizationServerUri")):
        units.reporter.report(
            "NAF410",
            block.data.value_span("authorizationServerUri"),
            "what tokens are checked with would travel unencrypted",
            hint="use https:// if the server offers it",
        )
    fields = {name: block.located(name) for name in _FITS}
    fields["scopes"] = Located(tuple(listed), block.span)
    fields["tokenValidation"] = Located(validation, block.span)
    given = tuple((name, found) for name, found in fields.items() if found is not None)
    return replace(auth, fields=given, keys=())


def _is_scope(scope: object) -> bool:
    return isinstance(scope, str) and _SCOPE(scope) is not None and "{{" not in scope


def _refused(span: Span, units: Units, code: str, message: str) -> str:
    units.reporter.report(code, span, message, hint=_LEFT_OUT)
    return code
