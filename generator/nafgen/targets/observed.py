"""What packages need for their control adapter, and for what is recorded of them."""

from __future__ import annotations

from collections.abc import Iterator

from ..program import ControlAdapter, Observability, Program
from ..pycode import Code, Imports, lit
from .expressions import RUNTIME, comma


def observes(program: Program, imports: Imports) -> tuple[Code, ...]:
    """The statement by which an adapter begins to be recorded, as the spec says."""
    if program.control is None or program.control.observability is None:
        return ()
    observe = imports.use(f"{RUNTIME}.observability", "observe")
    return (Code(f"{observe}({imports.use('.control', 'observability')}())"),)


def control_modules(control: ControlAdapter | None) -> Iterator[str]:
    """The runtime modules of a control adapter, but for those of its guard."""
    if control is None:
        return
    yield from ("main", "control")
    yield from ["scripting"] if control.scripting else []
    observed = control.observability
    if observed is not None:
        yield "telemetry"
        yield from ["recent_traces"] if observed.traces else []
        yield from ["prometheus"] if observed.has_metrics else []


def control_libraries(program: Program) -> Iterator[str]:
    """The libraries of the control adapter, beside those of other adapters and guards."""
    if program.control is None:
        return
    observed = program.control.observability
    if not (program.adapters or program.skills):  # the libraries of others bring these
        yield "starlette"
        yield from ["opentelemetry-api"] if observed is None else []
    if observed is not None:
        yield from _libraries(observed)


def _libraries(observed: Observability) -> Iterator[str]:
    yield "opentelemetry-sdk"
    if observed.endpoint.parts:
        yield "opentelemetry-exporter-otlp-proto-http"
    if observed.has_metrics:
        yield "opentelemetry-exporter-prometheus"
    if observed.propagation == "b3":
        yield "opentelemetry-propagator-b3"


def control_server(control: ControlAdapter) -> Code:
    """The adapter among those that `__main__` runs."""
    values = [*map(lit, ("control", "control", control.address)), lit(control.port)]
    return Code(f"Adapter({comma(values)})")


def control_line(control: ControlAdapter, package: str) -> Code:
    """What the README says of it."""
    observed = control.observability
    shown = ["/health/live", "/health/ready"] if control.has_health else []
    shown += ["/status"] if control.info is not None else []
    shown += ["/metrics"] if observed and observed.has_metrics else []
    shown += ["/traces"] if observed and observed.traces else []
    shown += ["/scripting"] if control.scripting else []
    paths = comma(f"`{path}`" for path in shown)
    told = f", which tells {paths}" if shown else ""
    return Code(f"Control on port {control.port}: `python -m {package} control`{told}.")
