"""Settings of a client: read from the environment, checked, and kept out of logs."""

from __future__ import annotations

import importlib
import logging
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final
from urllib.parse import quote

import httpx

from .calls import (
    MAX_CONNECTIONS,
    RETRIES,
    TIMEOUT,
    ArgumentError,
    Connection,
    header,
)


class SettingsError(ValueError):
    """A setting is missing or cannot be used; the message never holds its value."""


class MissingSettingsError(SettingsError):
    """Settings that neither the caller nor the environment gives: `names`."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(f"set {', '.join(names)} in the environment")
        self.names = names


_collected: ContextVar[list[str] | None] = ContextVar("_collected", default=None)


@contextmanager
def missing_together() -> Iterator[None]:
    """Name the settings that several clients miss in one error, when the block ends.

    Raises:
        MissingSettingsError: some are missing.
    """
    names: list[str] = []
    token = _collected.set(names)
    try:
        yield
    finally:
        _collected.reset(token)
    if names:
        raise MissingSettingsError(tuple(dict.fromkeys(names)))


class Environment:
    """Reads settings and remembers what is missing, to name all of it at once."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._missing: list[str] = []
        self._values: set[str] = set()

    def get(
        self, variable: str, given: str | None = None, default: str | None = None
    ) -> str:
        """The given value, else the environment's, else the default."""
        value = given or os.environ.get(variable)
        if value:
            self._values.add(value)
            return value
        if default is None:
            self._missing.append(variable)
        return default or ""

    def auth(
        self, variable: str, given: httpx.Auth | None, *, required: bool = True
    ) -> httpx.Auth | None:
        """The given authentication, else what the factory makes that a variable names.

        Raises:
            SettingsError: there is no such factory, or it makes no `httpx.Auth`.
        """
        if given is None and os.environ.get(variable):
            return _made(variable)
        if given is None and required:
            self._missing.append(variable)
        return given

    def connection(
        self,
        base_url: str,
        *,
        auth: httpx.Auth | None = None,
        arrays: str = "repeat",
        objects: str = "json",
        **shared: Mapping[str, str],
    ) -> Connection:
        """A connection made of the values read.

        Raises:
            MissingSettingsError: some are missing.
            SettingsError: the base URL is not one, a number is not one, or a value
                cannot be sent.
        """
        if not self.complete():
            return Connection("http://not.set.invalid")
        self._check(base_url, shared.get("headers", {}))
        _hide_in_logs(self._values - {base_url})
        return Connection(
            base_url.rstrip("/"),
            auth=auth,
            arrays=arrays,
            objects=objects,
            timeout=self._number("TIMEOUT", TIMEOUT, least=0.001),
            retries=int(self._number("RETRIES", RETRIES, least=0)),
            max_connections=int(self._number("MAX_CONNECTIONS", MAX_CONNECTIONS)),
            **shared,
        )

    def complete(self) -> bool:
        """Whether nothing is missing; False only where `missing_together` collects it.

        Raises:
            MissingSettingsError: something is, and nobody collects what.
        """
        names = _collected.get()
        if names is not None:
            names += self._missing
        elif self._missing:
            raise MissingSettingsError(tuple(dict.fromkeys(self._missing)))
        return not self._missing

    def _check(self, base_url: str, headers: Mapping[str, str]) -> None:
        variable = f"{self._prefix}_BASE_URL"
        try:
            url = httpx.URL(base_url)
        except httpx.InvalidURL:
            raise SettingsError(f"{variable} is not a URL") from None
        if url.scheme not in ("https", "http") or not url.host:
            raise SettingsError(f"{variable} must begin with https:// or http://")
        if url.userinfo or "?" in base_url or "#" in base_url:
            raise SettingsError(f"{variable} must not hold a user, ? or #")
        for name, value in headers.items():
            try:
                header(name, value)
            except ArgumentError as error:
                raise SettingsError(f"a setting of {self._prefix}: {error}") from None

    def _number(self, name: str, default: float, least: float = 1) -> float:
        return number_of(f"{self._prefix}_{name}", default, least)


def number_of(variable: str, default: float, least: float = 1) -> float:
    """The number that the environment sets.

    Raises:
        SettingsError: it is no number, or less than `least`.
    """
    text = os.environ.get(variable)
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number < math.inf:
        raise SettingsError(f"{variable} must be a number from {least:g}")
    return number


def _made(variable: str) -> httpx.Auth:
    module, _, factory = os.environ[variable].partition(":")
    if not module or not factory:
        raise SettingsError(f"{variable} must be package.module:factory")
    try:
        made = getattr(importlib.import_module(module), factory)()
    except Exception as error:
        # Its text may hold what was set by mistake, such as a token.
        kind = type(error).__name__
        raise SettingsError(f"the factory of {variable} fails: {kind}") from error
    if not isinstance(made, httpx.Auth):
        raise SettingsError(f"the factory of {variable} makes no httpx.Auth")
    return made


class _Hidden(logging.Filter):
    """Keeps secrets that travel in a URL out of the log lines of httpx."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = masked(record.getMessage()), ()
        return True


_SHORT: Final = 4
_hidden: Final = _Hidden()


def masked(text: str) -> str:
    """A text without the settings of clients, which may be secrets."""
    for secret in sorted(_hidden.secrets, key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    return text


def _hide_in_logs(values: set[str]) -> None:
    """Mask the values in log lines, but those that are too short to be a secret."""
    for value in values:
        if len(value) >= _SHORT:
            encoded = quote(value, safe="", errors="surrogateescape")
            _hidden.secrets |= {value, encoded, quote(value, errors="surrogateescape")}
    logging.getLogger("httpx").addFilter(_hidden)
