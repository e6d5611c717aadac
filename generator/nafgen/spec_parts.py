"""What all parts of the surface model have: values of the file, and credentials."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from .diagnostics import Origin, Span


class Located(Struct, frozen=True):
    """A value of the file and where it stands."""

    value: Any
    span: Span


class ApiKey(Struct, frozen=True, kw_only=True):
    """A key of an API and where it goes; `value` is None where the file gives none."""

    name: str
    value: Located | None
    placement: Located
    span: Span


class Auth(Struct, frozen=True, kw_only=True):
    """The authentication of an API or of an adapter's callers.

    `scheme` is `basic`, `bearer`, `apikey`, `digest` or `oauth2` (client credentials),
    empty where it is none of them, and `none`
    where parameters have become all its keys. `type` is what the file says. `fields`
    have their official names in a known scheme, and `keys` are those of `apikey`.
    """

    scheme: str
    type: Located
    fields: tuple[tuple[str, Located], ...]
    keys: tuple[ApiKey, ...]
    origin: Origin
