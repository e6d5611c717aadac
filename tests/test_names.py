"""The policy of names: what they depend on, and what they do not."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from compile_support import compile_text
from conftest import ROOT
from nafgen.compile import Compilation
from nafgen.names import (
    APP_GLOBALS,
    CLIENT_GLOBALS,
    MCP_GLOBALS,
    PROMPT_GLOBALS,
    RESOURCE_GLOBALS,
)
from nafgen.program import McpAdapter, RestAdapter

CASES = sorted(path.parent for path in (ROOT / "tests/cases").glob("*/expected"))
HEAD = """\
naftiko: 1.0.0-alpha2
info: {label: Names, description: Names}
capability:
"""
OPERATIONS = {
    "list": "{name: list, method: GET, path: /repos/keys}",
    "list of users": "{name: list, method: GET, path: '/users/{id}/keys'}",
    "camel": "{name: getItem, method: GET, path: '/items/{id}'}",
    "kebab": "{name: get-item, method: DELETE, path: '/items/{id}'}",
    "alone": "{name: make-thing, method: POST, path: /things}",
    "squashed": "{name: listmessagebatches, method: GET, path: /batches}",
}
UNRELATED = (
    "{name: unrelated, method: PATCH, path: '/repos/{other}/unrelated'}",
    "{name: squashedtoo, method: GET, path: /keys}",
)


def capability(operations: list[str], tools: Sequence[str] = ()) -> str:
    lines = ["  consumes:", "  - type: http", "    namespace: api"]
    lines += ["    baseUri: https://api.example.com", "    resources:"]
    lines += ["    - path: ''", "      operations:"]
    lines += [f"      - {operation}" for operation in operations]
    lines += ["  exposes:", "  - type: mcp", "    namespace: agent", "    port: 9090"]
    lines += ["    tools:"] if tools else ["    tools: []"]
    lines += [f"    - {tool}" for tool in tools]
    return HEAD + "\n".join(lines) + "\n"


def named(made: Compilation) -> dict[tuple[str, str], str]:
    """The methods of operations by their HTTP method and path."""
    assert made.program is not None and made.names is not None
    found = {}
    for upstream in made.program.upstreams:
        for operation in upstream.operations:
            path = "".join(p if isinstance(p, str) else "{}" for p in operation.path)
            method = made.names.operations[operation.origin].method
            found[operation.method, path] = str(method)
    return found


def tools(made: Compilation) -> list[str]:
    assert made.program is not None and made.names is not None
    return [
        made.names.units[unit.origin].tool
        for adapter in made.program.adapters
        if isinstance(adapter, McpAdapter)
        for unit in adapter.tools
    ]


WANTED = {
    ("GET", "/repos/keys"): "list_repos",
    ("GET", "/users/{}/keys"): "list_users",
    ("GET", "/items/{}"): "get_item_get",
    ("DELETE", "/items/{}"): "get_item_delete",
    ("POST", "/things"): "make_thing",
    ("GET", "/batches"): "listmessagebatches",
}


def test_collisions_are_resolved_for_both_in_any_order() -> None:
    orders = [*itertools.permutations(OPERATIONS.values())]
    for order in orders[:: len(orders) // 20]:
        assert named(compile_text(capability([*order]))) == WANTED


@pytest.mark.parametrize("place", range(len(OPERATIONS) + 1))
@pytest.mark.parametrize("unrelated", UNRELATED)
def test_an_unrelated_operation_renames_nothing(unrelated: str, place: int) -> None:
    operations = [*OPERATIONS.values()]
    operations.insert(place, unrelated)
    found = named(compile_text(capability(operations)))
    assert {key: found[key] for key in WANTED} == WANTED


def test_both_are_reported_each_at_its_line() -> None:
    made = compile_text(capability([*OPERATIONS.values()]))
    lines = {name: 11 + place for place, name in enumerate(OPERATIONS)}
    found = [
        (d.span.line, re.findall("`(.*?)`", d.message)[-1], d.related[0][1].line)
        for d in made.diagnostics
        if d.code == "NAF301"
    ]
    assert found == [
        (lines["list"], "list_repos", lines["list of users"]),
        (lines["list of users"], "list_users", lines["list"]),
        (lines["camel"], "get_item_get", lines["kebab"]),
        (lines["kebab"], "get_item_delete", lines["camel"]),
    ]


def test_a_name_that_one_thing_wants_is_never_changed() -> None:
    """Not even by a collision that comes before it."""
    taker = "{name: list-repos, method: GET, path: /other}"
    found = named(compile_text(capability([*OPERATIONS.values(), taker])))
    assert found["GET", "/other"] == "list_repos"
    assert found["GET", "/repos/keys"] == "list_repos_2"


def test_what_is_the_same_in_all_respects_is_numbered() -> None:
    same = ["{name: read, method: GET, path: /a}"] * 3
    made = compile_text(capability(same))
    assert made.program is not None and made.names is not None
    methods = [names.method for names in made.names.operations.values()]
    # Operations of one name and one request are one operation.
    assert methods in (["read"], ["read", "read_2", "read_3"])


@pytest.mark.parametrize(
    ("written", "method"),
    [
        ("class", "class_"),
        ("match", "match_"),
        ("print", "print_"),
        ("send", "send_"),
        ("__init__", "init"),
        ("___", "operation"),
        ("\U0001f389", "operation"),
        ("1st", "operation_1st"),
        ("été", "ete"),
        ("日本", "operation"),
    ],
)
def test_names_that_python_has_other_uses_for(written: str, method: str) -> None:
    source = capability([f"{{name: '{written}', method: GET, path: /a}}"])
    assert named(compile_text(source)) == {("GET", "/a"): method}


def test_names_that_differ_in_case_alone() -> None:
    written = ["getUser", "getuser", "GetUser", "GETUSER"]
    paths = ["users", "members", "people", "staff"]
    made = compile_text(
        capability(
            [
                f"{{name: {name}, method: GET, path: /{path}}}"
                for name, path in zip(written, paths, strict=True)
            ],
            [
                f"{{name: {name}, description: Get, call: api.{name}}}"
                for name in written
            ],
        )
    )
    assert named(made) == {
        ("GET", "/users"): "get_user_users",
        ("GET", "/members"): "getuser_members",
        ("GET", "/people"): "get_user_people",
        ("GET", "/staff"): "getuser_staff",
    }
    assert tools(made) == written


@pytest.mark.parametrize(
    ("calls", "split"),
    [
        ([], "listmessagebatches"),
        (["list-message-batches"], "list_message_batches"),
        (["list_message_batches"], "list_message_batches"),
        (["anthropic-list-message-batches-now"], "list_message_batches"),
        (["listMessageBatches"], "list_message_batches"),
        (["list-messages"], "listmessagebatches"),
        (["list-message-batches", "listmessage-batches"], "list_message_batches"),
        (["listmessage-batches", "list-message-batches"], "listmessage_batches"),
    ],
)
def test_words_of_squashed_names(calls: list[str], split: str) -> None:
    entries = [
        f"{{name: {c}, description: L, call: api.listmessagebatches}}" for c in calls
    ]
    made = compile_text(capability([OPERATIONS["squashed"]], entries))
    assert named(made) == {("GET", "/batches"): split}


def test_names_of_tools_fit_every_client() -> None:
    long = "summarise-the-quarterly-report-of-the-department-of-the-interior-of"
    written = [
        f"{long}-mars",
        f"{long}-venus",
        "a.b/c d",
        "a b/c d",
        "é",
        "same",
        "same",
    ]
    operations = [
        "{name: a, method: GET, path: /a}",
        "{name: b, method: GET, path: /b}",
    ]
    entries = [
        f"{{name: '{name}', description: D, call: api.{'ab'[place % 2]}}}"
        for place, name in enumerate(written)
    ]
    found = tools(compile_text(capability(operations, entries)))
    assert len(set(found)) == len(written)
    assert all(re.fullmatch("[A-Za-z0-9_-]{1,64}", name) for name in found)
    assert all(name.startswith("summarise-the-quarterly-report-") for name in found[:2])
    assert found[2:4] == ["a-b-c-d-a", "a-b-c-d-b"]
    assert found[5:] == ["same-b", "same-a"]
    # Each is the same without the others.
    for name, served, entry in list(zip(written, found, entries, strict=True))[:2]:
        assert tools(compile_text(capability(operations, [entry]))) == [served], name


def test_parameters_are_told_apart_by_their_places() -> None:
    made = compile_text(
        capability(
            [
                "{name: read, method: GET, path: '/a/{id}', inputParameters: ["
                "{name: id, in: path}, {name: ID, in: query}, {name: Id, in: header},"
                " {name: page-size, in: query}, {name: pageSize, in: query}]}"
            ]
        )
    )
    assert made.names is not None
    [names] = made.names.operations.values()
    assert sorted(names.arguments.values()) == [
        "id_header",
        "id_path",
        "id_query",
        "page_size",
        "page_size_2",
    ]


def test_functions_of_equal_routes_are_told_apart() -> None:
    made = compile_text(capability([OPERATIONS["alone"]]) + """\
  - type: rest
    namespace: rest
    port: 8080
    resources:
    - path: /a/{id}
      operations:
      - {method: POST, name: make, call: api.make-thing}
      - {method: PUT, name: make, call: api.make-thing}
    - path: /b
      operations:
      - {method: POST, name: make, call: api.make-thing}
""")
    assert made.program is not None and made.names is not None
    [adapter] = [a for a in made.program.adapters if isinstance(a, RestAdapter)]
    names = {
        (route.method, str(route.path[0])): made.names.units[route.origin].function
        for route in adapter.routes
    }
    assert names == {
        ("POST", "/a/"): "make_a_id_post",
        ("PUT", "/a/"): "make_a_id_put",
        ("POST", "/b"): "make_b_post",
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_module_imports_is_no_name_of_its_functions(case: Path) -> None:
    """Else a function of that name would hide the import; classes are never hidden."""
    reserved = {
        "client.py": CLIENT_GLOBALS,
        "app.py": APP_GLOBALS,
        "mcp_server.py": MCP_GLOBALS | RESOURCE_GLOBALS | PROMPT_GLOBALS,
    }
    modules = [case / "expected" / name for name in reserved]
    for module in filter(Path.exists, modules):
        names = reserved[module.name]
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                given = {alias.asname or alias.name for alias in node.names}
                assert {name for name in given if name.islower()} <= names
