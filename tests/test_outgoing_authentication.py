"""Digest and OAuth 2.0 client credentials: packages against servers that hold them to it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote_plus
from urllib.request import parse_http_list, parse_keqv_list

import httpx
import pytest
from mcp import Client as McpClient
from nafgen.runtime.answers import UpstreamError
from nafgen.runtime.calls import Call, Connection
from nafgen.runtime.oauth2 import ClientCredentials, TokenError
from nafgen.runtime.settings import MissingSettingsError, SettingsError
from nafgen.runtime.upstream import AsyncClient, Client
from packages_support import imported
from runtime_support import serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "a client", "s3cret/+& of ü"
THINGS = Call("GET", "/things")


def both(connection: Callable[[], Connection], call: Call) -> list[Any]:
    """What a blocking and an asynchronous client make of a call."""
    with Client(connection(), None) as client:
        blocking = client.call(call)

    async def other() -> Any:
        async with AsyncClient(connection(), None) as client:
            return await client.call(call)

    return [blocking, asyncio.run(other())]


# --- an authorization server and an API ------------------------------------------------


@dataclass
class Authority:
    """Gives tokens `t1`, `t2` and so on; the API takes the last one and counts calls."""

    lifetime: Any = 3600
    methods: list[str] | None = None
    answer: Callable[[], Response] | None = None
    metadata: bool | str = True
    forms: list[dict[str, str]] = field(default_factory=list)
    clients: list[tuple[str, str]] = field(default_factory=list)
    valid: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    is_held: bool = False
    url: str = ""

    def app(self) -> Starlette:
        well_known = "/.well-known/oauth-authorization-server/realm"
        openid = "/realm/.well-known/openid-configuration"
        return Starlette(
            routes=[
                Route("/realm/token", self._token, methods=["POST"]),
                Route("/things", self._things, methods=["GET", "POST"]),
                Route(well_known, self._metadata),
                Route(openid, self._metadata),
            ]
        )

    async def _metadata(self, request: Request) -> Response:
        self.paths.append(request.url.path)
        is_openid = "openid" in request.url.path
        if self.metadata is False or (self.metadata == "openid" and not is_openid):
            return JSONResponse({"error": "not_found"}, 404)
        found: dict[str, Any] = {"issuer": f"{self.url}/realm"}
        found["token_endpoint"] = f"{self.url}/realm/token"
        if isinstance(self.metadata, str) and self.metadata != "openid":
            found |= {self.metadata: "http://other.test/realm"}
        if self.methods is not None:
            found["token_endpoint_auth_methods_supported"] = self.methods
        return JSONResponse(found)

    async def _token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        kind, _, pair = request.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            name, _, secret = base64.b64decode(pair).decode().partition(":")
            self.clients.append((unquote_plus(name), unquote_plus(secret)))
        self.forms.append(form)
        await asyncio.sleep(0.05)  # for others to want one as well
        if self.answer is not None:
            return self.answer()
        token = f"t{len(self.forms)}"
        self.valid = {token}
        made = {"access_token": token, "token_type": "Bearer"}
        if self.lifetime is not None:
            made["expires_in"] = self.lifetime
        return JSONResponse(made)

    async def _things(self, request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.seen.append(token)
        self.bodies.append(await request.body())
        while self.is_held:
            await asyncio.sleep(0.005)
        if token not in self.valid:
            return JSONResponse({"error": "invalid_token"}, 401)
        return JSONResponse({"token": token})


@pytest.fixture
def authority() -> Iterator[Authority]:
    made = Authority()
    with serving(made.app()) as url:
        made.url = url
        yield made


def connected(authority: Authority, **more: Any) -> Connection:
    where = more or {"server": f"{authority.url}/realm"}
    auth = ClientCredentials(CLIENT, SECRET, **where)
    return Connection(authority.url, auth=auth, retries=0, timeout=5)


def test_a_token_is_asked_for_and_sent(authority: Authority) -> None:
    answers = both(lambda: connected(authority), THINGS)
    assert answers == [{"token": "t1"}, {"token": "t2"}]
    assert authority.forms == [{"grant_type": "client_credentials"}] * 2
    assert authority.clients == [(CLIENT, SECRET)] * 2
    assert authority.paths == ["/.well-known/oauth-authorization-server/realm"] * 2


def test_what_the_token_is_for_goes_along(authority: Authority) -> None:
    where = f"{authority.url}/realm/token"
    wanted = {"scope": "read write", "resource": "https://a.test", "audience": "b"}
    both(lambda: connected(authority, token_url=where, **wanted), THINGS)
    assert authority.forms == [{"grant_type": "client_credentials", **wanted}] * 2
    assert authority.paths == []


@pytest.mark.parametrize("methods", [["client_secret_post"], ["client_secret_basic"]])
def test_how_the_client_proves_itself(authority: Authority, methods: list[str]) -> None:
    authority.methods = methods
    both(lambda: connected(authority), THINGS)
    is_post = methods == ["client_secret_post"]
    assert authority.clients == ([] if is_post else [(CLIENT, SECRET)] * 2)
    assert authority.forms[0].get("client_secret") == (SECRET if is_post else None)


def test_openid_metadata_is_the_second_place(authority: Authority) -> None:
    authority.metadata = "openid"
    both(lambda: connected(authority), THINGS)
    assert authority.paths[1] == "/realm/.well-known/openid-configuration"
    assert len(authority.forms) == 2


@pytest.mark.parametrize(
    ("lifetime", "tokens"),
    [(3600, 1), ("3600", 1), (None, 1), (0, 3), (-5, 3), ("soon", 1)],
)
def test_a_token_is_kept_until_shortly_before_its_end(
    authority: Authority, lifetime: Any, tokens: int
) -> None:
    authority.lifetime = lifetime
    with Client(connected(authority), None) as client:
        for _ in range(3):
            client.call(THINGS)
    assert len(authority.forms) == tokens


def test_a_short_token_is_renewed_before_its_end(authority: Authority) -> None:
    authority.lifetime = 0.2

    async def go() -> None:
        async with AsyncClient(connected(authority), None) as client:
            await client.call(THINGS)
            await asyncio.sleep(0.19)  # less than its lifetime
            await client.call(THINGS)

    asyncio.run(go())
    assert authority.seen == ["t1", "t2"]


def test_a_rejected_token_is_renewed_once(authority: Authority) -> None:
    call = Call("POST", "/things", json={"n": 1})
    with Client(connected(authority), None) as client:
        client.call(call)
        authority.valid = set()
        assert client.call(call) == {"token": "t2"}

    async def go() -> Any:
        async with AsyncClient(connected(authority), None) as client:
            await client.call(call)
            authority.valid = set()
            return await client.call(call)

    assert asyncio.run(go()) == {"token": "t4"}
    assert authority.seen == ["t1", "t1", "t2", "t3", "t3", "t4"]
    assert set(authority.bodies) == {b'{"n":1}'}


def test_a_new_token_that_is_rejected_is_not_renewed(authority: Authority) -> None:
    def granted() -> Response:
        return JSONResponse({"access_token": "never"})

    authority.answer = granted
    for _ in range(2):
        with Client(connected(authority), None) as client:
            assert client.send(THINGS).status_code == 401
    assert authority.seen == ["never"] * 2
    assert len(authority.forms) == 2


@pytest.mark.parametrize("expired", [False, True])
def test_callers_at_one_time_share_a_token(authority: Authority, expired: bool) -> None:
    async def go() -> list[Any]:
        async with AsyncClient(connected(authority), None) as client:
            if expired:
                await client.call(THINGS)
                authority.valid = set()
            return await asyncio.gather(*(client.call(THINGS) for _ in range(12)))

    expected = "t2" if expired else "t1"
    assert asyncio.run(go()) == [{"token": expected}] * 12
    assert len(authority.forms) == (2 if expired else 1)


@pytest.mark.parametrize("kind", [AsyncClient, Client])
def test_nobody_holds_a_connection_while_waiting_for_a_token(
    kind: type[AsyncClient | Client],
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All connections have calls whose token is taken no more, when another caller finds
    it too old: that one needs a connection to get the token that all of them wait for.
    """
    now = 0.0
    clock = SimpleNamespace(monotonic=lambda: now)
    monkeypatch.setattr("nafgen.runtime.oauth2.time", clock)
    auth = connected(authority).auth
    shared = Connection(
        authority.url, auth=auth, retries=0, timeout=2, max_connections=2
    )
    client = kind(shared, None)

    async def call() -> Any:
        if isinstance(client, AsyncClient):
            return await client.call(THINGS)
        return await asyncio.to_thread(client.call, THINGS)

    async def go() -> list[Any]:
        nonlocal now
        await call()
        authority.valid, authority.is_held = set(), True
        calls = [asyncio.create_task(call()) for _ in range(2)]
        while len(authority.seen) < 3:
            await asyncio.sleep(0.005)
        now = float(authority.lifetime)
        calls.append(asyncio.create_task(call()))
        await asyncio.sleep(0.1)  # for it to wait for a connection
        authority.is_held = False
        return await asyncio.gather(*calls)

    async def closing() -> list[Any]:
        async with AsyncExitStack() as stack:
            if isinstance(client, AsyncClient):
                await stack.enter_async_context(client)
            else:
                stack.enter_context(client)
            return await go()

    assert asyncio.run(closing()) == [{"token": "t2"}] * 3
    assert authority.seen == ["t1"] * 3 + ["t2"] * 3
    assert len(authority.forms) == 2


def test_threads_share_a_token(authority: Authority) -> None:
    with Client(connected(authority), None) as client, ThreadPoolExecutor(8) as pool:
        assert {made["token"] for made in pool.map(client.call, [THINGS] * 8)} == {"t1"}
        authority.valid = set()
        assert {made["token"] for made in pool.map(client.call, [THINGS] * 8)} == {"t2"}
    assert len(authority.forms) == 2


def test_a_cancelled_caller_leaves_the_others_their_token(authority: Authority) -> None:
    async def go() -> Any:
        async with AsyncClient(connected(authority), None) as client:
            first = asyncio.create_task(client.call(THINGS))
            others = [asyncio.create_task(client.call(THINGS)) for _ in range(3)]
            while not authority.forms:
                await asyncio.sleep(0.005)
            first.cancel()
            return await asyncio.gather(*others)

    assert len(asyncio.run(go())) == 3


REFUSALS = [
    # what the authorization server answers, and what is said of it
    (
        lambda: JSONResponse({"error": "invalid_client"}, 401),
        "401 Unauthorized (invalid_",
    ),
    (lambda: JSONResponse({"error": SECRET}, 400), "answered 400 Bad Request"),
    (lambda: JSONResponse(["no"], 400), "answered 400 Bad Request"),
    (lambda: Response("<html>", 503), "answered 503 Service Unavailable"),
    (lambda: RedirectResponse("http://other.test/"), "answered 307"),
    (lambda: JSONResponse({"token_type": "bearer"}), "sent no bearer token"),
    (lambda: JSONResponse({"access_token": "a\nb"}), "sent no bearer token"),
    (
        lambda: JSONResponse({"access_token": "a", "token_type": "mac"}),
        "no bearer token",
    ),
    (lambda: Response(b"{", media_type="application/json"), "sent no bearer token"),
]


@pytest.mark.parametrize(("answer", "message"), REFUSALS)
def test_why_there_is_no_token(
    authority: Authority, answer: Callable[[], Response], message: str
) -> None:
    authority.answer = answer
    with pytest.raises(TokenError) as caught:
        both(lambda: connected(authority), THINGS)
    assert message in str(caught.value)
    assert isinstance(caught.value, UpstreamError)
    shown = f"{caught.value!r} {caught.value} {caught.value.response!r}"
    assert not {SECRET, CLIENT} & {part for part in (SECRET, CLIENT) if part in shown}
    assert authority.seen == []  # nothing reaches the API without a token


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (False, "does not say where; it answered 404 Not Found"),
        ("issuer", "that of another one"),
        ("token_endpoint", "gives tokens without https"),
    ],
)
def test_metadata_that_is_not_followed(
    authority: Authority, metadata: bool | str, message: str
) -> None:
    authority.metadata = metadata
    with pytest.raises(TokenError, match=message):
        both(lambda: connected(authority), THINGS)
    assert (authority.forms, authority.seen) == ([], [])


@pytest.mark.parametrize(
    ("url", "is_taken"),
    [
        ("https://auth.test/token", True),
        ("http://127.0.0.1:9/token", True),
        ("http://localhost/token", True),
        ("http://[::1]:9/token", True),
        ("http://auth.test/token", False),
        ("http://127.0.0.1.evil.test/token", False),
        ("http://localhost.evil.test/token", False),
        ("ftp://auth.test", False),
        ("auth.test", False),
        ("https://", False),
        ("https://\n", False),
    ],
)
@pytest.mark.parametrize("key", ["token_url", "server"])
def test_credentials_travel_encrypted(url: str, is_taken: bool, key: str) -> None:
    try:
        made: Any = ClientCredentials(CLIENT, SECRET, **{key: url})
    except SettingsError as error:
        assert not is_taken
        message = "the address of an authorization server must begin with https://"
        assert str(error) == message
    else:
        assert is_taken
        assert SECRET not in repr(made)


def test_a_token_stays_with_its_api(authority: Authority) -> None:
    """A redirect of the API is an answer, and no other host gets the token."""
    reached: list[str] = []

    async def catch(request: Request) -> Response:
        reached.append(request.headers.get("authorization", ""))
        return Response()

    other = Starlette(routes=[Route("/{path:path}", catch)])
    with serving(other) as elsewhere:

        async def away(request: Request) -> Response:
            return RedirectResponse(f"{elsewhere}/stolen")

        app = authority.app()
        app.router.routes.append(Route("/away", away))
        with serving(app) as url:
            auth = ClientCredentials(
                CLIENT, SECRET, token_url=f"{authority.url}/realm/token"
            )
            http = httpx.Client(follow_redirects=True)
            with http, Client(Connection(url, auth=auth), http) as client:
                assert client.send(Call("GET", "/away")).status_code == 307
    assert reached == []


# --- packages ----------------------------------------------------------------------------

SPEC = """\
naftiko: 1.0.0-alpha2
info: {{label: Flows, description: Of authentication}}
binds:
- {{namespace: env, keys: {{REALM: REALM, DIGEST_PW: DIGEST_PW}}}}
capability:
  consumes:
  - type: http
    namespace: shop
    baseUri: https://shop.test
    authentication: {auth}
    resources:
    - path: /things
      operations:
      - {{name: list, method: GET}}
      - name: add
        method: POST
        inputParameters: [{{name: n, in: body, type: integer}}]
  exposes:
  - type: rest
    namespace: web
    port: 8080
    resources:
    - {{path: /things, operations: [{{method: GET, call: shop.list}}]}}
  - type: mcp
    namespace: agent
    transport: stdio
    tools:
    - {{name: list, description: List the things., call: shop.list}}
"""
OAUTH2 = SPEC.format(
    auth="{type: oauth2, authorizationServerUri: '{{REALM}}', scopes: [read, write],"
    " resource: 'https://shop.test', audience: shop}"
)


def settings(authority: Authority, **more: str) -> dict[str, str]:
    return {
        "REALM": f"{authority.url}/realm",
        "SHOP_BASE_URL": authority.url,
        "SHOP_CLIENT_ID": CLIENT,
        "SHOP_CLIENT_SECRET": SECRET,
        **more,
    }


def test_a_package_fetches_its_tokens(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings(authority).items():
        monkeypatch.setenv(name, value)
    with imported(OAUTH2, tmp_path, "client", "app") as (client, app):
        with client.Shop() as shop:
            assert shop.list_() == {"token": "t1"}
            assert shop.add(n=1) == {"token": "t1"}
        with serving(app.create_app()) as url:
            answer = httpx.get(f"{url}/things")
            assert answer.json() == {"token": "t2"}
            authority.answer = lambda: JSONResponse({"error": "invalid_scope"}, 400)
            authority.valid = set()
            refused = httpx.get(f"{url}/things")
    form = {"grant_type": "client_credentials", "scope": "read write"}
    form |= {"resource": "https://shop.test", "audience": "shop"}
    assert authority.forms[0] == form
    assert refused.status_code == 502
    assert "invalid_scope" in refused.json()["detail"]
    assert SECRET not in refused.text


def test_settings_of_a_package(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in settings(authority):
        monkeypatch.delenv(name, raising=False)
    with imported(OAUTH2, tmp_path, "client", "_runtime.upstream") as (client, runtime):
        with pytest.raises(runtime.MissingSettingsError) as caught:
            client.Shop()
        names = {"REALM", "SHOP_CLIENT_ID", "SHOP_CLIENT_SECRET"}
        assert set(caught.value.names) == names
        own = httpx.BasicAuth("a", "b")
        authority.valid = {"Basic YTpi"}
        with client.Shop(auth=own, base_url=authority.url) as shop:
            assert shop.list_() == {"token": "Basic YTpi"}
        where = f"{authority.url}/realm/token"
        monkeypatch.setenv("SHOP_TOKEN_URL", where)
        monkeypatch.setenv("REALM", "https://not.asked.test")
        given = {"shop_client_id": CLIENT, "shop_client_secret": SECRET}
        with client.Shop(base_url=authority.url, **given) as shop:
            assert shop.list_() == {"token": "t1"}
        assert (authority.paths, len(authority.forms)) == ([], 1)
    assert issubclass(MissingSettingsError, SettingsError)


# --- digest ---------------------------------------------------------------------------------


@dataclass
class Digests:
    """An API that takes each nonce `uses` times; `challenges` counts its questions, which
    are `other` where that is given."""

    uses: int = 1000
    qop: str = 'qop="auth"'
    algorithm: str = "MD5"
    nonce: str = ""
    other: str = ""
    counts: list[str] = field(default_factory=list)
    challenges: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def app(self) -> Starlette:
        return Starlette(
            routes=[Route("/things", self._things, methods=["GET", "POST"])]
        )

    async def _things(self, request: Request) -> Response:
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        if kind != "Digest":
            return self._challenge()
        given = parse_keqv_list(parse_http_list(text))
        hashed = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[self.algorithm]

        def digest(*parts: str) -> str:
            return hashed(":".join(parts).encode()).hexdigest()

        target = request.url.path + (
            f"?{request.url.query}" if request.url.query else ""
        )
        first = digest("nobody", "things", "p:w ü")
        second = digest(request.method, target)
        rest = [given["nc"], given["cnonce"], "auth"] if self.qop else []
        if given["nonce"] != self.nonce or given["nc"] in self.counts[self.uses - 1 :]:
            return self._challenge(stale=True)
        if given["response"] != digest(first, self.nonce, *rest, second):
            return self._challenge()
        if len(self.counts) >= self.uses:
            return self._challenge(stale=True)
        if self.qop:
            assert given["nc"] not in self.counts, "a count was used twice"
            assert given["uri"] == target
        self.counts.append(given["nc"])
        body = await request.body()
        return JSONResponse({"user": given["username"], "body": body.decode()})

    def _challenge(self, *, stale: bool = False) -> Response:
        self.challenges += 1
        self.nonce, self.counts = f"nonce-{self.challenges}", []
        options = [
            'realm="things"',
            f'nonce="{self.nonce}"',
            f"algorithm={self.algorithm}",
            self.qop,
            "stale=true" if stale else "",
        ]
        header = self.other or f"Digest {', '.join(filter(None, options))}"
        return JSONResponse({}, 401, {"www-authenticate": header})


DIGEST = SPEC.format(auth="{type: digest, username: nobody, password: '{{DIGEST_PW}}'}")


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_package_answers_challenges(tmp_path: Path, algorithm: str) -> None:
    api = Digests(algorithm=algorithm)
    given = {"digest_pw": "p:w ü"}
    with serving(api.app()) as url, imported(DIGEST, tmp_path, "client") as (client,):
        with client.Shop(base_url=url, **given) as shop:
            assert shop.list_() == {"user": "nobody", "body": ""}
            assert shop.add(n=1) == {"user": "nobody", "body": '{"n":1}'}
            assert api.counts == ["00000001", "00000002"]

        async def go() -> list[Any]:
            async with client.AsyncShop(base_url=url, **given) as shop:
                return [await shop.add(n=n) for n in (1, 2)]

        assert [made["body"] for made in asyncio.run(go())] == ['{"n":1}', '{"n":2}']
        assert api.challenges == 2


def test_a_stale_nonce_is_replaced(tmp_path: Path) -> None:
    api = Digests(uses=1)
    with (
        serving(api.app()) as url,
        imported(DIGEST, tmp_path, "client") as (client,),
        client.Shop(base_url=url, digest_pw="p:w ü") as shop,
    ):
        assert [shop.add(n=n)["body"] for n in (1, 2)] == ['{"n":1}', '{"n":2}']
    assert api.challenges == 2


@pytest.mark.parametrize(
    "challenge",
    [
        'Digest realm="r", nonce="n", algorithm=SHA3-999',
        'Digest realm="r", nonce="n", qop="auth-int"',
        'Digest realm="r", nonce="n", qop="other"',
        'Digest realm="r"',
        "Digest what",
    ],
)
def test_challenges_that_nobody_can_answer(
    challenge: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are failures of the API; when it asks better, it is answered."""
    api = Digests()
    api.other = challenge
    modules = ("client", "app", "mcp_server", "_runtime.upstream")
    with (
        serving(api.app()) as api_url,
        imported(DIGEST, tmp_path, *modules) as (client, app, mcp_server, runtime),
    ):
        monkeypatch.setenv("SHOP_BASE_URL", api_url)
        monkeypatch.setenv("DIGEST_PW", "p:w ü")
        said = "the upstream API answered with a digest challenge that is not supported"
        with client.Shop() as shop:
            with pytest.raises(runtime.UpstreamError, match=said):
                shop.list_()
            api.other = ""
            assert shop.list_()["user"] == "nobody"
        api.other = challenge

        async def tool() -> Any:
            async with McpClient(mcp_server.create_server()) as made:
                return await made.call_tool("list", {})

        result = asyncio.run(tool())
        with serving(app.create_app()) as url:
            route = httpx.get(f"{url}/things")
    assert (result.is_error, said in result.content[0].text) == (True, True)
    assert (route.status_code, route.json()["detail"]) == (502, said)


def test_a_wrong_password_is_an_answer(tmp_path: Path) -> None:
    api = Digests()
    modules = ("client", "_runtime.upstream")
    with (
        serving(api.app()) as url,
        imported(DIGEST, tmp_path, *modules) as (client, runtime),
        client.Shop(base_url=url, digest_pw="wrong") as shop,
    ):
        with pytest.raises(runtime.UpstreamError) as caught:
            shop.list_()
        assert caught.value.response.status_code == 401
        assert "wrong" not in f"{caught.value} {caught.value!r} {shop!r}"
    assert api.challenges == 2  # it is tried once
