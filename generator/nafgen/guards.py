"""Links the authentication of an adapter's callers: what each request must show."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from . import spec
from .authentication import credential
from .binds import Settings, screaming
from .diagnostics import Origin, Reporter, show
from .ir import (
    AccessTokens,
    ApiKey,
    ApiKeys,
    Basic,
    Bearer,
    Guard,
    IntrospectedTokens,
    PasswordDigest,
    Text,
)
from .lower_authentication import squashed
from .program import Route
from .spec import Located
from .wire import Location


def link_guard(
    exposed: spec.Exposes | spec.Skills | spec.Control,
    binds: Iterable[spec.Bind],
    reporter: Reporter,
) -> Guard | None:
    """What callers of an adapter must show; None where it is open."""
    if exposed.auth is None:
        return None
    settings = Settings(binds, reporter)
    scheme = _GuardLinker(exposed.namespace, exposed.auth, settings).scheme()
    return Guard(
        scheme=scheme,
        realm=re.sub(r"[^A-Za-z0-9._-]+", "-", exposed.namespace),
        settings=tuple(settings.used.values()),
    )


def report_shown(guard: Guard, routes: Iterable[Route], reporter: Reporter) -> None:
    """Report inputs of routes that callers show to the adapter, which keeps them."""
    match guard.scheme:
        case ApiKeys(keys=keys):
            shown = {_place(key.location, key.name) for key in keys}
        case _:
            shown = {(Location.HEADER, "authorization")}
    for route in routes:
        for given in route.inputs:
            if _place(given.location, given.name) in shown:
                reporter.report(
                    "NAF435",
                    given.origin.span,
                    f"callers show {show(given.name)} to the adapter, which keeps it, so"
                    " this route never gets it",
                    hint="remove the input; what the API needs goes into the"
                    " `authentication` of its `consumes`",
                )


def _place(location: Location, name: str) -> tuple[Location, str]:
    """The names of headers have no case."""
    return location, name.lower() if location is Location.HEADER else name


class _GuardLinker(Struct, frozen=True):
    namespace: str
    auth: spec.Auth
    settings: Settings

    def scheme(self) -> Basic | Bearer | ApiKeys | PasswordDigest | AccessTokens:
        match self.auth.scheme:
            case "basic":
                username, password = self._field("username"), self._field("password")
                return Basic(username=username, password=password)
            case "bearer":
                return Bearer(token=self._field("token"))
            case "digest":
                username, password = self._field("username"), self._field("password")
                return PasswordDigest(username=username, password=password)
            case "oauth2":
                return self._tokens()
            case _:
                return ApiKeys(keys=tuple(map(self._key, self.auth.keys)))

    def _field(self, name: str) -> Text:
        fields = {squashed(key): located for key, located in self.auth.fields}
        return self._secret(name, fields.get(name), self.auth.origin)

    def _tokens(self) -> AccessTokens:
        fields = dict(self.auth.fields)
        absent = Located("", self.auth.origin.span)
        issuer, resource, audience = (
            credential(fields.get(name, absent), self.settings)
            for name in ("authorizationServerUri", "resource", "audience")
        )
        token_url = str(fields.get("tokenEndpoint", absent).value)
        tokens = AccessTokens(
            issuer=issuer,
            resource=resource,
            audience=audience,
            scopes=fields["scopes"].value,
            token_url="" if "{{" in token_url else token_url,
        )
        is_asked = fields["tokenValidation"].value == "introspection"
        return self._introspected(tokens) if is_asked else tokens

    def _introspected(self, tokens: AccessTokens) -> IntrospectedTokens:
        """The same, with what this service is known by where tokens are asked about."""
        prefix = f"{screaming(self.namespace)}_INTROSPECTION"
        names = (f"{prefix}_CLIENT_ID", f"{prefix}_CLIENT_SECRET")
        self.settings.reporter.report(
            "NAF425",
            self.auth.type.span,
            f"the authorization server is asked about tokens, so {' and '.join(names)}"
            " must be set to run this",
            hint="docs/authentication.md says what they are",
        )
        client_id, client_secret = (
            Text(parts=(self.settings.add(name, self.auth.origin),)) for name in names
        )
        return IntrospectedTokens(
            issuer=tokens.issuer,
            resource=tokens.resource,
            audience=tokens.audience,
            scopes=tokens.scopes,
            token_url=tokens.token_url,
            client_id=client_id,
            client_secret=client_secret,
        )

    def _key(self, key: spec.ApiKey) -> ApiKey:
        origin = Origin(f"{self.auth.origin.pointer}.value", key.span)
        value = self._secret(key.name, key.value, origin)
        return ApiKey(
            name=key.name, value=value, location=Location(key.placement.value)
        )

    def _secret(self, name: str, located: Located | None, origin: Origin) -> Text:
        """What callers must know; where the spec does not give it, it is a setting."""
        if located is not None and str(located.value or "").strip():
            return credential(located, self.settings)
        variable = f"{screaming(self.namespace)}_{screaming(name)}"
        self.settings.reporter.report(
            "NAF420",
            origin.span,
            f"the authentication gives no value for {show(name)};"
            f" {variable} is read from the environment",
            hint="give it as a bind, such as `{{TOKEN}}`",
        )
        return Text(parts=(self.settings.add(variable, origin),))
