"""control.py: the app of the control adapter, and how the package is observed."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ..names import NameTable
from ..plan import FilePlan
from ..program import ControlAdapter, Observability, Program
from ..pycode import Code, Imports, doc, lit, literal
from ..scripted import Language
from .expressions import RUNTIME, comma
from .guards import GuardView, guard_views, read
from .sources import environment


class ObservedView(Struct, frozen=True, kw_only=True):
    """What is recorded, and the settings that it takes."""

    has_settings: bool
    environment: Code
    arguments: Code


class ModuleView(Struct, frozen=True, kw_only=True):
    doc: Code
    imports: tuple[tuple[Code, ...], ...]
    kept: tuple[Code, ...]
    arguments: Code
    observed: tuple[ObservedView, ...]
    guards: tuple[GuardView, ...]


def plan(program: Program, names: NameTable) -> tuple[FilePlan, ...]:
    """The plan of control.py, where there is a control adapter."""
    control = program.control
    if control is None:
        return ()
    imports = Imports()
    imports.use("__future__", "annotations")
    imports.use("starlette.applications", "Starlette")
    imports.use(f"{RUNTIME}.control", "control_app")
    kept = (*_kept(control.observability, imports), *_scripting(control, imports))
    observed = tuple(_observed(program, control, imports))
    guards = guard_views(control.guard, program, imports)
    if guards:
        imports.use(f"{RUNTIME}.inbound", "add_guard")
    view = ModuleView(
        doc=doc(f"Control adapter for {program.label or control.namespace}."),
        imports=imports.blocks(),
        kept=kept,
        arguments=_arguments(control),
        observed=observed,
        guards=guards,
    )
    return (FilePlan(path="control.py", template="control.py.j2", view=view),)


def _kept(observed: Observability | None, imports: Imports) -> Iterator[Code]:
    """Statements that make what the adapter shows."""
    if observed is not None and observed.traces:
        made = imports.use(f"{RUNTIME}.recent_traces", "RecentTraces")
        yield Code(f"TRACES = {made}({lit(observed.traces)})")
    if observed is not None and observed.has_metrics:
        made = imports.use(f"{RUNTIME}.prometheus", "Metrics")
        yield Code(f"METRICS = {made}()")


def _scripting(control: ControlAdapter, imports: Imports) -> Iterator[Code]:
    scripting = control.scripting
    if scripting is None:
        return
    arguments = [] if scripting.is_enabled else ["enabled=False"]
    if scripting.timeout is not None:
        arguments.append(f"timeout={lit(scripting.timeout)}")
    if len(scripting.languages) < len(Language):
        arguments.append(f"languages=[{comma(map(lit, scripting.languages))}]")
    arguments += [f"{name}={lit(value)}" for name, value in scripting.shown]
    made = imports.use(f"{RUNTIME}.scripting", "Scripting")
    yield Code(f"SCRIPTING = {made}({comma(arguments)})")


def _arguments(control: ControlAdapter) -> Code:
    """What the app tells."""
    arguments = [f"health={control.has_health}"]
    if control.info is not None:
        arguments.append(f"info={literal(dict(control.info))}")
    observed = control.observability
    shown = ["*TRACES.routes"] if observed and observed.traces else []
    shown += ["*METRICS.routes"] if observed and observed.has_metrics else []
    shown += ["*SCRIPTING.routes"] if control.scripting else []
    if shown:
        arguments.append(f"more=[{comma(shown)}]")
    return comma(arguments)


def _observed(
    program: Program, control: ControlAdapter, imports: Imports
) -> Iterator[ObservedView]:
    observed = control.observability
    if observed is None:
        return
    for name in ("Observability", "observe"):
        imports.use(f"{RUNTIME}.observability", name)
    arguments = []
    if observed.endpoint.parts:
        arguments.append(f"endpoint={read(observed.endpoint)}")
    if observed.sampling != 1:
        arguments.append(f"sampling={literal(observed.sampling)}")
    if observed.propagation != "w3c":
        arguments.append(f"propagation={lit(observed.propagation)}")
    if observed.traces:
        arguments.append("processors=[TRACES]")
    if observed.has_metrics:
        arguments.append("readers=[METRICS.reader]")
    env = Code()
    if observed.settings:
        prefix = lit(control.namespace)
        env = environment(prefix, observed.settings, program, imports)
    yield ObservedView(
        has_settings=bool(observed.settings),
        environment=env,
        arguments=comma(arguments),
    )
