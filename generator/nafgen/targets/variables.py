"""The environment variables of a package, as its README has them."""

from __future__ import annotations

from collections.abc import Iterator

from ..ir import Negotiated, Setting, Supplied, Upstream
from ..markdown import code, prose
from ..program import Held, Program, RestAdapter, SkillAdapter
from ..pycode import Code
from .scripts import script_variables
from .served import folder_settings
from .skill_docs import folder_variables
from .tool_settings import tool_settings


def variables_of(program: Program) -> Iterator[tuple[str, Code]]:
    """Each environment variable and what it is."""
    for held in program.held:
        yield from _about_held(held)
    for upstream in program.upstreams:
        for setting in upstream.settings:
            yield setting.variable, _about_setting(setting)
        if isinstance(upstream.auth, Supplied):
            yield from _about_auth(upstream.auth)
        elif isinstance(upstream.auth, Negotiated):
            about = (
                "replaces the authentication: package.module:factory of an httpx.Auth"
            )
            yield upstream.auth.setting.variable, prose(about)
        base_url = upstream.base_url
        prefix = base_url.variable.removesuffix("_BASE_URL")
        yield base_url.variable, _about_base_url(upstream)
        yield f"{prefix}_TIMEOUT", prose("seconds to wait; default: 60")
        yield f"{prefix}_RETRIES", prose("further tries after a failure; default: 2")
        yield f"{prefix}_MAX_CONNECTIONS", prose("default: 100")
    yield from folder_settings(program)
    for guard in program.guards:
        for setting in guard.settings:
            yield setting.variable, prose("required: what callers must show")
    for setting in program.adapter_settings:
        yield setting.variable, prose("required: where traces and metrics go")
    yield from script_variables(program)
    yield from folder_variables(program)
    if any(isinstance(each, RestAdapter | SkillAdapter) for each in program.servers):
        about = "origins of browsers that may call REST: a comma list, or *"
        yield "CORS_ORIGINS", prose(about)
    if program.servers:
        about = (
            "where traces and metrics go, with opentelemetry-exporter-otlp-proto-http;"
            " LOG_FORMAT: json for logs in lines of JSON"
        )
        yield "OTEL_EXPORTER_OTLP_ENDPOINT", prose(about)
    yield from tool_settings(program)


def _about_held(held: Held) -> Iterator[tuple[str, Code]]:
    """Settings that are held elsewhere, and where that is."""
    if held.path is None:
        what = f"what {code(held.variable)} makes"
        about = prose("package.module:factory, which makes a mapping of settings")
    else:
        what = f"the file of {code(held.variable)}"
        about = Code(f"default: {code(held.path)}, from the folder of the package")
    for variable, key in held.keys:
        yield variable, Code(f"default: {code(key)} of {what}")
    yield held.variable, about


def _about_setting(setting: Setting) -> Code:
    if setting.default is None:
        return prose("required")
    if setting.default:
        return Code(f"default: {code(setting.default)}")
    return prose("default: what the authorization server says")


def _about_auth(auth: Supplied) -> Iterator[tuple[str, Code]]:
    """What makes the authentication, and what the spec has for it."""
    yield (
        auth.setting.variable,
        prose("required: package.module:factory, which makes the httpx.Auth to use"),
    )
    for variable in auth.mentions:
        yield variable, prose("named by the spec for that authentication")


def _about_base_url(upstream: Upstream) -> Code:
    if upstream.base_url.default is not None:
        return Code(f"default: {code(upstream.base_url.default)}")
    return prose("where the API is" if upstream.published else "required")
