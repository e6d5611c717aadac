"""What calls refer to, in the spellings of published files, with names of ours.

Units are compared by what feeds each argument of the operation that they call; what is
compiled is verified, so that this is also what is sent.
"""

from __future__ import annotations

import json

import pytest
from nafgen.compile import Compilation
from nafgen.ir import Constant, Input, RestAdapter, Route, Text, Tool
from test_published_shapes import verified

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
            case Text(parts):
                given[argument.name] = tuple(
                    part if isinstance(part, str) else f"${part.variable}"
                    for part in parts
                )
    return given


def asked(unit: Route | Tool) -> dict[str, str]:
    """Where each input comes from, and whether it is required."""
    return {
        each.name: f"{each.location}{' required' if each.required else ''}"
        for each in unit.inputs
    }


DATES = """\
    - path: /calls/{http_protocol}
      operations:
      - name: list
        method: GET
        inputParameters:
        - {name: Start, in: query}
        - {name: Start<, in: query}
        - {name: 'Start>', in: query}
        - {name: 'tag[]', in: query}
        - {name: tag, in: query}
        - {name: httpProtocol, in: query}
        - {name: größe, in: query}
        - {name: gre, in: query}
"""


APART = {
    "one": {"Start<": "Start<"},
    "all": {"Start": "Start", "Start<": "Start<", "Start>": "Start>"},
    "crossed": {"Start>": "Start<", "Start<": "Start>"},
    "renamed": {"Start<": "since", "httpProtocol": "tag", "tag": "tag"},
    "both": {"tag": "tag", "tag[]": "tag[]"},
    "list": {"tag[]": "tag[]"},
    "ascii": {"gre": "gre"},
    "accents": {"größe": "größe"},
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


@pytest.mark.parametrize("root", ["tools", "rest"])
def test_names_that_differ_in_signs_alone_are_kept_apart(root: str) -> None:
    given = {
        name: json.dumps({k: f"{root}.{v}" for k, v in values.items()})
        for name, values in APART.items()
    }
    text = calls(root, given, "list", "/{http-protocol}")
    made = verified(
        capability(api(DATES), routes=text)
        if root == "rest"
        else capability(api(DATES), tools=text)
    )
    protocol = "http-protocol" if root == "rest" else "http_protocol"
    assert {name: fed(unit) for name, unit in units(made).items()} == {
        name: {"http_protocol": protocol} | values for name, values in APART.items()
    }


def test_a_declared_input_feeds_the_parameter_of_its_name_alone() -> None:
    made = verified(
        capability(
            api(DATES),
            tools="""\
    - name: near
      description: List
      call: shop.list
      inputParameters:
      - {name: start, type: string, description: Since}
      - {name: http-protocol, type: string, description: Protocol}
""",
        )
    )
    unit = units(made)["near"]
    assert fed(unit) == {"http_protocol": "http-protocol", "Start": "start"}
    assert asked(unit) == {"start": "body", "http-protocol": "body required"}
