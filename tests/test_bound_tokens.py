"""A credential that is written as a parameter is the bind that nothing else uses."""

from __future__ import annotations

import pytest
from compile_support import compile_text, files_of
from nafgen.compile import Compilation
from nafgen.verify import verify

SPEC = """\
naftiko: 1.0.0-alpha2
info: {{label: Chat, description: {about}}}
binds: {binds}
capability:
  consumes:
  - type: http
    namespace: chat
    baseUri: https://chat.example
    {api}
    resources:
    - path: /messages
      operations:
      - name: list
        method: GET
        inputParameters: [{param}, {{name: page, in: query}}]
  {more}
  exposes:
  - type: rest
    namespace: web
    resources:
    - path: /messages
      operations:
      - {{method: GET, call: chat.list, with: {{{name}: rest.{name}, page: rest.page}}}}
  - type: mcp
    namespace: agent
    tools:
    - {{name: list, description: List, call: chat.list}}
"""
PARAM = 15
OTHER = (
    "- {type: http, namespace: other, baseUri: 'https://other.example', resources: []}"
)


def compiled(
    name: str = "token",
    place: str = ", in: header",
    binds: str = "[{namespace: env, keys: {CHAT_KEY: CHAT_API_KEY}}]",
    api: str = "description: Chat",
    more: str = "",
    about: str = "Messages",
) -> Compilation:
    param = f"{{name: {name}{place}, required: true}}"
    made = compile_text(SPEC.format(**locals()))
    assert [found.message for found in verify(made).differences] == []
    return made


def asked(made: Compilation) -> list[list[str]]:
    """What the route and the tool ask for."""
    assert made.program is not None
    rest, mcp = made.program.adapters
    units = (*getattr(rest, "routes", ()), *getattr(mcp, "tools", ()))
    return [[given.name for given in unit.inputs] for unit in units]


@pytest.mark.parametrize(
    ("name", "place", "sent"),
    [
        ("token", ", in: header", 'headers={"token": Setting("{CHAT_API_KEY}")}'),
        ("token", ", in: query", 'query={"token": Setting("{CHAT_API_KEY}"), '),
        ("Api-Key", ", in: header", 'headers={"api-key": Setting("{CHAT_API_KEY}")}'),
        ("access_token", "", '"access_token": Setting("{CHAT_API_KEY}")'),
    ],
)
def test_it_is_sent_and_nobody_is_asked(name: str, place: str, sent: str) -> None:
    made = compiled(name, place)
    assert sent in files_of(made)["client.py"]
    assert asked(made) == [["page"], ["page"]]
    found = [(f.code, f.span.line) for f in made.diagnostics if f.code != "NAF409"]
    assert found == [("NAF411", PARAM)]


@pytest.mark.parametrize(
    "written",
    [
        {"name": "page_token"},
        {"place": ", in: cookie"},
        {"binds": "[{namespace: env, keys: {CHAT_REGION: CHAT_REGION}}]"},
        {"binds": "[{namespace: env, keys: {CHAT_KEY: A, OTHER_KEY: B}}]"},
        {"binds": "[]"},
        {"about": "Set CHAT_KEY first"},
        {"api": "headers: {X-Chat: '{{env.CHAT_KEY}}'}"},
        {"api": "authentication: {type: bearer, token: '{{TOKEN}}'}"},
        {"more": OTHER},
    ],
    ids=str,
)
def test_it_stays_an_input_where_that_is_not_plain(written: dict[str, str]) -> None:
    made = compiled(**written)
    name = written.get("name", "token")
    assert [sorted(each) for each in asked(made)] == [sorted([name, "page"])] * 2
