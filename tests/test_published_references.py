"""What calls refer to, in the spellings of published files, with names of ours.

Units are compared by what feeds each argument of the operation that they call; what is
compiled is verified, so that this is also what is sent.
"""

from __future__ import annotations

import pytest
from nafgen.compile import Compilation
from nafgen.ir import Constant, Input, ObjectOf, Text
from nafgen.program import RestAdapter, Route, Tool
from test_published_shapes import found_in, verified

START = """\
naftiko: 1.0.0-alpha2
info: {label: References, description: Of calls}
capability:
  consumes:
"""
API = """\
  - type: http
    namespace: %s
    baseUri: https://%s.example.com/v1
    resources:
"""


def api(resources: str, namespace: str = "shop") -> str:
    """An entry of `consumes`; the text of its resources is indented by 4."""
    return API % (namespace, namespace.replace(".", "-")) + resources


def capability(apis: str, *, routes: str = "", tools: str = "") -> str:
    """A spec; its routes and tools are indented by 4, and come last."""
    exposes = "  exposes:\n"
    if routes:
        exposes += f"  - type: rest\n    namespace: web\n    resources:\n{routes}"
    if tools:
        exposes += f"  - type: mcp\n    namespace: agent\n    tools:\n{tools}"
    return START + apis + exposes


def units(made: Compilation) -> dict[str, Route | Tool]:
    """Routes and tools by name."""
    assert made.program is not None
    return {
        unit.name: unit
        for adapter in made.program.adapters
        for unit in (
            adapter.routes if isinstance(adapter, RestAdapter) else adapter.tools
        )
    }


def fed(unit: Route | Tool) -> dict[str, object]:
    """What each argument gets: the name of an input, or a constant in a tuple."""
    given: dict[str, object] = {}
    for argument, value in unit.call.values:
        match value:
            case Input():
                given[argument.name] = value.name
            case Constant(constant):
                given[argument.name] = (constant,)
            case ObjectOf(members):
                given[argument.name] = {
                    key: member.name
                    for key, member in members
                    if isinstance(member, Input)
                }
            case Text():
                given[argument.name] = tuple(
                    part if isinstance(part, str) else f"${part.variable}"
                    for part in value.parts
                )
    return given


def asked(unit: Route | Tool) -> dict[str, str]:
    """Where each input comes from, and whether it is required."""
    return {
        each.name: f"{each.location}{' required' if each.required else ''}"
        for each in unit.inputs
    }


def calls(root: str, cases: dict[str, str], operation: str, path: str = "/") -> str:
    """A tool or a route for each case: its name, and the text of its `with`."""
    lines = []
    for name, given in cases.items():
        unit = f"name: {name}, call: shop.{operation}, description: D, with: {given}"
        if root == "rest":
            lines.append(f"    - path: /{name}{path}\n      operations:")
            lines.append(f"      - {{{unit}, method: GET}}")
        else:
            lines.append(f"    - {{{unit}}}")
    return "\n".join(lines) + "\n"


def listed(namespace: str, *names: str) -> str:
    """An API with a GET operation for each name, one line each after five."""
    return api("    - path: /a\n      operations:\n", namespace) + "".join(
        f"      - {{{'id' if name.startswith('=') else 'name'}: {name.lstrip('=')},"
        f" method: GET, path: /{number}}}\n"
        for number, name in enumerate(names)
    )


APIS = (
    listed("shop", "getThing", "list-all", "a_b", "a-b", "=by-id", "v2.list")
    + listed("shop.v2", "list")
    + listed("shop-chat", "send", "list")
)


@pytest.mark.parametrize(
    ("call", "called"),
    [
        ("shop.getThing", "getThing"),
        ("shop.get-thing", "getThing"),
        ("shop.GET_THING", "getThing"),
        ("shop.listall", "list-all"),
        ("shop.a-b", "a-b"),
        ("shop.by-id", "by-id"),
        ("shop.ById", "by-id"),
        ("shop.v2.list", "list"),
        ("shop.v2.List", "list"),
        ("shop-chat.list", "list"),
    ],
)
def test_calls_in_any_spelling(call: str, called: str) -> None:
    made = verified(
        capability(APIS, tools=f"    - {{name: t, description: D, call: {call}}}\n")
    )
    operation = units(made)["t"].call.operation
    assert operation.name == called
    assert operation.namespace == call.rpartition(".")[0]


@pytest.mark.parametrize(
    ("call", "code", "hint"),
    [
        ("shop.getThings", "NAF204", "did you mean `getThing`?"),
        ("shop.AB", "NAF204", "add it to `shop`"),
        ("shop.v2.get", "NAF204", "add it to `shop.v2`"),
        ("shop.send", "NAF204", "add it to `shop`"),
        ("shop.", "NAF204", "add it to `shop`"),
        ("shop", "NAF202", "add the operation, as in `shop.OPERATION`"),
        ("Shop.list", "NAF202", "did you mean `shop`?"),
        ("chat.send", "NAF202", "known: `shop`, `shop-chat`, `shop.v2`"),
        ("send", "NAF202", "known: `shop`, `shop-chat`, `shop.v2`"),
        ("''", "NAF202", "known: `shop`, `shop-chat`, `shop.v2`"),
        ("null", "NAF201", "add `call: NAMESPACE.OPERATION`"),
    ],
)
def test_calls_that_are_never_guessed(call: str, code: str, hint: str) -> None:
    tools = (
        f"    - {{name: bad, description: D, call: {call}}}\n"
        "    - {name: good, description: D, call: shop-chat.send}\n"
    )
    text = capability(APIS, tools=tools)
    made = verified(text)
    (found,) = [found for found in made.diagnostics if found.code == code]
    line = text[: text.index("name: bad")].count("\n") + 1
    assert (found.span.line, found.hint) == (line, hint)
    assert list(units(made)) == ["good"]


SAME = api("""\
    - path: /repos/{owner}/keys/{key}
      operations: [{name: get, method: GET}, {name: get, method: DELETE}]
    - path: /orgs/{org}/keys/{key}
      operations: [{name: get, method: GET}, {name: get, method: DELETE}]
""")


@pytest.mark.parametrize("turn", range(4))
def test_routes_tell_operations_of_one_name_apart_in_any_order(turn: int) -> None:
    written = [
        ("repo", "GET", "/v3/repos/{owner-name}/keys/{key_id}"),
        ("drop-repo", "DELETE", "/repos/{o}/keys/{k}"),
        ("org", "get", "/x/y/orgs/{{org}}/keys/{key}"),
        ("drop-org", "delete", "/orgs/{org}/keys/{key}"),
    ]
    text = "".join(
        f"    - path: '{path}'\n      operations:\n"
        f"      - {{name: {name}, method: {method}, call: shop.get,"
        " with: {key: k, org: o, owner: o}}\n"
        for name, method, path in written[turn:] + written[:turn]
    )
    made = verified(capability(SAME, routes=text))
    assert {
        name: (unit.call.operation.method, len(unit.call.operation.path))
        for name, unit in units(made).items()
    } == {
        "repo": ("GET", 4),
        "drop-repo": ("DELETE", 4),
        "org": ("GET", 4),
        "drop-org": ("DELETE", 4),
    }
    for name, unit in units(made).items():
        assert isinstance(unit, Route)
        owner = "owner" if "repo" in name else "org"
        assert owner in {argument.name for argument in unit.call.operation.arguments}


def test_routes_mean_the_operation_whose_path_they_have_most_of() -> None:
    made = verified(
        capability(
            api("""\
    - path: /{a}
      operations: [{name: list, method: GET}]
    - path: /user/{b}
      operations: [{name: list, method: GET}]
    - path: /of/user/{c}
      operations: [{name: list, method: GET}]
"""),
            routes="".join(
                f"    - path: {path}\n      operations:\n"
                f"      - {{name: {path[-2]}, method: GET, call: shop.list}}\n"
                for path in ("/v1/user/{b}", "/v1/of/user/{c}", "/{a}")
            ),
        )
    )
    assert {name: fed(unit) for name, unit in units(made).items()} == {
        name: {name: name} for name in "abc"
    }


def test_tools_take_operations_of_one_name_in_order() -> None:
    made = verified(
        capability(
            SAME + listed("two", "get"),
            tools=calls("tools", dict.fromkeys("abcde", "{}"), "get")
            + "    - {name: f, description: F, call: two.get}\n",
        )
    )
    assert [
        (unit.call.operation.method, *fed(unit)) for unit in units(made).values()
    ] == [
        ("GET", "owner", "key"),
        ("DELETE", "owner", "key"),
        ("GET", "org", "key"),
        ("DELETE", "org", "key"),
        ("DELETE", "org", "key"),
        ("GET",),
    ]


def test_one_operation_that_is_written_twice_takes_what_calls_give() -> None:
    twice = listed("shop", "list").replace("/v1", "/v1/") + listed("shop", "list")
    made = verified(
        capability(twice, tools=calls("tools", {"t": "{page: tools.p}"}, "list"))
    )
    assert fed(units(made)["t"]) == {"page": "p"}


def test_an_api_that_is_consumed_twice_at_two_addresses() -> None:
    other = listed("shop", "list", "only-there").replace("example", "other")
    made = verified(
        capability(
            listed("shop", "list") + other,
            tools=calls("tools", {"a": "{}"}, "list")
            + calls("tools", {"b": "{}"}, "only-there"),
        )
    )
    assert found_in(made) == [("NAF202", 12), ("NAF202", 25)]
    assert list(units(made)) == ["a"]


def test_what_has_no_call() -> None:
    made = verified(
        capability(
            listed("shop", "list", "get") + listed("chat", "get"),
            routes="""\
    - path: /a
      operations: [{name: list, method: GET}, {name: get, method: PUT}, {method: POST}]
    - path: /b
      operations: {list: {method: GET}, List: {method: PUT}}
""",
            tools="    - {name: list, description: L}\n",
        )
    )
    said = {f.message for f in made.diagnostics if f.code == "NAF201"}
    assert said == {
        "`get` has no `call`",
        "`List` has no `call`",
        "this operation has no `call`",
    }
    assert made.summary()["routes"] == 2
    assert made.summary()["tools"] == 1
