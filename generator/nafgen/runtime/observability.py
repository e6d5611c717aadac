"""Starts OpenTelemetry, where the environment or the spec asks for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry import trace
from starlette.types import ASGIApp

from .observing import observing
from .settings import SettingsError

if TYPE_CHECKING:
    from .telemetry import Telemetry

COLLECTORS: Final = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)
"""Variables that say where traces and metrics go; any of them turns OpenTelemetry on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observability:
    """What a spec says of traces and metrics; the OTEL_ variables go before all of it.

    `endpoint` is the base URL of a collector, `sampling` the share of traces that are
    recorded. With `propagation` `b3`, contexts travel in B3 headers as well as in those
    of W3C. `processors` get spans and `readers` get metrics, whatever is exported.
    """

    endpoint: str = ""
    sampling: float = 1.0
    propagation: str = "w3c"
    processors: Sequence[Any] = ()
    readers: Sequence[Any] = ()


def observe(wanted: Observability | None = None) -> None:
    """Start OpenTelemetry, once: if the spec or the process has it, or a collector is
    named.

    Raises:
        SettingsError: it is not installed, or a variable cannot be used.
    """
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if observing.observer is not None or is_off:
        return
    is_asked = is_traced() or any(map(os.environ.get, COLLECTORS))
    if wanted is None and not is_asked:
        return
    wanted = wanted or Observability()
    try:
        from .telemetry import started

        observing.observer = started(wanted)
    except ImportError as error:
        libraries = "opentelemetry-exporter-otlp-proto-http"
        if wanted.propagation == "b3":
            libraries += " opentelemetry-propagator-b3"
        raise SettingsError(
            f"OpenTelemetry is asked for and not installed: pip install {libraries}"
        ) from error


def is_traced() -> bool:
    """Whether whoever runs the process, or another package, has started OpenTelemetry."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def telemetry() -> Telemetry | None:
    """OpenTelemetry, where it has been started."""
    return cast("Telemetry | None", observing.observer)


async def flush() -> None:
    """Export what is left before the process ends."""
    if (found := telemetry()) is not None:
        await asyncio.to_thread(found.flush)


def joined(app: ASGIApp) -> ASGIApp:
    """The app; where it is observed, one whose spans are in the traces of its callers."""
    found = telemetry()
    return app if found is None else found.joined(app)
