"""Values in bodies of SPARQL, YAML and CSV, and members of inputs in bodies of any kind,
as readers of those languages find them in what a real server gets."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from bodies_support import found_in, operation_of, spec, verified
from compile_support import compile_text
from nafgen.runtime.calls import ArgumentError
from nafgen.runtime.csv_bodies import csv_field, csv_quoted
from nafgen.runtime.sparql_bodies import (
    sparql_double_quoted,
    sparql_iri,
    sparql_iri_part,
    sparql_single_quoted,
    sparql_term,
)
from nafgen.runtime.yaml_bodies import (
    yaml_double_quoted,
    yaml_node,
    yaml_single_quoted,
)
from package_support import imported
from rdflib import Literal, URIRef
from rdflib.plugins.sparql.parser import parseQuery
from rdflib.plugins.sparql.parserutils import CompValue
from ruamel.yaml import YAML
from runtime_support import serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

HOSTILE = [
    "plain \"double\" and 'single'",
    '" } ; DROP ALL ; { "',
    "' } UNION { ?s ?p ?o } #",
    "x> ?p ?o . ?s <y",
    "\\",
    '\\"',
    "\\u0022 } {",
    "\\\\U00000022",
    "a\nb\r\nc\td",
    '"""',
    "'''",
    "# no comment",
    "{{x}} {y} ${z}",
    "ü 漢 🎉",
    ": - [ ] { } , & * ! | > % @ `",
    "- item\nother: 1",
    "---\n...",
    "=1+1,2;3",
    "",
]


# --- SPARQL --------------------------------------------------------------------------


def terms(query: str) -> list[Any]:
    """The literals and IRIs of a query, in order, as rdflib parses it."""
    found: list[Any] = []

    def walk(part: Any) -> None:
        match part:
            case CompValue(name="literal"):
                found.append(str(part.string))
            case CompValue():
                for value in part.values():
                    walk(value)
            case Literal() | URIRef():
                found.append(
                    part.toPython() if isinstance(part, Literal) else str(part)
                )
            case str():
                return
            case _ if hasattr(part, "__iter__"):
                for each in part:
                    walk(each)

    walk(parseQuery(query))
    return found


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("quotes", ['"', "'", '"""', "'''"])
def test_a_text_stays_in_its_string(quotes: str, value: str) -> None:
    write = sparql_double_quoted if '"' in quotes else sparql_single_quoted
    query = f"SELECT * {{ ?s ?p {quotes}a {write(value)} b{quotes} }}"
    assert terms(query) == [f"a {value} b"]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_text_is_one_literal(value: str) -> None:
    assert terms(f"SELECT * {{ ?s ?p {sparql_term(value)} }}") == [value]


@pytest.mark.parametrize("value", [0, -5, 2**60, 1.5, 1e-7, -1e-7, True, False])
def test_numbers_and_booleans_are_literals(value: Any) -> None:
    (found,) = terms(f"SELECT * {{ ?s ?p {sparql_term(value)} }}")
    assert float(found) == value
    assert isinstance(found, bool) == isinstance(value, bool)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_what_is_no_number_is_text(value: float) -> None:
    assert terms(f"SELECT * {{ ?s ?p {sparql_term(value)} }}") == [str(value)]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_stays_in_its_iri(value: str) -> None:
    (whole,) = terms(f"SELECT * {{ ?s ?p <{sparql_iri(value)}> }}")
    (part,) = terms(
        f"SELECT * {{ ?s ?p <https://x.example/{sparql_iri_part(value)}> }}"
    )
    assert httpx.URL(whole).raw_path.isascii() and " " not in whole
    assert part.startswith("https://x.example/")
    assert not {"/", "?", "#"} & set(part.removeprefix("https://x.example/"))


def test_iris_are_kept() -> None:
    assert sparql_iri("https://x.example/a#b?c=d%20é(f)") == (
        "https://x.example/a#b?c=d%20é(f)"
    )
    assert sparql_iri_part("São_Paulo_(a/b)") == "São_Paulo_(a%2Fb)"
    for dots in (".", ".."):
        with pytest.raises(ArgumentError, match="segment"):
            sparql_iri_part(dots)


# --- YAML and CSV --------------------------------------------------------------------


def read_yaml(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize("value", [*HOSTILE, "\x00\x7f\x85\u2028\ufeff"])
def test_texts_stay_in_yaml(value: str) -> None:
    assert read_yaml(f"a: {yaml_node(value)}\nb: 1\n") == {"a": value, "b": 1}
    assert read_yaml(f"[{yaml_node(value)}, 1]") == [value, 1]
    made = read_yaml(f'a: "x {yaml_double_quoted(value)} y"\nb: 1\n')
    assert made == {"a": f"x {value} y", "b": 1}
    try:
        single = yaml_single_quoted(value)
    except ArgumentError:
        assert not value.replace("\t", "").isprintable()
    else:
        made = read_yaml(f"a: 'x {single} y'\nb: 1\n")
        assert made == {"a": f"x {value} y", "b": 1}


@pytest.mark.parametrize(
    "value",
    [0, -1.5, 1e-7, True, None, [1, "a: b"], {"a": {"b # c": [None, "🎉"]}}, []],
)
def test_values_stay_in_yaml(value: Any) -> None:
    text = yaml_node(value)
    if value is None:
        assert text is None
    else:
        assert read_yaml(f"a: {text}\nb: {{c: {text}}}\n") == {
            "a": value,
            "b": {"c": value},
        }


@pytest.mark.parametrize("value", HOSTILE)
def test_texts_stay_in_their_field(value: str) -> None:
    text = f'a,{csv_field(value)},"b {csv_quoted(value)} c"\r\nd,e,f\r\n'
    rows = [*csv.reader(io.StringIO(text, newline=""), strict=True)]
    assert rows == [["a", value, f"b {value} c"], ["d", "e", "f"]]


def test_nothing_stays_nothing() -> None:
    writers: list[Callable[[object], str | None]] = [
        *(
            sparql_double_quoted,
            sparql_single_quoted,
            sparql_iri,
            sparql_iri_part,
            sparql_term,
        ),
        *(yaml_double_quoted, yaml_single_quoted, yaml_node, csv_quoted, csv_field),
    ]
    assert [write(None) for write in writers] == [None] * len(writers)


# --- what arrives --------------------------------------------------------------------


@pytest.fixture(scope="module")
def api() -> Iterator[tuple[list[str], str]]:
    bodies: list[str] = []

    async def keep(request: Request) -> JSONResponse:
        bodies.append((await request.body()).decode())
        return JSONResponse({})

    app = Starlette(routes=[Route("/things", keep, methods=["POST"])])
    with serving(app) as url:
        yield bodies, url


SPARQL = """SELECT ?s WHERE {
  # a comment's quote
  ?s a <{{class}}> ; <https://x.example/{{part}}> '{{word}}' ; ?p {{term}} .
  FILTER(?n<5 && ?n>{{number}} && ?d = {{term}}^^<https://x.example/t>)
}"""
TEXTS: dict[str, tuple[str, str, dict[str, Any], Callable[[str], Any], Any]] = {
    # type, text, what is given, what reads it, what it finds
    "sparql": (
        "sparql",
        SPARQL,
        {
            "class": "https://x.example/C>",
            "part": "a/b",
            "word": "it's",
            "term": 'say "x"',
            "number": 7,
        },
        terms,
        [
            "http://www.w3.org/1999/02/22-rdf-syntax-ns#type",  # a
            *("https://x.example/C%3E", "https://x.example/a%2Fb", "it's", 'say "x"'),
            *(5, 7, 'say "x"'),
        ],
    ),
    "yaml": (
        "yaml",
        "a: {{a}}\nb: \"x {{b}}\"\nc: ['{{c}}', {{d}}, fixed] # it's\n",
        {"a": {"b": [1]}, "b": 'y"\nz', "c": "it's", "d": "- e: f"},
        read_yaml,
        {"a": {"b": [1]}, "b": 'x y"\nz', "c": ["it's", "- e: f", "fixed"]},
    ),
    "csv": (
        "text/csv",
        'a,b\r\n{{a}},"b {{b}}"\r\n',
        {"a": 'x,"y"\n', "b": '"'},
        lambda text: [*csv.reader(io.StringIO(text, newline=""), strict=True)],
        [["a", "b"], ['x,"y"\n', 'b "']],
    ),
}


@pytest.mark.parametrize("case", TEXTS)
def test_what_arrives(
    case: str,
    api: tuple[list[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind, text, given, read, wanted = TEXTS[case]
    bodies, url = api
    block = json.dumps({"type": kind, "data": text})
    made = verified(spec(f"body: {block}"))
    names = [argument.name for argument in operation_of(made).arguments]
    with (
        imported(made, tmp_path, monkeypatch, SHOP_BASE_URL=url) as load,
        serving(load("app").create_app()) as app,
    ):
        with load("client").Shop() as client:
            client.go(**{name + "_" * (name == "class"): given[name] for name in names})
        assert httpx.post(f"{app}/things", json=given).status_code == 200
    assert [read(body) for body in bodies[-2:]] == [wanted, wanted]


REFUSED = {
    "a comment": ("sparql", "SELECT * { ?s ?p ?o } # {{x}}"),
    "half of a variable": ("sparql", "SELECT ?{{x}} { ?s ?p ?o }"),
    "half of a name": ("sparql", "SELECT * { ?s ex:{{x}} ?o }"),
    "behind a name": ("sparql", "SELECT * { ?s ex:a{{x}} ?o }"),
    "half of a number": ("sparql", "SELECT * { ?s ?p {{x}}.5 }"),
    "two at once": ("sparql", "SELECT * { ?s ?p {{x}}{{y}} }"),
    "a string without an end": ("sparql", 'SELECT * { ?s ?p "{{x}} }'),
    "behind a backslash": ("sparql", 'SELECT * { ?s ?p "\\{{x}}" }'),
    "behind two backslashes": ("sparql", 'SELECT * { ?s ?p "\\\\{{x}}" }'),
    "an escape": ("sparql", 'SELECT * { ?s ?p "\\u00{{x}}" }'),
    "a bind": ("sparql", 'SELECT * { ?s ?p "{{TENANT}}" }'),
    "a block": ("yaml", "a: |\n  {{x}}\n"),
    "a folded block": ("yaml", "a: >\n  {{x}}\n"),
    "a comment of YAML": ("yaml", "a: 1 # {{x}}\n"),
    "a name": ("yaml", "{{x}}: 1\n"),
    "a quoted name": ("yaml", '"{{x}}": 1\n'),
    "a tag": ("yaml", "a: !{{x}} 1\n"),
    "an anchor": ("yaml", "a: &{{x}} 1\n"),
    "plain text": ("yaml", "a: b {{x}}\n"),
    "a plain text of two lines": ("yaml", "a: {{x}}\n  b\n"),
    "behind a backslash of YAML": ("yaml", 'a: "\\{{x}}"\n'),
    "no YAML": ("yaml", 'a: "{{x}}\n'),
    "half of a field": ("text/csv", "a {{x}},b\n"),
    "another separator": ("text/csv", "a;{{x}}\n"),
    "no CSV": ("text/csv", 'a "b",{{x}}\n'),
    "another language": ("text/turtle", "<a> <b> {{x}} ."),
}


@pytest.mark.parametrize("case", REFUSED)
def test_no_value_is_put_where_it_could_do_harm(case: str) -> None:
    kind, text = REFUSED[case]
    made = compile_text(spec(f"body: {json.dumps({'type': kind, 'data': text})}"))
    assert "NAF902" in [code for code, _ in found_in(made)]


# --- members -------------------------------------------------------------------------

CUSTOMER = {"name": 'A "B" <c>', "address": {"city": "Oslo & Co"}, "tags": ["a", 1]}
MEMBERS: dict[str, tuple[str, dict[str, Any], Any]] = {
    # a consumed operation, what is given, what arrives
    "whole and deep": (
        """inputParameters: [{name: c, in: body, type: object}],"""
        """ body: {type: json, data: {n: '{{c.name}}', t: '{{tools.c.tags}}',"""
        """ x: 'to {{c.address.city}}', all: '{{c}}', no: '{{c.none.at.all}}'}}""",
        {"c": CUSTOMER},
        {
            "n": CUSTOMER["name"],
            "t": ["a", 1],
            "x": "to Oslo & Co",
            "all": CUSTOMER,
        },
    ),
    "without a type": (
        """inputParameters: [{name: c, in: body}],"""
        """ body: '{"n": "{{c.name}}", "l": [{{c.tags}}]}'""",
        {"c": CUSTOMER},
        {"n": CUSTOMER["name"], "l": [["a", 1]]},
    ),
    "by its own name": (
        """inputParameters: [{name: c, in: body, type: object}],"""
        """ body: {type: json, data: {c: '{{c.address}}'}}""",
        {"c": CUSTOMER},
        {"c": {"city": "Oslo & Co"}},
    ),
    "a form": (
        """inputParameters: [{name: c, in: body, type: object}],"""
        """ body: {type: formUrlEncoded, data: {n: '{{c.name}}', no: '{{c.no}}'}}""",
        {"c": CUSTOMER},
        {"n": CUSTOMER["name"]},
    ),
    "text": (
        """inputParameters: [{name: c, in: body, type: object}],"""
        """ body: {type: text, data: 'Dear {{c.name}}, {{c.address}}'}""",
        {"c": CUSTOMER},
        'Dear A "B" <c>, {"city":"Oslo & Co"}',
    ),
    "xml": (
        """inputParameters: [{name: c, in: body, type: object}],"""
        """ body: {type: xml, data: '<a b="{{c.address.city}}">{{c.name}}</a>'}""",
        {"c": CUSTOMER},
        {"b": "Oslo & Co", "": CUSTOMER["name"]},
    ),
    "of a text, which has none": (
        """inputParameters: [{name: c, in: body, type: string}],"""
        """ body: {type: json, data: {c: '{{c}}', n: '{{c.name}}'}}""",
        {"c": "x", "c.name": "y"},
        {"c": "x", "n": "y"},
    ),
    "of what nobody declares": (
        """body: {type: json, data: {n: '{{c.name}}'}}""",
        {"c.name": "y"},
        {"n": "y"},
    ),
}


def read(body: str) -> Any:
    if body.startswith("<"):
        root = ElementTree.fromstring(body)  # noqa: S314 - our own
        return {**root.attrib, "": root.text}
    if body.startswith("{"):
        return json.loads(body)
    return dict(httpx.QueryParams(body)) if "=" in body else body


@pytest.mark.parametrize("case", MEMBERS)
def test_members_of_inputs(
    case: str,
    api: tuple[list[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operation, given, wanted = MEMBERS[case]
    bodies, url = api
    made = verified(spec(operation))
    assert {a.name for a in operation_of(made).arguments} == given.keys()
    with (
        imported(made, tmp_path, monkeypatch, SHOP_BASE_URL=url) as load,
        serving(load("app").create_app()) as app,
    ):
        assert httpx.post(f"{app}/things", json=given).status_code == 200
    assert read(bodies[-1]) == wanted


@pytest.mark.parametrize("value", [None, {}, {"name": None}, {"name": {}}])
def test_members_may_be_absent(
    value: Any,
    api: tuple[list[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operation = (
        """inputParameters: [{name: c, in: body, type: object}],"""
        """ body: {type: json, data: {n: '{{c.name.first}}', fixed: 1}}"""
    )
    bodies, url = api
    with (
        imported(verified(spec(operation)), tmp_path, monkeypatch) as load,
        load("client").Shop(base_url=url) as client,
    ):
        client.go(c=value)
    assert json.loads(bodies[-1]) == {"fixed": 1}


def test_a_form_is_no_member() -> None:
    operation = (
        """inputParameters: [{name: c, in: body, type: object}],"""
        """ body: {type: formUrlEncoded, data: '{{c.form}}'}"""
    )
    assert "NAF101" in [code for code, _ in found_in(compile_text(spec(operation)))]


def test_operations_may_be_called_like_what_writes_them() -> None:
    operation = (
        """inputParameters: [{name: c, in: body, type: object}],"""
        """ body: {type: text/csv, data: '{{c.a}},{{csv_field}},{{pick}}'}"""
    )
    for name in ("pick", "csv_field"):
        source = spec(operation).replace("name: go", f"name: {name}")
        verified(source.replace("shop.go", f"shop.{name}"))
