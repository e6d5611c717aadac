"""Paths and routes as published files write them, with names of ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from compile_support import checked, compile_file, compile_text, files_of
from conftest import ROOT
from nafgen.compile import Compilation
from nafgen.ir import Argument, Constant, Operation, Setting, Text
from nafgen.program import RestAdapter
from test_published_references import api, asked, capability, fed, units
from test_published_shapes import found_in, verified


def operations(made: Compilation) -> dict[str, Operation]:
    assert made.program is not None
    return {o.name: o for up in made.program.upstreams for o in up.operations}


def sent(operation: Operation) -> str:
    """The request line, with `{argument}` and `$SETTING` where values go."""
    path = "".join(map(_shown, operation.path))
    query = "&".join(f"{f.name}={_shown(f.value)}" for f in operation.query)
    return f"{operation.method} {path}" + (f"?{query}" if query else "")


def _shown(value: object) -> str:
    match value:
        case Argument():
            return f"{{{value.name}}}"
        case Setting():
            return f"${value.variable}"
        case Constant(constant):
            return str(constant)
        case Text():
            return "".join(map(_shown, value.parts))
    return str(value)


def one(path: str, params: str = "[]", method: str = "GET", level: str = "") -> str:
    """A spec of one operation, on lines 9 to 13, that a tool calls."""
    at = {"": "[]", "resource": "[]", level: params}
    return capability(
        api(f"""\
    - path: "{path}"
      inputParameters: {at['resource']}
      operations:
      - name: do
        method: {method}
        inputParameters: {at['']}
"""),
        tools="    - {name: do, description: D, call: shop.do}\n",
    )


@pytest.mark.parametrize(
    ("path", "request_line"),
    [
        ("/a/{id}", "GET /a/{id}"),
        ("a/{{ id }}", "GET /a/{id}"),
        ("/a/{ id }", "GET /a/{id}"),
        ("/a/{{tools.id}}", "GET /a/{id}"),
        ("/a/{rest.id}", "GET /a/{id}"),
        ("/a/{{account-id}}:run", "GET /a/{account-id}:run"),
        ("/a/{id}.json", "GET /a/{id}.json"),
        ("/a/range(address='{x}',to={y})", "GET /a/range(address='{x}',to={y})"),
        ("/a/{id}/b/{id}", "GET /a/{id}/b/{id}"),
        ("/a/{id}?like={id}&only={id}", "GET /a/{id}?like={id}&only={id}"),
        ("/a?like={id}&kind=1", "GET /a?like={id}&kind=1"),
        ("/{{TENANT}}/a", "GET /$TENANT/a"),
        ("/{{env.TENANT}}/{{Id}}", "GET /$TENANT/{Id}"),
        ("/A b/ü", "GET /A%20b/%C3%BC"),
        ("/a/", "GET /a/"),
        ("/a#{id}", "GET /a"),
    ],
)
def test_what_a_path_means(path: str, request_line: str) -> None:
    made = verified(one(path))
    operation = operations(made)["do"]
    assert sent(operation) == request_line
    assert all(argument.required for argument in operation.arguments)


@pytest.mark.parametrize(
    ("params", "request_line"),
    [
        ("[{name: account_id, in: path}]", "GET /a/{account_id}"),
        ("[{name: ACCOUNTID, in: path, required: false}]", "GET /a/{ACCOUNTID}"),
        ("[{name: accountId}]", "GET /a/{accountId}"),
        ("[{name: account-id, in: path}, {name: account-id, in: query}]",
         "GET /a/{account-id}?account-id={account-id}"),
        ("[{name: account-id, in: path, value: 7}]", "GET /a/7"),
        ("[{name: account-id, in: path, value: true}]", "GET /a/true"),
        ("[{name: account-id, in: path, value: x/y}]", "GET /a/x%2Fy"),
        ("[{name: account-id, in: path, value: '{{MINE}}'}]", "GET /a/$MINE"),
        ("[{name: account-id, in: path, value: '{{tools.mine}}'}]", "GET /a/{mine}"),
        ("[{name: account-id, in: path, value: null}]", "GET /a/{account-id}"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("level", ["", "resource"])
def test_path_parameters_in_any_spelling(
    params: str, request_line: str, level: str
) -> None:
    made = verified(one("/a/{account-id}", params, level=level))
    assert sent(operations(made)["do"]) == request_line


@pytest.mark.parametrize(
    ("path", "params", "method", "found"),
    [
        ("/a/{}", "[]", "GET", ("NAF101", 9)),
        ("/a/{{ }}", "[]", "GET", ("NAF101", 9)),
        ("https://api.example.com/a", "[]", "GET", ("NAF101", 9)),
        ("/a/../b", "[]", "GET", ("NAF101", 9)),
        ("/a/{id}", "[{name: id, in: path, value: ''}]", "DELETE", ("NAF101", 14)),
        ("/a/{id}", "[{name: id, in: path, value: ..}]", "GET", ("NAF101", 14)),
        ("/a/{id}", "[{name: id, in: path, value: [1, 2]}]", "GET", ("NAF902", 14)),
        ("/a", "[{name: q, in: query, value: {b: 1}}]", "GET", ("NAF902", 14)),
        ("/a", "[{name: id, in: path}]", "DELETE", ("NAF402", 14)),
        ("/a", "[{name: id, in: path}]", "PATCH", ("NAF402", 14)),
        ("/a/{other}", "[{name: id, in: path}]", "PUT", ("NAF402", 14)),
        ("/a/{id}", "[{name: id, in: PATH}]", "GET", ("NAF908", 14)),
    ],
)
def test_paths_that_cost_the_operation(
    path: str, params: str, method: str, found: tuple[str, int]
) -> None:
    made = compile_text(one(path, params, method))
    assert found in found_in(made)
    assert (found[0], 19) in found_in(made)  # the call
    assert made.package is None


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_reading_operation_without_its_path_parameter_is_called(method: str) -> None:
    made = verified(one("/a", "[{name: a, in: path}, {name: b, in: path}]", method))
    assert found_in(made) == [("NAF401", 14)]
    assert sent(operations(made)["do"]) == f"{method} /a"


ABSOLUTE = {"/app/{id}": "/app/{id}", "/app-keys": "/app-keys", "null": "/app"}
APPENDED = {"/{id}": "/app/{id}", "keys": "/app/keys", "':run'": "/app:run"}


@pytest.mark.parametrize(
    ("resource", "paths"),
    [
        ("/app", ABSOLUTE),
        ("app/", {"/app/{id}": "/app/{id}", "/app-keys": "/app-keys"}),
        ("/app", APPENDED),
        ("/app?all=1", {"/keys": "/app/keys?all=1", "/k?q=2": "/app/k?all=1&q=2"}),
        ("/app", {"/app:run": "/app:run", "/app?q=1": "/app?q=1"}),
        ("/{{org}}/app", {"'/{org}/app/{id}'": "/{org}/app/{id}"}),
        ("/", {"/app": "/app", "keys": "/keys", "null": "/"}),
        ("", {"/app": "/app"}),
    ],
)
def test_paths_of_operations_replace_or_follow(
    resource: str, paths: dict[str, str]
) -> None:
    text = f"    - path: '{resource}'\n      operations:\n" + "".join(
        f"      - name: o{number}\n        method: GET\n        path: {path}\n"
        for number, path in enumerate(paths)
    )
    made = verified(
        capability(api(text), tools="    - {name: t, description: D, call: shop.o0}\n")
    )
    assert [sent(o) for o in operations(made).values()] == [
        f"GET {path}" for path in paths.values()
    ]


def test_constants_of_a_whole_api_fill_paths() -> None:
    shared = "    inputParameters:\n    - {name: org, in: path, value: mine}\n"
    shared += "    - {name: theme, in: cookie, value: dark}\n    resources:\n"
    text = api("    - {path: '/{org}/a', operations: [{name: do, method: GET}]}\n")
    made = verified(
        capability(
            text.replace("    resources:\n", shared),
            tools="    - {name: do, description: D, call: shop.do}\n",
        )
    )
    operation = operations(made)["do"]
    assert sent(operation) == "GET /mine/a"
    assert [field.name for field in operation.cookies] == ["theme"]
    assert asked(units(made)["do"]) == {}


THINGS = api("""\
    - path: /things/{thing-id}
      operations:
      - {name: get, method: GET, inputParameters: [{name: kind, in: query}]}
    - path: /things
      operations:
      - {name: list, method: GET}
      - {name: clear, method: DELETE}
""")


def routes(*paths: str, call: str = "list", method: str = "GET") -> str:
    """A route for each path, two lines each, from line 20 on."""
    return "".join(
        f'    - path: "{path}"\n      operations:'
        f" [{{name: r{number}, method: {method}, call: shop.{call}}}]\n"
        for number, path in enumerate(paths)
    )


def test_routes_are_matched_by_specificity() -> None:
    paths = [
        "/{a}",
        "/{a}/{b}",
        "/v{a}/x",
        "/v{a}.json/x",
        "/{a}/x",
        "/me",
        "/{a}/{b}:on",
        "/{a}/{b}:on:off",
        "/health",
        "/-/health",
        "/-/{a}",
        "/openapi.json",
        "/metrics",
        "/mcp",
        "/",
        "/me/",
    ]
    made = verified(capability(THINGS, routes=routes(*paths)))
    assert made.program is not None
    (adapter,) = made.program.adapters
    assert isinstance(adapter, RestAdapter)
    order = [paths[int(route.name[1:])] for route in adapter.routes]
    assert sorted(order) == sorted(paths)
    for first, second in [
        ("/me", "/{a}"),
        ("/v{a}.json/x", "/v{a}/x"),
        ("/v{a}/x", "/{a}/x"),
        ("/{a}/x", "/{a}/{b}"),
        ("/{a}/{b}:on:off", "/{a}/{b}:on"),
        ("/{a}/{b}:on", "/{a}/{b}"),
        ("/-/health", "/-/{a}"),
        ("/me/", "/{a}/{b}"),
    ]:
        assert order.index(first) < order.index(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/a/{x}", "/a/{y}"),
        ("/a/{x}", "/a/{{x}}"),
        ("/a/{x}", "a/{x-y}"),
        ("/a/{x:int}", "/a/{x}"),
        ("/a b", "/a%20b"),
        ("/a", "/a"),
    ],
)
def test_the_first_of_equal_routes_wins(first: str, second: str) -> None:
    made = verified(capability(THINGS, routes=routes(first, second)))
    assert ("NAF403", 23) in found_in(made)
    assert list(units(made)) == ["r0"]


def test_routes_that_are_never_reached_are_left_out() -> None:
    paths = ["/a?b={c}", "/a#b", "/./a", "/a/{}", "/a/%2E%2e/b", "/ok"]
    made = verified(capability(THINGS, routes=routes(*paths)))
    assert found_in(made) == [("NAF414", 20 + 2 * n) for n in range(5)]
    assert list(units(made)) == ["r5"]


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("/t/{thing-id}", "thing-id"),
        ("/t/{{thing_id}}", "thing_id"),
        ("/t/{THINGID}", "THINGID"),
        ("/t/{thing.id}/{thing.id}", "thing.id"),
        ("/t/{thingId}/{kind}", "thingId"),
    ],
)
def test_variables_of_routes_feed_parameters_of_their_names(
    path: str, given: str
) -> None:
    made = verified(capability(THINGS, routes=routes(path, call="get")))
    assert found_in(made) == []
    assert fed(units(made)["r0"]) == {"thing-id": given, "kind": "kind"}


def test_variables_of_routes_that_feed_nothing() -> None:
    """What is left to ask for is asked for; a DELETE of all is never called for one."""
    made = verified(
        capability(
            THINGS,
            routes=routes("/t/{key}", call="get")
            + routes("/u/{key}", call="clear", method="DELETE"),
        )
    )
    assert found_in(made) == [("NAF415", 20), ("NAF402", 22)]
    (route,) = units(made).values()
    assert asked(route) == {
        "key": "path required",
        "thing-id": "query required",
        "kind": "query",
    }


@pytest.mark.parametrize("name", ["id", "key"])
@pytest.mark.parametrize("place", ["query", "header", "body"])
def test_an_input_that_stands_in_the_path_is_taken_from_there(
    name: str, place: str
) -> None:
    made = compile_text(f"""\
naftiko: 1.0.0-alpha2
info: {{label: Things, description: Things.}}
capability:
  consumes:
  - type: http
    namespace: things
    baseUri: https://things.example
    resources:
    - path: /things
      name: all
      operations:
      - name: put
        method: PUT
        inputParameters:
        - {{name: {name}, in: query}}
        - {{name: {name}_2, in: query}}
  exposes:
  - type: rest
    namespace: web
    port: 8080
    resources:
    - path: /all/{{{name}}}/{{{name}}}
      name: all
      operations:
      - name: put
        method: PUT
        call: things.put
        inputParameters:
        - {{name: {name}, in: {place}}}
        - {{name: {name}_2, in: query}}
""")
    checked(made)
    (route,) = units(made).values()
    inputs = asked(route)
    assert inputs[name] == "path required"
    assert inputs[f"{name}_2"].startswith("query")
    assert ("NAF409", 29) in [(d.code, d.span.line) for d in made.diagnostics]


SLASH = ROOT.parent / (
    "shared/conformance/ikanos-beta5/modules/ikanos-engine/src/test/resources/"
    "baseuri-trailing-slash-capability.yaml"
)


def test_a_base_uri_that_ends_in_a_slash_is_joined_by_one(tmp_path: Path) -> None:
    own = tmp_path / "slash.yaml"
    text, times = re.subn(r"(baseUri: \S+)", r"\1/", one("/things"))
    assert times == 1
    own.write_text(text, encoding="utf-8")
    for path in filter(Path.exists, (own, SLASH)):
        made = checked(compile_file(path))
        client = files_of(made)["client.py"]
        bases = re.findall(r'env.get\("\w+_BASE_URL", base_url, "(.*)"\)', client)
        assert bases and not any(base.endswith("/") for base in bases), path
