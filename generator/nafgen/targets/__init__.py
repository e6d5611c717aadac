"""One module per thing emitted: a linked program to file plans with finished views.

A target decides nothing about meaning: it says the program in Python, as `Code`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from ..names import NameTable
from ..plan import FilePlan
from ..program import Program
from . import (
    binds,
    client,
    control,
    flows,
    mcp,
    mcp_hosts,
    package,
    rest,
    scripts,
    skills,
)

Target: TypeAlias = Callable[[Program, NameTable], tuple[FilePlan, ...]]

TARGETS: Final[tuple[Target, ...]] = (
    client.plan,
    flows.plan,
    scripts.plan,
    rest.plan,
    mcp.plan,
    skills.plan,
    control.plan,
    binds.plan,
    package.plan,
    mcp_hosts.plan,
)
