"""What the settings of a package are while it is verified."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from .expect import base_url
from .ir import AccessTokens, ClientCredentials, Setting, Supplied, Upstream
from .program import Program


def made_up_settings(program: Program) -> dict[str, str]:
    """A value for each setting; a base URL only where the spec leaves it open."""
    settings: dict[str, str] = {}
    used = [setting for upstream in program.upstreams for setting in upstream.settings]
    used += program.adapter_settings
    for setting in used:
        name = re.sub(r"[^a-z0-9]+", "-", setting.variable.lower()).strip("-")
        known = setting.default
        settings[setting.variable] = f"value-of-{name}" if known is None else known
    for upstream in program.upstreams:
        if isinstance(upstream.auth, Supplied):
            factory = f"{__package__}.verify_probe:SuppliedAuth"
            settings[upstream.auth.setting.variable] = factory
    for variable in _token_servers(program):
        settings[variable] = f"https://{len(settings)}.tokens.test"
    for issued in token_rules(program):
        for text in (issued.issuer, issued.resource):
            if text.parts and isinstance(text.parts[0], Setting):
                variable = text.parts[0].variable
                name = settings[variable].removeprefix("https://")
                settings[variable] = f"https://{name.removesuffix('.test')}.test"
    for upstream in program.upstreams:
        if not _is_url(upstream, settings):
            variable = upstream.base_url.variable
            settings[variable] = f"https://{len(settings)}.upstream.test/base"
    return settings


def token_rules(program: Program) -> list[AccessTokens]:
    """What adapters want of the access tokens of their callers."""
    schemes = (guard.scheme for guard in program.guards)
    return [scheme for scheme in schemes if isinstance(scheme, AccessTokens)]


def _token_servers(program: Program) -> Iterator[str]:
    """The variables that hold addresses of authorization servers."""
    for upstream in program.upstreams:
        if isinstance(upstream.auth, ClientCredentials):
            for text in (upstream.auth.token_url, upstream.auth.server):
                start = text.parts[0] if text.parts else ""
                if isinstance(start, Setting) and start.default is None:
                    yield start.variable


def _is_url(upstream: Upstream, settings: Mapping[str, str]) -> bool:
    """Whether the spec's base URL makes a usable address with made-up settings in it."""
    if upstream.published is None and upstream.base_url.default is None:
        return False
    parts = upstream.published.parts if upstream.published else ()
    if parts and isinstance(parts[0], Setting):
        return False
    try:
        return urlsplit(base_url(upstream, settings)).port != 0
    except ValueError:
        return False
