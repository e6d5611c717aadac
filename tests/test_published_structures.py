"""Structures that calls give, with references to inputs anywhere in them."""

from __future__ import annotations

import pytest
from compile_support import files_of
from nafgen.program import RestAdapter, Route, Tool
from test_published_references import api, capability, units
from test_published_shapes import found_in, verified

SEARCH = """\
    - path: /search
      operations:
      - name: find
        method: POST
        inputParameters:
        - {name: filters, in: body, type: array, required: true}
        - {name: options, in: body, type: object}
      - name: list
        method: GET
        inputParameters: [{name: by, in: query, type: object}]
"""


def unit_of(root: str, given: str, *, operation: str = "find", more: str = "") -> str:
    text = f"name: u, call: shop.{operation}, description: D, with: {given}{more}"
    if root == "tools":
        return capability(api(SEARCH), tools=f"    - {{{text}}}\n")
    method = "GET" if operation == "list" else "POST"
    route = f"    - path: /u\n      operations:\n      - {{{text}, method: {method}}}\n"
    return capability(api(SEARCH), routes=route)


def asked(unit: Route | Tool) -> dict[str, str]:
    """What a unit asks for: `!` marks what is required."""
    return {i.name: f"{i.location}{'!' if i.required else ''}" for i in unit.inputs}


@pytest.mark.parametrize("root", ["tools", "rest"])
@pytest.mark.parametrize(
    ("given", "wanted", "code"),
    [
        (
            "{filters: [{value: ROOT.tag, kind: 8}]}",
            {"tag": "body!"},
            '[{"value": $tag, "kind": 8}]',
        ),
        (
            "{filters: [[ROOT.a], {b: {c: ROOT.b}}, x, null, true]}",
            {"a": "body!", "b": "body!"},
            '[[$a], {"b": {"c": $b}}, "x", None, True]',
        ),
        (
            "{filters: [ROOT.a, ROOT.a, '{{a}}']}",
            {"a": "body!"},
            "[$a, $a, $a]",
        ),
        (
            "{filters: [], options: {size: ROOT.size, sort: name}}",
            {"size": "body"},
            'options=given({"size": $size, "sort": "name"})',
        ),
        (
            "{filters: ROOT.filters, options: [ROOT.x, {y: ROOT.y}]}",
            {"filters": "body!", "x": "body", "y": "body"},
            'options=listed($x, given({"y": $y}))',
        ),
    ],
)
def test_references_in_structures(
    root: str, given: str, wanted: dict[str, str], code: str
) -> None:
    made = verified(unit_of(root, given.replace("ROOT", root)))
    assert found_in(made) == []
    (unit,) = units(made).values()
    joined = {} if "options" in given else {"options": "body"}
    assert asked(unit) == wanted | joined
    module = files_of(made)["mcp_server.py" if root == "tools" else "app.py"]
    for name, said in wanted.items():
        get = f'["{name}"]' if said.endswith("!") else f'.get("{name}")'
        code = code.replace(f"${name}", name if root == "rest" else f"arguments{get}")
    flat = "".join(module.split()).replace(",)", ")").replace(",]", "]")
    assert "".join(code.split()).replace(",}", "}") in flat.replace(",}", "}")


@pytest.mark.parametrize("root", ["tools", "rest"])
def test_a_structure_in_the_query(root: str) -> None:
    given = f"{{by: {{name: {root}.name, strict: true}}}}"
    made = verified(unit_of(root, given, operation="list"))
    (unit,) = units(made).values()
    assert asked(unit) == {"name": "body" if root == "tools" else "query"}


def test_declared_inputs_keep_their_types_inside() -> None:
    declared = ", inputParameters: [{name: n, type: integer, description: Of N}]"
    made = verified(unit_of("tools", "{filters: [{n: tools.n}]}", more=declared))
    assert '"n": {"type": "integer", "description": "Of N"}' in " ".join(
        files_of(made)["mcp_server.py"].split()
    )


def test_no_unit_is_left_out() -> None:
    made = verified(unit_of("rest", "{filters: [{value: rest.body.tag}]}"))
    assert made.program is not None
    (adapter,) = made.program.adapters
    assert isinstance(adapter, RestAdapter)
    assert asked(adapter.routes[0]) == {"tag": "body!", "options": "body"}


def test_an_input_inside_stays_where_a_header_of_the_protocol_names_it_too() -> None:
    headers = "- {name: filters, in: body, type: array}\n        - {name: User-Agent, in: header}"
    search = SEARCH.replace(
        "- {name: filters, in: body, type: array, required: true}", headers
    )
    given = "{filters: [tools.x, tools.x.y], User-Agent: tools.x}"
    text = f"    - {{name: u, call: shop.find, description: D, with: {given}}}\n"
    (unit,) = units(verified(capability(api(search), tools=text))).values()
    assert asked(unit) == {"x": "body", "x.y": "body", "options": "body"}
