"""Output mappings of compiled apps: what becomes of the answers of a real upstream."""

from __future__ import annotations

import importlib
import json
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
from nafgen.runtime.queries import MAX_DEPTH
from nafgen.verify import verify
from runtime_support import Exchange, serving, upstream

CONFORMANCE = ROOT.parent / "shared" / "conformance"
ENGINE = CONFORMANCE / "ikanos-beta5/modules/ikanos-engine/src/test/resources"

SPEC = """\
naftiko: 1.0.0-alpha2
info: {{label: Ships}}
capability:
  consumes:
  - type: http
    namespace: registry
    baseUri: https://registry.example
    resources:
    - path: /ships
      operations:
      - {{name: ships, method: GET, {consumed}}}
  exposes:
  - type: rest
    namespace: web
    port: 8080
    resources:
    - path: /ships
      operations:
      - method: GET
        call: registry.ships
        outputParameters: {exposed}
"""
NESTED = """[{type: object, properties: {
    imo: {type: string, mapping: $.imo_number},
    specs: {type: object, properties: {
      yearBuilt: {type: number, mapping: $.year_built},
      size: {type: object, properties: {
        length: {type: number, mapping: $.dimensions.length_overall}}}}},
    flag: {type: string, value: unknown},
    crew: {type: array, mapping: $.crew, items: {type: object, properties: {
      name: {type: string, mapping: $.name},
      papers: {type: array, mapping: $.papers, items: {type: array, items: {
        type: object, properties: {id: {mapping: $.id}, kind: {const: 7}}}}},
      home: {type: object, properties: {port: {mapping: $.ports.last()}}}}}}}}]"""
SHIP = {
    "imo_number": "IMO-9321483",
    "year_built": 2015,
    "dimensions": {"length_overall": 229},
    "crew": [
        {"name": "Erik", "papers": [[{"id": 1}], []], "ports": ["Oslo", "Bergen"]},
        {"papers": {"id": 1}},
    ],
}
SHIP_MAPPED = {
    "imo": "IMO-9321483",
    "specs": {"yearBuilt": 2015, "size": {"length": 229}},
    "flag": "unknown",
    "crew": [
        {
            "name": "Erik",
            "papers": [[{"id": 1, "kind": 7}], []],
            "home": {"port": "Bergen"},
        },
        {"name": None, "papers": None, "home": {"port": None}},
    ],
}


def compiled(exposed: str, consumed: str = "description: All") -> Compilation:
    return checked(compile_text(SPEC.format(exposed=exposed, consumed=consumed)))


@contextmanager
def answered(
    made: Compilation,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    status: int = 200,
    kind: str = "application/json",
) -> Iterator[str]:
    """The compiled app on a port of its own; its upstream always answers the same."""
    write_to(made, folder / "made_of_mappings")
    assert made.package is not None and made.program is not None
    monkeypatch.syspath_prepend(str(folder))
    variable = made.program.upstreams[0].base_url.variable

    def script(exchange: Exchange) -> None:
        exchange.answer(content, status, content_type=kind)

    try:
        with upstream(script) as url:
            monkeypatch.setenv(variable, url)
            name = f"made_of_mappings.{made.package.path}.app"
            with serving(importlib.import_module(name).create_app()) as app:
                yield app
    finally:
        for known in [n for n in sys.modules if n.startswith("made_of_mappings")]:
            del sys.modules[known]


def test_nested_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects in objects start at the whole, those in items at their element."""
    content = json.dumps(SHIP).encode()
    with answered(compiled(NESTED), tmp_path, monkeypatch, content) as app:
        assert httpx.get(f"{app}/ships").json() == SHIP_MAPPED


def test_an_error_is_no_object_of_nulls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, content = compiled(NESTED), b'{"error": "no such ship"}'
    with answered(made, tmp_path, monkeypatch, content, 404) as app:
        answer = httpx.get(f"{app}/ships")
    assert (answer.status_code, answer.json()) == (404, {"error": "no such ship"})


@pytest.mark.parametrize(
    ("path", "found"),
    [("$.user", [{"id": "1"}, {"id": "2"}]), ("$.root.user", None), ("$.root", None)],
)
def test_the_root_of_xml_has_no_name(
    path: str, found: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = compiled(
        f"[{{type: array, mapping: {path}, items: {{type: object, properties:"
        " {id: {mapping: $.id}}}}]",
        "outputRawFormat: xml",
    )
    content = b"<root><user><id>1</id></user><user><id>2</id></user></root>"
    with answered(made, tmp_path, monkeypatch, content, 200, "application/xml") as app:
        answer = httpx.get(f"{app}/ships")
    assert (answer.status_code, answer.json()) == (200, found)


@pytest.mark.parametrize(
    ("consumed", "exposed", "answer", "result"),
    [
        ("", "[{type: array, mapping: '$[?(@.n > 1)].n'}]", [{"n": 1}, {"n": 2}], [2]),
        ("", "[{type: array, mapping: '$..n'}]", {"a": {"n": [1]}}, [[1]]),
        ("", "[{type: number, mapping: '$.avg($[*].n)'}]", [{"n": 1}, {"n": 2}], 1.5),
        ("", "[{type: string, mapping: '$[-1]'}]", ["a", 7], 7),
        (
            "outputParameters: [{name: all, value: '$.d[*]'}, {name: v, value: 1.0}]",
            "[{name: a, mapping: '$.all[1:].n'}, {name: v, mapping: $.v}]",
            {"d": [{"n": 1}, {"n": 2}]},
            {"a": [2], "v": 1.0},
        ),
        ("", "[{type: array, mapping: '$..n'}]", [], []),
    ],
)
def test_results_of_paths(
    consumed: str,
    exposed: str,
    answer: Any,
    result: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = compiled(exposed, consumed or "description: All")
    content = json.dumps(answer).encode()
    with answered(made, tmp_path, monkeypatch, content) as app:
        assert httpx.get(f"{app}/ships").json() == result


def test_an_answer_that_is_too_deep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = compiled("[{type: array, mapping: '$..n'}]")
    content = b'{"a":' * (MAX_DEPTH + 9) + b"1" + b"}" * (MAX_DEPTH + 9)
    with answered(made, tmp_path, monkeypatch, content) as app:
        answer = httpx.get(f"{app}/ships")
    assert (answer.status_code, "cannot be read" in answer.text) == (502, True)


@pytest.mark.skipif(not ENGINE.exists(), reason="no specs of the engine here")
def test_tables_of_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = checked(compile_file(ENGINE / "formats/html-capability.yaml"))
    rows = (("Widget", "$42", "150"), ("Gadget", "$99", "30"))
    cells = "".join(
        f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows
    )
    head = "<tr><th>Name</th><th>Price</th><th>Stock</th></tr>"
    page = f'<table class="products">{head}{cells}</table><table></table>'.encode()
    with answered(made, tmp_path, monkeypatch, page, kind="text/html") as app:
        answer = httpx.get(f"{app}/html/products")
    names = ("name", "price", "stock")
    assert answer.json() == [dict(zip(names, row, strict=True)) for row in rows]


@pytest.mark.skipif(not ENGINE.exists(), reason="no specs of the engine here")
def test_a_nested_object_of_a_tool(tmp_path: Path) -> None:
    made = checked(compile_file(ENGINE / "nested-object-output-capability.yaml"))
    folder = write_to(made, tmp_path / "made_of_a_tool")
    sys.path.insert(0, str(tmp_path))
    try:
        name = f"made_of_a_tool.{folder.name}.mcp_server"
        find = importlib.import_module(name)._get_ship_result
    finally:
        sys.path.remove(str(tmp_path))
    ship = {
        "imo_number": "IMO-1",
        "vessel_name": "Star",
        "operational_status": "active",
        "year_built": 2015,
        "gross_tonnage": 42000,
        "dimensions": {"length_overall": 229},
    }
    assert find(ship) == {
        "imo": "IMO-1",
        "name": "Star",
        "status": "active",
        "specs": {"yearBuilt": 2015, "tonnage": 42000, "length": 229},
    }


EVERYTHING = """[{type: object, properties: {
    last: {mapping: '$.a[-1].n'}, all: {mapping: '$.b[*].n'}, some: {mapping: '$.b[*].m'},
    few: {mapping: "$.b[?(@.k == 'x')].n"}, many: {mapping: '$.b.length()'},
    sum: {mapping: '$.sum($.c[*])'}, two: {mapping: "$.e['n','m']"}}}]"""


@pytest.mark.parametrize(
    ("path", "old", "new", "member"),
    [
        ("app.py", '"a", -1, "n"', '"a", 0, "n"', "last"),
        ("app.py", '"b", ..., "n"', '"b", ..., "m"', "all"),
        ("app.py", '@.k == "x"', '@.k == "y"', "few"),
        ("app.py", ".length(", ".keys(", "many"),
        ("app.py", ".total(", ".largest(", "sum"),
        ("app.py", '"n", "m")', '"n", "x")', "two"),
        ("_runtime/mapping.py", "value[step] if has_it", "value[0] if has_it", "last"),
        (
            "_runtime/wildcards.py",
            "[value[step]] if step in value else []",
            "[]",
            "all",
        ),
    ],
)
def test_verification_finds_what_is_wrong(
    path: str, old: str, new: str, member: str
) -> None:
    made = compiled(EVERYTHING)
    assert made.package is not None
    files = []
    for file in made.package.files:
        if file.path == path:
            assert old.encode() in file.data, file.data.decode()
            file = replace(file, data=file.data.replace(old.encode(), new.encode()))
        files.append(file)
    found = verify(replace(made, package=replace(made.package, files=tuple(files))))
    assert any(member in each.message for each in found.differences), found
