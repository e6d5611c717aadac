"""Bytes that one step answers and another sends on, and those that a flow answers."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from compile_support import checked, compile_text
from mcp import Client as McpClient
from mcp_types import BlobResourceContents, EmbeddedResource, ImageContent
from nafgen.compile import Compilation
from package_support import Load, imported
from runtime_support import serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

CONTENTS = {
    "bytes": bytes(range(256)),
    "empty": b"",
    "megabyte": b"\r\n\xff\x00" * 2**18,
}
SPEC = """\
ikanos: 1.0.0-beta5
info: {title: Copies, description: Takes files from one API to another.}
capability:
  consumes:
  - type: http
    namespace: old
    baseUri: https://old.example
    resources:
      files:
        path: /files
        operations:
          download: {method: GET, path: "/{id}", outputRawFormat: binary, maxBinarySize: 2MiB}
          picture: {method: GET, path: "/{id}", outputRawFormat: binary, outputMediaType: image/gif}
          describe: {method: GET, path: "/{id}/about"}
  - type: http
    namespace: new
    baseUri: https://new.example
    resources:
      files:
        path: /files
        operations:
          upload:
            method: POST
            body:
              type: multipartForm
              data:
              - {name: title, value: '{{title}}'}
              - {name: file, value: '{{file}}', filename: '{{title}}', contentType: image/png}
          store:
            method: PUT
            path: "/{id}"
            body: {type: application/pdf, data: '{{file}}'}
          note:
            method: PATCH
            body: {type: json, data: {a: '{{file}}'}}
  aggregates:
  - label: Copies
    namespace: copies
    flows:
      copy:
        description: Copies a file.
        %s
  exposes:
  - type: rest
    namespace: web
    address: 127.0.0.1
    port: 8080
    resources:
      copies:
        path: /copies/{id}
        operations:
          copy: {method: POST, ref: copies.copy}
  - type: mcp
    namespace: agent
    address: 127.0.0.1
    port: 9090
    tools:
      copy: {description: Copies a file., ref: copies.copy}
"""
INPUTS = "inputParameters: {id: {type: string, required: true, description: Which.}}"
DOWNLOAD = "down: {type: call, call: old.download, with: {id: '{{id}}'}}"
UPLOADS = {
    "a part": "up: {type: call, call: new.upload, with: {title: '{{id}}', file: $.down}}",
    "a body": "up: {type: call, call: new.store, with: {id: '{{id}}', file: '{{down}}'}}",
}


def spec(steps: str, *more: str) -> str:
    lines = [INPUTS, *more, f"steps: {{{steps}}}"]
    return SPEC % "\n        ".join(lines)


class Both:
    """Both APIs: files by their ids, and what is put into a file or a part."""

    def __init__(self) -> None:
        self.received: list[Any] = []

    def app(self) -> Starlette:
        paths = ("/files", "/files/{id}")
        methods = ["GET", "POST", "PUT"]
        return Starlette(routes=[Route(p, self._files, methods=methods) for p in paths])

    async def _files(self, request: Request) -> Response:
        if request.method == "GET":
            content = CONTENTS[request.path_params["id"]]
            return Response(content, media_type="image/webp")
        if request.method == "PUT":
            kind = request.headers["content-type"]
            self.received.append([kind, await request.body()])
        else:
            async with request.form() as form:
                file = form["file"]
                assert not isinstance(file, str)
                said = [form["title"], file.filename, file.content_type]
                self.received.append([*said, await file.read()])
        return JSONResponse({"done": True})


@contextmanager
def running(
    made: Compilation, both: Both, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Load]]:
    with (
        serving(both.app()) as url,
        imported(made, folder, monkeypatch, OLD_BASE_URL=url, NEW_BASE_URL=url) as load,
        serving(load("app").create_app()) as app,
    ):
        yield app, load


async def used(load: Load, **given: Any) -> Any:
    """The one block that the tool answers."""
    async with McpClient(load("mcp_server").create_server()) as user:
        got = await user.call_tool("copy", given)
    assert not got.is_error, got
    return got.content[0] if got.content else None


@pytest.mark.parametrize("where", UPLOADS)
def test_a_file_is_sent_on_as_it_is(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, made = Both(), checked(compile_text(spec(f"{DOWNLOAD}, {UPLOADS[where]}")))
    with running(made, both, tmp_path, monkeypatch) as (app, load):
        for name, content in CONTENTS.items():
            both.received.clear()
            got = httpx.post(f"{app}/copies/{name}")
            assert (got.status_code, got.json()) == (200, {"done": True})
            asyncio.run(used(load, id=name))
            part = [name, name, "image/png", content]
            body = ["application/pdf", content]
            assert both.received == [part if where == "a part" else body] * 2


def test_an_input_of_bytes_and_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = "inputParameters: {title: {type: string, description: Its name.}, file: {type: string, description: The file.}}"
    up = "up: {type: call, call: new.upload, with: {title: '{{title}}', file: '{{file}}'}}"
    source = SPEC % f"{inputs}\n        steps: {{{up}}}"
    route = "{method: POST, ref: copies.copy, inputParameters: {title: {in: body, type: string, description: T}, file: {in: body, type: string, description: F}}}"
    source = source.replace("path: /copies/{id}", "path: /copies")
    source = source.replace("{method: POST, ref: copies.copy}", route)
    both, made = Both(), checked(compile_text(source))
    given = {"title": "a", "file": base64.b64encode(b"\xff").decode()}
    with running(made, both, tmp_path, monkeypatch) as (app, load):
        assert httpx.post(f"{app}/copies", json=given).status_code == 200
        asyncio.run(used(load, **given))
        wrong = httpx.post(f"{app}/copies", json={**given, "file": "*"})
        assert wrong.status_code == 422
    assert both.received == [["a", "a", "image/png", b"\xff"]] * 2


def answered(block: Any) -> tuple[str, str]:
    """The media type and the text in base64 of a block."""
    if isinstance(block, ImageContent):
        return block.mime_type, block.data
    assert isinstance(block, EmbeddedResource)
    assert isinstance(block.resource, BlobResourceContents)
    return block.resource.mime_type or "", block.resource.blob


TYPES = {
    # the last step, what the flow says, and the type of what is answered
    ("download", ""): "application/octet-stream",
    ("download", "outputMediaType: image/png"): "image/png",
    ("picture", ""): "image/gif",
    ("picture", "outputMediaType: text/x-scan; charset=latin-1"): (
        "text/x-scan; charset=latin-1"
    ),
}


@pytest.mark.parametrize(("operation", "said"), TYPES)
def test_the_type_of_bytes_that_a_flow_answers(
    operation: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = f"down: {{type: call, call: old.{operation}, with: {{id: '{{{{id}}}}'}}}}"
    made = checked(compile_text(spec(step, said)))
    kind, content = TYPES[operation, said], CONTENTS["bytes"]
    with running(made, Both(), tmp_path, monkeypatch) as (app, load):
        got = httpx.post(f"{app}/copies/bytes")
        block = asyncio.run(used(load, id="bytes"))
        openapi = load("app").create_app().openapi()
    assert (got.headers["content-type"], got.content) == (kind, content)
    plain = kind.partition(";")[0]
    assert answered(block) == (plain, base64.b64encode(content).decode())
    (described,) = openapi["paths"].values()
    known = kind if said or operation == "picture" else "application/json"
    assert list(described["post"]["responses"]["200"]["content"]) == [known]


def test_a_call_without_steps_has_a_type_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [INPUTS, "outputMediaType: audio/ogg", "call: old.download"]
    made = checked(compile_text(SPEC % "\n        ".join(lines)))
    with running(made, Both(), tmp_path, monkeypatch) as (app, _):
        got = httpx.post(f"{app}/copies/bytes")
    assert (got.headers["content-type"], got.content) == (
        "audio/ogg",
        CONTENTS["bytes"],
    )


ABOUT = "about: {type: call, call: old.describe, with: {id: '{{id}}'}}"
REFUSED = {
    "no bytes": (
        f"{ABOUT}, up: {{type: call, call: new.upload, with: {{file: $.about}}}}",
        "NAF902",
    ),
    "a member of bytes": (
        f"{DOWNLOAD}, up: {{type: call, call: new.upload, with: {{file: $.down.a}}}}",
        "NAF902",
    ),
    "a file as a text": (
        f"{DOWNLOAD}, up: {{type: call, call: new.upload, with: {{title: $.down}}}}",
        "NAF904",
    ),
    "a file in JSON": (
        f"{DOWNLOAD}, up: {{type: call, call: new.note, with: {{file: $.down}}}}",
        "NAF904",
    ),
    "a file inside a text": (
        f"{DOWNLOAD}, up: {{type: call, call: new.upload, with: {{file: 'x {{{{down}}}}'}}}}",
        "NAF902",
    ),
    "an input as a file and as a text": (
        "up: {type: call, call: new.upload, with: {title: '{{id}}', file: '{{id}}'}}",
        "NAF902",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_sent_on(case: str) -> None:
    steps, code = REFUSED[case]
    made = compile_text(spec(steps))
    assert code in {found.code for found in made.diagnostics}
    hints = " ".join(found.hint for found in made.diagnostics if found.code == code)
    assert "$." in hints or "as they are" in hints or "of its own" in hints
    assert made.program is not None
    assert {left.kind for left in made.program.left_out} == {"flow", "route", "tool"}


def test_a_type_of_what_is_not_bytes_is_reported() -> None:
    made = checked(compile_text(spec(ABOUT, "outputMediaType: image/png")))
    (found,) = [each for each in made.diagnostics if each.code == "NAF434"]
    assert "not bytes" in found.message


def test_a_type_that_is_none_is_refused() -> None:
    made = compile_text(spec(DOWNLOAD, "outputMediaType: png"))
    assert "NAF101" in {found.code for found in made.diagnostics}
