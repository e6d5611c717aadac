"""Forwards that are compiled: what they pass on, over an upstream on a loopback port."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from compile_support import checked, compile_file, compile_text, write_to
from conftest import ROOT
from msgspec.structs import replace
from nafgen.compile import Compilation
from nafgen.mock import mock_app, mock_base_urls
from nafgen.verify import verify
from runtime_support import SOON, Exchange, serving, upstream

CONFORMANCE = ROOT.parent / "shared" / "conformance"
ENGINE = "ikanos-beta5/modules/ikanos-engine/src/test/resources"

SPEC = """\
naftiko: 1.0.0-alpha2
info: {{label: Proxy}}
capability:
  consumes:
  - type: http
    namespace: notion
    baseUri: https://notion.example/v1
    inputParameters:
    - {{name: Notion-Version, in: header, value: "2025-09-03"}}
    - {{name: X-API-Key, in: header, value: secret-key-123}}
  exposes:
  - type: rest
    namespace: web
    port: 8080
    resources:
    - path: {path}
      forward:
        targetNamespace: notion
        trustedHeaders: [{trusted}]
"""


def compiled(path: str = "/notion/{{path}}", trusted: str = "X-Trace") -> Compilation:
    return checked(compile_text(SPEC.format(path=path, trusted=trusted)))


@contextmanager
def running(
    made: Compilation, folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: str
) -> Iterator[str]:
    """The compiled REST app on a port of its own."""
    parent = folder / "made_of_forwards"
    write_to(made, parent)
    assert made.package is not None
    monkeypatch.syspath_prepend(str(folder))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    name = f"made_of_forwards.{made.package.path}.app"
    try:
        with serving(importlib.import_module(name).create_app()) as app:
            yield app
    finally:
        for known in [n for n in sys.modules if n.startswith("made_of_forwards")]:
            del sys.modules[known]


class Api:
    """An upstream that records what arrives."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []

    def __call__(self, exchange: Exchange) -> None:
        length = int(exchange.headers.get("content-length", "0"))
        headers = {name.lower(): value for name, value in exchange.headers.items()}
        line = (exchange.command, exchange.path, headers, exchange.rfile.read(length))
        self.requests.append(line)
        exchange.answer(b'{"id": 1}', 201, content_type="application/json")


def test_a_whole_api_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, made = Api(), compiled()
    with (
        upstream(api) as url,
        running(made, tmp_path, monkeypatch, NOTION_BASE_URL=f"{url}/v1") as app,
    ):
        headers = {"X-Trace": "t", "X-Other": "o", "Authorization": "Bearer caller"}
        answer = httpx.get(f"{app}/notion/pages?a=1&a=2", headers=headers)
        posted = httpx.post(f"{app}/notion/pages", content=b'{"a" : 1}', timeout=SOON)
    assert (answer.status_code, answer.content) == (201, b'{"id": 1}')
    assert posted.status_code == 201
    get, post = api.requests
    assert get[:2] == ("GET", "/v1/pages?a=1&a=2")
    assert post[:2] == ("POST", "/v1/pages")
    assert post[3] == b'{"a" : 1}'
    assert get[2]["notion-version"] == "2025-09-03"
    assert get[2]["x-api-key"] == "secret-key-123"
    assert get[2]["x-trace"] == "t"
    assert not {"x-other", "authorization"} & get[2].keys()


def test_an_api_without_operations_has_a_client() -> None:
    assert compiled().program is not None
    assert (compiled().package or pytest.fail()).summary["operations"] == 0
    assert (compiled().package or pytest.fail()).summary["routes"] == 1


@pytest.mark.parametrize(
    "path", ["/{path}", "/docs", "/{x}", "/-/{{path}}", "/a b/{path}"]
)
def test_paths(path: str) -> None:
    compiled(path)


def test_documentation_moves_out_of_the_way() -> None:
    files = {
        f.path: f.data for f in (compiled("/{path}").package or pytest.fail()).files
    }
    assert b'docs_url="/-/docs"' in files["app.py"]


def test_nothing_but_forwards_carries_their_support_code() -> None:
    without = SPEC.format(path="/x", trusted="").partition("      forward:")[0]
    operations = "    resources: [{path: /a, operations: [{name: a, method: GET}]}]\n"
    text = without.replace("  exposes:", operations + "  exposes:")
    made = checked(
        compile_text(text + "      operations: [{method: GET, call: notion.a}]")
    )
    assert made.package is not None
    assert not any("forward" in file.path for file in made.package.files)


@pytest.mark.parametrize(
    ("path", "old", "new", "message"),
    [
        ("app.py", '"x-trace"', '"x-trace", "cookie"', "header cookie of the caller"),
        ("app.py", ', "x-trace"', "", "header x-trace: expected"),
        ("app.py", "{path:path}", "{path}", "one request upstream, got 0"),
        ("client.py", '"x-api-key": "sec', '"x-api-key": "s', "header x-api-key"),
        ("_runtime/forward.py", '"PUT")', ")", "PUT forward"),
        ("_runtime/forward.py", 'f"?{kept}" if kept else ""', '""', "query"),
        (
            "_runtime/forward.py",
            "return _streamed(request, sent)",
            "return sent.set() or b'x'",
            "body",
        ),
        ("_runtime/forward.py", 'in (".", "..")', "in ()", "requests: expected 0"),
        ("_runtime/forward.py", "quote(kept, safe=_IN_PATH)", "rest", "path"),
        ("_runtime/forward.py", '"accept",', "", "header accept"),
    ],
)
def test_what_is_wrong_is_found(path: str, old: str, new: str, message: str) -> None:
    made = compiled()
    assert made.package is not None
    files = []
    for file in made.package.files:
        if file.path == path:
            assert old.encode() in file.data, file.data.decode()
            file = replace(file, data=file.data.replace(old.encode(), new.encode()))
        files.append(file)
    found = verify(replace(made, package=replace(made.package, files=tuple(files))))
    messages = [one.message for one in found.differences]
    assert any(message in each for each in messages), messages


def test_the_mock_answers_all_that_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = compiled()
    assert made.program is not None
    with serving(mock_app(made.program)) as url:
        settings = mock_base_urls(made.program, url)
        with running(made, tmp_path, monkeypatch, **settings) as app:
            answer = httpx.put(f"{app}/notion/a/b?c=d")
    assert answer.json() == {"method": "PUT", "path": "/a/b", "query": "c=d"}


@pytest.mark.skipif(not CONFORMANCE.exists(), reason="not here")
def test_a_published_forward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"{ENGINE}/http/http-forward-value-capability.yaml"
    api, made = Api(), checked(compile_file(CONFORMANCE / name))
    with (
        upstream(api) as url,
        running(made, tmp_path, monkeypatch, EXTERNAL_BASE_URL=f"{url}/v1") as app,
    ):
        assert httpx.get(f"{app}/forward/a").status_code == 201
    headers: dict[str, Any] = api.requests[0][2]
    assert headers["x-api-version"] == "2026-03-03"
    assert headers["x-api-key"] == "secret-key-123"


@pytest.mark.skipif(not CONFORMANCE.exists(), reason="not here")
@pytest.mark.parametrize(
    "name", ["register.capability.yml", "baseuri-trailing-slash-capability.yaml"]
)
def test_published_forwards(name: str) -> None:
    made = checked(compile_file(CONFORMANCE / ENGINE / name))
    assert made.package is not None
    assert made.package.summary["routes"] == 1
