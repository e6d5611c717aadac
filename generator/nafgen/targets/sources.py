"""How settings are read: from the environment, or from what holds them besides."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

from msgspec import Struct

from ..ir import Setting
from ..program import Program
from ..pycode import Code, Imports
from .expressions import RUNTIME


class Reading(Struct, frozen=True):
    """A function of a support module that reads a file, and what library it needs."""

    module: str
    function: str
    libraries: tuple[str, ...] = ()


_YAML: Final = Reading("held_in_yaml", "yaml_values", ("ruamel.yaml",))
_READINGS: Final = {
    ".json": Reading("held_settings", "json_values"),
    ".yaml": _YAML,
    ".yml": _YAML,
}
_LINES: Final = Reading("held_in_env", "env_values", ("python-dotenv",))


def reading(path: str) -> Reading:
    """What reads a file of settings, by its ending."""
    return _READINGS.get(PurePosixPath(path).suffix.lower(), _LINES)


def readings(program: Program) -> tuple[Reading, ...]:
    """What reads the files of a program."""
    return tuple(reading(each.path) for each in program.held if each.path is not None)


def environment(
    prefix: Code,
    settings: Iterable[Setting],
    program: Program,
    imports: Imports,
    module: str = f"{RUNTIME}.settings",
) -> Code:
    """What reads the settings; `module` is where plain ones come from."""
    known = {variable for held in program.held for variable, _ in held.keys}
    if not any(setting.variable in known for setting in settings):
        return Code(f"{imports.use(module, 'Environment')}({prefix})")
    name = imports.use(f"{RUNTIME}.held_settings", "HoldingEnvironment")
    return Code(f"{name}({prefix}, *{imports.use('.binds', 'HELD')})")
