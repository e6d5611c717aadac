"""Links base URLs: where a consumed API is, as far as its spec says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from . import spec
from .binds import Settings, screaming
from .diagnostics import Origin, Reporter, plain, show
from .ir import Setting, Text
from .spec import Located
from .values import Placeholder, climbs, encoded, path_template

_ADDRESS: Final = re.compile(
    r"(?P<address>(?i:https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?)"
    r"(?P<path>(/[^?#]*)?)",
    re.DOTALL,
).fullmatch
_ORIGIN: Final = re.compile(r"http://(?P<host>\[[^]]*\]|[^:/?#]*)").match
_LOCAL: Final = re.compile(r"localhost|\[::1\]|127(\.\d{1,3}){3}").fullmatch
_SAMPLE: Final = "1"
"""Stands for a setting where an address is tried: part of a host, port or path."""
_HOST: Final = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]+)?(/.*)?").fullmatch


def link_base_url(
    entry: spec.Consumes, settings: Settings, reporter: Reporter
) -> tuple[Setting, Text | None] | None:
    """The setting for the base URL, and its text where that holds other settings.

    None, reported, when it is not an address.
    """
    base = entry.base_uri
    prefix = screaming(entry.namespace)
    origin = Origin(f"{entry.origin.pointer}.baseUri", base.span)
    setting = Setting(
        variable=f"{prefix}_BASE_URL", secret=False, default=None, origin=origin
    )
    parts = _parts(base, prefix, origin, settings, reporter)
    if not parts:
        reporter.report(
            "NAF407",
            base.span,
            f"the base URL is empty, so {setting.variable} must be set to run this",
            hint="write the address of the API as baseUri, if it has one address",
        )
        return setting, None
    if any(isinstance(part, Setting) for part in parts):
        text = _templated(base, parts, bool(entry.auth), reporter)
        return None if text is None else (setting, text)
    url = _published(base, bool(entry.auth), reporter)
    return None if url is None else (replace(setting, default=url), None)


def _parts(
    base: Located,
    prefix: str,
    origin: Origin,
    settings: Settings,
    reporter: Reporter,
) -> list[str | Setting]:
    """The text of a base URL. `{{X}}`, `${X}` and the `{x}` of a declared bind are
    binds; any other `{x}` is a setting of its own."""
    parts: list[str | Setting] = []
    for piece in path_template(base.value.strip()):
        if not isinstance(piece, Placeholder):
            parts.append(piece)
            continue
        shell = bool(parts) and str(parts[-1]).endswith("$") and not piece.double
        if shell:
            parts[-1] = str(parts[-1])[:-1]
        named = piece.double or shell or settings.declared(piece.name) is not None
        bind = settings.of(piece.name, base.span) if named else None
        if bind is not None:
            parts.append(bind)
            continue
        own = settings.add(f"{prefix}_{screaming(piece.name)}", origin)
        parts.append(own)
        reporter.report(
            "NAF407",
            base.span,
            f"`{plain(piece.name)}` in the base URL is a setting, so {own.variable} must be"
            " set to run this",
            hint="write its value into baseUri, if there is only one",
        )
    return [part for part in parts if part != ""]


def _published(base: Located, has_auth: bool, reporter: Reporter) -> str | None:
    """The published address, with its path percent-encoded."""
    written = base.value.strip().rstrip("/")
    if _HOST(written.removeprefix("//")):
        written = f"https://{written.removeprefix('//')}"
        reporter.report("NAF409", base.span, f"the base URL is read as {show(written)}")
    address = _address(base, (written,), reporter)
    if address is None:
        return None
    if has_auth:
        _check_encrypted(base, address, reporter)
    return address["address"] + encoded(address["path"])


def is_unencrypted(address: str) -> bool:
    """Whether what is sent to an address can be read on its way."""
    found = _ORIGIN(address.lower())
    if found is None:
        return False
    return _LOCAL(found["host"]) is None


def _check_encrypted(base: Located, address: re.Match[str], reporter: Reporter) -> None:
    if is_unencrypted(address["address"]):
        reporter.report(
            "NAF410",
            base.span,
            "credentials would travel unencrypted to this address",
            hint="use https:// if the API offers it",
        )


def _templated(
    base: Located, parts: list[str | Setting], has_auth: bool, reporter: Reporter
) -> Text | None:
    """An address with settings in it, its path percent-encoded."""
    sample = "".join(part if isinstance(part, str) else _SAMPLE for part in parts)
    samples = [sample]
    if isinstance(parts[0], Setting):  # the whole address, or its scheme alone
        samples += [f"https://{sample}", f"https{sample.removeprefix(_SAMPLE)}"]
    address = _address(base, samples, reporter)
    if address is None:
        return None
    if has_auth:
        _check_encrypted(base, address, reporter)
    left = len(sample) - len(address["path"])
    made: list[str | Setting] = []
    for part in parts:
        literal = part if isinstance(part, str) else _SAMPLE
        if isinstance(part, str):
            start = max(left, 0)
            part = part[:start] + encoded(part[start:])
        made.append(part)
        left -= len(literal)
    return Text(parts=tuple(made))


def _address(
    base: Located, samples: Iterable[str], reporter: Reporter
) -> re.Match[str] | None:
    """The parts of the first sample that is an address; None, reported, if none is."""
    address = next(filter(None, map(_ADDRESS, samples)), None)
    if address is None:
        reporter.report(
            "NAF101",
            base.span,
            f"baseUri must be an http or https address, not {show(base.value)}",
            hint="a scheme, a host in ASCII, perhaps a port and a path; no query, no user",
        )
    elif climbs(address["path"]):
        reporter.report(
            "NAF101",
            base.span,
            "the path of a baseUri cannot hold a segment `.` or `..`",
            hint="write the path that it leads to",
        )
        return None
    return address
