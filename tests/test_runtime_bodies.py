"""Bodies and queries as a real server reads them: forms, multipart data, text, XML."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from nafgen.runtime.calls import ArgumentError, Call, Connection, Setting, joined
from nafgen.runtime.upstream import AsyncClient, Client
from nafgen.runtime.xml_bodies import XmlSetting, xml
from runtime_support import serving
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

HARD = "ü \"double\" 'single' & = + % \\ \r\n <b>&amp;</b> {{x}}"


async def echo(request: Request) -> JSONResponse:
    """What Starlette makes of the body: fields, and files with their name and type."""
    async with request.form() as form:
        fields: list[list[Any]] = []
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                content = (await value.read()).decode()
                fields.append([name, content, value.filename, value.content_type])
            else:
                fields.append([name, value])
    kind = request.headers.get("content-type", "")
    body = (await request.body()).decode() if not fields else ""
    return JSONResponse({"fields": fields, "type": kind, "body": body})


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving(Starlette(routes=[Route("/x", echo, methods=["POST"])])) as url:
        yield url


def sent(server: str, call: Call, **shared: Any) -> Any:
    """What arrives; the same from both clients."""
    connection = Connection(server, **shared)
    with Client(connection, None) as client:
        blocking = client.call(call)

    async def other() -> Any:
        async with AsyncClient(connection, None) as client:
            return await client.call(call)

    answer = asyncio.run(other())
    assert answer["fields"] == blocking["fields"]
    return answer


def query(value: Any, **styles: Any) -> list[tuple[str, str]]:
    connection = Connection("https://api.test", **styles)
    arguments = connection.arguments(Call("GET", "/x", query={"a": value}))
    return parse_qsl(httpx.URL(arguments["url"]).query.decode(), keep_blank_values=True)


class TestStyles:
    @pytest.mark.parametrize(
        ("arrays", "objects", "value", "pairs"),
        [
            ("repeat", "json", [1, None, "b"], [("a", "1"), ("a", "b")]),
            ("brackets", "json", [1, None, "b"], [("a[]", "1"), ("a[]", "b")]),
            ("comma", "json", [1, None, "b,c"], [("a", "1,b,c")]),
            ("comma", "json", [], []),
            ("brackets", "json", [], []),
            ("repeat", "json", {"b": [1]}, [("a", '{"b":[1]}')]),
            ("brackets", "json", [{"b": 1}], [("a[]", '{"b":1}')]),
            ("repeat", "brackets", {"b": {"c": 1}, "d": None}, [("a[b][c]", "1")]),
            ("brackets", "brackets", {"b": [1, 2]}, [("a[b][]", "1"), ("a[b][]", "2")]),
            (
                "brackets",
                "brackets",
                [{"b": 1, "c": True}, {"b": 2}],
                [("a[0][b]", "1"), ("a[0][c]", "true"), ("a[1][b]", "2")],
            ),
            ("brackets", "brackets", [[1], 2], [("a[0][]", "1"), ("a[1]", "2")]),
            ("brackets", "brackets", {"b": {}}, []),
            ("brackets", "brackets", "text", [("a", "text")]),
        ],
    )
    def test_query(
        self, arrays: str, objects: str, value: Any, pairs: list[tuple[str, str]]
    ) -> None:
        assert query(value, arrays=arrays, objects=objects) == pairs

    def test_keys_are_encoded(self) -> None:
        connection = Connection("https://api.test", objects="brackets")
        made = connection.arguments(Call("GET", "/x", query={"a": {"&b=]": 1}}))
        assert str(made["url"]).endswith("?a%5B%26b%3D%5D%5D=1")

    def test_keys_that_are_not_unicode(self) -> None:
        with pytest.raises(ArgumentError, match="Unicode"):
            query({"\ud800": 1}, objects="brackets")


class TestForm:
    def test_fields(self, server: str) -> None:
        form = {"a": HARD, "none": None, "n": 1.0, "ok": True, "list": ["x", "y"]}
        found = sent(server, Call("POST", "/x", form=form))
        assert found["type"] == "application/x-www-form-urlencoded"
        assert found["fields"] == [
            ["a", HARD],
            ["n", "1"],
            ["ok", "true"],
            ["list", "x"],
            ["list", "y"],
        ]

    def test_settings(self, server: str) -> None:
        call = Call("POST", "/x", form={"a": {"b": Setting("{KEY}!")}})
        found = sent(server, call, settings={"KEY": "k&y"}, objects="brackets")
        assert found["fields"] == [["a[b]", "k&y!"]]

    def test_a_type_of_the_spec_wins(self, server: str) -> None:
        kind = "application/x-www-form-urlencoded; charset=utf-8"
        call = Call("POST", "/x", headers={"content-type": kind}, form={"a": 1})
        assert sent(server, call)["type"] == kind


class TestParts:
    def test_parts(self, server: str) -> None:
        parts: list[dict[str, Any]] = [
            {"name": "note", "value": HARD},
            {
                "name": "file",
                "value": "a,b",
                "filename": "ü.csv",
                "content_type": "text/csv",
            },
            {"name": "scan", "value": {"a": 1}, "filename": "scan"},
            {"name": "absent", "value": None, "filename": "x"},
            {"name": "unnamed", "value": "", "filename": ""},
        ]
        found = sent(server, Call("POST", "/x", parts=parts))
        assert found["type"].startswith("multipart/form-data; boundary=")
        assert found["fields"] == [
            ["note", HARD],
            ["file", "a,b", "ü.csv", "text/csv"],
            ["scan", '{"a":1}', "scan", "application/octet-stream"],
            ["unnamed", ""],
        ]

    def test_bytes(self) -> None:
        parts: list[dict[str, Any]] = [
            {"name": "a", "value": b"\x00\xff\r\n", "filename": "b.png"},
            {"name": "no name", "value": b"", "filename": None},
            {"name": "empty", "value": b"1", "filename": "", "content_type": "a/b"},
        ]
        call = Call("POST", "/x", parts=parts)
        octets = "application/octet-stream"
        assert Connection("https://api.test").arguments(call)["files"] == [
            ("a", ("b.png", b"\x00\xff\r\n", octets)),
            ("no name", ("no name", b"", octets)),
            ("empty", ("empty", b"1", "a/b")),
        ]

    def test_a_file_name_that_is_no_unicode(self) -> None:
        parts = [{"name": "a", "value": b"", "filename": "\ud800"}]
        with pytest.raises(ArgumentError, match="Unicode"):
            Connection("https://api.test").arguments(Call("POST", "/x", parts=parts))

    def test_members(self, server: str) -> None:
        parts = {"a": 1, "none": None, "tags": ["x", "y"]}
        call = Call("POST", "/x", headers={"content-type": "multipart/form-data"})
        found = sent(server, call._replace(parts=parts))
        assert found["fields"] == [["a", "1"], ["tags", "x"], ["tags", "y"]]

    def test_nothing(self) -> None:
        made = Connection("https://api.test").arguments(
            Call("POST", "/x", parts=[{"name": "a", "value": None}])
        )
        request = httpx.Client().build_request(**made)
        assert request.content == b""

    def test_a_name_cannot_end_its_header(self, server: str) -> None:
        name = 'a"; filename="x\r\n\r\ny'
        found = sent(server, Call("POST", "/x", parts={name: "v"}))
        assert len(found["fields"]) == 1
        assert found["fields"][0][1:] == ["v"]


class TestText:
    def test_text(self, server: str) -> None:
        call = Call("POST", "/x", text=joined("<", HARD, ">"), media_type="text/csv")
        found = sent(server, call)
        assert (found["type"], found["body"]) == ("text/csv", f"<{HARD}>")

    def test_bytes_are_sent_as_they_are(self, server: str) -> None:
        connection = Connection(server)
        call = Call("POST", "/x", content=b"\x00\xff{x}", media_type="image/png")
        arguments = connection.arguments(call)
        assert arguments["content"] == b"\x00\xff{x}"
        assert arguments["headers"]["content-type"] == b"image/png"
        own = {"content-type": "audio/mpeg"}
        found = sent(server, call._replace(content=HARD.encode(), headers=own))
        assert (found["type"], found["body"]) == ("audio/mpeg", HARD)

    def test_xml(self, server: str) -> None:
        text = joined('<a b="', xml(HARD), '">', xml(HARD), "</a>")
        found = sent(server, Call("POST", "/x", text=text, media_type="text/xml"))
        element = ElementTree.fromstring(found["body"])  # noqa: S314 - our own
        assert (element.get("b"), element.text) == (HARD, HARD)
        assert list(element) == []

    def test_settings_in_xml(self, server: str) -> None:
        text = joined("<a>", xml(HARD), XmlSetting("<b>{KEY}</b></a>"))
        call = Call("POST", "/x", text=text, media_type="text/xml")
        found = sent(server, call, settings={"KEY": HARD})
        element = ElementTree.fromstring(found["body"])  # noqa: S314 - our own
        assert (element.text, element.findtext("b")) == (HARD, HARD)

    def test_xml_of_nothing(self) -> None:
        assert joined("<a>", xml(None), "</a>") is None

    @pytest.mark.parametrize("value", ["\0", "a\x0bb", "\uffff", "\ud800"])
    def test_what_xml_cannot_write(self, value: str) -> None:
        with pytest.raises(ArgumentError):
            xml(value)
