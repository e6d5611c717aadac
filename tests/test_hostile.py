"""Hostile text in every string position of a spec: refused, or inert in what comes out."""

from __future__ import annotations

import ast
import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from compile_support import compile_text, files_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nafgen import format as formatting
from nafgen import prove, targets
from nafgen.pycode import Code, doc_text, lit

SPEC: dict[str, Any] = {
    "naftiko": "1.0.0-alpha2",
    "info": {"label": "Label", "description": "What it is"},
    "binds": [{"namespace": "env", "keys": {"KEY": "KEY"}}],
    "capability": {
        "consumes": [
            {
                "type": "http",
                "namespace": "api",
                "baseUri": "https://api.example/v1",
                "description": "An API",
                "authentication": {
                    "type": "apikey",
                    "key": "X-Key",
                    "value": "Key {{KEY}}",
                    "placement": "header",
                },
                "headers": {"X-Version": "1"},
                "resources": [
                    {
                        "name": "things",
                        "path": "/things/{id}",
                        "operations": [
                            {
                                "name": "change",
                                "method": "POST",
                                "description": "Change a thing",
                                "inputParameters": [
                                    {
                                        "name": "q",
                                        "in": "query",
                                        "type": "string",
                                        "description": "Words",
                                    },
                                    {"name": "v", "in": "query", "value": "fixed"},
                                ],
                                "body": {
                                    "type": "json",
                                    "data": {"a": "{{tools.b}} c"},
                                },
                                "outputParameters": [
                                    {"name": "r", "type": "object", "value": "$.r"}
                                ],
                            }
                        ],
                    }
                ],
            }
        ],
        "exposes": [
            {
                "type": "rest",
                "namespace": "rest-ns",
                "description": "REST",
                "resources": [
                    {
                        "name": "things",
                        "path": "/things/{id}",
                        "operations": [
                            {
                                "name": "change",
                                "method": "PUT",
                                "description": "Change it",
                                "call": "api.change",
                                "with": {"q": "rest.words", "id": "rest.id"},
                                "outputParameters": [
                                    {
                                        "type": "object",
                                        "properties": {
                                            "x": {"type": "string", "mapping": "$.x"},
                                            "y": {"type": "string", "value": "const"},
                                        },
                                    }
                                ],
                            }
                        ],
                    }
                ],
            },
            {
                "type": "mcp",
                "namespace": "mcp-ns",
                "description": "MCP",
                "tools": [
                    {
                        "name": "change-thing",
                        "label": "Change",
                        "description": "Change a thing",
                        "inputParameters": [
                            {"name": "id", "type": "string", "description": "Which"}
                        ],
                        "call": "api.change",
                        "with": {"q": "literal"},
                    }
                ],
            },
        ],
    },
}

FLOWS: dict[str, Any] = yaml.safe_load("""
naftiko: 1.0.0-alpha2
info: {label: Flows}
binds:
- {namespace: env, keys: {KEY: KEY}}
- {namespace: files, location: "file:///./held.json", keys: {HELD: held-name}}
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://api.example
    authentication: {type: digest, username: "{{KEY}}", password: "{{HELD}}"}
    resources:
    - path: /things
      operations:
      - name: list
        method: GET
        outputRawFormat: xml
        outputParameters: [{name: kept, type: string, value: $.id}]
      - name: make
        method: POST
        body: {type: json, data: {n: "{{name}}"}}
  aggregates:
  - label: Group
    namespace: group
    functions:
    - name: do
      description: Does it
      semantics: {safe: true}
      inputParameters: [{name: which, type: string, description: Which}]
      steps:
      - {type: call, name: first, call: api.list}
      - {type: lookup, name: look, index: first, match: key, lookupValue: "{{which}}",
         outputParameters: [field]}
      - {type: call, name: then, call: api.make, with: {name: "a {{look.field}} b"}}
      mappings:
      - {targetName: a.b, value: "$.then.x[0]"}
      - {targetName: c, value: "$.first[?(@.k == 'v')].z"}
      - {targetName: d, value: "said {{which}}"}
    - name: mock
      description: Says it
      outputParameters: [{name: m, type: string, value: "so {{what}}"}]
  exposes:
  - type: mcp
    namespace: agent
    authentication: {type: bearer, token: "{{KEY}}"}
    tools:
    - {name: do-it, ref: group.do, with: {which: "one {{agent.x}}"}}
    - {name: say-it, ref: group.mock}
  - type: rest
    namespace: web
    authentication: {type: apikey, key: X-Key, value: "{{HELD}}", placement: query}
    resources:
    - path: /do/{which}
      operations:
      - {name: do-it, method: GET, ref: group.do}
    - path: /all/{path}
      forward: {targetNamespace: api, trustedHeaders: [X-Id]}
""")
SKILLS: dict[str, Any] = yaml.safe_load("""
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://api.example
    resources: [{path: /things, operations: [{name: list, method: GET}]}]
  exposes:
  - type: mcp
    namespace: agent
    tools: [{name: list, description: Lists, call: api.list}]
  - type: skill
    namespace: taught
    description: Skills
    skills:
    - name: listing
      description: How to list
      license: MIT
      compatibility: Any
      allowed-tools: list
      argument-hint: Which
      metadata: {author: Me}
      location: file:///./skills/listing
      tools:
      - {name: list, description: Lists, from: {sourceNamespace: agent, action: list}}
      - {name: guide, description: Explains, instruction: guide.md}
""")
SERVED: dict[str, Any] = yaml.safe_load("""
naftiko: 1.0.0-alpha2
info: {label: Desk, description: Resources and prompts}
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://api.example
    resources: [{path: '/things/{id}', operations: [{name: get, method: GET}]}]
  exposes:
  - type: mcp
    namespace: desk
    cacheScope: public
    resources:
    - name: thing
      label: Thing
      description: One thing
      uri: desk://things/{id}
      mimeType: application/json
      call: api.get
      with: {id: desk.id}
    - name: greeting
      uri: desk://hello/{name}
      outputParameters: [{name: text, type: string, value: 'Hello {{name}}'}]
    - name: handbook
      label: Handbook
      description: Files
      uri: desk://handbook
      mimeType: text/plain
      location: file:///./handbook
    prompts:
    - name: reply
      label: Reply
      description: Drafts
      arguments: [{name: who, label: Who, description: To whom}]
      template: [{role: user, content: 'Write to {{who}}.'}]
""")
SPECS = {"calls": SPEC, "flows": FLOWS, "skills": SKILLS, "served": SERVED}

HOSTILE = (
    '"',
    "'",
    '"""',
    "'''",
    "\\",
    '\\"',
    '"""; import os; os.abort()  # ',
    "'); __import__('os').abort(); ('",
    "a\rimport os\r",
    "a\nimport os\n",
    "a\u2028import os\u2029\x85b",
    "a\x00b\x1b[31m\x07",
    "\u202e\u2066evil\u2069",
    "{{ 7 * 7 }}",
    "{% raw %}{# x #}{% endraw %}",
    "{x!r} {0} %s %(x)s ${HOME} `id` $(id)",
    "../../../etc/passwd",
    "/absolute/../up\\..\\x",
    "# noqa: E501\ntype: ignore",
    "\N{PILE OF POO} \N{FULLWIDTH LATIN SMALL LETTER F} é",
    "__class__",
    "import",
    "",
    " ",
    "x" * 5000,
)

Path_ = tuple[str | int, ...]


def positions(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, bool]]:
    """Where text stands: at values, and (True) at keys that the author chooses."""
    if isinstance(value, dict):
        for key, member in value.items():
            if path and path[-1] in (
                "keys",
                "with",
                "headers",
                "data",
                "metadata",
                "properties",
            ):
                yield (*path, key), True
            yield from positions(member, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from positions(item, (*path, index))
    elif isinstance(value, str):
        yield path, False


def changed(
    path: Path_, is_key: bool, text: str, of: dict[str, Any] | None = None
) -> str:
    spec = copy.deepcopy(of or SPEC)
    node: Any = spec
    for step in path[:-1]:
        node = node[step]
    if is_key:
        node[text] = node.pop(path[-1])
    else:
        node[path[-1]] = text
    return yaml.safe_dump(spec, sort_keys=False)


def literals(files: dict[str, str]) -> set[str]:
    """Every text literal of the Python files."""
    return {
        node.value
        for path, text in files.items()
        if path.endswith(".py")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def check(text: str) -> None:
    """The spec is refused with a diagnostic, or what it compiles to is inert."""
    made = compile_text(text)
    assert [found for found in made.diagnostics if found.code == "NAF501"] == []
    if made.package is None:
        assert any(found.severity == "error" for found in made.diagnostics)
        return
    assert not made.package.path.startswith(("/", "."))
    files = files_of(made)
    for path, content in files.items():
        assert ".." not in path
        assert "\r" not in content or path == "README.md"
        if path.endswith(".py"):
            tree = ast.parse(content)
            for node in ast.walk(tree):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    names = {alias.name for alias in node.names}
                    assert names.isdisjoint({"os"}) or path.startswith("_runtime/")
        elif path.endswith(".md"):
            assert all(c == "\n" or c.isprintable() for c in content)


@pytest.fixture(autouse=True)
def without_black(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layout does not matter here, and takes most of the time."""
    monkeypatch.setattr(formatting, "python", str)


TELLING = (*HOSTILE[:2], *HOSTILE[6:8], HOSTILE[9], HOSTILE[11], HOSTILE[17])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("calls", text) for text in TELLING),
        *(("flows", text) for text in HOSTILE[6:8]),
        *(("skills", text) for text in TELLING),
        *(("served", text) for text in TELLING),
    ],
    ids=range(len(TELLING) * 3 + 2),
)
def test_hostile_text_is_refused_or_inert_everywhere(name: str, text: str) -> None:
    for path, is_key in positions(SPECS[name]):
        check(changed(path, is_key, text, SPECS[name]))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    position=st.sampled_from(
        [(name, *place) for name, spec in SPECS.items() for place in positions(spec)]
    ),
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
)
def test_any_text_is_refused_or_inert_everywhere(
    position: tuple[str, Path_, bool], text: str
) -> None:
    name, path, is_key = position
    check(changed(path, is_key, text, SPECS[name]))


def test_all_of_the_harmless_specs_is_compiled() -> None:
    for spec in SPECS.values():
        made = compile_text(yaml.safe_dump(spec, sort_keys=False))
        assert made.package is not None
        assert [found for found in made.diagnostics if found.severity == "error"] == []


OPERATION: Path_ = ("capability", "consumes", 0, "resources", 0, "operations", 0)
SHOWN: tuple[Path_, ...] = (
    ("info", "label"),
    ("info", "description"),
    ("capability", "consumes", 0, "headers", "X-Version"),
    (*OPERATION, "inputParameters", 1, "value"),
    ("capability", "exposes", 1, "tools", 0, "description"),
    ("capability", "exposes", 1, "tools", 0, "label"),
    ("capability", "exposes", 1, "tools", 0, "inputParameters", 0, "description"),
    ("capability", "exposes", 1, "tools", 0, "with", "q"),
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path[-1])
def test_hostile_text_round_trips(path: Path_, text: str) -> None:
    if "{{" in text or not text.strip():
        return
    made = compile_text(changed(path, False, text))
    if made.package is None:
        # Nothing but a header refuses text, and only what it cannot hold.
        assert path[-1] == "X-Version"
        assert not (text.isascii() and text.isprintable())
        assert {f.code for f in made.diagnostics if f.severity == "error"} >= {"NAF101"}
        return
    assert text in literals(files_of(made))


@pytest.mark.parametrize("text", HOSTILE)
def test_literals_are_lossless(text: str) -> None:
    assert ast.literal_eval(lit(text)) == text
    assert lit(text).isprintable()


def test_a_docstring_holds_the_text_on_one_line() -> None:
    for text in HOSTILE:
        made = compile_text(
            changed(("capability", "exposes", 0, "description"), False, text or "-")
        )
        tree = ast.parse(files_of(made)["app.py"])
        shown = ast.get_docstring(tree, clean=False)
        assert shown == (doc_text(text or "-") or "(no description)")


def naive_lit(value: object) -> Code:
    return Code(f'"{value}"')


def naive_literal(value: object) -> Code:
    return Code(json.dumps(value, ensure_ascii=False).replace('\\"', '"'))


@pytest.mark.parametrize(
    ("target", "name", "broken"),
    [
        (targets.rest, "lit", naive_lit),
        (targets.connections, "lit", naive_lit),
        (targets.mcp, "literal", naive_literal),
    ],
)
@pytest.mark.parametrize(
    "text",
    ['", create_app(), "', 'x", "y', '"', '" + client + "'],
)
def test_the_proof_finds_text_that_escapes_a_careless_target(
    target: object,
    name: str,
    broken: Callable[[object], Code],
    text: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(target, name, broken)
    spec = copy.deepcopy(SPEC)
    spec["info"]["label"] = text
    consumed = spec["capability"]["consumes"][0]
    consumed["headers"]["X-Version"] = text
    tool = spec["capability"]["exposes"][1]["tools"][0]
    tool["inputParameters"][0]["description"] = text
    made = compile_text(yaml.safe_dump(spec))
    assert made.package is None
    assert "NAF501" in {found.code for found in made.diagnostics}


@pytest.mark.parametrize(
    "text",
    [
        "import os\n",
        "os.abort()\n",
        "x = 1  # anything else\n",
        "def f(: pass\n",
        "x = rb'y'\nos\n",
        "x = '\\x'\n",
        "x: str = f'{os}'\n",
    ],
)
def test_the_proof_knows_names_and_comments(text: str) -> None:
    with pytest.raises(prove.UnprovenError):
        prove.check_names(text, {"x"})


def test_the_twin_of_harmless_text_is_the_same_object() -> None:
    program = compile_text(yaml.safe_dump(SPEC)).program
    assert program is not None
    assert prove.twin(program.upstreams[0].namespace) is program.upstreams[0].namespace
    assert prove.twin(('a"b',)) == ("a-22-b",)
