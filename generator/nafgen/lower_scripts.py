"""Lowers steps that run scripts, and what a control adapter says of all of them."""

from __future__ import annotations

from . import spec
from .diagnostics import show
from .keywords import SCRIPT_STEP, SCRIPTING
from .reader import Reader
from .spec import Located

MAX_DEPENDENCIES = 32
"""Files that are run before one script at the most."""


def lower_script(entry: Reader) -> spec.ScriptStep | str:
    """A step that runs a script, or the code of the error that costs the unit."""
    if refused := entry.check_keys(SCRIPT_STEP):
        return refused
    file = entry.located("file")
    if file is None:
        entry.reporter.report(
            "NAF102",
            entry.span,
            f"the step {show(entry.name)} has no `file`",
            hint="add it, or change its `type`, which is script",
        )
        return "NAF102"
    dependencies = entry.items("dependencies")
    if len(dependencies) > MAX_DEPENDENCIES:
        entry.reporter.report(
            "NAF004",
            entry.data.key_span("dependencies"),
            f"a script has {MAX_DEPENDENCIES} dependencies at the most",
            hint="join some of the files",
        )
        return "NAF004"
    return spec.ScriptStep(
        name=entry.name,
        file=file,
        dependencies=dependencies,
        language=entry.located("language"),
        location=entry.located("location"),
        invocation=spec.Invocation(
            call=None, arguments=entry.pairs("with"), has_arguments="with" in entry
        ),
        origin=entry.origin,
    )


def lower_scripting(management: Reader) -> spec.Scripting | None:
    """What the `management` of a control adapter says of scripts, if it does."""
    entry = management.child("scripting")
    if entry is None:
        return None
    entry.check_keys(SCRIPTING)
    limit = entry.located("statementLimit")
    if limit is not None:
        entry.reporter.report(
            "NAF436",
            limit.span,
            "statements of scripts are not counted, so this limit has no effect",
            hint="`timeout` bounds how long they run",
        )
    timeout = entry.number("timeout")
    enabled = entry.located("enabled")
    return spec.Scripting(
        location=entry.located("defaultLocation"),
        language=entry.located("defaultLanguage"),
        timeout=timeout / 1000 if timeout and timeout > 0 else None,
        languages=_languages(entry),
        disabled=enabled if enabled and enabled.value is False else None,
    )


def _languages(entry: Reader) -> tuple[Located, ...] | None:
    return entry.items("allowedLanguages") if "allowedLanguages" in entry else None
