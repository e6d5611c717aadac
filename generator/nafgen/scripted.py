"""What scripts in steps are made of: languages, and the files that hold them."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from .diagnostics import Origin


class Language(StrEnum):
    """A language that scripts are run in."""

    JAVASCRIPT = "javascript"
    PYTHON = "python"


class ScriptFile(Struct, frozen=True, kw_only=True):
    """A file of a script; `path` is as the spec names it, beside itself."""

    language: Language
    path: str
    text: str
    origin: Origin


class Script(Struct, frozen=True, kw_only=True):
    """Files that are run one after another; the last one says the result.

    They may run so many seconds, `timeout`; None where the spec does not say.
    """

    files: tuple[ScriptFile, ...]
    timeout: float | None

    @property
    def language(self) -> Language:
        return self.files[-1].language
