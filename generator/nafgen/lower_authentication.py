"""Lowers the authentication of consumed APIs: its published spellings end here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec.structs import replace

from . import spec
from .diagnostics import plain, show
from .keywords import AUTH
from .reader import Reader
from .spec import Located
from .units import Units

_TYPES: Final = {
    "none": "none noauth anonymous",
    "basic": "basic basicauth httpbasic",
    "bearer": "bearer bearerauth bearertoken httpbearer token",
    "apikey": "apikey apikeyauth apitoken header query cookie",
    "digest": "digest digestauth httpdigest",
    "oauth2": "oauth2 oauth20 oauth2clientcredentials clientcredentials",
}
_OFFICIAL: Final = {
    name: kind for kind, all_ in _TYPES.items() for name in all_.split()
}
_PLACES: Final = {
    "header": "header headers httpheader",
    "query": "query querystring queryparam queryparameter parameter parameters params"
    " param url",
    "cookie": "cookie cookies",
    "body": "body form formdata json",
    "path": "path uri",
}
_PLACE: Final = {
    name: place for place, all_ in _PLACES.items() for name in all_.split()
}
_OF_OAUTH2: Final = {
    "authorizationServerUri": "authorizationserveruri authorizationserverurl"
    " authorizationserver issuer issueruri issuerurl",
    "tokenEndpoint": "tokenendpoint tokenurl tokenuri accesstokenurl accesstokenuri",
    "clientId": "clientid",
    "clientSecret": "clientsecret",
    "scopes": "scopes scope",
    "resource": "resource",
    "audience": "audience",
}
_GRANT: Final = ("granttype", "grant", "flow")
_TOKEN: Final = ("token", "accesstoken", "bearertoken", "value", "key", "apikey")
_VALUE: Final = ("value", "token", "apikey", "apitoken", "accesstoken", "secret")
_NAMED: Final = (
    *("header", "headername", "queryparam", "queryparameter", "queryname"),
    *("query", "parameter", "param", "cookie", "cookiename"),
)
_SEVERAL: Final = ("headers", "parameters", "params", "queryparameters", "cookies")
_PREFIXED: Final = re.compile(r"(bearer|basic|token|apikey) \S", re.IGNORECASE).match
_BEARER: Final = re.compile(r"bearer\s+", re.IGNORECASE).match
_SIGNED: Final = re.compile(r"AWS4-HMAC-", re.IGNORECASE).match
_SHELL: Final = re.compile(
    r"\$?\{\{\s*(?P<braces>[^{}]*?)\s*\}\}"
    r"|\$\{(?P<shell>[A-Za-z_][A-Za-z0-9_.]*)\}"
    r"|(?<![\w$.])\$(?P<plain>[A-Z][A-Z0-9_]*)(?![\w$])"
    r"|(?<![\w$.])env\.(?P<bare>[A-Z][A-Z0-9_]*)(?![\w.])"
)


def lower_auth(entry: Reader, units: Units) -> spec.Auth | None:
    """The authentication of a consumed API; None where it needs none."""
    key = "authentication"
    if key not in entry and "auth" in entry:
        key = "auth"
        units.note(entry.data.key_span(key), "`auth`", "`authentication`")
    elif "auth" in entry:
        units.reporter.report(
            "NAF104",
            entry.data.key_span("auth"),
            "`auth` has no effect beside `authentication`",
        )
    block = entry.child(key)
    if block is None or not any(name in block for name in block.data):
        return None
    return _Block(block, units).lower()


def squashed(name: str) -> str:
    """A name without case and separators."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@dataclass(slots=True)
class _Block:
    """An `authentication` block; `taken` are the keys that were read of it."""

    reader: Reader
    units: Units
    fields: dict[str, tuple[str, Located]] = field(init=False)
    taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.fields = {
            squashed(key): (key, located)
            for key, located in self.reader.members("type")
            if located.value is not None
        }

    def lower(self) -> spec.Auth | None:
        written = self.reader.located("type")
        kind = self._kind(written)
        if kind == "none":
            self._check_keys(kind)
            return None
        auth = {
            "basic": self._basic,
            "bearer": self._bearer,
            "apikey": self._keys,
            "digest": self._digest,
            "oauth2": self._oauth2,
        }
        made = auth[kind]() if kind in auth else None
        if made is None:
            return self._unknown(written or Located("", self.reader.span))
        if written is None:
            absent, official = "the absence of `type`", f"`type: {kind}`"
            self.units.note(self.reader.span, absent, official)
        elif written.value != kind:
            self.units.note(written.span, show(written.value), f"`{kind}`")
        self._check_keys(kind)
        return made

    def _kind(self, written: Located | None) -> str:
        """The official type; empty where the block does not tell."""
        if written is None:
            return self._implied()
        kind = squashed(str(written.value))
        if kind == "http":
            scheme = self._take("scheme", official="scheme")
            kind = f"http{squashed(str(scheme.value))}" if scheme else ""
        has_token = bool({"token", "accesstoken"} & self.fields.keys())
        if kind in ("oauth2", "oauth", "jwt") and has_token:
            # Of all the ways to get a token this needs none: the token is there.
            known = {"token", "accesstoken", "scopes", "scope"}
            kind = "bearer" if self.fields.keys() <= known else kind
            self.taken |= {"scopes", "scope"}
        kind = _OFFICIAL.get(kind, "")
        return self._placed(kind, squashed(str(written.value)))

    def _placed(self, kind: str, written: str) -> str:
        """A token with a name of its own, or not in a header, is a key."""
        if kind != "bearer":
            return kind
        place = self._text("placement") or self._text("in")
        if _PLACE.get(squashed(place or "header")) != "header":
            return "apikey"
        named = [*map(self._text, _NAMED), self._text("name") if place else ""]
        if {"value", "token"} & self.fields.keys():
            named.append(self._text("key"))
        other = [name for name in named if name and name.lower() != "authorization"]
        if not other:
            return kind
        # A bearer token in another header: with `Bearer` before it, or without?
        return "apikey" if written == "token" else ""

    def _implied(self) -> str:
        """The type of a block that does not say it."""
        names = self.fields.keys()
        if {"username", "user", "password"} & names:
            return "basic"
        if {"key", "name", *_NAMED, *_SEVERAL} & names:
            return "apikey"
        return "bearer" if {"token", "accesstoken", "bearertoken"} & names else ""

    def _text(self, name: str) -> str:
        found = self.fields.get(name)
        return str(found[1].value) if found and isinstance(found[1].value, str) else ""

    def _take(self, *names: str, official: str) -> Located | None:
        """The first of some fields, which must be scalar; another spelling is noted."""
        for name in names:
            key, located = self.fields.get(name, ("", None))
            if located is None or key in self.taken:
                continue
            if isinstance(located.value, dict | list):
                continue
            self.taken.add(key)
            if key != official:
                self.units.note(
                    self.reader.data.key_span(key), f"`{plain(key)}`", f"`{official}`"
                )
            return self._template(located)
        return None

    def _template(self, located: Located) -> Located:
        """A value in which all spellings of a bind are `{{X}}`."""
        if not isinstance(located.value, str):
            return located
        official = _SHELL.sub(_in_braces, located.value)
        if official == located.value:
            return located
        self.units.note(located.span, show(located.value), show(official))
        return Located(official, located.span)

    def _basic(self) -> spec.Auth | None:
        username = self._take("username", "user", "login", official="username")
        password = self._take("password", "pass", official="password")
        if username is None and password is None and self._left():
            return None
        fields = {"username": username, "password": password}
        if username is not None or password is not None:
            for name, located in fields.items():
                if located is None:
                    self.units.note(
                        self.reader.span, f"the absence of `{name}`", f"`{name}: ''`"
                    )
                    fields[name] = Located("", self.reader.span)
        return self._made("basic", fields)

    def _digest(self) -> spec.Auth | None:
        username = self._take("username", "user", "login", official="username")
        password = self._take("password", "pass", official="password")
        self._ignore("realm", "algorithm", "qop")
        if self._left():
            return None
        return self._made("digest", {"username": username, "password": password})

    def _oauth2(self) -> spec.Auth | None:
        """Client credentials; None where the block says more than these need."""
        grant = self._take(*_GRANT, official="grantType")
        if squashed(str(grant.value) if grant else "") not in ("", "clientcredentials"):
            return None
        fields = {
            official: self._take(*names.split(), official=official)
            for official, names in _OF_OAUTH2.items()
            if official != "scopes"
        }
        fields["scopes"] = self._scopes()
        self._ignore("tokenvalidation")
        if self._left():
            self.reader.check_spelling(AUTH["oauth2"].read | self.taken)
            return None
        given = {
            name: value if _given(value) else None for name, value in fields.items()
        }
        return self._made("oauth2", given)

    def _scopes(self) -> Located | None:
        """The scopes as one text; they may be a list, or the keys of a mapping."""
        for name in _OF_OAUTH2["scopes"].split():
            key, located = self.fields.get(name, ("", None))
            if located is not None and isinstance(located.value, dict | list):
                self.taken.add(key)
                text = " ".join(map(str, located.value))
                return self._template(Located(text, located.span))
        return self._take(*_OF_OAUTH2["scopes"].split(), official="scopes")

    def _bearer(self) -> spec.Auth | None:
        token = self._take(*_TOKEN, official="token")
        if squashed(self._text("scheme")) not in ("", "bearer"):
            return None
        # What is left of these says no more than the scheme does: `_placed` saw to it.
        self._ignore("placement", "in", "key", *_NAMED)
        if token is None and self._left():
            return None
        if token is not None and (scheme := _BEARER(str(token.value))):
            bare = str(token.value)[scheme.end() :]
            self.units.note(token.span, show(token.value), show(bare))
            token = Located(bare, token.span)
        return self._made("bearer", {"token": token if _given(token) else None})

    # --- keys --------------------------------------------------------------------

    def _keys(self) -> spec.Auth | None:
        kind = squashed(self.reader.text("type"))
        for name, (_, located) in self.fields.items():
            several = isinstance(located.value, dict | list)
            # A signature depends on the request; a fixed value cannot be one.
            if _SIGNED(str(located.value)) or (
                several and name not in (*_SEVERAL, *_NAMED)
            ):
                return None
        place = self._take("placement", "in", "location", official="placement")
        if place is not None:
            known = _PLACE.get(squashed(str(place.value)), place.value)
            place = Located(known, place.span)
        keys = tuple(self._several(kind, place))
        keys += tuple(self._single(kind, place, alone=not keys))
        structures = [
            k for k in keys if k.value and isinstance(k.value.value, dict | list)
        ]
        if structures or (not keys[0].name and keys[0].value is None and self._left()):
            return None
        return replace(self._made("apikey", {}), keys=keys)

    def _several(self, kind: str, place: Located | None) -> Iterator[spec.ApiKey]:
        for name in (*_SEVERAL, *_NAMED):
            key, located = self.fields.get(name, ("", None))
            if located is None or not isinstance(located.value, dict | list):
                continue
            own = _PLACE.get(name, "header")
            if name in ("parameters", "params"):
                own = _PLACE.get(kind, "query")
            placement = place or Located(own, located.span)
            self.taken.add(key)
            span = self.reader.data.key_span(key)
            official = "`key` and `value`, one for each"
            self.units.note(span, f"`{plain(key)}`", official)
            for own_name, value in _pairs(located.value):
                made = self._template(Located(value, located.span))
                yield spec.ApiKey(
                    name=own_name,
                    value=made if _given(made) else None,
                    placement=placement,
                    span=span,
                )

    def _single(
        self, kind: str, place: Located | None, *, alone: bool
    ) -> Iterator[spec.ApiKey]:
        """The one key that the block itself is; nothing when it says none, unless it is
        `alone`."""
        implied = kind if kind in ("header", "query", "cookie") else "header"
        named = None
        for name in _NAMED:
            if named is None and self._text(name):
                implied = _PLACE.get(name.removesuffix("name"), implied)
                named = self._take(name, official="key")
        value = self._take(*_VALUE, official="value")
        key = self.fields.get("key", ("", None))[1]
        is_template = key is not None and "{" in str(key.value)
        if value is None and (named or "name" in self.fields or is_template):
            value = self._take("key", official="value")
        if named is None:
            named = self._take("key", official="key")
        if named is None and "name" in self.fields:
            named = self._take("name", official="key")
        if named is None and value is None and not alone:
            return
        if named is None and value is not None and _PREFIXED(str(value.value)):
            named = Located("Authorization", value.span)
            self.units.note(value.span, "a value without `key`", "`key: Authorization`")
        yield spec.ApiKey(
            name=str(named.value) if named is not None else "",
            value=value if _given(value) else None,
            placement=place or Located(implied, self.reader.span),
            span=self.reader.span,
        )

    # --- the rest ----------------------------------------------------------------

    def _made(self, kind: str, fields: dict[str, Located | None]) -> spec.Auth:
        return spec.Auth(
            scheme=kind,
            type=self.reader.located("type") or Located("", self.reader.span),
            fields=tuple((k, v) for k, v in fields.items() if v is not None),
            keys=(),
            origin=self.reader.origin,
        )

    def _unknown(self, written: Located) -> spec.Auth:
        fields = tuple((key, located) for key, located in self.fields.values())
        return spec.Auth(
            scheme="", type=written, fields=fields, keys=(), origin=self.reader.origin
        )

    def _ignore(self, *names: str) -> None:
        self.taken |= {self.fields[name][0] for name in names if name in self.fields}

    def _left(self) -> bool:
        """Whether there is something that was not read, and may be a credential."""
        keys = {key for key, _ in self.fields.values()}
        return bool(keys - self.taken - AUTH["bearer"].informative)

    def _check_keys(self, kind: str) -> None:
        keys = AUTH[kind]
        self.reader.check_keys(replace(keys, read=keys.read | self.taken))


def _in_braces(match: re.Match[str]) -> str:
    name = next(filter(None, match.groups()), "")
    plain = match[0].startswith("{{")
    return match[0] if plain else f"{{{{{name}}}}}"


def _given(located: Located | None) -> bool:
    return located is not None and located.value not in ("", None)


def _pairs(several: Any) -> Iterable[tuple[str, Any]]:
    """Names and values of a mapping, or of a list of `name` and `value`."""
    if isinstance(several, list):
        for item in several:
            if isinstance(item, dict):
                yield from _pairs(item)
    elif "value" in several and ("name" in several or "key" in several):
        name = several.get("name") or several.get("key")
        yield "" if name is None else str(name), several["value"]
    else:
        yield from several.items()
