"""Settings that the environment does not give: held in files, or by a vault of yours."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Protocol

from .settings import Environment, SettingsError


class Held(Protocol):
    """What holds settings: `keys` are its names for them, by their variables."""

    keys: Mapping[str, str]

    @property
    def values(self) -> Mapping[str, object]:
        """All that it holds, by its own names; read when it is needed, once.

        Raises:
            SettingsError: it cannot be read.
        """

    def place(self) -> str:
        """Where it is, for people."""


class HeldInFile:
    """A file that holds settings, at `path` from the folder of the file `module`.

    `variable` names another place in the environment; one that is not there holds none.
    """

    def __init__(
        self,
        variable: str,
        module: str,
        path: str,
        read: Callable[[str], object],
        keys: Mapping[str, str],
    ) -> None:
        self.keys = keys
        self._variable = variable
        self._default = os.path.normpath(Path(module).parent / path)
        self._read = read

    def place(self) -> str:
        """The path of the file."""
        return os.environ.get(self._variable) or self._default

    @cached_property
    def values(self) -> Mapping[str, object]:
        """What stands at the top of the file."""
        try:
            found = self._read(Path(self.place()).read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise SettingsError(f"{self.place()}: {error.strerror}") from None
        except (ValueError, RecursionError):
            # What is wrong with it may be a part of a secret.
            raise SettingsError(f"{self.place()} cannot be read") from None
        if not isinstance(found, Mapping):
            raise SettingsError(f"{self.place()} has no names and values at its top")
        return found


class HeldElsewhere:
    """Settings of a mapping that the factory makes which a variable names."""

    def __init__(self, variable: str, keys: Mapping[str, str]) -> None:
        self.keys = keys
        self._variable = variable

    def place(self) -> str:
        """The variable, which may not be set."""
        return f"what {self._variable} makes"

    @cached_property
    def values(self) -> Mapping[str, object]:
        """What the factory makes."""
        name = os.environ.get(self._variable)
        if not name:
            return {}
        module, _, factory = name.partition(":")
        if not module or not factory:
            raise SettingsError(f"{self._variable} must be package.module:factory")
        try:
            made = getattr(importlib.import_module(module), factory)()
        except Exception as error:
            # Its text may hold what was set by mistake, such as a token.
            kind = type(error).__name__
            message = f"the factory of {self._variable} fails: {kind}"
            raise SettingsError(message) from error
        if not isinstance(made, Mapping):
            raise SettingsError(f"the factory of {self._variable} makes no mapping")
        return made


class HoldingEnvironment(Environment):
    """Settings of the environment, and what is held elsewhere where that has none."""

    def __init__(self, prefix: str, *held: Held) -> None:
        super().__init__(prefix)
        self._held = {variable: each for each in held for variable in each.keys}

    def get(
        self, variable: str, given: str | None = None, default: str | None = None
    ) -> str:
        """The given value, else the environment's, else the one held, else the default."""
        held = self._held.get(variable)
        if held is None or given or os.environ.get(variable):
            return super().get(variable, given, default)
        key = held.keys[variable]
        value = _text(held.values.get(key))
        if value or default is not None:
            return super().get(variable, value, default)
        self._missing.append(f"{variable} (or {key} in {held.place()})")
        return ""


def json_values(text: str) -> object:
    """A file in JSON; numbers stay as they are written."""
    return json.loads(text, parse_int=str, parse_float=str)


def _text(value: object) -> str | None:
    """A single value as text; None where there is none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None
