"""The linked model of a control adapter."""

from __future__ import annotations

from msgspec import Struct

from .diagnostics import Origin
from .ir import Guard, Setting, Text
from .scripted import Language


class Observability(Struct, frozen=True, kw_only=True):
    """What is recorded of a package: `traces` is how many are kept, 0 for none.

    Traces and metrics go to the collector at `endpoint`, if it has parts. `propagation`
    is `w3c` or `b3`.
    """

    has_metrics: bool
    traces: int
    sampling: float
    propagation: str
    endpoint: Text
    settings: tuple[Setting, ...]


class Scripting(Struct, frozen=True, kw_only=True):
    """What is told of scripts: the seconds that they may run if that is said, their
    languages, and what else the spec says, by its names."""

    is_enabled: bool
    timeout: float | None
    languages: tuple[Language, ...]
    shown: tuple[tuple[str, str], ...]


class ControlAdapter(Struct, frozen=True, kw_only=True):
    """A server that tells of the others; `info` is what it says of the capability."""

    namespace: str
    address: str
    port: int
    guard: Guard | None
    has_health: bool
    info: tuple[tuple[str, str], ...] | None
    observability: Observability | None
    scripting: Scripting | None
    origin: Origin
