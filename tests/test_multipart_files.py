"""Parts of multipart form data that are files: bytes from the client, a tool and a route
reach a real server as they are, whatever they and their names hold."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from bodies_support import OPERATION, asked, found_in, route_of, spec, tool_of, verified
from compile_support import compile_text
from mcp import Client as McpClient
from package_support import imported
from runtime_support import serving
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PARTS = (
    "body: {type: multipartForm, data: [{name: note, value: 'of {{who}}'},"
    " {name: photo, value: '{{photo}}', filename: '{{called}}', contentType: image/png},"
    " {name: scan, value: '{{scan}}', contentType: application/pdf},"
    " {name: table, value: '{{table}}', filename: t.csv, contentType: text/csv}]}"
)
CONTENTS = {
    "bytes": bytes(range(256)),
    "empty": b"",
    "lines": b"\r\n--\r\n\r\n--boundary--\r\n",
    "UTF-8": "ü 漢字".encode(),
    "a megabyte": b"\r\n\x00\xff" * (1024 * 256),
}
NAMES = {
    "ü 漢字 🎉.png": "ü 漢字 🎉.png",
    'a"; filename="b.exe': "a%22; filename=%22b.exe",
    "a\r\nContent-Type: text/html\r\n\r\n<b>": "a%0D%0AContent-Type: text/html%0D%0A%0D%0A<b>",
    "../../etc/passwd": "../../etc/passwd",
    "a\\": "a\\",
    "a\x00b\t": "a%00b%09",
    "%22'; x=y": "%22'; x=y",
    "": "photo",
}
"""Names of files, and what a server reads: what could end a name is percent-encoded."""


@dataclass
class Recorder:
    """An API that keeps the parts of what it is sent."""

    received: list[list[Any]] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/things", self._things, methods=["POST"])])

    async def _things(self, request: Request) -> Response:
        async with request.form() as form:
            self.received.append(
                [
                    (
                        [name, await value.read(), value.filename, value.content_type]
                        if isinstance(value, UploadFile)
                        else [name, value]
                    )
                    for name, value in form.multi_items()
                ]
            )
        return JSONResponse({})


Caller = Callable[[dict[str, Any]], Awaitable[None]]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def callers(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[Caller]]:
    """Everything that can be called, each given the same."""
    made = verified(spec(PARTS))
    with (
        serving(recorder.app()) as url,
        imported(made, tmp_path, monkeypatch, SHOP_BASE_URL=url) as load,
        serving(load("app").create_app()) as app,
    ):
        client, server = load("client"), load("mcp_server")

        async def blocking(given: dict[str, Any]) -> None:
            with client.Shop() as shop:
                await asyncio.to_thread(shop.go, **given)

        async def waiting(given: dict[str, Any]) -> None:
            async with client.AsyncShop() as shop:
                await shop.go(**given)

        async def tool(given: dict[str, Any]) -> None:
            async with McpClient(server.create_server()) as user:
                assert not (await user.call_tool("go", in_json(given))).is_error

        async def route(given: dict[str, Any]) -> None:
            async with httpx.AsyncClient() as http:
                got = await http.post(f"{app}/things", json=in_json(given))
                assert got.status_code == 200

        yield [blocking, waiting, tool, route]


def in_json(given: dict[str, Any]) -> dict[str, Any]:
    return {
        name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for name, value in given.items()
    }


def call(callers: list[Caller], given: dict[str, Any]) -> None:
    async def run() -> None:
        for caller in callers:
            await caller(given)

    asyncio.run(run())


def test_what_arrives_is_what_was_given(
    callers: list[Caller], recorder: Recorder
) -> None:
    for content in CONTENTS.values():
        recorder.received.clear()
        given = {"who": "us", "photo": content, "called": "p.png", "scan": b"%PDF\xff"}
        call(callers, {**given, "table": "ü,1"})
        wanted = [
            ["note", "of us"],
            ["photo", content, "p.png", "image/png"],
            ["scan", b"%PDF\xff", "scan", "application/pdf"],
            ["table", "ü,1".encode(), "t.csv", "text/csv"],
        ]
        assert recorder.received == [wanted] * 4


def test_no_name_of_a_file_can_leave_its_place(
    callers: list[Caller], recorder: Recorder
) -> None:
    for name, read in NAMES.items():
        recorder.received.clear()
        call(callers, {"photo": b"\xff", "called": name})
        assert recorder.received == [[["photo", b"\xff", read, "image/png"]]] * 4


def test_what_is_absent_is_no_part(callers: list[Caller], recorder: Recorder) -> None:
    call(callers, {"scan": b"\x00"})
    assert recorder.received == [[["scan", b"\x00", "scan", "application/pdf"]]] * 4


def test_inputs_say_that_they_are_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = verified(spec(PARTS))
    types = {"photo": "bytes", "scan": "bytes", "table": "any", "called": "any"}
    assert types.items() <= asked(tool_of(made)).items()
    with imported(made, tmp_path, monkeypatch) as load:
        openapi = load("app").create_app().openapi()
    (body,) = openapi["components"]["schemas"].values()
    photo, _ = body["properties"]["photo"]["anyOf"]
    photo |= body["properties"]["photo"]
    assert (photo["type"], photo["contentEncoding"]) == ("string", "base64")


KINDS = {
    # what a part says beside its name and value, and whether it holds bytes
    "filename: a.bin": True,
    "filename: '{{x}}'": True,
    "contentType: image/jpeg": True,
    "contentType: audio/mpeg; rate=1": True,
    "contentType: application/octet-stream": True,
    "filename: a, contentType: application/x-own": True,
    "contentType: application/x-own": False,
    "contentType: text/plain": False,
    "filename: a.json, contentType: application/json": False,
    "filename: a, contentType: application/ld+json; a=b": False,
    "filename: a.svg, contentType: image/svg+xml": False,
    "filename: a, contentType: application/x-www-form-urlencoded": False,
    "filename: ''": False,
}


@pytest.mark.parametrize("said", KINDS)
def test_which_parts_are_files(said: str) -> None:
    part = f"{{name: a, value: '{{{{f}}}}', {said}}}"
    made = verified(spec(f"body: {{type: multipart, data: [{part}]}}"))
    wanted = "bytes" if KINDS[said] else "any"
    assert asked(tool_of(made))["f"] == wanted
    assert asked(route_of(made))["f"] == f"{wanted} body"


def test_what_is_declared_beside_a_part_keeps_all_but_its_type() -> None:
    operation = (
        "inputParameters: [{name: f, in: body, type: string, required: true,"
        " description: A file.}], body: {type: multipart, data:"
        " [{name: a, value: '{{f}}', filename: a.bin}, {name: b, value: 'x {{g}}'}]}"
    )
    made = verified(spec(operation))
    assert asked(tool_of(made)) == {"f": "bytes!", "g": "any"}
    assert tool_of(made).inputs[0].description == "A file."


BODIES = {
    # a route's inputs, and whether its body are the bytes themselves
    "{name: body, in: body}": True,
    "{name: f, in: body}": False,
    "{name: f, in: body, value: $.deep.file}": False,
    "{name: f, in: body, value: $}": True,
}


@pytest.mark.parametrize("declared", BODIES)
def test_a_route_may_take_one_file_as_its_body(
    declared: str, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = declared[7:].partition(",")[0]
    parts = "[{name: a, value: '{{f}}', filename: a.bin}]"
    made = verified(
        spec(
            f"body: {{type: multipart, data: {parts}}}",
            f"inputParameters: [{declared}], with: {{f: web.{name}}}",
        )
    )
    content = CONTENTS["bytes"]
    text = base64.b64encode(content).decode()
    with (
        serving(recorder.app()) as url,
        imported(made, tmp_path, monkeypatch, SHOP_BASE_URL=url) as load,
        serving(load("app").create_app()) as app,
    ):
        if BODIES[declared]:
            httpx.post(f"{app}/things", content=content).raise_for_status()
        else:
            is_deep = "deep" in declared
            given = {"deep": {"file": text}} if is_deep else {name: text}
            httpx.post(f"{app}/things", json=given).raise_for_status()
            wrong = {"deep": {"file": "*"}} if is_deep else {name: "*"}
            got = httpx.post(f"{app}/things", json=wrong)
            assert (got.status_code, got.json()["detail"]) == (
                422,
                "bytes must be base64",
            )
    file = ["a", content, "a.bin", "application/octet-stream"]
    assert recorder.received == [[file]]


def test_bytes_beside_other_inputs_of_a_route(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = "inputParameters: [{name: kind, in: query}], body: {type: binary, data: '{{f}}'}"
    route = (
        "inputParameters: [{name: f, in: body}, {name: kind, in: body, type: string}]"
    )
    made = verified(spec(operation, route))
    sent: list[httpx.Request] = []

    def answered(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200)

    with imported(made, tmp_path, monkeypatch) as load:
        transport = httpx.MockTransport(answered)

        async def run() -> None:
            async with (
                httpx.AsyncClient(transport=transport) as http,
                load("client").AsyncShop(
                    http=http, base_url="https://api.test"
                ) as shop,
            ):
                app = httpx.ASGITransport(load("app").create_app(shop))
                async with httpx.AsyncClient(transport=app) as user:
                    given = in_json({"f": b"\xff\x00", "kind": "x"})
                    got = await user.post("http://app.test/things", json=given)
                    assert got.status_code == 200

        asyncio.run(run())
    assert sent[0].content == b"\xff\x00"
    assert sent[0].url.query == b"kind=x"


REFUSED = {
    "[{name: a, value: '{{f}}', filename: '{{f}}'}]": "NAF902",
    "[{name: a, value: '{{f}}', filename: a}, {name: b, value: 'x {{f}}'}]": "NAF902",
    '[{name: a, value: b, contentType: "a/b\\r\\nX-Y: z"}]': "NAF101",
    "[{name: a, value: b, contentType: png}]": "NAF101",
    "[{name: a, value: b, size: 1}]": "NAF101",
}


@pytest.mark.parametrize("data", REFUSED)
def test_parts_that_make_no_sense(data: str) -> None:
    made = compile_text(spec(f"body: {{type: multipart, data: {data}}}"))
    assert (REFUSED[data], OPERATION) in found_in(made)


def test_a_route_that_gets_takes_bytes_only_where_they_are_needed() -> None:
    body = "body: {type: multipart, data: [{name: a, value: '{{f}}', filename: a}]}"
    made = verified(spec(body, by="GET"))
    assert asked(route_of(made)) == {}
    assert ("NAF419", OPERATION) in found_in(made, notes=True)
    needed = f"inputParameters: [{{name: f, in: body, required: true}}], {body}"
    made = compile_text(spec(needed, by="GET"))
    assert "NAF908" in {code for code, _ in found_in(made)}
    made = verified(spec(needed, "inputParameters: [{name: f, in: body}]", by="GET"))
    assert asked(route_of(made)) == {"f": "bytes! body"}


def test_bytes_come_by_no_query() -> None:
    operation = (
        "body: {type: multipart, data: [{name: a, value: '{{f}}', filename: a}]}"
    )
    made = compile_text(spec(operation, "inputParameters: [{name: f, in: query}]"))
    assert "NAF908" in {code for code, _ in found_in(made)}
