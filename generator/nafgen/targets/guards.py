"""What adapters say of their callers' authentication, for all that have one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..ir import ApiKey, ApiKeys, Basic, Bearer, Guard, Setting, Text
from ..program import Program
from ..pycode import Code, Imports, lit
from ..wire import Location
from .expressions import RUNTIME, comma
from .sources import environment

_SECURITY: Final = "fastapi.security"
_KEY_CLASSES: Final = {
    Location.HEADER: "APIKeyHeader",
    Location.QUERY: "APIKeyQuery",
    Location.COOKIE: "APIKeyCookie",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardView:
    """The function that makes a guard: whose settings it reads, and the guard."""

    environment: Code
    made: Code


def guard_module(guard: Guard) -> str:
    """The support module of a scheme."""
    match guard.scheme:
        case Basic() | Bearer() | ApiKeys():
            return "inbound"


def guard_libraries(guard: Guard) -> tuple[str, ...]:
    """What a scheme needs beside what its adapter needs."""
    match guard.scheme:
        case Basic() | Bearer() | ApiKeys():
            return ()


def guard_views(
    guard: Guard | None, program: Program, imports: Imports
) -> tuple[GuardView, ...]:
    """The function that makes the guard; none where there is no guard."""
    if guard is None:
        return ()
    imports.use(f"{RUNTIME}.inbound", "Guard")
    name = imports.use(f"{RUNTIME}.{guard_module(guard)}", type(guard.scheme).__name__)
    pieces = ["env", lit(guard.realm), *_secrets(guard)]
    made = Code(f"{name}({comma(pieces)})")
    env = environment(lit(guard.realm), guard.settings, program, imports)
    return (GuardView(environment=env, made=made),)


def _secrets(guard: Guard) -> list[Code]:
    match guard.scheme:
        case Basic(username=username, password=password):
            return [_text(username), _text(password)]
        case Bearer(token=token):
            return [_text(token)]
        case ApiKeys(keys=keys):
            return [Code(f"({comma(_key(key))})") for key in keys]


def _key(key: ApiKey) -> tuple[Code, ...]:
    return lit(key.location.value), lit(key.name), _text(key.value)


def _text(text: Text) -> Code:
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
    return comma(f"{security}({each})" for each in _schemes(guard, imports))


def _schemes(guard: Guard, imports: Imports) -> list[str]:
    quiet = "auto_error=False"
    match guard.scheme:
        case Basic():
            name = imports.use(_SECURITY, "HTTPBasic")
            return [f'{name}(scheme_name="basicAuth", {quiet})']
        case Bearer():
            name = imports.use(_SECURITY, "HTTPBearer")
            return [f'{name}(scheme_name="bearerAuth", {quiet})']
        case ApiKeys(keys=keys):
            return [
                f"{imports.use(_SECURITY, _KEY_CLASSES[key.location])}"
                f"(name={lit(key.name)},"
                f" scheme_name={lit(_numbered('apiKeyAuth', number))}, {quiet})"
                for number, key in enumerate(keys, 1)
            ]


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}{number}"
