"""What all parts of the surface model have: values of the file, and credentials."""

from __future__ import annotations

from typing import Any

from .diagnostics import Origin, Span
from .models import dataclass


@dataclass(frozen=True, slots=True)
class Located:
    """A value of the file and where it stands."""

    value: Any
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key of an API and where it goes; `value` is None where the file gives none."""

    name: str
    value: Located | None
    placement: Located
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
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
