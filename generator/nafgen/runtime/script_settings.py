"""How scripts of this process are run, which a control adapter may change; how they went."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Final

from .answers import ServiceError
from .calls import ArgumentError

TIMEOUT: Final = 60.0
"""Seconds that a script may run where nothing else is said."""


class ScriptError(ServiceError):
    """A script was not run, or not to its end; the message says why."""


class ThrownError(ArgumentError):
    """A script threw something, as scripts do that are given what is wrong."""


@dataclass(slots=True)
class ScriptSettings:
    """What was changed since the process began, None for nothing; and what was run."""

    is_on: bool | None = None
    seconds: float | None = None
    languages: frozenset[str] | None = None
    executions: int = 0
    errors: int = 0
    duration: float = 0.0
    last: datetime | None = None

    @property
    def enabled(self) -> bool:
        """Whether scripts are run at all."""
        if self.is_on is not None:
            return self.is_on
        return os.environ.get("SCRIPTING", "true").lower() not in ("false", "0")

    def timeout(self, default: float) -> float:
        """Seconds that a script may run.

        Raises:
            ScriptError: the environment says no number.
        """
        text = os.environ.get("SCRIPT_TIMEOUT")
        if self.seconds is not None or not text:
            return self.seconds or default
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if not 0 < seconds < math.inf:
            raise ScriptError("SCRIPT_TIMEOUT must be a number of seconds above 0")
        return seconds

    def check(self, language: str) -> None:
        """Hold a script to what may be run.

        Raises:
            ScriptError: scripts are switched off, or those in its language.
        """
        if not self.enabled:
            raise ScriptError("scripts are switched off")
        if self.languages is not None and language not in self.languages:
            raise ScriptError(f"scripts in {language} are switched off")

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Count a script that is run, and its failure."""
        began = perf_counter()
        try:
            yield
        except BaseException:
            self.errors += 1
            raise
        finally:
            self.executions += 1
            self.duration += perf_counter() - began
            self.last = datetime.now(UTC)


settings: Final = ScriptSettings()
"""Those of this process."""
