"""The names of tools' arguments: clients refuse all tools of a server where one has a
property that they do not take, so each fits, and what is sent keeps its spelling."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import pytest
from compile_support import checked, compile_text, files_of
from nafgen.compile import Compilation
from nafgen.program import McpAdapter, RestAdapter, Tool

LINE = 12
"""The line before the first parameter."""
LONG = "department-of-the-interior_" * 3
FITS = re.compile("[A-Za-z0-9_.-]{1,64}")


def called(
    names: Sequence[str], tool: str = "", method: str = "GET", place: str = "query"
) -> Compilation:
    """A tool and a route that call an operation with such parameters, verified."""
    lines = [
        "naftiko: 1.0.0-alpha2",
        "capability:",
        "  consumes:",
        "  - type: http",
        "    namespace: api",
        "    baseUri: https://api.example",
        "    resources:",
        "    - path: /a",
        "      operations:",
        f"      - name: get\n        method: {method}\n        inputParameters:",
    ]
    quoted = ("'" + name.replace("'", "''") + "'" for name in names)
    lines += [f"        - {{name: {name}, in: {place}}}" for name in quoted]
    lines += [
        "  exposes:",
        "  - {type: rest, resources: [{path: /a, operations: [",
        f"      {{name: get, method: {method}, call: api.get}}]}}]}}",
        "  - {type: mcp, tools: [",
        f"      {{name: get, description: Get, call: api.get{tool}}}]}}",
    ]
    return checked(compile_text("\n".join(lines) + "\n"))


def tool_of(made: Compilation) -> Tool:
    assert made.program is not None
    (tool,) = (
        tool
        for adapter in made.program.adapters
        if isinstance(adapter, McpAdapter)
        for tool in adapter.tools
    )
    return tool


def named(made: Compilation) -> dict[str, str]:
    """Each argument's name by that in the spec. Verification held the listed schema to it."""
    assert made.names is not None
    tool = tool_of(made)
    properties = made.names.units[tool.origin].properties
    found = {given.name: properties[given.origin] for given in tool.inputs}
    assert len(found) == len({*found.values()}) == len(tool.inputs)
    assert all(map(FITS.fullmatch, found.values()))
    return found


def notes(made: Compilation) -> list[tuple[int, str]]:
    """Lines of NAF304, and the names that they say."""
    return [
        (found.span.line, re.findall("`(.*?)`", found.message)[-1])
        for found in made.diagnostics
        if found.code == "NAF304"
    ]


KEPT = ["id", "X-Api-Version", "page.size", "_private", "-x", "a__b", "2fa", "x" * 64]
CHANGED = {
    "filter[name]": "filter_name",
    "filter[a][b]": "filter_a_b",
    "tags[]": "tags",
    "$filter": "filter",
    "$.path": ".path",
    "created<": "created",
    "modified >= ": "modified",
    "a b\tc": "a_b_c",
    "q'\"\\": "q",
    "größe": "gr_e",
    "東京": "value",
    "x" * 65: f"{'x' * 57}_9537c5",
    LONG: "department-of-the-interior_department-of-the-interior_adda70",
    f"{LONG}[]": "department-of-the-interior_department-of-the-interior_adda70",
}


@pytest.mark.parametrize("name", KEPT)
def test_what_fits_is_kept(name: str) -> None:
    made = called([name])
    assert (named(made), notes(made)) == ({name: name}, [])


@pytest.mark.parametrize(("name", "fitted"), CHANGED.items())
@pytest.mark.parametrize("place", ["query", "body"])
def test_what_does_not_fit_is_changed(name: str, fitted: str, place: str) -> None:
    made = called([name], method="POST", place=place)
    found = named(made)
    assert found.pop(name) == fitted
    assert notes(made) == [(LINE + 1, fitted)]


def test_the_wire_keeps_its_spelling() -> None:
    made = called(["filter[name]"])
    files = files_of(made)
    assert '"filter[name]"' in files["client.py"]
    assert 'alias="filter[name]"' in files["app.py"]
    assert "filter[name]" not in files["mcp_server.py"]
    assert 'properties={"filter_name": {"type": "string"}}' in files["mcp_server.py"]
    assert made.program is not None
    routes = [a.routes for a in made.program.adapters if isinstance(a, RestAdapter)]
    assert [given.name for given in routes[0][0].inputs] == ["filter[name]"]


COLLISIONS = [
    # Neither fits: in the order of the spec.
    (["a[b]", "a(b)"], ["a_b", "a_b_2"]),
    (["a(b)", "a[b]"], ["a_b", "a_b_2"]),
    (["東京", "日本", "$"], ["value", "value_2", "value_3"]),
    ([f"{LONG}[", f"{LONG}]"], [CHANGED[LONG], f"{CHANGED[LONG]}_2"]),
    # A name that fits is kept, wherever it stands.
    (["a_b", "a[b]"], ["a_b", "a_b_2"]),
    (["a[b]", "a_b"], ["a_b_2", "a_b"]),
    (["a[b]", "a(b)", "a_b", "a_b_2"], ["a_b_3", "a_b_4", "a_b", "a_b_2"]),
    (["$", "value"], ["value_2", "value"]),
    # Names that differ in case alone are apart.
    (["a[b]", "A[b]"], ["a_b", "A_b"]),
]


@pytest.mark.parametrize(("names", "fitted"), COLLISIONS)
def test_collisions(names: list[str], fitted: list[str]) -> None:
    made = called(names)
    assert named(made) == dict(zip(names, fitted, strict=True))
    odd = [place for place, name in enumerate(names) if not FITS.fullmatch(name)]
    assert notes(made) == [(LINE + 1 + place, fitted[place]) for place in odd]


@pytest.mark.parametrize("unrelated", ["zone", "zone[id]", "$zone", "日", "b"])
def test_an_unrelated_argument_renames_nothing(unrelated: str) -> None:
    names = ["a[b]", "a(b)", "größe", "limit", "tag[]", "tag"]
    wanted = named(called(names))
    for place in range(len(names) + 1):
        found = named(called([*names[:place], unrelated, *names[place:]]))
        assert {name: found[name] for name in names} == wanted


def test_order_changes_no_name_without_a_collision() -> None:
    wanted = {
        "a[b]": "a_b",
        "a_c": "a_c",
        "a[d]": "a_d",
        "tag[]": "tag_2",
        "tag": "tag",
    }
    for names in [*itertools.permutations(wanted)][::17]:
        assert named(called(names)) == wanted


@pytest.mark.parametrize(
    ("tool", "properties", "line"),
    [
        (", with: {'filter[x]': tools.filter}", {"filter": "filter"}, None),
        (", with: {'filter[x]': 'tools.a[b]'}", {"a[b]": "a_b"}, LINE + 6),
        (
            ", inputParameters: [{name: 'a[b]', type: string, description: A}],"
            " with: {'filter[x]': '{{tools.a[b]}}'}",
            {"a[b]": "a_b"},
            LINE + 6,
        ),
        (
            ", inputParameters: [{name: 'filter[x]', type: string, description: F}]",
            {"filter[x]": "filter_x"},
            LINE + 6,
        ),
    ],
)
def test_an_argument_is_noted_where_it_is_written(
    tool: str, properties: dict[str, str], line: int | None
) -> None:
    made = called(["filter[x]"], tool)
    assert named(made) == properties
    assert [found for found, _ in notes(made)] == [line] * (line is not None)


def test_a_required_argument_is_required_by_its_name() -> None:
    tool = ", inputParameters: [{name: 'filter[x]', type: string, required: true}]"
    files = files_of(called(["filter[x]"], tool))
    assert 'required=["filter_x"]' in files["mcp_server.py"]
    assert 'arguments["filter_x"]' in files["mcp_server.py"]
