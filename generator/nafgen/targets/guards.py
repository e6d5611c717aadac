"""What adapters say of their callers' authentication, for all that have one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from ..ir import (
    AccessTokens,
    ApiKey,
    ApiKeys,
    Basic,
    Bearer,
    Guard,
    IntrospectedTokens,
    PasswordDigest,
    Setting,
    Text,
)
from ..program import Program
from ..pycode import Code, Imports, lit, literal
from ..wire import Location
from .expressions import RUNTIME, comma
from .sources import environment

_SECURITY: Final = "fastapi.security"
_KEY_CLASSES: Final = {
    Location.HEADER: "APIKeyHeader",
    Location.QUERY: "APIKeyQuery",
    Location.COOKIE: "APIKeyCookie",
}


class GuardView(Struct, frozen=True, kw_only=True):
    """The function that makes a guard: whose settings it reads, and the guard."""

    environment: Code
    made: Code


class Support(Struct, frozen=True):
    """The module whose class of the same name checks a scheme, and the libraries that it
    needs beside those of an adapter."""

    module: str
    libraries: tuple[str, ...] = ()


SUPPORT: Final = {
    Basic: Support("inbound"),
    Bearer: Support("inbound"),
    ApiKeys: Support("inbound"),
    PasswordDigest: Support("inbound_digest"),
    AccessTokens: Support("inbound_oauth2", ("pyjwt[crypto]",)),
    IntrospectedTokens: Support("inbound_introspection", ("pyjwt[crypto]",)),
}


def guard_views(
    guard: Guard | None, program: Program, imports: Imports
) -> tuple[GuardView, ...]:
    """The function that makes the guard; none where there is no guard."""
    if guard is None:
        return ()
    imports.use(f"{RUNTIME}.inbound", "Guard")
    kind = type(guard.scheme)
    name = imports.use(f"{RUNTIME}.{SUPPORT[kind].module}", kind.__name__)
    pieces = ["env", lit(guard.realm), *_secrets(guard)]
    made = Code(f"{name}({comma(pieces)})")
    env = environment(lit(guard.realm), guard.settings, program, imports)
    return (GuardView(environment=env, made=made),)


def _secrets(guard: Guard) -> list[Code]:
    match guard.scheme:
        case Basic(username=username, password=password) | PasswordDigest(
            username=username, password=password
        ):
            return [read(username), read(password)]
        case Bearer(token=token):
            return [read(token)]
        case ApiKeys(keys=keys):
            return [Code(f"({comma(_key(key))})") for key in keys]
        case AccessTokens() as tokens:
            return [*_of_tokens(tokens)]


def _of_tokens(tokens: AccessTokens) -> Iterator[Code]:
    yield read(tokens.issuer)
    yield read(tokens.resource)
    if isinstance(tokens, IntrospectedTokens):
        yield read(tokens.client_id)
        yield read(tokens.client_secret)
    if tokens.audience.parts:
        yield Code(f"audience={read(tokens.audience)}")
    if tokens.scopes:
        yield Code(f"scopes=[{comma(map(lit, tokens.scopes))}]")


def _key(key: ApiKey) -> tuple[Code, ...]:
    return lit(key.location.value), lit(key.name), read(key.value)


def read(text: Text) -> Code:
    """A text whose settings are read from the environment."""
    return Code(
        " + ".join(
            f"env.get({lit(part.variable)})" if isinstance(part, Setting) else lit(part)
            for part in text.parts
        )
    )


def described(guard: Guard, imports: Imports) -> Code:
    """The dependencies by which FastAPI describes a scheme; the guard checks it."""
    security = imports.use("fastapi", "Security")
    scopes = ""
    match guard.scheme:
        case AccessTokens(token_url=url, scopes=needed) if url and needed:
            scopes = f", scopes={literal(list(needed))}"
    return comma(f"{security}({each}{scopes})" for each in _schemes(guard, imports))


def _schemes(guard: Guard, imports: Imports) -> list[str]:
    quiet = "auto_error=False"
    match guard.scheme:
        case Basic():
            name = imports.use(_SECURITY, "HTTPBasic")
            return [f'{name}(scheme_name="basicAuth", {quiet})']
        case Bearer():
            name = imports.use(_SECURITY, "HTTPBearer")
            return [f'{name}(scheme_name="bearerAuth", {quiet})']
        case PasswordDigest():
            name = imports.use(_SECURITY, "HTTPDigest")
            return [f'{name}(scheme_name="digestAuth", {quiet})']
        case AccessTokens() as tokens:
            return [_oauth2(tokens, imports, quiet)]
        case ApiKeys(keys=keys):
            return [
                f"{imports.use(_SECURITY, _KEY_CLASSES[key.location])}"
                f"(name={lit(key.name)},"
                f" scheme_name={lit(_numbered('apiKeyAuth', number))}, {quiet})"
                for number, key in enumerate(keys, 1)
            ]


def _oauth2(tokens: AccessTokens, imports: Imports, quiet: str) -> str:
    """How tokens are described: OpenAPI has no OAuth 2.0 without a place to get one."""
    if not tokens.token_url:
        name = imports.use(_SECURITY, "HTTPBearer")
        is_jwt = not isinstance(tokens, IntrospectedTokens)
        kind = 'bearerFormat="JWT", ' if is_jwt else ""
        return f'{name}({kind}scheme_name="oauth2Auth", {quiet})'
    name = imports.use(_SECURITY, "OAuth2")
    flow = {"tokenUrl": tokens.token_url, "scopes": dict.fromkeys(tokens.scopes, "")}
    flows = literal({"clientCredentials": flow})
    return f'{name}(flows={flows}, scheme_name="oauth2Auth", {quiet})'


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}{number}"
