"""Answers of bytes: from a real upstream, through what is generated, to its callers."""

from __future__ import annotations

import asyncio
import base64
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from compile_support import checked, compile_file, compile_text
from conftest import ROOT
from e2e_support import served
from mcp import Client
from mcp_types import (
    AudioContent,
    BlobResourceContents,
    EmbeddedResource,
    ImageContent,
    TextContent,
)
from nafgen.compile import Compilation
from nafgen.runtime.bytes_answers import AsyncBounded, Bounded
from nafgen.runtime.upstream import (
    AsyncClient,
    Call,
    Connection,
    UpstreamError,
)
from nafgen.runtime.upstream import Client as BlockingClient
from running_support import Running, running
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

CASE = ROOT / "tests" / "cases" / "binary-answers" / "spec.yaml"
PNG = b"\x89PNG\r\n\x1a\n\x00\xff"
LIMIT = 1536
"""Bytes of a thumbnail at the most; 4096 of other answers of the REST adapter."""


async def _answer(request: Request) -> Response:
    """What the id says: `TYPE`, with dots for its slash, and perhaps `~` and a size."""
    kind, _, size = request.path_params["id"].partition("~")
    content = PNG if not size else b"\x00" * int(size)
    kind = kind.replace(".", "/", 1)
    headers = {} if kind == "none" else {"content-type": kind}
    match request.path_params.get("how"):
        case "streamed":

            async def chunks() -> Any:
                for start in range(0, len(content), 100):
                    yield content[start : start + 100]

            return StreamingResponse(chunks(), headers=headers)
        case "gzip":
            headers["content-encoding"] = "gzip"
            return Response(gzip.compress(content), headers=headers)
        case "cut":

            async def short() -> Any:
                yield content[:10]

            length = {"content-length": str(len(content))}
            return StreamingResponse(short(), headers=headers | length)
        case "boasting":

            async def little() -> Any:
                yield content[:10]

            length = {"content-length": str(10**12)}
            return StreamingResponse(little(), headers=headers | length)
        case "failed":
            return Response(content, 404, headers)
    return Response(content, headers=headers)


UPSTREAM = Starlette(
    routes=[
        Route(f"{how}/scans/{{id}}{what}", _answer)
        for how in ("", "/{how}")
        for what in ("", "/thumbnail")
    ]
)


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with served(UPSTREAM) as url:
        yield url


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    made = checked(compile_file(CASE, "archive.yaml"))

    def unused(request: httpx.Request) -> httpx.Response:
        raise AssertionError("the upstream of these tests is a real one")

    with running(made, tmp_path_factory.mktemp("p"), "Archive", unused) as package:
        yield package


def ask(archive: Running, url: str, path: str) -> httpx.Response:
    """What the REST app answers."""

    async def run() -> httpx.Response:
        async with archive.module("client").AsyncArchive(base_url=url) as api:
            app = httpx.ASGITransport(archive.module("app").create_app(api))
            async with httpx.AsyncClient(transport=app) as user:
                return await user.get(f"http://app.test{path}")

    return asyncio.run(run())


def use(archive: Running, url: str, tool: str, id_: str) -> tuple[Any, bool]:
    """The one block that the MCP server answers, and whether it is an error."""

    async def run() -> tuple[Any, bool]:
        async with archive.module("client").AsyncArchive(base_url=url) as api:
            server = archive.module("mcp_server").create_server(api)
            async with Client(server) as user:
                got = await user.call_tool(tool, {"id": id_})
        [block] = got.content
        return block, bool(got.is_error)

    return asyncio.run(run())


def block_of(kind: str, content: bytes) -> Any:
    data = base64.b64encode(content).decode()
    if kind.startswith("image/"):
        return ImageContent(data=data, mime_type=kind)
    if kind.startswith("audio/"):
        return AudioContent(data=data, mime_type=kind)
    contents = BlobResourceContents(uri="answer:body", mime_type=kind, blob=data)
    return EmbeddedResource(resource=contents)


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ("image.png", "image/png"),
        ("image.svg+xml", "image/svg+xml"),
        ("audio.mpeg", "audio/mpeg"),
        ("application.pdf", "application/pdf"),
        ("application.json", "application/json"),
        ("text.csv", "text/csv"),
        ("binary.octet-stream", "binary/octet-stream"),
        ("none", "application/octet-stream"),
    ],
)
def test_bytes_keep_the_upstreams_type(
    archive: Running, upstream: str, sent: str, kind: str
) -> None:
    got = ask(archive, upstream, f"/scans/{sent}")
    assert (got.status_code, got.headers["content-type"]) == (200, kind)
    assert got.content == PNG
    assert use(archive, upstream, "get-scan", sent) == (block_of(kind, PNG), False)
    with archive.module("client").Archive(base_url=upstream) as api:
        assert api.get_scan(id_=sent) == PNG


def test_a_declared_type_goes_before_the_upstreams(
    archive: Running, upstream: str
) -> None:
    """That of the operation before that of the route, which has status 206 in vain."""
    printed = ask(archive, upstream, "/scans/image.tiff/printed")
    assert printed.headers["content-type"] == "application/pdf"
    thumbnail = ask(archive, upstream, "/thumbnails/text.html")
    assert thumbnail.headers["content-type"] == "image/png"
    assert (thumbnail.status_code, thumbnail.content) == (200, PNG)
    got = use(archive, upstream, "get-thumbnail", "text.html")
    assert got == (block_of("image/png", PNG), False)
    with archive.module("client").Archive(base_url=upstream) as api:
        assert api.get_thumbnail(id_="text.html") == PNG


def test_the_openapi_document_has_the_declared_type(archive: Running) -> None:
    paths = archive.module("app").create_app().openapi()["paths"]
    kinds = {
        path: list(item["get"]["responses"]["200"]["content"])
        for path, item in paths.items()
    }
    assert kinds["/scans/{id_}/printed"] == ["application/pdf"]
    assert kinds["/thumbnails/{id_}"] == ["image/png"]


@pytest.mark.parametrize("how", ["", "/streamed", "/gzip"])
def test_as_many_bytes_as_are_allowed(
    archive: Running, upstream: str, how: str
) -> None:
    size = f"image.png~{LIMIT}"
    url = upstream + how
    assert len(ask(archive, url, f"/thumbnails/{size}").content) == LIMIT
    got = use(archive, url, "get-thumbnail", size)
    assert got == (block_of("image/png", b"\x00" * LIMIT), False)


@pytest.mark.parametrize("how", ["", "/streamed", "/gzip", "/boasting"])
def test_more_bytes_than_are_allowed(archive: Running, upstream: str, how: str) -> None:
    size = f"image.png~{LIMIT + 1}"
    url = upstream + how
    said = "the upstream API answered with more than 1,536 bytes"
    refused = ask(archive, url, f"/thumbnails/{size}")
    assert refused.headers["content-type"] == "application/problem+json"
    assert (refused.status_code, refused.json()["detail"]) == (502, said)
    got = use(archive, url, "get-thumbnail", size)
    assert got == (TextContent(text=said), True)
    with archive.module("client").Archive(base_url=url) as api:
        with pytest.raises(archive.module("_runtime.upstream").UpstreamError) as error:
            api.get_thumbnail(id_=size)
        assert str(error.value) == said
        assert error.value.response.content == b""


def test_each_adapter_has_its_own_limit(archive: Running, upstream: str) -> None:
    """4 KiB for REST, and 10 MiB where nothing is said."""
    size = "image.png~4097"
    assert ask(archive, upstream, f"/scans/{size}").status_code == 502
    assert use(archive, upstream, "get-scan", size)[1] is False
    assert use(archive, upstream, "get-scan", f"image.png~{10 * 2**20 + 1}")[1] is True


def test_an_answer_that_is_cut_off_is_a_failure(
    archive: Running, upstream: str
) -> None:
    """Its length says that there are more bytes than there are."""
    url = f"{upstream}/cut"
    assert ask(archive, url, "/thumbnails/image.png~100").status_code == 502
    assert use(archive, url, "get-thumbnail", "image.png~100")[1] is True


def test_errors_keep_their_type_and_are_bounded_too(
    archive: Running, upstream: str
) -> None:
    url = f"{upstream}/failed"
    got = ask(archive, url, "/thumbnails/text.plain")
    assert (got.status_code, got.content) == (404, PNG)
    assert got.headers["content-type"].startswith("text/plain")
    large = ask(archive, url, "/thumbnails/text.plain~2000")
    assert large.status_code == 404
    assert large.json()["detail"] == "the upstream API answered 404 Not Found"
    block, failed = use(archive, url, "get-thumbnail", "text.plain~2000")
    said = "the upstream API answered 404 Not Found"
    advice = "; check that what the arguments name is there"
    assert (block.text, failed) == (said + advice, True)


def test_the_connection_is_that_of_the_client() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["x-key"] == "k"
        size = request.headers["content-length-of-answer"]
        return httpx.Response(200, headers={"content-length": size})

    connection = Connection("https://a.example", headers={"x-key": "k"}, retries=0)
    head = Call("HEAD", "/", headers={"content-length-of-answer": "99"})
    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        api = BlockingClient(connection, http)
        assert Bounded(api, 10).call(head) is None
        with pytest.raises(UpstreamError, match="more than 10 bytes"):
            Bounded(api, 10).call(head._replace(method="GET"))

    async def run() -> None:
        transport = httpx.MockTransport(answer)
        async with httpx.AsyncClient(transport=transport) as http:
            api = AsyncClient(connection, http)
            assert await AsyncBounded(api, 10).call(head) is None
            with pytest.raises(UpstreamError, match="more than 10 bytes"):
                await AsyncBounded(api, 10).call(head._replace(method="GET"))

    asyncio.run(run())


STEPS = """\
ikanos: 1.0.0-beta5
capability:
  consumes:
  - type: http
    namespace: archive
    baseUri: https://archive.example
    resources:
      scans:
        path: /scans
        operations:
          list: {method: GET}
          newest: {method: GET, path: /newest, outputRawFormat: binary, %s}
  exposes:
  - {type: %s, namespace: own, address: 127.0.0.1, port: 8080, %s: {one: %s}}
"""
TWO = "{first: {type: call, call: archive.list}, last: {type: call, call: archive.newest}}"


@pytest.mark.parametrize(
    ("kind", "key", "unit"),
    [
        (
            "rest",
            "resources",
            f"{{path: /one, operations: {{one: {{method: GET, steps: {TWO}}}}}}}",
        ),
        ("mcp", "tools", f"{{description: One., steps: {TWO}}}"),
    ],
)
def test_the_bytes_of_the_last_step_are_the_result(
    kind: str, key: str, unit: str
) -> None:
    checked(compile_text(STEPS % ("maxBinarySize: 1KiB", kind, key, unit)))


def limit_of(size: str) -> int | None:
    made = compile_text(
        STEPS % (f"maxBinarySize: {size}", "mcp", "tools", "{call: archive.newest}")
    )
    return _limit(made)


def _limit(made: Compilation) -> int | None:
    assert made.program is not None
    found = [
        operation.binary
        for upstream in made.program.upstreams
        for operation in upstream.operations
        if operation.name == "newest"
    ]
    return found[0].limit if found and found[0] else None


@pytest.mark.parametrize(
    ("size", "limit"),
    [
        ("512B", 512),
        ("0B", 0),
        ("1.5KiB", 1536),
        ("0.1KiB", 102),
        ("10MiB", 10 * 2**20),
        ("2.25GiB", 9 * 2**28),
        ("1KB", None),
        ("1 KiB", None),
        ("-1KiB", None),
        ("1024", None),
        ("9999999999999B", None),
        ("[1KiB]", None),
    ],
)
def test_sizes(size: str, limit: int | None) -> None:
    assert limit_of(size) == limit


def test_the_support_code_is_only_where_it_is_needed(tmp_path: Path) -> None:
    without = compile_file(ROOT / "tests" / "cases" / "smallest" / "spec.yaml")
    for made, is_there in ((without, False), (compile_file(CASE), True)):
        assert made.package is not None
        files = {file.path for file in made.package.files}
        assert ("_runtime/bytes_answers.py" in files) is is_there
