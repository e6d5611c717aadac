"""Resources of MCP servers, read by a real client in both eras of the protocol."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.server.caching import CacheHint
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import ReadResourceResult, TextResourceContents
from nafgen.runtime.bytes_answers import AsyncBounded
from nafgen.runtime.calls import Call, Connection, segment
from nafgen.runtime.folders import Folder
from nafgen.runtime.resource_files import FolderFiles
from nafgen.runtime.resources import Content, Resources, Variables, content, read
from nafgen.runtime.settings import SettingsError
from nafgen.runtime.tools import MAX_ERROR, lending
from nafgen.runtime.upstream import AsyncClient

Answer = Callable[[httpx.Request], httpx.Response]
JSON = {"content-type": "application/json"}
TYPED = {"content_type": "application/json"}
LATIN = "text/plain; charset=latin-1"
VARIABLE = "DOCS_FOLDER"
UNKNOWN, FAILED = -32602, -32603


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def server_of(resources: Resources[AsyncClient], answer: Answer) -> Server[AsyncClient]:
    """A server as it is generated, over an upstream that is a function."""
    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    api = AsyncClient(Connection("https://api.test", retries=0), http)
    readable = resources.served()
    return Server(
        "things",
        lifespan=lending(api),
        on_list_resources=readable.list,
        on_list_resource_templates=readable.templates,
        on_read_resource=readable.read,
    )


def of_calls(cache: CacheHint | None = None) -> Resources[AsyncClient]:
    resources: Resources[AsyncClient] = Resources(cache)

    @resources.add(
        "data://things/{id}/parts/{part}",
        name="part",
        title="Part",
        description="A part of a thing.",
        media_type="application/json",
    )
    async def part(api: AsyncClient, variables: Variables) -> Content:
        path = f"/{segment(variables['id'])}/{segment(variables['part'])}"
        return await read(api, Call("GET", path))

    @resources.add("data://names", name="names")
    async def names(api: AsyncClient, _: Variables) -> Content:
        return await read(
            api, Call("GET", "/"), lambda value: [it["name"] for it in value]
        )

    @resources.add("data://plain", name="plain")
    async def plain(api: AsyncClient, _: Variables) -> Content:
        return await read(api, Call("GET", "/"))

    @resources.add("data://raw", name="raw", is_blob=True)
    async def raw(api: AsyncClient, _: Variables) -> Content:
        return await read(api, Call("GET", "/"))

    @resources.add("data://bytes", name="bytes")
    async def some(api: AsyncClient, _: Variables) -> Content:
        return await read(AsyncBounded(api, 8, "image/x-own"), Call("GET", "/"))

    @resources.add("data://found", name="found", writes=True)
    async def found(api: AsyncClient, _: Variables) -> Content:
        return await read(api, Call("POST", "/"))

    @resources.add("data://broken", name="broken")
    async def broken(api: AsyncClient, _: Variables) -> Content:
        raise ValueError("a secret")

    return resources


def told(server: Any, era: str, ask: Callable[[Client], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with Client(server, mode=era, cache=None) as client:
            return await ask(client)

    return asyncio.run(run())


def got(server: Any, era: str, uri: str) -> tuple[str | None, str | bytes]:
    """The media type of a resource, and what it holds."""
    result = told(server, era, lambda client: client.read_resource(uri))
    assert isinstance(result, ReadResourceResult)
    (found,) = result.contents
    assert found.uri == uri
    if isinstance(found, TextResourceContents):
        return found.mime_type, found.text
    return found.mime_type, base64.b64decode(found.blob)


def refused(server: Any, era: str, uri: str) -> MCPError:
    async def ask(client: Client) -> MCPError:
        with pytest.raises(MCPError) as caught:
            await client.read_resource(uri)
        return caught.value

    error = told(server, era, ask)
    assert isinstance(error, MCPError)
    return error


def answering(sent: bytes, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: httpx.Response(status, content=sent, headers=named)


def never(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.url} was sent")


# --- answers of calls ----------------------------------------------------------------


def test_lists_have_what_is_added_in_order_and_templates_apart(era: str) -> None:
    server = server_of(of_calls(), never)

    listed = told(server, era, lambda client: client.list_resources())
    templates = told(server, era, lambda client: client.list_resource_templates())

    uris = ["names", "plain", "raw", "bytes", "found", "broken"]
    assert [each.uri for each in listed.resources] == [f"data://{u}" for u in uris]
    (template,) = templates.resource_templates
    assert template.model_dump(exclude_none=True) == {
        "name": "part",
        "title": "Part",
        "uri_template": "data://things/{id}/parts/{part}",
        "description": "A part of a thing.",
        "mime_type": "application/json",
    }


def test_variables_are_segments_and_decoded(era: str) -> None:
    paths = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.raw_path.decode())
        return httpx.Response(200, content=b'{"a": 1}', headers=JSON)

    server = server_of(of_calls(), answer)

    for part in ("7", "a%2Fb", "%C3%BC%25", "a.b;c"):
        found = got(server, era, f"data://things/x/parts/{part}")
        assert found == ("application/json", '{"a": 1}')
    assert paths == ["/x/7", "/x/a%2Fb", "/x/%C3%BC%25", "/x/a.b%3Bc"]


@pytest.mark.parametrize(
    "uri",
    [
        "data://things/x/parts/a/b",
        "data://things/x/parts/",
        "data://things//parts/a",
        "data://things/x/parts/a?b=c",
        "data://things/x/parts/a#b",
        "data://things/x",
        "DATA://names",
        "data://names/",
        "data://names\n",
        "data://things/x/parts/..",
        "data://things/x/parts/%2e%2e",
        "data://things/x/parts/%FF",
        "other:thing",
        "",
    ],
)
def test_what_is_no_resource_is_said_and_never_sent(era: str, uri: str) -> None:
    assert refused(server_of(of_calls(), never), era, uri).code == UNKNOWN


def test_a_uri_is_matched_in_little_time() -> None:
    resources: Resources[AsyncClient] = Resources()
    uri = "x:" + "-".join(f"{{v{number}}}" for number in range(20)) + "/end"

    @resources.add(uri, name="many")
    async def many(api: AsyncClient, variables: Variables) -> Content:
        return content([*variables.values()])

    server = server_of(resources, never)
    wanted = "[" + ",".join(['"a"'] * 20) + "]"
    assert got(server, "auto", "x:" + "-".join("a" * 20) + "/end")[1] == wanted
    assert refused(server, "auto", "x:" + "-a" * 50_000).code == UNKNOWN


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (answering(b'{"a":\n 1}', **TYPED), ("application/json", '{"a":\n 1}')),
        (answering(b"caf\xe9", content_type=LATIN), ("text/plain", "caf\xe9")),
        (answering(b"\x89PNG", content_type="image/png"), ("image/png", b"\x89PNG")),
        (answering(b"[1]"), ("application/json", "[1]")),
        (answering(b"\xff"), (None, b"\xff")),
        (answering(b"", 204), (None, "")),
    ],
    ids=["json", "text", "image", "json-without-a-type", "bytes", "nothing"],
)
def test_answers_are_text_or_blobs_as_they_are(
    era: str, answer: Answer, found: object
) -> None:
    assert got(server_of(of_calls(), answer), era, "data://plain") == found


def test_what_a_mapping_makes_is_json(era: str) -> None:
    answer = answering(b'[{"name": "\xc3\xbc"}, {"name": null}]', **TYPED)
    found = got(server_of(of_calls(), answer), era, "data://names")
    assert found == ("application/json", '["\xfc",null]')


def test_a_blob_is_one_whatever_it_is(era: str) -> None:
    found = got(server_of(of_calls(), answering(b"{}", **TYPED)), era, "data://raw")
    assert found == ("application/json", b"{}")


def test_bytes_are_bounded(era: str) -> None:
    assert got(server_of(of_calls(), answering(b"12345678")), era, "data://bytes") == (
        "image/x-own",
        b"12345678",
    )
    error = refused(server_of(of_calls(), answering(b"123456789")), era, "data://bytes")
    assert (error.code, "more than 8 bytes" in error.message) == (FAILED, True)


def test_what_a_flow_results_in() -> None:
    assert content({"a": "\xfc"}) == ('{"a":"\xfc"}', "application/json")
    assert content(b"\x00") == (b"\x00", "application/octet-stream")
    assert content(None) == ("", "application/json")
    assert content("\ud800") == ('"?"', "application/json")


def test_failures_are_errors_that_tell_why(
    era: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = "x" * (2 * MAX_ERROR)
    busy = answering(text.encode(), 503, content_type="text/plain", retry_after="7")
    error = refused(server_of(of_calls(), busy), era, "data://plain")
    assert error.code == FAILED
    assert "503 Service Unavailable; try again after 7 seconds\nxxx" in error.message
    assert len(error.message) < MAX_ERROR + 50

    moved = answering(b"", 302, location="https://elsewhere.test")
    error = refused(server_of(of_calls(), moved), era, "data://plain")
    assert (error.code, "302 Found" in error.message) == (FAILED, True)

    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("a secret address", request=request)

    error = refused(server_of(of_calls(), down), era, "data://plain")
    assert "cannot be reached" in error.message
    assert "secret" not in error.message

    with caplog.at_level(logging.ERROR):
        error = refused(server_of(of_calls(), never), era, "data://broken")
    assert (error.code, "secret" in error.message) == (FAILED, False)
    assert "the resource broken failed" in caplog.text


def test_read_only_leaves_out_what_may_write(
    era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READ_ONLY", "1")
    server = server_of(of_calls(), never)
    listed = told(server, era, lambda client: client.list_resources())
    assert "data://found" not in [each.uri for each in listed.resources]
    assert refused(server, era, "data://found").code == UNKNOWN


def test_how_long_clients_may_keep_answers(tmp_path: Path) -> None:
    def kept(resources: Resources[AsyncClient]) -> list[tuple[int, str]]:
        server = server_of(resources, answering(b"{}", **TYPED))

        async def ask(client: Client) -> list[tuple[int, str]]:
            answers = [
                await client.list_resources(),
                await client.list_resource_templates(),
                await client.read_resource("data://plain"),
            ]
            return [(each.ttl_ms, each.cache_scope) for each in answers]

        found = told(server, "auto", ask)
        assert isinstance(found, list)
        return found

    lists, never_kept = (300_000, "public"), (0, "private")
    assert kept(of_calls()) == [lists, lists, never_kept]
    own = CacheHint(ttl_ms=5, scope="public")
    assert kept(of_calls(own)) == [(5, "public")] * 3
    with_files = of_calls()
    with_files.add_files(folder(tmp_path))
    assert kept(with_files) == [never_kept, lists, never_kept]


# --- files ---------------------------------------------------------------------------


def folder(base: Path, limit: int = 100, **more: Any) -> FolderFiles:
    module = base.parent / "package" / "mcp_server.py"
    found = Folder(VARIABLE, str(module), f"../{base.name}")
    return FolderFiles("docs://all", found, name="docs", limit=limit, **more)


def serving_files(base: Path, **more: Any) -> Server[AsyncClient]:
    resources: Resources[AsyncClient] = Resources()
    resources.add_files(folder(base, **more))
    return server_of(resources, never)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder with files, beside one that is not to be read."""
    base = tmp_path / "files"
    (base / "deep" / "er").mkdir(parents=True)
    (base / "guide.md").write_bytes("# \xfcn\xef\r\n".encode())
    (base / "deep" / "er" / "dot.png").write_bytes(b"\x89PNG\x00")
    (base / "deep" / "a-b.json").write_text("{}")
    (base / "latin.txt").write_bytes(b"caf\xe9")
    (base / "noextension").write_text("x")
    (base / "empty").mkdir()
    (base / ".hidden.md").write_text("secret")
    (base / "a blank.md").write_text("secret")
    (tmp_path / "secret.md").write_text("secret")
    (tmp_path / "files-too").mkdir()
    (tmp_path / "files-too" / "secret.md").write_text("secret")
    return base


def test_files_are_listed_in_order(era: str, base: Path) -> None:
    server = serving_files(base, title="Docs", description="All of them.")
    listed = told(server, era, lambda client: client.list_resources()).resources
    assert [(each.uri, each.mime_type, each.size) for each in listed] == [
        ("docs://all/deep/a-b.json", "application/json", 2),
        ("docs://all/deep/er/dot.png", "image/png", 5),
        ("docs://all/guide.md", "text/markdown", 9),
        ("docs://all/latin.txt", "text/plain", 4),
        ("docs://all/noextension", "application/octet-stream", 1),
    ]
    assert listed[0].name == "docs/deep/a-b.json"
    assert listed[0].title == "Docs: deep/a-b.json"
    assert listed[0].description == "All of them."


def test_files_are_read_as_text_or_blobs(era: str, base: Path) -> None:
    server = serving_files(base)
    for path, found in {
        "guide.md": ("text/markdown", "# \xfcn\xef\r\n"),
        "deep/er/dot.png": ("image/png", b"\x89PNG\x00"),
        "deep/a-b.json": ("application/json", "{}"),
        "latin.txt": ("text/plain", b"caf\xe9"),
        "noextension": ("application/octet-stream", b"x"),
    }.items():
        assert got(server, era, f"docs://all/{path}") == found


def test_a_declared_media_type_is_that_of_all_files(base: Path) -> None:
    plain = serving_files(base, media_type="text/plain")
    assert got(plain, "auto", "docs://all/noextension") == ("text/plain", "x")
    assert got(plain, "auto", "docs://all/deep/er/dot.png")[1] == b"\x89PNG\x00"
    blobs = serving_files(base, is_blob=True)
    assert got(blobs, "auto", "docs://all/guide.md")[1] == "# \xfcn\xef\r\n".encode()


OUTSIDE = [
    "../secret.md",
    "%2e%2e/secret.md",
    "%2E%2E%2Fsecret.md",
    "..%2fsecret.md",
    "deep/../../secret.md",
    "deep/%2e%2e/guide.md",
    "deep/./er/dot.png",
    "..\\secret.md",
    "%5c..%5csecret.md",
    "../files-too/secret.md",
    "/etc/hostname",
    "//etc/hostname",
    "%2Fetc%2Fhostname",
    "C:%5Csecret.md",
    "guide.md%00.png",
    "guide.md/",
    "guide.md/x",
    "deep//er/dot.png",
    "deep",
    "empty",
    "deep/",
    "",
    "absent.md",
    "x" * 5000,
    "guide.md?a",
    ".hidden.md",
    "a blank.md",
    "a%20blank.md",
    "%67uide.md",
    "\ud800",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_what_is_no_file_of_the_folder_is_no_resource(base: Path, path: str) -> None:
    server = serving_files(base)
    found = folder(base).read(f"docs://all/{path}") if "\ud800" not in path else None
    assert found is None
    if path.isprintable() and "\ud800" not in path:
        error = refused(server, "auto", f"docs://all/{path}")
        assert error.code == UNKNOWN
        assert str(base) not in error.message


def test_the_start_of_a_uri_is_not_enough(base: Path) -> None:
    files = folder(base)
    for uri in ("docs://all", "docs://allguide.md", "docs://al/guide.md", "guide.md"):
        assert files.read(uri) is None


def test_links_lead_nowhere_but_into_the_folder(era: str, base: Path) -> None:
    (base / "inside.md").symlink_to(base / "guide.md")
    (base / "relative.md").symlink_to("deep/er/../../guide.md")
    (base / "outside.md").symlink_to(base.parent / "secret.md")
    (base / "beside").symlink_to(base.parent / "files-too")
    (base / "loop").symlink_to(base / "loop")
    (base / "self").symlink_to(base)
    (base / "dangling").symlink_to(base / "absent")
    server = serving_files(base)

    listed = told(server, era, lambda client: client.list_resources()).resources
    names = [each.uri.removeprefix("docs://all/") for each in listed]
    linked = {"inside.md", "relative.md"}
    assert linked <= {*names}
    assert not {"outside.md", "loop", "dangling", "beside/secret.md"} & {*names}
    assert len(names) == 7  # a folder that is linked is not followed

    for path in linked:
        assert got(server, era, f"docs://all/{path}")[1] == "# \xfcn\xef\r\n"
    for path in (
        "outside.md",
        "beside/secret.md",
        "loop",
        "loop/x",
        "dangling",
        "self",
    ):
        assert refused(server, era, f"docs://all/{path}").code == UNKNOWN


def test_the_folder_itself_may_be_a_link(base: Path) -> None:
    link = base.parent / "link"
    link.symlink_to(base)
    server = serving_files(link)
    assert got(server, "auto", "docs://all/noextension")[1] == b"x"
    assert refused(server, "auto", "docs://all/../secret.md").code == UNKNOWN


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes by name")
def test_pipes_sockets_and_devices_are_no_files(
    era: str, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(base / "pipe.md")
    listener = socket.socket(socket.AF_UNIX)
    monkeypatch.chdir(base)  # the path of a socket must be short
    listener.bind("socket.md")
    (base / "device.md").symlink_to("/dev/zero")
    try:
        server = serving_files(base)
        listed = told(server, era, lambda client: client.list_resources()).resources
        assert len(listed) == 5
        for path in ("pipe.md", "device.md", "socket.md"):
            assert refused(server, era, f"docs://all/{path}").code == UNKNOWN
    finally:
        listener.close()


def test_a_file_that_became_a_pipe_does_not_hang(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at a file and its opening, another one may come in its place."""
    really_open = os.open

    def swapping(path: Any, flags: int, *more: Any, **named: Any) -> int:
        Path(path).unlink()
        os.mkfifo(path)
        return really_open(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", swapping)
    assert folder(base).read("docs://all/guide.md") is None


def test_files_are_bounded(era: str, base: Path) -> None:
    with (base / "huge.bin").open("wb") as file:
        file.truncate(1 << 33)
    (base / "fits.txt").write_text("x" * 100)
    server = serving_files(base)
    error = refused(server, era, "docs://all/huge.bin")
    assert error.code == FAILED
    assert error.message == "a file has 100 bytes at the most"
    assert got(server, era, "docs://all/fits.txt")[1] == "x" * 100


def test_files_are_those_of_the_moment(base: Path) -> None:
    server = serving_files(base)

    async def ask(client: Client) -> list[int]:
        found = [len((await client.list_resources()).resources)]
        (base / "new.md").write_text("new")
        assert (await client.read_resource("docs://all/new.md")).contents
        return [*found, len((await client.list_resources()).resources)]

    assert told(server, "auto", ask) == [5, 6]


def test_a_folder_is_elsewhere_where_its_variable_says(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(base.parent / "files-too"))
    server = serving_files(base)
    assert got(server, "auto", "docs://all/secret.md") == ("text/markdown", "secret")


def test_a_folder_that_is_not_there_keeps_the_server_from_starting(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (base / "absent", base / "guide.md"):
        with pytest.raises(
            SettingsError, match=f"the files of docs: {VARIABLE} names no folder"
        ):
            serving_files(place)
    monkeypatch.setenv(VARIABLE, str(base))
    serving_files(base / "absent")
