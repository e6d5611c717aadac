"""The linked model of settings, and of the credentials that requests carry."""

from __future__ import annotations

from typing import TypeAlias

from .diagnostics import Origin
from .models import dataclass
from .wire import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A value that the environment gives when a client is made.

    `variable` names it in the environment. A setting without `default` is required.
    """

    variable: str
    secret: bool
    default: str | None
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Text with settings in it, such as `Bearer {{TOKEN}}`; all parts joined."""

    parts: tuple[str | Setting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic:
    """HTTP basic authentication."""

    username: Text
    password: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """A bearer token."""

    token: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key in a header, in the query, or in a cookie."""

    name: str
    value: Text
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeys:
    """One key or several, all sent with each request."""

    keys: tuple[ApiKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplied:
    """A scheme that the user of the package supplies: `setting` names what makes it, and
    `mentions` are the variables that the spec has for it."""

    scheme: str
    setting: Setting
    mentions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """HTTP digest authentication, unless what `setting` names makes another."""

    username: Text
    password: Text
    setting: Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """Bearer tokens that an OAuth 2.0 authorization server gives for client credentials,
    unless what `setting` names makes another authentication.

    `token_url` is where; where it is empty, the metadata of `server` says it. `scope`,
    `resource` and `audience` go along with the credentials where they are not empty.
    """

    client_id: Text
    client_secret: Text
    token_url: Text
    server: Text
    scope: Text
    resource: Text
    audience: Text
    setting: Setting


Negotiated: TypeAlias = Digest | ClientCredentials
"""What takes more than one request, and may be supplied by the user as well."""


Auth: TypeAlias = Basic | Bearer | ApiKeys | Negotiated | Supplied
