"""Lowers control adapters: what a service tells of itself, and how it is observed."""

from __future__ import annotations

from collections.abc import Iterable

from . import spec
from .keywords import (
    CONTROL,
    EXPORTERS,
    LOCAL_METRICS,
    LOCAL_TRACES,
    MANAGEMENT,
    METRICS,
    OBSERVABILITY,
    OTLP,
    TRACES,
)
from .lower_guards import lower_guard
from .lower_scripts import lower_scripting
from .reader import Keys, Reader
from .units import Units

NAMESPACE = "control"
"""What the adapter is called, which has no namespace of its own."""
LOOPBACK = "127.0.0.1"
BUFFER = 100
"""Traces that are kept where the file says nothing."""


def lower_control(entry: Reader, units: Units) -> spec.Control | str:
    """A control adapter, or the code of the error that costs it."""
    if refused := entry.check_keys(CONTROL):
        return refused
    if entry.is_broken():
        return "NAF101"
    port = entry.number("port")
    if port is None:
        units.reporter.report(
            "NAF102",
            entry.span,
            "`port` is missing in a control adapter",
            hint="give it a port of its own; this adapter is left out",
        )
        return "NAF102"
    auth = lower_guard(entry, units)
    if isinstance(auth, str):
        return auth
    management = _child(entry, "management", MANAGEMENT)
    return spec.Control(
        namespace=NAMESPACE,
        address=entry.text("address", LOOPBACK),
        port=port,
        auth=auth,
        health=_flag(management, "health", True),
        info=_flag(management, "info", False),
        observability=_observability(entry),
        scripting=lower_scripting(management) if management else None,
        version=str(entry.version).partition(": ")[2],
        origin=entry.origin,
    )


def only_control(
    exposes: Iterable[spec.Exposes | spec.Skills | spec.Control], units: Units
) -> spec.Control | None:
    """The control adapter among others; a file has one at the most."""
    controls = [each for each in exposes if isinstance(each, spec.Control)]
    for control in controls[1:]:
        units.reporter.report(
            "NAF907",
            control.origin.span,
            "a capability has one control adapter, so this one is left out",
            hint="put what it tells into the first one",
            related=[("the first one", controls[0].origin.span)],
        )
        units.unusable.append(
            spec.Unusable(kind="adapter", name=control.namespace, code="NAF907")
        )
    return controls[0] if controls else None


def _observability(entry: Reader) -> spec.Observability | None:
    """What is observed; None where nothing is."""
    block = _child(entry, "observability", OBSERVABILITY)
    if not _flag(block, "enabled", True):
        return None
    metrics = _child(_child(block, "metrics", METRICS), "local", LOCAL_METRICS)
    traces = _child(block, "traces", TRACES)
    local = _child(traces, "local", LOCAL_TRACES)
    otlp = _child(_child(block, "exporters", EXPORTERS), "otlp", OTLP)
    sampling = traces.data.get("sampling") if traces else None
    size = (local.number("buffer-size") if local else None) or BUFFER
    return spec.Observability(
        has_metrics=_flag(metrics, "enabled", True),
        traces=size if _flag(local, "enabled", True) else 0,
        sampling=1.0 if sampling is None else float(sampling),
        propagation=traces.text("propagation", "w3c") if traces else "w3c",
        endpoint=otlp.located("endpoint") if otlp else None,
    )


def _child(parent: Reader | None, key: str, keys: Keys) -> Reader | None:
    """The object at a key, whose keys are all known."""
    child = parent.child(key) if parent else None
    if child is not None:
        child.check_keys(keys)
    return child


def _flag(reader: Reader | None, key: str, default: bool) -> bool:
    flag = reader.flag(key) if reader else None
    return default if flag is None else flag
