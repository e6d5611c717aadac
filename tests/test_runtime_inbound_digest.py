"""Digest authentication of callers: proofs, nonces, and what is refused."""

from __future__ import annotations

import hashlib
import itertools
import time
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from inbound_support import ENV, ask, challenge, guarded
from nafgen.runtime import inbound_digest
from nafgen.runtime.inbound_digest import LIFETIME, WINDOW, PasswordDigest
from nafgen.runtime.settings import SettingsError
from runtime_support import serving

USER, PASSWORD = 'cap "tain" \\', "wörd:"
SHOWN_USER = 'cap \\"tain\\" \\\\'


class Caller:
    """Answers challenges as RFC 7616 says, and otherwise where it is told to."""

    def __init__(self, app: FastAPI, algorithm: str = "SHA-256") -> None:
        self.app = app
        self.algorithm = algorithm
        self.nonce = self.new_nonce()
        self.counts = itertools.count(1)

    def new_nonce(self) -> str:
        answer = ask(self.app)
        challenges = challenge(answer)
        assert challenges.count("Digest ") == 2
        assert challenges.index("SHA-256") < challenges.index("MD5")
        assert 'qop="auth"' in challenges and "stale" not in challenges
        return challenges.partition('nonce="')[2].partition('"')[0]

    def header(self, **other: str) -> str:
        make = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}[self.algorithm]

        def digest(*parts: str) -> str:
            return make(":".join(parts).encode()).hexdigest()

        fields = {
            "nonce": self.nonce,
            "uri": "/things?a=1",
            "nc": f"{next(self.counts):08x}",
            "cnonce": "c",
            "qop": "auth",
            **other,
        }
        password = other.get("password", PASSWORD)
        secret = digest(USER, "web", password)
        request = digest(other.get("method", "GET"), fields["uri"])
        parts = (fields[name] for name in ("nonce", "nc", "cnonce", "qop"))
        fields = {
            "username": SHOWN_USER,
            "realm": "web",
            "algorithm": self.algorithm,
            "response": digest(secret, *parts, request),
            **fields,
        }
        bare = ("algorithm", "nc", "qop")
        return "Digest " + ", ".join(
            f"{name}={value}" if name in bare else f'{name}="{value}"'
            for name, value in fields.items()
            if name not in ("password", "method")
        )

    def call(self, header: str | None = None, **other: str) -> httpx.Response:
        shown = {"Authorization": (header or self.header(**other)).encode()}
        return ask(self.app, "/things?a=1", headers=shown)


@pytest.fixture
def app() -> FastAPI:
    return guarded(PasswordDigest(ENV, "web", USER, PASSWORD))


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_who_knows_the_password_is_let_in(app: FastAPI, algorithm: str) -> None:
    caller = Caller(app, algorithm)
    for _ in range(3):
        answer = caller.call()
        assert answer.status_code == 200
        assert "authorization" not in answer.text


@pytest.mark.parametrize(
    "other",
    [
        {"password": "word"},
        {"username": "captain"},
        {"uri": "/things?a=2"},
        {"uri": "/things"},
        {"method": "POST"},
        {"response": "0" * 64},
        {"response": ""},
        {"qop": "auth-int"},
        {"qop": ""},
        {"nc": "1"},
        {"nc": "-0000001"},
        {"algorithm": "SHA-512"},
        {"algorithm": "MD5"},
    ],
)
def test_others_are_refused(app: FastAPI, other: dict[str, str]) -> None:
    assert "stale" not in challenge(Caller(app).call(**other))


@pytest.mark.parametrize(
    "header", ["Digest", "Digest x", 'Digest username="', "Digest ,=,", "Basic YTpi"]
)
def test_headers_without_sense(app: FastAPI, header: str) -> None:
    assert "stale" not in challenge(ask(app, headers={"Authorization": header}))


def test_a_proof_is_good_once(app: FastAPI) -> None:
    caller = Caller(app)
    header = caller.header()
    assert caller.call(header).status_code == 200
    assert "stale=true" in challenge(caller.call(header))
    assert caller.call().status_code == 200


def test_requests_may_overtake_each_other(app: FastAPI) -> None:
    caller = Caller(app)
    headers = [caller.header() for _ in range(WINDOW + 2)]
    assert caller.call(headers[-1]).status_code == 200
    for late in (headers[5], headers[2], headers[-2]):
        assert caller.call(late).status_code == 200
        assert "stale=true" in challenge(caller.call(late))
    assert "stale=true" in challenge(caller.call(headers[0]))
    assert caller.call(nc="ffffffff").status_code == 200


def test_nonces_expire_and_are_forgotten(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = Caller(app)
    assert caller.call().status_code == 200
    now = time.monotonic()
    monkeypatch.setattr(inbound_digest, "monotonic", lambda: now + LIFETIME + 1)
    assert "stale=true" in challenge(caller.call())
    other = Caller(app)
    assert other.call().status_code == 200


@pytest.mark.parametrize("nonce", ["", "x", "%", "AAAA" * 16, "é"])
def test_nonces_of_others_are_stale(app: FastAPI, nonce: str) -> None:
    caller = Caller(app)
    caller.nonce = nonce
    assert "stale=true" in challenge(caller.call())


def test_used_nonces_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(inbound_digest, "monotonic", lambda: now)
    nonces = inbound_digest._Nonces()
    for _ in range(10):
        assert nonces.take(nonces.new(), 1)
        now += LIFETIME / 4
    assert len(nonces._used) <= 5


def test_a_colon_cannot_stand_in_a_user_name() -> None:
    with pytest.raises(SettingsError, match="colon"):
        PasswordDigest(ENV, "web", "a:b", "c")


def test_httpx_over_a_real_server() -> None:
    app = guarded(PasswordDigest(ENV, "web", "captain", PASSWORD))
    with (
        serving(app) as base,
        httpx.Client(auth=httpx.DigestAuth("captain", PASSWORD)) as http,
    ):
        statuses: list[Any] = [
            http.get(f"{base}/things", params={"q": "a b/ü"}).status_code,
            http.post(f"{base}/things", content=b"x" * 10_000).status_code,
            http.get(f"{base}/nothing").status_code,
        ]
        assert statuses == [200, 200, 404]
        wrong = httpx.DigestAuth("captain", "x")
        challenge(http.get(f"{base}/things", auth=wrong))
