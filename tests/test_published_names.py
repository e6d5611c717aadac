"""What published files call things, and the paths that they write: all of it is compiled
and called, keeps its spelling where it travels, or is refused at its line."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
import yaml
from compile_support import checked, compile_text, files_of
from nafgen.compile import Compilation
from nafgen.ir import Input
from nafgen.naming import MAX_IDENTIFIER
from nafgen.program import McpAdapter, RestAdapter
from published_support import PATH, compiled, found_in, request

NAMES = """
    list next filter print id type get delete patch send close aclose call request
    from class import async match None True self cls httpx Call Client AsyncClient Any
    segment given joined listed basic annotations env Environment Connection Setting
    __init__ __class__ _private 2fa 123 日本 größe list-things listThings LIST_THINGS
    list_things a.b.c a/b Shop AsyncShop shop shop_api api app calls relay tools create_app
    create_server result list_result _list__result settings base_url http auth mock main
    """.split()
NAMES += ["a b", "x" * 80, f"get-{'very-' * 20}long", f"get-{'very-' * 20}short"]
PARAMS = """
    from class in async for id type format filter body url method headers params timeout
    X-Api-Version $filter filter.x x~neq api calls call self http Any _x __x__ MaxResults
    maxResults max_results value arguments query path json model_config copy dict schema
    validate segment given pick relay each lambda True None print str int api_key result
    client response request q! 1 2fa
    """.split()
ODD_PARAMS = [
    *PARAMS,
    "a[b]",
    "a[]",
    "a:b",
    "Date<",
    "é",
    "a b",
    'q"',
    "q'",
    "q\\",
    "x" * 99,
]


def spec(operations: list[dict[str, Any]]) -> str:
    """A capability with these operations, and a route and a tool that call each."""
    paths = [f"/p{place}/{{id}}" for place in range(len(operations))]
    calls = [f"shop.{operation['name']}" for operation in operations]
    units = list(zip(paths, operations, calls, strict=True))
    api = {
        "type": "http",
        "namespace": "shop",
        "baseUri": "https://api.example",
        "resources": [
            {"path": path, "operations": [operation]} for path, operation, _ in units
        ],
    }
    rest = [
        {
            "path": path,
            "operations": [{"method": op["method"], "name": op["name"], "call": call}],
        }
        for path, op, call in units
    ]
    mcp = [
        {"name": op["name"], "description": op.get("description", "Call"), "call": call}
        for _, op, call in units
    ]
    exposes = [
        {"type": "rest", "namespace": "web", "port": 80, "resources": rest},
        {"type": "mcp", "namespace": "agent", "port": 90, "tools": mcp},
    ]
    capability = {"consumes": [api], "exposes": exposes}
    document = {"naftiko": "1.0.0-alpha2", "capability": capability}
    return yaml.safe_dump(document, sort_keys=False)


def adapters(made: Compilation) -> tuple[RestAdapter, McpAdapter]:
    assert made.program is not None
    rest, mcp = made.program.adapters
    assert isinstance(rest, RestAdapter) and isinstance(mcp, McpAdapter)
    return rest, mcp


def test_names_of_operations_routes_and_tools() -> None:
    made = checked(compile_text(spec([{"name": n, "method": "GET"} for n in NAMES])))
    assert made.names is not None and made.program is not None
    assert {found.code for found in made.diagnostics} == {"NAF301", "NAF302", "NAF304"}
    assert len(made.names.operations) == len(NAMES)
    for names in (*made.names.operations.values(), *made.names.units.values()):
        assert len(names.function) <= MAX_IDENTIFIER
    tools = {name.tool for name in made.names.units.values()} - {""}
    assert len(tools) == len(NAMES)
    assert all(re.fullmatch("[A-Za-z0-9_-]{1,64}", tool) for tool in tools)
    kept = {name for name in NAMES if re.fullmatch("[A-Za-z0-9_-]{1,64}", name)}
    assert kept <= tools


@pytest.mark.parametrize("place", ["query", "header", "cookie", "body"])
def test_names_of_parameters_travel_as_they_are_written(place: str) -> None:
    names = ODD_PARAMS if place in ("query", "body") else PARAMS
    params = [{"name": name, "in": place} for name in names]
    made = checked(
        compile_text(
            spec([{"name": "op", "method": "PATCH", "inputParameters": params}])
        )
    )
    assert {found.code for found in made.diagnostics} <= {"NAF301", "NAF304", "NAF412"}
    rest, mcp = adapters(made)
    for unit in (*rest.routes, *mcp.tools):
        asked = {each.name for each in unit.inputs}
        # The names of headers have no case.
        merged = {"MaxResults"} if place == "header" else set()
        assert asked >= {*names, "id"} - merged


@pytest.mark.parametrize("order", [1, -1])
def test_one_name_in_two_places_is_given_to_both(order: int) -> None:
    params = ["{name: id, in: path}", "{name: id, in: query}"][::order]
    given = ", with: {id: ROOT.thing}"
    for path, declared in (
        ("/things/{id}", params),
        ("/things/{id}", ["{name: id, in: query}"]),
        ("/things/{id}?x={id}", []),
    ):
        made = compiled(
            path=path,
            operation=f"inputParameters: [{', '.join(declared)}]",
            route=given.replace("ROOT", "rest"),
            tool=given.replace("ROOT", "tools"),
        )
        assert {found.code for found in made.diagnostics} <= {"NAF301"}
        for unit in (adapters(made)[0].routes[0], adapters(made)[1].tools[0]):
            assert [each.name for each in unit.inputs] == ["thing"]
            assert len(unit.call.values) == len(unit.call.operation.arguments)


@pytest.mark.parametrize("calls", ["with", "declared", "neither"])
def test_names_that_differ_in_spelling_alone_are_inputs_of_their_own(
    calls: str,
) -> None:
    names = ["MaxResults", "maxResults", "max-results", "max_results"]
    given = {
        "with": f", with: {{{', '.join(f'{n}: ROOT.{n}' for n in names)}}}",
        "declared": f", inputParameters: [{', '.join(f'{{name: {n}}}' for n in names)}]",
        "neither": "",
    }[calls]
    params = (f"{{name: {name}, in: query}}" for name in names)
    made = compiled(
        operation=f"inputParameters: [{', '.join(params)}]",
        route=given.replace("ROOT", "rest"),
        tool=given.replace("ROOT", "tools"),
    )
    for unit in (adapters(made)[0].routes[0], adapters(made)[1].tools[0]):
        fed = [(a.name, i.name) for a, i in unit.call.values if isinstance(i, Input)]
        assert fed == [(name, name) for name in names]


# --- paths -----------------------------------------------------------------------

PATHS: list[tuple[str, str, list[str]]] = [
    # as written, as it is sent with every argument `value`, codes of findings
    ("/things/{id}:verb", "/things/value:verb", []),
    ("/things/{id}.json", "/things/value.json", []),
    ("/range(address='{a}')/x", "/range(address='value')/x", []),
    ("/r(a='{a}',b={b})", "/r(a='value',b=value)", []),
    ("/geo:{lat};{lng}", "/geo:value;value", []),
    ("/c/{base}...{head}", "/c/value...value", []),
    ("/c/{a}{b}", "/c/valuevalue", []),
    ("/v1/Odd Things/{x}", "/v1/Odd%20Things/value", []),
    ('/q"x"/{x}', "/q%22x%22/value", []),
    ("/é/{größe}", "/%C3%A9/value", ["NAF304"]),
    ("things/{id}/", "/things/value/", []),
    ("/{id}/{id}", "/value/value", []),
    ("/{{id}}/{{ other_id }}", "/value/value", []),
    ("/{from}/{class}/{api-key-id}/{filter.x}/{a[b]}/{1}", "/value" * 6, ["NAF304"]),
    ("/:id/a//b", "/:id/a//b", []),
    ("/a/{x", "/a/%7Bx", []),
    ("/a%2Fb/100%25", "/a%2Fb/100%25", []),
    ("/#DeleteThing", "/", ["NAF416"]),
    ("/things/{id}#x?y", "/things/value", ["NAF416"]),
    ("/?Action=Run&Version=1", "/", []),
    ("/{{TENANT}}/{id}", "/acme/value", ["NAF207"]),
    ("/{{env.TENANT}}/x", "/acme/x", ["NAF207"]),
    ("/{TENANT}/x", "/value/x", []),
    ("/a/../b", "", ["NAF101"]),
    ("/a/%2e%2E/b", "", ["NAF101"]),
    ("/./a", "", ["NAF101"]),
    ("/a/{}", "", ["NAF101"]),
]


@pytest.mark.parametrize(("path", "sent", "codes"), PATHS)
def test_paths_of_operations(path: str, sent: str, codes: list[str]) -> None:
    made = compiled(path=f"'{path.replace(chr(39), chr(39) * 2)}'")
    assert found_in(made) == [(code, PATH) for code in codes]
    if sent:
        found = request(made, TENANT="acme")
        assert found.path == f"/v1{sent}"
        assert dict(found.query) == (
            {"Action": "Run", "Version": "1"} if "Action" in path else {}
        )
    else:
        assert made.package is None


ROUTES: list[tuple[str, str | None]] = [
    # as written, and what the server is told to serve, where it can be served
    ("/things/{id}:verb", "/things/{id}:verb"),
    ("/things/{id}.json", "/things/{id}.json"),
    ("/range(address='{id}')", "/range(address='{id}')"),
    ("/geo:{id};{lng}", "/geo:{id};{lng}"),
    ("/c/{id}...{head}", "/c/{id}...{head}"),
    ("/c/{a.b}-{c}-{id}/{x}~{y}", "/c/{a.b}-{c}-{id}/{x}~{y}"),
    ("/{a}and{id}", "/{a}and{id}"),
    ("/{api-key-id}/{id}/{2}/{from}", "/{api-key-id}/{id}/{2}/{from}"),
    ("/{{id}}/{{ x }}", "/{id}/{x}"),
    ("/{id}/{id}", "/{id}/{id}"),
    ("things/{id}/", "/things/{id}/"),
    ("/odd things/é/{id}", "/odd things/é/{id}"),
    ("/odd%20things/{id}", "/odd things/{id}"),
    ("/{id:path}", "/{id:path}"),
    ("/-/health", "/-/health"),
    ("/docs", "/docs"),
    ("/", "/"),
    ("/x#frag/{id}", None),
    ("/x?y={id}", None),
    ("/x/../{id}", None),
    ("/x/%2e/{id}", None),
    ("/x/%7Bid%7D", None),
    ("/x/{id}{other}", None),
    ("/x/{}/{id}", None),
]


@pytest.mark.parametrize(("path", "served"), ROUTES)
def test_paths_of_routes(path: str, served: str | None) -> None:
    text = spec([{"name": "get", "method": "GET"}])
    written = path.replace("'", "''")
    at, old = text.index("path: /p0/{id}", text.index("rest")), "path: /p0/{id}"
    text = f"{text[:at]}path: '{written}'{text[at + len(old):]}"
    line = text[:at].count("\n") + 1
    made = checked(compile_text(text))
    errors = [found for found in made.diagnostics if found.code == "NAF414"]
    assert [found.span.line for found in errors] == [line] * (served is None)
    assert made.program is not None
    routes = [a.routes[0] for a in made.program.adapters if isinstance(a, RestAdapter)]
    parts = [p for route in routes for p in route.path]
    shown = "".join(f"{{{p.name}}}" if isinstance(p, Input) else p for p in parts)
    assert shown == (served or "")


# --- text ------------------------------------------------------------------------

TEXTS = [
    'ends with "quotes"',
    "ends with a backslash\\",
    '"""; import os #',
    "'''{x!r} {} %s %(y)s {{KEY}} {% raw %} {# no #}",
    "<b>bold</b> & `code` | *stars* [link](http://x)",
    "two\nlines\n\n    indented\n",
    "tab\tand é 漢字 🎉 \u2028 \u202e",
    "x" * 1026,
    "\\N{DASH} \\x41 \\u0041",
    "   ",
]


def test_texts_are_what_a_tool_says() -> None:
    made = checked(
        compile_text(
            spec(
                [
                    {"name": f"op{place}", "method": "GET", "description": text}
                    for place, text in enumerate(TEXTS)
                ]
            )
        )
    )
    tree = ast.parse(files_of(made)["mcp_server.py"])
    said = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert set(TEXTS) <= said


@pytest.mark.parametrize(
    "namespace",
    [
        "class",
        "2go",
        "日本",
        "a.b",
        "a b",
        "shop-shop",
        "Client",
        "Any",
        "self",
        "x" * 90,
    ],
)
def test_namespaces(namespace: str) -> None:
    text = spec([{"name": "get", "method": "GET"}])
    text = text.replace("namespace: shop", f'namespace: "{namespace}"')
    made = checked(compile_text(text.replace("call: shop.", f"call: {namespace}.")))
    assert list(made.diagnostics) == []
    assert made.names is not None
    (names,) = made.names.upstreams.values()
    assert names.async_class == f"Async{names.sync_class}"
