"""Links control adapters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from . import spec
from .authentication import credential
from .binds import Settings
from .diagnostics import Reporter, show
from .guards import link_guard
from .ir import Setting, Text
from .program import ControlAdapter, Observability, Scripting
from .scripted import Language
from .spec import Located

_ADDRESS: Final = re.compile(r"https?://[^/?#\s]+[^?#\s]*", re.IGNORECASE).fullmatch
_OF_GRPC: Final = re.compile(r"[^/]+//[^/]+:4317(/|$)").match


def link_control(
    capability: spec.Capability, reporter: Reporter
) -> ControlAdapter | None:
    """The control adapter of a capability, if it has one that tells something."""
    control, binds = capability.control, capability.binds
    if control is None:
        return None
    observed = control.observability
    scripting = control.scripting
    if not (control.health or control.info or observed or scripting):
        reporter.report(
            "NAF418",
            control.origin.span,
            "this adapter has everything turned off, so it is not written",
            hint="turn on what it shall tell, or remove it",
        )
        return None
    return ControlAdapter(
        namespace=control.namespace,
        address=control.address,
        port=control.port,
        guard=link_guard(control, binds, reporter),
        has_health=control.health,
        info=_info(capability.label, control.version) if control.info else None,
        observability=_observability(observed, binds, reporter) if observed else None,
        scripting=_scripting(scripting) if scripting else None,
        origin=control.origin,
    )


def _info(label: str, version: str) -> tuple[tuple[str, str], ...]:
    known = (("display", label), ("specVersion", version))
    return tuple((name, value) for name, value in known if value)


def _scripting(said: spec.Scripting) -> Scripting:
    """What is told of scripts; no other languages are ever run."""
    allowed = (
        None if said.languages is None else [each.value for each in said.languages]
    )
    shown = {"defaultLocation": said.location, "defaultLanguage": said.language}
    return Scripting(
        is_enabled=said.disabled is None,
        timeout=said.timeout,
        languages=tuple(
            each for each in Language if allowed is None or each in allowed
        ),
        shown=tuple((name, str(each.value)) for name, each in shown.items() if each),
    )


def _observability(
    observed: spec.Observability, binds: Iterable[spec.Bind], reporter: Reporter
) -> Observability:
    settings = Settings(binds, reporter)
    endpoint = _endpoint(observed.endpoint, settings)
    return Observability(
        has_metrics=observed.has_metrics,
        traces=observed.traces,
        sampling=observed.sampling,
        propagation=observed.propagation,
        endpoint=endpoint,
        settings=tuple(settings.used.values()),
    )


def _endpoint(located: Located | None, settings: Settings) -> Text:
    """The address of a collector; one that cannot be asked is reported."""
    if located is None:
        return Text(parts=())
    endpoint, reporter = credential(located, settings), settings.reporter
    if any(isinstance(part, Setting) for part in endpoint.parts):
        return endpoint
    if not _ADDRESS(str(located.value)):
        reporter.report(
            "NAF101",
            located.span,
            f"{show(located.value)} is not the address of a collector",
            hint="it begins with http:// or https://; nothing is exported",
        )
        return Text(parts=())
    if _OF_GRPC(str(located.value)):
        reporter.report(
            "NAF426",
            located.span,
            "collectors take gRPC at 4317, and packages send HTTP",
            hint="they take HTTP at 4318",
        )
    return endpoint
