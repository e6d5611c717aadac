"""The linked model of settings, and of the credentials that requests carry."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from .diagnostics import Origin
from .wire import Location


class Setting(Struct, frozen=True, kw_only=True):
    """A value that the environment gives when a client is made.

    `variable` names it in the environment. A setting without `default` is required.
    """

    variable: str
    secret: bool
    default: str | None
    origin: Origin


class Text(Struct, frozen=True, kw_only=True):
    """Text with settings in it, such as `Bearer {{TOKEN}}`; all parts joined."""

    parts: tuple[str | Setting, ...]


class Basic(Struct, frozen=True, kw_only=True):
    """HTTP basic authentication."""

    username: Text
    password: Text


class Bearer(Struct, frozen=True, kw_only=True):
    """A bearer token."""

    token: Text


class ApiKey(Struct, frozen=True, kw_only=True):
    """A key in a header, in the query, or in a cookie."""

    name: str
    value: Text
    location: Location


class ApiKeys(Struct, frozen=True, kw_only=True):
    """One key or several, all sent with each request."""

    keys: tuple[ApiKey, ...]


class Supplied(Struct, frozen=True, kw_only=True):
    """A scheme that the user of the package supplies: `setting` names what makes it, and
    `mentions` are the variables that the spec has for it."""

    scheme: str
    setting: Setting
    mentions: tuple[str, ...]


class Digest(Struct, frozen=True, kw_only=True):
    """HTTP digest authentication, unless what `setting` names makes another."""

    username: Text
    password: Text
    setting: Setting


class ClientCredentials(Struct, frozen=True, kw_only=True):
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
