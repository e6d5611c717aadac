"""A mocked upstream answers what the spec describes, and refuses what it does not."""

import asyncio
import io
import struct
import wave
import xml.etree.ElementTree as ElementTree
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from nafgen.expect_results import expected_result
from nafgen.mock import mock_app, mock_base_urls
from nafgen.mock_requests import MAX_BODY, Message
from nafgen.program import McpAdapter, Program, RestAdapter
from verify_support import KITCHEN, ONE_KEY, TWO_UPSTREAMS, compiled

HEADERS = {"x-key": "k", "x-version": "2024-01-01"}
LIST = "/dishes?cuisine=thai&page_size=50&lang=en"


def program(source: str) -> Program:
    made = compiled(source).program
    assert made is not None
    return made


class Caller:
    """A blocking way to call an ASGI application."""

    def __init__(self, made: Program) -> None:
        self._app = mock_app(made)

    def __call__(self, method: str, url: str, **options: Any) -> httpx.Response:
        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://mock"
            ) as client:
                return await client.request(method, url, **options)

        return asyncio.run(call())


@pytest.fixture
def kitchen() -> Caller:
    return Caller(program(KITCHEN))


def assert_refused(answer: httpx.Response, status: int, what: str) -> None:
    assert answer.status_code == status
    assert answer.json()["error"]["status"] == status
    assert what in answer.json()["error"]["message"]


def test_an_answer_echoes_the_request(kitchen: Caller) -> None:
    answer = kitchen(
        "PUT",
        "/dishes/a%2Fb/cook?lang=en",
        headers=HEADERS,
        json={"dish": {"heat": 3}, "nothing": None},
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "operation": "cook",
        "path": {"dish-id": "a/b"},
        "query": {"lang": "en"},
        "body": {"dish": {"heat": 3}, "nothing": None},
    }


def test_an_answer_has_what_the_mappings_look_for(kitchen: Caller) -> None:
    first = kitchen("GET", f"{LIST}&tag=a&tag=b", headers=HEADERS)
    again = kitchen("GET", f"{LIST}&tag=a&tag=b", headers=HEADERS)
    assert first.content == again.content
    value = first.json()
    assert value["query"]["tag"] == ["a", "b"]
    for adapter in program(KITCHEN).adapters:
        units = adapter.routes if isinstance(adapter, RestAdapter) else adapter.tools
        unit = next(unit for unit in units if unit.name == "list-dishes")
        made = expected_result(unit.result, value)
        dishes = made if isinstance(adapter, McpAdapter) else made["dishes"]
        assert len(dishes) == 2
        assert all(dish["id"] for dish in dishes)


def test_an_extracted_result_is_there() -> None:
    source = KITCHEN.partition("  exposes:")[0] + (
        "  exposes:\n  - type: mcp\n    namespace: m\n    port: 81\n    tools:\n"
        "    - {name: a, description: A, call: kitchen.add-dish}\n"
    )
    answer = Caller(program(source))("GET", LIST, headers=HEADERS)
    assert answer.json()["data"]["items"]["operation"] == "list-dishes"


def test_other_formats_are_text(kitchen: Caller) -> None:
    answer = kitchen(
        "GET", "/dishes/1/photo.xl?format=png&v=2&lang=en", headers=HEADERS
    )
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert '"size": "xl"' in answer.text


def test_head_has_no_body(kitchen: Caller) -> None:
    answer = kitchen("HEAD", "/dishes/1?lang=en", headers=HEADERS)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


def test_paths_and_methods(kitchen: Caller) -> None:
    assert_refused(kitchen("GET", "/nope", headers=HEADERS), 404, "/nope")
    answer = kitchen("POST", "/dishes/1", headers=HEADERS)
    assert_refused(answer, 405, "POST")
    assert answer.headers["allow"] == "PUT, PATCH, DELETE, HEAD"


@pytest.mark.parametrize(
    ("method", "url", "headers", "body", "status", "what"),
    [
        ("GET", LIST, {"x-version": "2024-01-01"}, None, 401, "X-Key"),
        ("GET", LIST, {"x-key": "k"}, None, 400, "x-version is missing"),
        ("GET", LIST, {**HEADERS, "x-version": "1"}, None, 400, "not 2024-01-01"),
        ("GET", LIST.replace("50", "5"), HEADERS, None, 400, "page_size is not 50"),
        ("GET", LIST.replace("cuisine", "c"), HEADERS, None, 400, "cuisine is missing"),
        ("GET", LIST.replace("=en", "=de"), HEADERS, None, 400, "lang is not en"),
        ("POST", "/dishes?lang=en", HEADERS, b"{}", 400, "the body lacks title"),
        ("POST", "/dishes?lang=en", HEADERS, b"{", 400, "not JSON"),
        ("PUT", "/dishes/1?lang=en", HEADERS, None, 400, "the body is missing"),
        ("PATCH", "/dishes/1", HEADERS, b" " * (MAX_BODY + 1), 413, str(MAX_BODY)),
    ],
)
def test_what_does_not_fit_is_refused(
    kitchen: Caller,
    method: str,
    url: str,
    headers: dict[str, str],
    body: bytes | None,
    status: int,
    what: str,
) -> None:
    answer = kitchen(method, url, headers=headers, content=body)
    assert_refused(answer, status, what)


def test_several_upstreams_are_served_below_their_namespaces() -> None:
    made = program(TWO_UPSTREAMS)
    call = Caller(made)
    assert mock_base_urls(made, "http://127.0.0.1:9/") == {
        "PLAIN_BASE_URL": "http://127.0.0.1:9/plain",
        "TOKEN_BASE_URL": "http://127.0.0.1:9/token",
    }
    basic = call("GET", "/plain/things", headers={"authorization": "Basic dTpw"})
    assert basic.json()["operation"] == "list"
    bearer = call("GET", "/token/things/7", headers={"authorization": "Bearer t"})
    assert bearer.json()["path"] == {"id": "7"}
    wrong = call("GET", "/plain/things", headers={"authorization": "Bearer t"})
    assert_refused(wrong, 401, "Basic")
    assert wrong.headers["www-authenticate"] == "Basic"


def test_authentication_that_is_supplied_is_not_looked_at() -> None:
    supplied = ONE_KEY.format("header").replace("type: apikey", "type: oauth1")
    assert Caller(program(supplied))("GET", "/it?q=1").status_code == 200


def test_tokens_are_given_and_asked_for() -> None:
    oauth2 = TWO_UPSTREAMS.replace(
        "{type: bearer, token: '{{TOKEN}}'}", "{type: oauth2}"
    )
    made = program(oauth2.replace("type: basic", "type: digest"))
    call = Caller(made)
    where = mock_base_urls(made, "http://h:1")["TOKEN_TOKEN_URL"]
    assert where == "http://h:1/token/-/token"
    form = {"grant_type": "client_credentials"}
    given = call("POST", "/token/-/token", data=form, auth=("me", "secret")).json()
    assert given["expires_in"] > 0
    token = {"authorization": f"Bearer {given['access_token']}"}
    assert call("GET", "/token/things/7", headers=token).status_code == 200
    other = {"authorization": "Bearer other"}
    assert_refused(call("GET", "/token/things/7", headers=other), 401, "Bearer")
    assert call("POST", "/token/-/token", data=form).status_code == 401
    assert call("POST", "/token/-/token", data={"grant_type": "p"}).status_code == 400
    assert_refused(call("GET", "/token/-/token"), 405, "GET")
    challenge = call("GET", "/plain/things")
    assert_refused(challenge, 401, "Digest")
    assert challenge.headers["www-authenticate"].startswith("Digest realm=")
    digest = httpx.DigestAuth("me", "secret")
    assert call("GET", "/plain/things", auth=digest).status_code == 200


def test_one_upstream_is_served_at_the_root() -> None:
    assert mock_base_urls(program(KITCHEN), "http://h:1") == {
        "KITCHEN_BASE_URL": "http://h:1"
    }


def test_keys_in_the_query_and_in_cookies() -> None:
    in_query = Caller(program(ONE_KEY.format("query")))
    assert in_query("GET", "/it?q=1&api_key=k").status_code == 200
    assert_refused(in_query("GET", "/it?q=1"), 401, "query api_key")
    assert_refused(in_query("GET", "/it?api_key=k"), 400, "query q is missing")
    in_cookie = Caller(program(ONE_KEY.format("cookie")))
    sent = in_cookie("GET", "/it?q=1", headers={"cookie": "a=b; api_key=k"})
    assert sent.status_code == 200
    assert_refused(in_cookie("GET", "/it?q=1"), 401, "cookie api_key")


def test_it_starts_and_stops() -> None:
    received: Iterator[Message] = iter(
        [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    )
    sent: list[Message] = []

    async def receive() -> Message:
        return next(received)

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(mock_app(program(KITCHEN))({"type": "lifespan"}, receive, send))
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


FORMS = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - type: http
    namespace: desk
    baseUri: https://desk.test
    resources:
    - path: /form
      operations:
      - name: form
        method: POST
        inputParameters:
        - {name: Content-Type, in: header, value: application/x-www-form-urlencoded}
        - {name: to, in: body, required: true}
        - {name: tags, in: body, type: array}
      - {name: parts, method: PUT, body: {type: multipart}}
      - {name: text, method: PATCH, body: {type: text}}
      - {name: bytes, method: DELETE, body: {type: binary, data: '{{tools.it}}'}}
"""


def test_bodies_are_read_by_their_type() -> None:
    caller = Caller(program(FORMS))
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = caller("POST", "/form", headers=kind, content=b"to=a+b&tags=1&tags=2")
    assert answer.json()["body"] == {"to": "a b", "tags": ["1", "2"]}
    assert caller("POST", "/form", headers=kind, content=b"to[]=1").status_code == 200
    refused = caller("POST", "/form", headers=kind, content=b"tags=1")
    assert_refused(refused, 400, "the body lacks to")
    answer = caller("PUT", "/form", files={"a": ("x.txt", b"one\r\ntwo")})
    assert answer.json()["body"] == {"a": "one\r\ntwo"}
    answer = caller("PUT", "/form", files={"a": ("x.png", b"\x00\xff")})
    assert answer.json()["body"] == {"a": "AP8="}
    kind = {"content-type": "text/plain"}
    answer = caller("PATCH", "/form", headers=kind, content="ü".encode())
    assert answer.json()["body"] == "ü"
    refused = caller("PATCH", "/form", headers=kind, content=b"\xff")
    assert_refused(refused, 400, "the body is not text")
    kind = {"content-type": "image/png"}
    answer = caller("DELETE", "/form", headers=kind, content=b"\x00\xff")
    assert answer.json()["body"] == "AP8="


FILES = """\
ikanos: 1.0.0-beta5
capability:
  consumes:
  - type: http
    namespace: files
    baseUri: https://files.test
    resources:
      file:
        path: /file
        operations:
          get: {method: GET, outputRawFormat: binary%s}
  exposes:
  - type: rest
    namespace: web
    port: 8080
    resources:
      file:
        path: /file
        operations:
          get: {method: GET, call: files.get%s}
"""


def read_png(content: bytes) -> None:
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    at, found = 8, {}
    while at < len(content):
        (length,) = struct.unpack_from(">I", content, at)
        kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", content, at + 8 + length)
        assert checksum == zlib.crc32(kind + data)
        found[kind] = data
        at += length + 12
    assert struct.unpack(">II", found[b"IHDR"][:8]) == (1, 1)
    assert len(zlib.decompress(found[b"IDAT"])) == 2


def read_pdf(content: bytes) -> None:
    assert content.startswith(b"%PDF-1.4\n") and content.endswith(b"%%EOF\n")
    start = int(content.rpartition(b"startxref\n")[2].split()[0])
    assert content[start:].startswith(b"xref\n0 4\n")
    for number, line in enumerate(content[start:].splitlines()[3:6], 1):
        assert content[int(line[:10]) :].startswith(b"%d 0 obj" % number)


def read_wav(content: bytes) -> None:
    with wave.open(io.BytesIO(content)) as sound:
        assert (sound.getnframes(), len(sound.readframes(99))) == (80, 80)


def read_zip(content: bytes) -> None:
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == []


def read_svg(content: bytes) -> None:
    assert ElementTree.fromstring(content).tag.endswith("svg")  # noqa: S314 - our own


def read_gif(content: bytes) -> None:
    assert (content[:6], content[6:10]) == (b"GIF89a", b"\1\0\1\0")


READERS: dict[str, Callable[[bytes], None]] = {
    "image/png": read_png,
    "image/gif": read_gif,
    "image/svg+xml": read_svg,
    "application/pdf": read_pdf,
    "application/zip": read_zip,
    "audio/wav": read_wav,
}


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("declared", ["by the operation", "by the route"])
def test_bytes_are_of_their_media_type(declared: str, kind: str) -> None:
    own = f", outputMediaType: {kind}" if declared == "by the operation" else ""
    served = f", responseBinary: {{mediaType: {kind}}}" if not own else ""
    answer = Caller(program(FILES % (own, served)))("GET", "/file")
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    READERS[kind](answer.content)


def test_bytes_of_other_media_types_are_any() -> None:
    own = ", outputMediaType: font/woff2, maxBinarySize: 100B"
    answer = Caller(program(FILES % (own, "")))("GET", "/file")
    assert answer.headers["content-type"] == "font/woff2"
    assert answer.content == bytes(range(100))
