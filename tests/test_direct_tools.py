"""What is answered directly over HTTP is what the MCP library itself would answer."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import httpx
import pytest
from mcp.server.lowlevel import Server
from mcp.server.transport_security import (
    DEFAULT_MAX_REQUEST_BODY_SIZE,
    TransportSecuritySettings,
)
from mcp_types import CallToolResult, TextContent
from nafgen.runtime.calls import Call, Connection
from nafgen.runtime.direct_tools import PARAMS, DirectTools
from nafgen.runtime.observing import observing
from nafgen.runtime.telemetry import Telemetry
from nafgen.runtime.tools import Arguments, Hints, Tools, lending, relay
from nafgen.runtime.upstream import AsyncClient
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

MODERN: Final = "2026-07-28"
VERSIONS: Final = (MODERN, "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", None)
"""What the header says of the protocol; the handshake may have left it out."""
KEY: Final = "io.modelcontextprotocol/"
META: Final = {
    f"{KEY}protocolVersion": MODERN,
    f"{KEY}clientInfo": {"name": "test", "version": "1"},
    f"{KEY}clientCapabilities": {},
}
READS: Final = Hints(
    read_only=True, destructive=False, idempotent=True, open_world=True
)
WRITES: Final = Hints(
    read_only=False, destructive=True, idempotent=False, open_world=False
)
THING: Final = {"id": "x", "none": None, "deep": [{"é\u2028": 1.5}], "big": 2**70}
Upstream = Callable[[httpx.Request], httpx.Response]


class Told:
    """A server's app, what its upstream was asked, and how often the library was."""

    def __init__(self, answer: Upstream, *, is_direct: bool) -> None:
        self.asked: list[str] = []
        self.left = 0
        self._answer = answer
        self.server = self._made(is_direct)
        self.app = self.server.streamable_http_app(
            json_response=True,
            stateless_http=True,
            transport_security=TransportSecuritySettings(
                allowed_hosts=["127.0.0.1"], allowed_origins=["http://127.0.0.1"]
            ),
        )
        self._library = self.server.session_manager.asgi_app.app
        self.server.session_manager.asgi_app.app = self._counted

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.left += 1
        await self._library(scope, receive, send)

    def _upstream(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        return self._answer(request)

    def _made(self, is_direct: bool) -> Server[AsyncClient]:
        served = _tools().served()
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._upstream))
        api = AsyncClient(Connection("https://api.test", retries=0), http)

        @asynccontextmanager
        async def lent(server: Server[AsyncClient]) -> AsyncIterator[AsyncClient]:
            yield api

        async def listed(context: Any, params: Any) -> Any:
            return await served.list(context, params)

        async def called(context: Any, params: Any) -> Any:
            return await served.call(context, params)

        return Server(
            "things",
            version="1.2",
            instructions="Things.",
            lifespan=lending(api) if is_direct else lent,
            get_tool_input_schema=served.input_schema,
            on_list_tools=served.list if is_direct else listed,
            on_call_tool=served.call if is_direct else called,
        )


def _tools() -> Tools[AsyncClient]:
    tools: Tools[AsyncClient] = Tools()

    @tools.add(
        "read",
        description="Reads a thing — é.",
        properties={"id": {"type": "string"}, "limit": {"type": "integer"}},
        required=["id"],
        hints=READS,
    )
    async def read(api: AsyncClient, arguments: Arguments) -> CallToolResult:
        query = {"limit": arguments.get("limit")}
        return await relay(api, Call("GET", "/things", query=query))

    @tools.add("write", hints=WRITES)
    async def write(api: AsyncClient, _: Arguments) -> CallToolResult:
        return await relay(api, Call("POST", "/things"))

    @tools.add("broken", hints=READS)
    async def broken(api: AsyncClient, _: Arguments) -> CallToolResult:
        raise RuntimeError("a secret")

    @tools.add("deep", hints=READS)
    async def deep(api: AsyncClient, _: Arguments) -> CallToolResult:
        value: dict[str, Any] = {}
        for _level in range(400):
            value = {"a": value}
        return CallToolResult(
            content=[TextContent(text="deep")], structured_content=value
        )

    return tools


def things(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=THING)


Sent = tuple[str, list[tuple[str, str]], bytes]
"""A method, headers and a body."""


def post(
    body: object, headers: dict[str, str | None] | None = None, *more: tuple[str, str]
) -> Sent:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    known = {
        "host": "127.0.0.1",
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
        "mcp-protocol-version": MODERN,
    }
    if isinstance(body, dict):
        params = body.get("params")
        named = params.get("name") if isinstance(params, dict) else None
        known["mcp-method"] = str(body.get("method", ""))
        known |= {"mcp-name": named} if isinstance(named, str) else {}
    merged = {**known, **(headers or {})}
    pairs = [(name, value) for name, value in merged.items() if value is not None]
    return "POST", [*pairs, *more], content


def listing(**changes: Any) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    return {**message, "params": {"_meta": META}, **changes}


def calling(arguments: Any = None, name: Any = "read", **params: Any) -> dict[str, Any]:
    given = {"id": "x", "limit": 5} if arguments is None else arguments
    params = {"name": name, "arguments": given, "_meta": META, **params}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def of_meta(**changes: Any) -> dict[str, Any]:
    return {
        key: value
        for key, value in {
            **META,
            **{KEY + name: value for name, value in changes.items()},
        }.items()
        if value is not ...
    }


IDS: Final = (
    0,
    -1,
    2**70,
    "",
    "a",
    "1",
    'q"\\',
    "é\u2028\ud800",
    1.0,
    1.5,
    True,
    None,
    [1],
    {},
)
METAS: Final = (
    None,
    [],
    "x",
    {},
    of_meta(protocolVersion=...),
    of_meta(clientCapabilities=...),
    of_meta(clientInfo=...),
    of_meta(protocolVersion="2025-11-25"),
    of_meta(protocolVersion=2026),
    of_meta(protocolVersion=None),
    of_meta(clientCapabilities=None),
    of_meta(clientCapabilities=[]),
    of_meta(clientCapabilities={"elicitation": {"form": 1}}),
    of_meta(clientCapabilities={"other": 1}),
    of_meta(clientInfo=None),
    of_meta(clientInfo="test"),
    of_meta(clientInfo={"name": "test"}),
    of_meta(clientInfo={"name": 1, "version": "1"}),
    of_meta(other=1),
    of_meta(logLevel="debug"),
    of_meta(logLevel="loud"),
    {**META, "progressToken": "t"},
    {**META, "progressToken": 1.5},
    {**META, "progressToken": {}},
)
BODIES: Final = [
    *(listing(id=each) for each in IDS),
    *(calling() | {"id": each} for each in IDS),
    *(listing(params={"_meta": each}) for each in METAS),
    *(calling(_meta=each) for each in METAS),
    *(listing(params=each) for each in (None, {}, [], "x")),
    *(listing(params={"_meta": META, "cursor": each}) for each in (None, "", "x", 1)),
    listing(params={"_meta": META, "more": 1}),
    listing(result={}),
    listing(jsonrpc="1.0"),
    listing(jsonrpc=2.0),
    *({k: v for k, v in listing().items() if k != gone} for gone in listing()),
    *({k: v for k, v in calling().items() if k != gone} for gone in calling()),
    *(listing(method=each) for each in ("ping", "tools/", "server/discover", "", 1)),
    *(listing(method=each) for each in ("initialize", "notifications/initialized")),
    calling({"id": "x"}),
    *(calling(each) for each in ({}, [], "x", {"id": 1}, {"id": "x", "a b": 1})),
    calling({"id": "x", "limit": 5.0}),
    calling({"id": "x", "limit": "5"}),
    calling({"id": "x", "limit": float("nan")}),
    calling({"id": "\ud800"}),
    *(calling(name=each) for each in ("none", "", 1, None, ["read"], "é")),
    *(calling({}, name=each) for each in ("write", "broken", "deep")),
    calling({}, name="write") | {"params": {"name": "write", "_meta": META}},
    calling() | {"params": {"name": "write", "arguments": None, "_meta": META}},
    calling(inputResponses={}, requestState="x"),
    calling(inputResponses=1),
    calling(requestState=1),
    calling(task={"ttl": 1}),
    calling(more=1),
    [listing()],
    [],
    1,
    None,
    {"jsonrpc": "2.0", "id": 1, "result": {}},
]
RAW: Final = [
    b"",
    b"{",
    b"\xff",
    json.dumps(listing()).encode() + b" ",
    json.dumps(listing()).encode() + b"x",
    json.dumps(listing()).encode("utf-16"),
    json.dumps(listing()).encode("utf-8-sig"),
    b'{"id":2,' + json.dumps(listing()).encode()[1:],
    b"[" * 100_000,
    json.dumps(listing()).encode().replace(b'"id": 1', b'"id": ' + b"9" * 5000),
    b" " * (DEFAULT_MAX_REQUEST_BODY_SIZE + 1),
]
CHANGED: Final[list[dict[str, str | None]]] = [
    *({"accept": each} for each in (None, "", "*/*", "application/json", "text/html")),
    {"accept": "text/event-stream"},
    {"accept": "text/*;q=0.5, APPLICATION/*"},
    *({"content-type": each} for each in (None, "text/plain", "APPLICATION/JSON; a=b")),
    *({"host": each} for each in ("evil.test", "127.0.0.1:1")),
    *({"origin": each} for each in ("http://127.0.0.1", "http://evil.test")),
    *({"mcp-method": each} for each in (None, "", "tools/list", "Tools/call", "=?x?=")),
    *({"mcp-name": each} for each in (None, "", "write", "=?base64?cmVhZA==?=")),
    *({"mcp-name": each} for each in ("=?base64?cmVhZB==?=", "=?base64?!?=")),
    *({"mcp-protocol-version": each} for each in (None, "", "2099-01-01", "\xe9")),
    {"mcp-session-id": "1"},
    {"mcp-param-id": "y"},
    {"last-event-id": "1"},
]
DOUBLED: Final = [
    ("mcp-protocol-version", MODERN),
    ("mcp-protocol-version", "2025-11-25"),
    ("mcp-method", "tools/call"),
    ("mcp-name", "read"),
    ("accept", "text/html"),
    ("x-other", "1"),
]
OLD_BODIES: Final = [
    *(listing(id=each, params={}) for each in IDS),
    *(listing(params=each) for each in (None, {"cursor": "x"}, {"_meta": "x"})),
    {k: v for k, v in listing().items() if k != "params"},
    *(calling() | {"params": each} for each in ({"name": "read"}, {"name": "write"})),
]


def requests(version: str | None) -> list[Sent]:
    """Right and wrong ones of a version of the protocol."""
    spoken: dict[str, str | None] = {"mcp-protocol-version": version}
    # GET waits for messages that may come, in versions that have a handshake.
    methods = ("PUT", "DELETE", "HEAD", *(["GET"] if version == MODERN else []))
    return [
        *(post(body, spoken) for body in (*BODIES, *OLD_BODIES)),
        *(post(raw, {**spoken, "mcp-method": "tools/list"}) for raw in RAW),
        *(post(calling(), {**spoken, **changed}) for changed in CHANGED),
        *(post(listing(), {**spoken, **changed}) for changed in CHANGED),
        *(post(calling(), spoken, pair) for pair in DOUBLED),
        *((method, *post(calling(), spoken)[1:]) for method in methods),
    ]


async def answers(app: Starlette, *sent: Sent) -> list[httpx.Response]:
    """What an app answers, each asked twice: it may remember something."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport))
        found = []
        for method, headers, content in sent:
            for _ in range(2):
                raw = [(n.encode(), v.encode("latin-1")) for n, v in headers]
                url = "http://127.0.0.1/mcp"
                request = httpx.Request(method, url, headers=raw, content=content)
                found.append(await http.send(request))
        return found


def shown(answer: httpx.Response) -> Any:
    """All that a client can tell of an answer; JSON by its value."""
    headers = dict(answer.headers)
    headers.pop("content-length", None)
    shown = answer.content
    if headers.get("content-type") == "application/json" and shown:
        shown = json.dumps(json.loads(shown), sort_keys=True).encode()
    return answer.status_code, headers, shown


def both(answer: Upstream, *sent: Sent) -> tuple[Told, Told]:
    """Ask the library alone, and with what is answered directly: they must agree."""
    library, direct = (Told(answer, is_direct=each) for each in (False, True))
    expected = asyncio.run(answers(library.app, *sent))
    got = asyncio.run(answers(direct.app, *sent))
    for number, pair in enumerate(zip(expected, got, strict=True)):
        assert shown(pair[1]) == shown(pair[0]), sent[number // 2]
    assert direct.asked == library.asked
    return library, direct


@pytest.mark.parametrize("version", VERSIONS)
def test_every_request_is_answered_as_the_library_answers_it(
    version: str | None,
) -> None:
    sent = requests(version)
    library, direct = both(things, *sent)
    read = [body for _, _, body in sent if len(body) <= DEFAULT_MAX_REQUEST_BODY_SIZE]
    assert library.left == 2 * len(read)
    assert direct.left < library.left


DIRECT: Final = (
    listing(),
    listing(params={"_meta": META, "cursor": None}),
    listing(id="é"),
    calling(),
    calling({"id": 1}),
    calling({}, name="write"),
    calling({}, name="broken"),
    calling({}, name="deep"),
)
"""What the library need not look at, but for what the list is."""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("body", DIRECT, ids=range(len(DIRECT)))
def test_what_is_answered_directly(body: dict[str, Any], version: str | None) -> None:
    spoken: dict[str, str | None] = {"mcp-protocol-version": version}
    sent = [post(each, spoken) for each in (listing(), body, body)]
    _, direct = both(things, *sent)
    assert direct.left == 1


LEFT: Final = (
    listing(method="ping"),
    listing(params={"_meta": META, "cursor": "x"}),
    calling(name="none"),
    calling(_meta={}),
)


@pytest.mark.parametrize("body", LEFT, ids=range(len(LEFT)))
def test_what_is_left_to_the_library(body: dict[str, Any]) -> None:
    _, direct = both(things, post(body))
    assert direct.left == 2


def _answers() -> dict[str, Upstream]:
    def of(content: bytes, status: int = 200, **headers: str) -> Upstream:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return lambda _: httpx.Response(status, content=content, headers=named)

    def unreachable(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no", request=request)

    kinds = {
        "object": b'{"a":null,"b":[1e400,-0.0,1E5,true],"c":"\\u00e9\\u2028"}',
        "doubled": b'{"a":1,"a":2}',
        "array": b"[1,{}]",
        "scalar": b'"x"',
        "surrogate": b'{"a":"\\ud800","\\udfff":1}',
        "constant": b'{"a":NaN}',
        "broken": b"{",
        "deep": b'{"a":' * 400 + b"1" + b"}" * 400,
        "deeper": b"[" * 100_000,
        "long": json.dumps({"a": "x" * 200_000}).encode(),
        "bom": b'\xef\xbb\xbf{"a":1}',
        "wide": '{"a":"é"}'.encode("utf-16"),
        "empty": b"",
    }
    made = {
        name: of(each, content_type="application/json") for name, each in kinds.items()
    }
    latin = '{"a":"é"}'.encode("latin-1")
    return {
        **made,
        "latin": of(latin, content_type="application/json; charset=latin-1"),
        "text": of("é".encode(), content_type="text/plain"),
        "image": of(b"\x89PNG", content_type="image/png"),
        "audio": of(b"\x00", content_type="audio/mpeg"),
        "bytes": of(b"\x00\xff", content_type="application/octet-stream"),
        "untyped": of(b'{"a":1}'),
        "refused": of(b'{"why":"no"}', 404, content_type="application/json"),
        "limited": of(b"", 429, retry_after="3"),
        "redirect": of(b"", 302, location="https://evil.test"),
        "unreachable": unreachable,
    }


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", _answers())
def test_every_answer_of_the_upstream(kind: str, version: str | None) -> None:
    spoken: dict[str, str | None] = {"mcp-protocol-version": version}
    _, direct = both(_answers()[kind], post(calling(), spoken))
    assert direct.left == 0


@pytest.mark.parametrize(
    "env",
    [{"READ_ONLY": "1"}, {"TOOLS": "read"}, {"EXCLUDE_TOOLS": "hint:destructive"}],
)
def test_tools_that_are_not_served(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    _, direct = both(things, post(listing()), post(calling({}, name="write")))
    assert direct.left == 3
    listed, *_ = asyncio.run(answers(Told(things, is_direct=True).app, post(listing())))
    assert "write" not in {tool["name"] for tool in listed.json()["result"]["tools"]}


def test_a_call_that_the_user_must_confirm_is_left_to_the_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONFIRM_DESTRUCTIVE", "1")
    monkeypatch.setenv("CONFIRMATION_KEY", base64.b64encode(bytes(32)).decode())
    _, direct = both(things, post(calling({}, name="write")), post(calling()))
    assert direct.left == 2
    assert len(direct.asked) == 2  # by the tool that reads


def test_where_something_observes_the_library_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    observer = Telemetry(
        NoOpTracerProvider(), NoOpMeterProvider(), TraceContextTextMapPropagator()
    )
    monkeypatch.setattr(observing, "observer", observer)
    _, direct = both(things, post(calling()), post(listing()))
    assert direct.left == 4


def test_an_app_that_streams_is_left_alone() -> None:
    told = Told(things, is_direct=True)
    app = told.server.streamable_http_app(stateless_http=True)
    limited = told.server.session_manager.asgi_app
    asyncio.run(answers(app, post(listing(), {"host": "127.0.0.1:80"})))
    assert not isinstance(limited.app, DirectTools)


def test_sessions_are_left_to_the_library() -> None:
    told = Told(things, is_direct=True)
    app = told.server.streamable_http_app(json_response=True)
    host: dict[str, str | None] = {"host": "127.0.0.1:80"}
    old = {**host, "mcp-protocol-version": "2025-11-25"}
    new, *_, refused = asyncio.run(
        answers(app, post(calling(), host), post(calling(), old))
    )
    assert isinstance(told.server.session_manager.asgi_app.app, DirectTools)
    assert (new.status_code, refused.status_code) == (200, 400)


def test_the_library_reads_parameters_likewise() -> None:
    server = Told(things, is_direct=True).server
    for method, params in PARAMS.items():
        entry = server.get_request_handler(method)
        assert entry is not None
        assert entry.params_type is params
