"""Every unit that a spec holds is compiled, or listed as left out."""

from collections import Counter

import pytest
from compile_support import compile_text

SPEC = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - type: {consumed}
    namespace: api
    baseUri: {base}
    resources:
    - path: /things
      operations:
      - {{name: list-things, method: GET}}
      - {{name: read-thing, method: GET, outputRawFormat: {format}}}
  exposes:
  - type: {adapter}
    namespace: rest
    {paths}
    resources:
    - path: /things
      operations:
      - {{method: GET, call: api.list-things}}
      - {{method: POST, call: api.read-thing}}
  - type: mcp
    namespace: mcp
    transport: {transport}
    tools:
    - {{name: list-things, description: List, {call}: api.list-things}}
    - {{name: read-thing, description: Read, call: api.read-thing}}
"""
PLAIN = {
    "consumed": "http",
    "base": "https://api.example.com",
    "format": "json",
    "adapter": "rest",
    "paths": "port: 8080",
    "transport": "http",
    "call": "call",
}
PATHS = "paths: {/a: {get: {call: api.list-things}}, /b: {get: {}}}"


@pytest.mark.parametrize(
    ("changed", "left_out"),
    [
        ({}, {}),
        (
            {"consumed": "kafka"},
            {("upstream", "NAF907"): 1, ("operation", "NAF907"): 2}
            | {("route", "NAF907"): 2, ("tool", "NAF907"): 2},
        ),
        (
            {"base": "tcp://api.example.com"},
            {("upstream", "NAF101"): 1, ("operation", "NAF101"): 2}
            | {("route", "NAF101"): 2, ("tool", "NAF101"): 2},
        ),
        (
            {"format": "msgpack"},
            {("operation", "NAF904"): 1, ("route", "NAF904"): 1, ("tool", "NAF904"): 1},
        ),
        ({"adapter": "grpc"}, {("adapter", "NAF907"): 1, ("route", "NAF907"): 2}),
        (
            {"adapter": "http", "paths": PATHS},
            {("adapter", "NAF907"): 1, ("route", "NAF907"): 4},
        ),
        ({"transport": "smoke"}, {("adapter", "NAF907"): 1, ("tool", "NAF907"): 2}),
        ({"call": "calls"}, {("tool", "NAF901"): 1}),
    ],
)
def test_what_is_left_out_is_listed(
    changed: dict[str, str], left_out: dict[tuple[str, str], int]
) -> None:
    summary = compile_text(SPEC.format(**PLAIN | changed)).summary()
    found = Counter((unit["kind"], unit["code"]) for unit in summary["left_out"])
    assert found == Counter(left_out)
    extra = 2 if "paths" in changed else 0
    for kind, number in (("operation", 2), ("route", 2 + extra), ("tool", 2)):
        lost = sum(n for (of, _), n in found.items() if of == kind)
        assert summary[f"{kind}s"] + lost == number, kind
