"""Links the authentication of a consumed API: which credentials each request carries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from . import spec
from .arguments import is_token, sendable
from .base_urls import is_unencrypted
from .binds import Settings, screaming
from .diagnostics import Origin, Reporter, show
from .ir import (
    ApiKey,
    ApiKeys,
    Auth,
    Basic,
    Bearer,
    ClientCredentials,
    Digest,
    Setting,
    Supplied,
    Text,
)
from .spec import Located
from .values import Placeholder, template
from .wire import Location

_PLACES: Final = (Location.HEADER, Location.QUERY, Location.COOKIE)
_VARIABLE: Final = re.compile(r"([A-Za-z_]\w*\.)?(?P<name>[A-Za-z_][\w-]*)").fullmatch
_ADDRESS: Final = re.compile(r"https?://", re.IGNORECASE).match
_OF_CALLS: Final = ("tools.", "rest.")


def link_auth(
    entry: spec.Consumes, settings: Settings, reporter: Reporter
) -> Auth | str | None:
    """The authentication of a consumed API, or the code of the error that costs it.

    What cannot be sent as it is written is for the user to supply: an API never loses
    its credentials in silence.
    """
    if entry.auth is None:
        return None
    return _AuthLinker(entry, entry.auth, settings, reporter).link()


class _AuthLinker(Struct):
    entry: spec.Consumes
    auth: spec.Auth
    settings: Settings
    reporter: Reporter

    def link(self) -> Auth | str | None:
        if not all(map(self._is_fixed, self._values())):
            return self._supplied()
        match self.auth.scheme:
            case "basic":
                return Basic(
                    username=self._field("username"), password=self._field("password")
                )
            case "bearer":
                token = self._field("token")
                if not sendable(token):
                    return self._unsendable("Authorization")
                return Bearer(token=token)
            case "apikey":
                return self._api_keys()
            case "digest":
                return Digest(
                    username=self._field("username"),
                    password=self._field("password"),
                    setting=self._replacement(),
                )
            case "oauth2":
                return self._client_credentials()
            case "none":
                return None
            case _:
                return self._supplied()

    def _values(self) -> Iterator[Located]:
        yield from (located for _, located in self.auth.fields)
        yield from (key.value for key in self.auth.keys if key.value is not None)

    def _field(self, name: str) -> Text:
        return self._text(name, dict(self.auth.fields).get(name), self.auth.origin)

    def _client_credentials(self) -> ClientCredentials | Supplied:
        """Where tokens come from and what for; the credentials may be settings."""
        fields = dict(self.auth.fields)
        server = self._address(fields.get("authorizationServerUri"))
        endpoint = self._address(fields.get("tokenEndpoint"))
        if server is None or endpoint is None:
            return self._supplied()
        made = ClientCredentials(
            client_id=self._credential("CLIENT_ID", fields.get("clientId")),
            client_secret=self._credential("CLIENT_SECRET", fields.get("clientSecret")),
            token_url=self._token_url(endpoint, server),
            server=server,
            scope=self._optional(fields.get("scopes")),
            resource=self._optional(fields.get("resource")),
            audience=self._optional(fields.get("audience")),
            setting=self._replacement(),
        )
        own = {self._own(name) for name in ("CLIENT_ID", "CLIENT_SECRET", "TOKEN_URL")}
        parts = (
            *made.client_id.parts,
            *made.client_secret.parts,
            *made.token_url.parts,
        )
        needed = [
            part.variable
            for part in parts
            if isinstance(part, Setting)
            and part.variable in own
            and part.default is None
        ]
        if needed:
            self.reporter.report(
                "NAF425",
                self.auth.type.span,
                "tokens are fetched with client credentials, so"
                f" {', '.join(needed)} must be set to run this",
                hint="docs/authentication.md says where tokens come from",
            )
        return made

    def _credential(self, name: str, located: Located | None) -> Text:
        """A credential of OAuth 2.0, which the specification leaves to settings."""
        if located is not None:
            return self._optional(located)
        return Text(parts=(self.settings.add(self._own(name), self.auth.origin),))

    def _token_url(self, endpoint: Text, server: Text) -> Text:
        """Where tokens are fetched: a setting, but where the spec has binds for it."""
        if any(isinstance(part, Setting) for part in endpoint.parts):
            return endpoint
        written = "".join(map(str, endpoint.parts))
        default = None if not (written or server.parts) else written
        variable = self._own("TOKEN_URL")
        return Text(parts=(self.settings.add(variable, self.auth.origin, default),))

    def _optional(self, located: Located | None) -> Text:
        if located is None:
            return Text(parts=())
        return credential(located, self.settings)

    def _address(self, located: Located | None) -> Text | None:
        """The address of an authorization server, empty where there is none to be used;
        None where it is no address."""
        text = self._optional(located)
        if located is None or not text.parts or isinstance(text.parts[0], Setting):
            return text
        if is_unencrypted(text.parts[0]):
            self.reporter.report(
                "NAF410",
                located.span,
                "client credentials would travel unencrypted to this address",
                hint=f"set {self._own('TOKEN_URL')} to one that begins with https://",
            )
            return Text(parts=())
        return text if _ADDRESS(text.parts[0]) else None

    def _own(self, name: str) -> str:
        return f"{screaming(self.entry.namespace)}_{name}"

    def _api_keys(self) -> ApiKeys | str:
        if not all(key.name for key in self.auth.keys):
            self.reporter.report(
                "NAF102",
                self.auth.origin.span,
                "the authentication apikey needs `key`",
                hint="add `key`; nothing of this API is compiled until then",
            )
            return "NAF102"
        keys = []
        for key in self.auth.keys:
            if key.placement.value not in _PLACES:
                self.reporter.report(
                    "NAF903",
                    key.placement.span,
                    f"a key placed in {show(key.placement.value)} is not supported",
                    hint="header, query, cookie and body are; nothing of this API is compiled",
                )
                return "NAF903"
            place = Location(key.placement.value)
            origin = Origin(f"{self.auth.origin.pointer}.value", key.span)
            value = self._text(key.name, key.value, origin)
            if place is not Location.QUERY and not is_token(key.name):
                return self._unsendable(key.name)
            if place is Location.HEADER and not sendable(value):
                return self._unsendable(key.name)
            keys.append(ApiKey(name=key.name, value=value, location=place))
        return ApiKeys(keys=tuple(keys))

    def _unsendable(self, name: str) -> str:
        """Report a credential that HTTP cannot carry; the code of that."""
        self.reporter.report(
            "NAF101",
            self.auth.origin.span,
            f"the credential {show(name)} cannot be sent: HTTP has no such name or value",
            hint="nothing of this API is compiled until it is corrected",
        )
        return "NAF101"

    def _text(self, name: str, located: Located | None, origin: Origin) -> Text:
        """The text of a credential; one that the spec does not give is a setting."""
        if located is None:
            variable = self._own(screaming(name))
            self.reporter.report(
                "NAF420",
                origin.span,
                f"the authentication gives no value for {show(name)};"
                f" {variable} is read from the environment",
                hint="give it as a bind, such as `{{TOKEN}}`",
            )
            return Text(parts=(self.settings.add(variable, origin),))
        return credential(located, self.settings)

    def _is_fixed(self, located: Located) -> bool:
        """Whether a value is the same for all requests.

        A single placeholder that nobody declares is taken for a bind. Among several,
        it stands for what is computed for each request, as in `HMAC {{ID}}:{{sign}}`.
        """
        if isinstance(located.value, dict | list):
            return False
        if _is_known(located, self.settings):
            return True
        names = tuple(_placeholders(located.value))
        alone = len(names) == 1 and _VARIABLE(names[0]) is not None
        return alone and not names[0].startswith(_OF_CALLS)

    def _replacement(self) -> Setting:
        """The setting that names what makes the authentication."""
        variable = self._own("AUTH")
        if any(bind.variable == variable for bind in self.settings.binds):
            variable = self._own("HTTPX_AUTH")
        origin = Origin(f"{self.auth.origin.pointer}.type", self.auth.type.span)
        return Setting(variable=variable, secret=False, default=None, origin=origin)

    def _supplied(self) -> Supplied:
        setting = self._replacement()
        scheme = str(self.auth.type.value)
        self.reporter.report(
            "NAF421",
            self.auth.type.span,
            f"the authentication {show(scheme)} must be supplied: the client takes"
            f" `auth`, and a service reads {setting.variable}",
            hint="nothing is sent without it; docs/authentication.md shows how",
        )
        names = (
            name for value in self._values() for name in _placeholders(value.value)
        )
        variables = (self.settings.variable(name) for name in names)
        return Supplied(
            scheme=scheme,
            setting=setting,
            mentions=tuple(dict.fromkeys(filter(None, variables))),
        )


def credential(located: Located, settings: Settings) -> Text:
    """The text of a credential: what a placeholder names is a bind in any spelling."""
    text = settings.text(located) if _is_known(located, settings) else None
    return text or _undeclared(located, settings)


def _undeclared(located: Located, settings: Settings) -> Text:
    """Text with binds in unusual spellings, which nobody declares."""
    parts: list[str | Setting] = []
    for piece in template(str(located.value)):
        if not isinstance(piece, Placeholder):
            parts.append(piece)
            continue
        name = piece.name.rpartition(".")[2]
        variable = screaming(name)
        settings.reporter.report(
            "NAF207",
            located.span,
            f"`{piece.name}` is not declared in `binds`; {variable} is read from"
            " the environment",
            hint=f"add `{variable}: {variable}` to the keys of a bind",
        )
        parts.append(settings.add(variable, Origin("", located.span)))
    return Text(parts=tuple(parts))


def _is_known(located: Located, settings: Settings) -> bool:
    return all(map(settings.variable, _placeholders(located.value)))


def _placeholders(value: Any) -> Iterator[str]:
    """The names in all placeholders of a value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _placeholders(item)
    elif isinstance(value, str):
        for piece in template(value):
            if isinstance(piece, Placeholder):
                yield piece.name
