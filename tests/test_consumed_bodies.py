"""Bodies of consumed APIs as a real server reads them: what arrives is what was given,
whatever it holds, from the client, a tool and a route alike."""

from __future__ import annotations

import asyncio
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from bodies_support import operation_of, route_of, spec, verified
from compile_support import checked, compile_file
from mcp import Client as McpClient
from package_support import imported
from runtime_support import serving
from shipyard_support import CONFORMANCE
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

HARD = "ü 漢 \"d\" 's' `b` & = + % \\ \t <b>&amp;</b> ]]> {{x}} {y} {TENANT} $z #"
LINES = "one\r\ntwo\nthree\r\n--b\r\n"
VALUES = [HARD, LINES, "plain", "{{TENANT}}", "{{{x}}}", "--", "%00%0a", "null", "7"]
TENANT = "t&1 <x> \"q\" 'a' {{x}} {y} ü"

PATHS = ("/things", "/items")
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


@dataclass
class Recorder:
    """An API that keeps what its bodies say: a value, or lists of fields and files."""

    kinds: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(
            routes=[Route(path, self._things, methods=["POST"]) for path in PATHS]
        )

    async def _things(self, request: Request) -> Response:
        self.requests.append(request)
        kind = request.headers.get("content-type", "")
        self.kinds.append(kind)
        self.bodies.append(await read(request, kind.partition(";")[0]))
        return JSONResponse({})


async def read(request: Request, kind: str) -> Any:
    if kind in (FORM, "multipart/form-data"):
        async with request.form() as form:
            return [
                (
                    [name, await read_file(value), value.filename, value.content_type]
                    if isinstance(value, UploadFile)
                    else [name, value]
                )
                for name, value in form.multi_items()
            ]
    content = (await request.body()).decode()
    if kind == JSON:
        return json.loads(content)
    if kind == "application/xml":
        root = ElementTree.fromstring(content)  # noqa: S314 - our own
        return [root.tag, dict(root.attrib), root.text, len(root)]
    return content


async def read_file(file: UploadFile) -> str:
    return (await file.read()).decode()


Wanted = Callable[[str, str], Any]
BODIES: dict[str, tuple[str, str, Wanted]] = {
    # what a spec writes, its media type, and what arrives of x and y
    "text that is JSON": (
        """body: '{"a": "{{x}}", "b": {{y}}, "c": [1, "p {{x}}"]}'""",
        JSON,
        lambda x, y: {"a": x, "b": y, "c": [1, f"p {x}"]},
    ),
    "raw JSON": (
        """body: {type: raw, data: '{"a": "{{x}}", "b": ["{{y}}"]}'}""",
        JSON,
        lambda x, y: {"a": x, "b": [y]},
    ),
    "json": (
        """body: {type: json, data: {a: '{{x}}', b: ['{{y}}', '{{TENANT}}'], c: 'p {{x}}/{{TENANT}}'}}""",
        JSON,
        lambda x, y: {"a": x, "b": [y, TENANT], "c": f"p {x}/{TENANT}"},
    ),
    "json as text": (
        """body: {type: json, data: '[{"a": "{{x}} {{y}}"}]'}""",
        JSON,
        lambda x, y: [{"a": f"{x} {y}"}],
    ),
    "text": (
        """body: {type: text, data: 'Hello {{x}}, {{y}} of {{TENANT}} {z}'}""",
        "text/plain; charset=utf-8",
        lambda x, y: f"Hello {x}, {y} of {TENANT} {{z}}",
    ),
    "xml": (
        """body: {type: xml, data: '<a b="{{x}}" c="{d}">p {{y}}</a>'}""",
        "application/xml",
        lambda x, y: ["a", {"b": x, "c": "{d}"}, f"p {y}", 0],
    ),
    "xml with binds": (
        """body: {type: xml, data: '<a b="{{TENANT}}" c="{d}">{{x}}{{TENANT}}{{y}}</a>'}""",
        "application/xml",
        lambda x, y: ["a", {"b": TENANT, "c": "{d}"}, f"{x}{TENANT}{y}", 0],
    ),
    "xml of binds": (
        """body: {type: xml, data: '<a b="{{env.TENANT}}" c="{d}">{{TENANT}}</a>'}""",
        "application/xml",
        lambda x, y: ["a", {"b": TENANT, "c": "{d}"}, TENANT, 0],
    ),
    "xml with constants": (
        """inputParameters: [{name: k, in: query, value: "<&\\"'>"},"""
        """ {name: t, in: query, value: "&{{TENANT}}"}],"""
        """ body: {type: xml, data: '<a b="{{k}}" c="{{t}}">{{x}}{{y}}</a>'}""",
        "application/xml",
        lambda x, y: ["a", {"b": "<&\"'>", "c": f"&{TENANT}"}, f"{x}{y}", 0],
    ),
    "raw XML": (
        """body: {type: raw, data: '<a b="{{x}}">{{y}}</a>'}""",
        "application/xml",
        lambda x, y: ["a", {"b": x}, y, 0],
    ),
    "sparql": (
        """body: {type: sparql, data: '{{x}}'}""",
        "application/sparql-query",
        lambda x, y: x,
    ),
    "sparql that is fixed": (
        """body: {type: sparql, data: 'SELECT ?s WHERE { ?s ?p "a&b" }'}""",
        "application/sparql-query",
        lambda x, y: 'SELECT ?s WHERE { ?s ?p "a&b" }',
    ),
    "form": (
        """body: {type: formUrlEncoded, data: {a: '{{x}}', 'b&': 'p {{y}}', c: 7, d: '{{TENANT}}'}}""",
        FORM,
        lambda x, y: [["a", x], ["b&", f"p {y}"], ["c", "7"], ["d", TENANT]],
    ),
    "form as text": (
        """body: {type: formUrlEncoded, data: 'a={{x}}&b%26=p+{{y}}&c=7&d={{TENANT}}&e='}""",
        FORM,
        lambda x, y: [["a", x], ["b&", f"p {y}"], ["c", "7"], ["d", TENANT], ["e", ""]],
    ),
    "multipart": (
        """body: {type: multipartForm, data: {a: '{{x}}', 'b"': 'p {{y}}', c: '{{TENANT}}'}}""",
        "multipart/form-data",
        lambda x, y: [["a", x], ["b%22", f"p {y}"], ["c", TENANT]],
    ),
    "multipart with files": (
        """body: {type: multipartForm, data: [{name: a, value: '{{x}}'},"""
        """ {name: f, value: '{{y}}', filename: 'ü "f".csv', contentType: text/csv},"""
        """ {name: g, value: 'p {{y}} {{TENANT}}', filename: g.bin}]}""",
        "multipart/form-data",
        lambda x, y: [
            ["a", x],
            ["f", y, "ü %22f%22.csv", "text/csv"],
            ["g", f"p {y} {TENANT}", "g.bin", "application/octet-stream"],
        ],
    ),
}


@pytest.fixture(scope="module")
def api() -> Iterator[tuple[Recorder, str]]:
    made = Recorder()
    with serving(made.app()) as url:
        yield made, url


@pytest.mark.parametrize("body", BODIES)
def test_what_arrives_is_what_was_given(
    body: str,
    api: tuple[Recorder, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operation, kind, wanted = BODIES[body]
    recorder, url = api
    recorder.bodies.clear()
    recorder.kinds.clear()
    pairs = [*zip(VALUES, reversed(VALUES), strict=True)]
    made = verified(spec(operation))
    known = {argument.name for argument in operation_of(made).arguments}
    given = [
        {name: value for name, value in zip("xy", pair, strict=True) if name in known}
        for pair in pairs
    ]
    is_whole = any(each.whole for each in route_of(made).inputs)
    settings = {"SHOP_BASE_URL": url, "TENANT": TENANT}
    with imported(made, tmp_path, monkeypatch, **settings) as load:
        with load("client").Shop() as client:
            for each in given:
                client.go(**each)

        async def tools() -> None:
            async with McpClient(load("mcp_server").create_server()) as server:
                for each in given:
                    assert not (await server.call_tool("go", each)).is_error

        asyncio.run(tools())
        with serving(load("app").create_app()) as app, httpx.Client() as http:
            for each in given:
                sent = each["x"] if is_whole else each
                assert http.post(f"{app}/things", json=sent).status_code == 200
    assert recorder.bodies == [wanted(x, y) for x, y in pairs] * 3
    assert {each.partition("; boundary")[0] for each in recorder.kinds} == {kind}


REPLAYS: dict[str, tuple[str, str, Any, Any, dict[str, str], dict[str, str]]] = {
    # a consumed operation, a route, what the route gets, and what the API gets: a body,
    # the query and headers
    "deep members into a body": (
        """body: '{"id":"{{userId}}","name":"{{userName}}"}'""",
        """inputParameters: [{name: userId, in: body, type: string, value: $.user.id},"""
        """ {name: userName, in: body, type: string, value: $.user.name}]""",
        {"user": {"id": "123", "name": HARD}},
        {"id": "123", "name": HARD},
        {},
        {},
    ),
    "a deep member into a query, a constant into a header": (
        """inputParameters: [{name: q, in: query, value: '{{userId}}'},"""
        """ {name: X-API-Key, in: header, value: ABC123}]""",
        """inputParameters: [{name: userId, in: body, type: string, value: $.user.id}]""",
        {"user": {"id": "999"}},
        "",
        {"q": "999"},
        {"x-api-key": "ABC123"},
    ),
    "a constant and binds in headers": (
        """inputParameters: [{name: Registry-Version, in: header, value: '{{TENANT}}'},"""
        """ {name: X-Mixed, in: header, value: 'v {{env.TENANT}}'},"""
        """ {name: X-Fixed, in: header, value: 2}], body: {type: json, data: {a: 1}}""",
        "",
        None,
        {"a": 1},
        {},
        {"registry-version": "t1", "x-mixed": "v t1", "x-fixed": "2"},
    ),
    "references to inputs in `with` into a body": (
        """body: '{"id": "{{id}}", "tags": {{tags}}, "note": "{{note}}"}'""",
        """inputParameters: [{name: userId, in: body, type: string},"""
        """ {name: tags, in: body, type: array}],"""
        """ with: {id: web.userId, tags: web.tags, note: 'of {{userId}}, web.userId'}""",
        {"userId": HARD, "tags": ["a", 1]},
        {"id": HARD, "tags": ["a", 1], "note": f"of {HARD}, web.userId"},
        {},
        {},
    ),
}


@pytest.mark.parametrize("case", REPLAYS)
def test_what_routes_send(
    case: str,
    api: tuple[Recorder, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operation, route, given, *wanted = REPLAYS[case]
    recorder, url = api
    made = verified(spec(operation, route))
    with (
        imported(made, tmp_path, monkeypatch, SHOP_BASE_URL=url, TENANT="t1") as load,
        serving(load("app").create_app()) as app,
    ):
        assert httpx.post(f"{app}/things", json=given).status_code == 200
    request = recorder.requests[-1]
    sent = {name: request.headers[name] for name in wanted[2]}
    assert [recorder.bodies[-1], dict(request.query_params), sent] == wanted


@pytest.mark.skipif(not CONFORMANCE.exists(), reason="not here")
@pytest.mark.parametrize(
    "folder",
    [
        "ikanos-beta5/modules/ikanos-engine/src/test/resources",
        "framework-alpha3/src/test/resources",
    ],
)
def test_a_published_query(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = CONFORMANCE / folder / "http/http-header-query-capability.yaml"
    recorder, made = Recorder(), checked(compile_file(path))
    with (
        serving(recorder.app()) as url,
        imported(made, tmp_path, monkeypatch, TESTNS_BASE_URL=url) as load,
        serving(load("app").create_app()) as app,
    ):
        body = {"user": {"id": "999"}}
        assert httpx.post(f"{app}/search", json=body).status_code == 200
    (request,) = recorder.requests
    assert dict(request.query_params) == {"q": "999"}
    assert request.headers["x-api-key"] == "ABC123"
