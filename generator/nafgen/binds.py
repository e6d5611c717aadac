"""Resolves placeholders to settings: what the environment gives when a client is made."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct, field

from . import spec
from .diagnostics import Origin, Reporter, Span, show
from .ir import Setting, Text
from .spec import Located
from .values import Placeholder, bind_name, template


def screaming(name: str) -> str:
    """A name as an environment variable's: upper case, words joined by `_`."""
    text = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").upper()
    return f"_{text}" if text[:1].isdigit() else text or "_"


class Settings(Struct):
    """The settings of one upstream, in the order in which they are used.

    `in_calls` holds those that single calls use, and is None until calls are linked.
    """

    binds: Iterable[spec.Bind]
    reporter: Reporter
    used: dict[str, Setting] = field(default_factory=dict)
    in_calls: dict[str, Setting] | None = None

    def of(self, name: str, span: Span) -> Setting | None:
        """The setting that a placeholder names; None when it does not name a bind."""
        bind = self.declared(name)
        if bind is not None:
            return self.add(bind.variable, bind.origin)
        undeclared = self._undeclared(name)
        if undeclared is None:
            return None
        self.reporter.report(
            "NAF207",
            span,
            f"`{undeclared}` is not declared in `binds`; it is read from the environment",
            hint=f"add `{undeclared}: {undeclared}` to the keys of a bind",
        )
        return self.add(screaming(undeclared), Origin("", span))

    def variable(self, name: str) -> str | None:
        """The environment variable that a placeholder names, if it names a bind."""
        bind = self.declared(name)
        if bind is not None:
            return bind.variable
        undeclared = self._undeclared(name)
        return None if undeclared is None else screaming(undeclared)

    def add(self, variable: str, origin: Origin, default: str | None = None) -> Setting:
        """The setting of a variable, secret as all that binds bring is."""
        setting = Setting(
            variable=variable,
            secret=default is None,
            default=default,
            origin=origin,
        )
        setting = self.used.setdefault(variable, setting)
        if self.in_calls is not None:
            self.in_calls[variable] = setting
        return setting

    def declare(self, variable: str, origin: Origin) -> None:
        """Let templates name a variable of the environment, as a bind of its own does."""
        bind = spec.Bind(
            name=variable, variable=variable, namespace="env", origin=origin
        )
        self.binds = (*self.binds, bind)

    def text(self, located: Located) -> Text | None:
        """A text whose placeholders are binds; None, reported, when one is not."""
        if isinstance(located.value, dict | list):
            self.reporter.report(
                "NAF902",
                located.span,
                f"{show(located.value)} cannot stand here",
                hint="write it as text; in the query of an operation, a list may hold"
                " text, numbers, true and false",
            )
            return None
        parts: list[str | Setting] = []
        for piece in template(scalar(located.value)):
            if not isinstance(piece, Placeholder):
                parts.append(piece)
                continue
            setting = self.of(piece.name, located.span)
            if setting is None:
                self.reporter.report(
                    "NAF902",
                    located.span,
                    f"`{{{{{piece.name}}}}}` is not a bind, and only binds can stand here",
                    hint="declare it in `binds`, in upper case",
                )
                return None
            parts.append(setting)
        return Text(parts=tuple(parts))

    def _undeclared(self, name: str) -> str | None:
        """What a placeholder names in a bind that does not declare it."""
        namespace, _, own = name.partition(".")
        known = own and any(bind.namespace == namespace for bind in self.binds)
        return own if known else bind_name(name)

    def declared(self, name: str) -> spec.Bind | None:
        """The declared bind that a placeholder names."""
        for bind in self.binds:
            if name in (bind.name, f"{bind.namespace}.{bind.name}"):
                return bind
            if name in (f"env.{bind.name}", f"bind.{bind.name}"):
                return bind
        return None


def scalar(value: object) -> str:
    """A scalar as text; nothing is the empty text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
