"""What `schema.validate` says of documents, and that the schemas are sound."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from nafgen import schema, source
from nafgen.diagnostics import Diagnostic, Reporter
from nafgen.official import official
from nafgen.schema import UNREADABLE, JsonPath, show, validate
from nafgen.versions import VERSIONS

SCHEMAS = Path(schema.__file__).with_name("schemas")

# Follows the official schema to the letter.
PLAIN = """\
naftiko: 1.0.0-alpha2
info:
  label: Photos
  description: Albums and photos.
  created: '2026-01-31'
binds:
- namespace: env
  keys:
    TOKEN: PHOTOS_TOKEN
capability:
  consumes:
  - type: http
    namespace: photos
    baseUri: https://photos.test/v1
    authentication:
      type: bearer
      token: '{{TOKEN}}'
    resources:
    - name: albums
      path: /albums
      operations:
      - name: list
        method: GET
        inputParameters:
        - name: limit
          in: query
      - name: create
        method: POST
        body:
          type: json
          data:
            title: '{{title}}'
  exposes:
  - type: rest
    namespace: web
    port: 8080
    resources:
    - path: /albums
      operations:
      - method: GET
        name: list
        call: photos.list
  - type: mcp
    namespace: mcp
    port: 9090
    tools:
    - name: list-albums
      description: Lists albums.
      call: photos.list
      hints:
        readOnly: true
      outputParameters:
      - type: array
        mapping: $.albums
        items:
          type: string
          mapping: $.title
"""

# Parts of the official shape that PLAIN does not touch.
RICH = """\
naftiko: 1.0.0-alpha2
binds:
- namespace: files
  location: file:///settings.json
  keys:
    KEY: key
capability:
  consumes:
  - location: ./shared.yaml
    import: registry
    as: ships
  aggregates:
  - label: Fleet
    namespace: fleet
    functions:
    - name: get
      description: Gets a ship.
      semantics:
        safe: true
      call: ships.get
      with:
        id: fleet.id
        page: 1
      outputParameters:
      - type: object
        properties:
          name:
            type: string
            mapping: $.name
          kind:
            type: string
            value: ship
  exposes:
  - type: mcp
    transport: stdio
    namespace: tools
    tools:
    - ref: fleet.get
    - name: hello
      description: Greets.
      outputParameters:
      - name: greeting
        type: string
        value: Hello
    resources:
    - name: log
      label: Log
      uri: logs://log
      description: The log.
      location: file:///logs
    prompts:
    - name: ask
      label: Ask
      description: Asks.
      arguments:
      - name: topic
        description: About what.
      template:
      - role: user
        content: Tell me about {{topic}}.
  - type: rest
    namespace: web
    port: 8080
    resources:
    - path: /files/{path}
      forward:
        targetNamespace: ships
    - path: /crew
      operations:
      - method: POST
        name: crew
        steps:
        - name: ship
          type: call
          call: ships.get
        - name: crew
          type: lookup
          index: ship
          match: id
          lookupValue: $.ship.crew
          outputParameters: [name]
        mappings:
        - targetName: crew.names
          value: $.crew
        outputParameters:
        - name: crew
          type: array
          items:
          - name: name
            type: string
  - type: skill
    port: 9091
    namespace: skills
    skills:
    - name: sailing
      description: How to sail.
      tools:
      - name: hello
        description: Greets.
        from:
          sourceNamespace: tools
          action: hello
  - type: control
    port: 9092
    management:
      logs:
        max-subscribers: 5
"""

# What published files write, and the official schema refuses.
PUBLISHED = """\
naftiko: 1.0.0-alpha1
info:
  title: Photos
  personas: [{id: admin}]
binds: []
capability:
  consumes:
  - namespace: photos
    type: http
    baseUri: ''
    headers:
      version: 1
    auth:
      type: apikey
      in: header
      name: X-Key
      value: '{{env.KEY}}'
    resources:
    - name:
      path: /albums
      operations:
      - id: list
        method: HEAD
        path: /all
        description:
        inputParameters:
        - name: $filter
          in: query
          type: string
          required: false
          description: A filter.
        body:
          type: cbor
  - ref: shared/x.yaml
  exposes:
    web:
      type: rest
      description: The web adapter.
      resources:
        albums:
          path: /albums
          operations:
            list:
              method: GET
              inputParameters:
                limit:
                  in: query
              with:
                filters: [tools.x]
    agent:
      type: agent-skill
      tools: 3
"""


def check(
    text: str, *, strict: bool = False
) -> tuple[source.Document, list[Diagnostic], frozenset[JsonPath]]:
    reading = Reporter()
    document = source.load("spec.yaml", text.encode(), reading)
    assert document is not None, list(reading)
    reporter = Reporter()
    broken = validate(document, reporter, strict=strict)
    return document, list(reporter), broken


def marked(document: source.Document, found: Diagnostic) -> str:
    """The text at a diagnostic, to the end of its first line."""
    span = found.span
    end = span.end_column - 1 if span.end_line == span.line else None
    return document.line(span.line)[span.column - 1 : end]


def swap(old: str, new: str) -> str:
    assert PLAIN.count(old) == 1
    return PLAIN.replace(old, new)


ACCEPTED = json.loads(SCHEMAS.joinpath("accepted.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "content",
    [ACCEPTED, *map(official, VERSIONS)],
    ids=["accepted", *map(str, VERSIONS)],
)
def test_the_schemas_are_valid_and_leave_one_shape_per_object(content: Any) -> None:
    Draft202012Validator.check_schema(content)
    keywords = list(_keywords(content))
    assert "oneOf" not in keywords
    assert "anyOf" not in keywords
    assert not [key for key in keywords if key.startswith("x-") or "|" in key]
    references = set(re.findall(r"#/\$defs/(\w+)", json.dumps(content)))
    assert references <= content["$defs"].keys()


def _keywords(node: Any) -> Iterator[str]:
    """All keys of a schema but those under `if`, whose errors nobody sees."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield key
            if key != "if":
                yield from _keywords(value)
    elif isinstance(node, list):
        for item in node:
            yield from _keywords(item)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("text", [PLAIN, RICH])
def test_official_documents_are_fine(text: str, strict: bool) -> None:
    assert check(text, strict=strict)[1:] == ([], frozenset())


@pytest.mark.parametrize(
    ("old", "new", "code", "message", "hint", "text", "path"),
    [
        (
            "port: 8080",
            "port: '80'",
            "NAF101",
            '`port` must be an integer from 1 to 65535, not "80"',
            "",
            "'80'",
            ("exposes", 0, "port"),
        ),
        (
            "port: 8080",
            "port: 8080.0",
            "NAF101",
            "`port` must be an integer from 1 to 65535, not 8080.0",
            "",
            "8080.0",
            ("exposes", 0, "port"),
        ),
        (
            "port: 8080",
            "port: 65536",
            "NAF101",
            "`port` must be an integer from 1 to 65535, not 65536",
            "",
            "65536",
            ("exposes", 0, "port"),
        ),
        (
            "name: list-albums",
            "name: 7",
            "NAF101",
            "`name` must be text, not 7",
            "",
            "7",
            ("exposes", 1, "tools", 0, "name"),
        ),
        (
            "readOnly: true",
            "readOnly: yes",
            "NAF101",
            '`readOnly` must be true or false, not "yes"',
            "",
            "yes",
            ("exposes", 1, "tools", 0, "hints", "readOnly"),
        ),
        (
            "- name: list\n        method: GET\n",
            "- name: list\n",
            "NAF102",
            "`method` is missing in item 1 of `operations`",
            "",
            "name",
            ("consumes", 0, "resources", 0, "operations", 0),
        ),
        (
            "- name: limit\n          in: query",
            "- 5",
            "NAF101",
            "item 1 of `inputParameters` must be a mapping, not 5",
            "",
            "5",
            (
                *("consumes", 0, "resources", 0, "operations", 0),
                *("inputParameters", 0),
            ),
        ),
        (
            "- name: list-albums\n      description",
            "- description",
            "NAF102",
            "`name` is missing in item 1 of `tools`",
            "",
            "description",
            ("exposes", 1, "tools", 0),
        ),
    ],
)
def test_unreadable_values(
    old: str,
    new: str,
    code: str,
    message: str,
    hint: str,
    text: str,
    path: JsonPath,
) -> None:
    document, [found], broken = check(swap(old, new))
    assert (found.code, found.message, found.hint) == (code, message, hint)
    assert marked(document, found) == text
    assert broken == {("capability", *path)}

    document, [found], broken = check(swap(old, new), strict=True)
    assert found.code == "NAF105"
    assert broken == {("capability", *path)}


@pytest.mark.parametrize(
    ("old", "new", "message", "hint", "text"),
    [
        (
            "port: 8080",
            "port: 8080\n    adress: localhost",
            'unknown key "adress" in item 1 of `exposes`',
            "did you mean `address`?",
            "adress",
        ),
        (
            "  label: Photos",
            "  label: Photos\n  labels: Photos",
            'unknown key "labels" in `info`',
            "",
            "labels",
        ),
        (
            "method: POST",
            "method: post",
            '`method` must be one of GET, POST, PUT, PATCH, DELETE, not "post"',
            "did you mean `POST`?",
            "post",
        ),
        (
            "https://photos.test/v1",
            "https://photos.test/{v}",
            "`baseUri` must be an http or https address without placeholders in its "
            'path, not "https://photos.test/{v}"',
            "",
            "https://photos.test/{v}",
        ),
        (
            "    TOKEN:",
            "    token:",
            'the key "token" must be a name of capitals, digits and underscores',
            "",
            "token",
        ),
        (
            "    namespace: mcp",
            "    namespace: mcp\n    transport: stdio",
            '`port` is not allowed when "transport" is stdio',
            "",
            "port",
        ),
        (
            "  label: Photos\n",
            "",
            "`label` is missing in `info`",
            "",
            "info",
        ),
        (
            "      - type: array",
            "      - type: object",
            "`properties` is missing in item 1 of `outputParameters`",
            "",
            "type",
        ),
        (
            "type: json\n",
            "type: form\n",
            "`type` must be one of json, text, xml, sparql, formUrlEncoded, "
            'multipartForm, not "form"',
            "",
            "form",
        ),
        (
            "type: http",
            "type: tcp",
            '`type` must be http, not "tcp"',
            "",
            "tcp",
        ),
        (
            "      call: photos.list\n      hints",
            "      hints",
            "`name` is missing in item 1 of `outputParameters`",
            "",
            "type",
        ),
        (
            "binds:\n- namespace: env\n  keys:\n    TOKEN: PHOTOS_TOKEN",
            "binds: []",
            "`binds` must not be empty",
            "",
            "binds",
        ),
    ],
)
def test_departures_from_the_official_schema(
    old: str, new: str, message: str, hint: str, text: str
) -> None:
    document, diagnostics, broken = check(swap(old, new), strict=True)
    assert {found.code for found in diagnostics} == {"NAF105"}
    [found] = [found for found in diagnostics if found.message == message]
    assert found.hint == hint
    assert marked(document, found) == text
    assert broken == frozenset()
    assert check(swap(old, new))[1:] == ([], frozenset())


def test_each_missing_key_is_reported_once() -> None:
    text = swap("- name: limit\n          in: query", "- value: 5")
    _, diagnostics, _ = check(text, strict=True)
    assert [found.message for found in diagnostics] == [
        "`in` is missing in item 1 of `inputParameters`",
        "`name` is missing in item 1 of `inputParameters`",
        "`value` must be text, not 5",
    ]


def test_published_spellings_are_read() -> None:
    assert check(PUBLISHED)[1:] == ([], frozenset())


def test_a_missing_version_is_noted() -> None:
    text = swap("naftiko: 1.0.0-alpha2\n", "")
    document, [found], broken = check(text)
    assert found.code == "NAF409"
    assert found.message == (
        "no version is given, so this is read as `naftiko: 1.0.0-alpha2`"
    )
    assert marked(document, found) == "info"
    assert broken == frozenset()

    _, [found], _ = check(text, strict=True)
    assert (found.code, found.message) == (
        "NAF105",
        "`naftiko` is missing in the document",
    )


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("naftiko: '0.5'", '"0.5" is not a known version'),
        ("naftiko: 1.0", "1.0 is not a known version"),
        ("naftiko: {a: 1}", "a mapping is not a known version"),
        ("naftiko:", "null is not a known version"),
    ],
)
def test_unknown_versions(version: str, message: str) -> None:
    _, [found], broken = check(swap("naftiko: 1.0.0-alpha2", version))
    assert (found.code, found.message) == ("NAF103", f"{message} of `naftiko`")
    assert broken == UNREADABLE


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("", "the file is empty"),
        ("- a", "its root is a list"),
        ("just text", 'its root is "just text"'),
        ("{}", "it has no keys at its root"),
        ("capability: later", 'its `capability` is "later"'),
        (
            "capability: {name: x, consumes: }",
            "its `capability` has name, consumes, and nothing to consume or expose",
        ),
        ("zebra: 1", "it has zebra at its root"),
        (
            "tools: []\nname: x",
            "it has tools, name at its root and looks like a list of tools",
        ),
        (
            "apiVersion: v1\nkind: Capability",
            "it has apiVersion, kind at its root and looks like "
            "a Kubernetes-style resource",
        ),
        (
            "openapi: 3.1.0\npaths: {}",
            "it has openapi, paths at its root and looks like an OpenAPI description",
        ),
        (
            "{a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1, i: 1, j: 1}",
            "it has a, b, c, d, e, f, g, h, 2 more at its root",
        ),
        ('"a\\e[2J\\nb": 1', 'it has "a\\u001b[2J\\nb" at its root'),
    ],
)
def test_other_files_are_told_what_they_look_like(
    text: str, looks: str, strict: bool
) -> None:
    _, [found], broken = check(text, strict=strict)
    assert found.code == "NAF005"
    assert found.message == f"this is not a capability: {looks}"
    assert broken == UNREADABLE


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("80", '"80"'),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        ({"a": 1}, "a mapping"),
        ({}, "an empty mapping"),
        ([1], "a list"),
        ([], "an empty list"),
        ("ü", '"ü"'),
        ("a\nb\x1b[0m", '"a\\nb\\u001b[0m"'),
        ("\u202eabc\x9b", '"\\u202eabc\\x9b"'),
        ("x" * 100, '"' + "x" * 60 + '…"'),
    ],
)
def test_show(value: object, shown: str) -> None:
    assert show(value) == shown


def test_messages_fit_on_a_line_whatever_the_document_holds() -> None:
    key = '"\\u202e\\e[31m' + "k" * 500 + '"'
    text = swap("port: 8080", f"port: {key}\n    {key}: 1")
    _, diagnostics, _ = check(text, strict=True)
    assert len(diagnostics) == 2
    for found in diagnostics:
        assert found.message.isprintable()
        assert len(found.message) < 250


def test_nesting_to_the_limit_of_the_reader_is_validated() -> None:
    depth = (source.MAX_DEPTH - 20) // 2
    outputs = "{properties: {a: " * depth + "{mapping: 5}" + "}}" * depth
    text = swap("mapping: $.albums", f"properties: {{a: {outputs}}}")
    _, diagnostics, [path] = check(text)
    assert [found.message for found in diagnostics] == ["`mapping` must be text, not 5"]
    assert path[-1] == "mapping"


def test_mistakes_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "MAX_ERRORS", 3)
    text = swap("- name: limit\n          in: query", "- 1\n        " * 4)
    for strict in (False, True):
        _, diagnostics, broken = check(text, strict=strict)
        codes = [found.code for found in diagnostics]
        assert codes == ["NAF004", *["NAF105" if strict else "NAF101"] * 3]
        assert diagnostics[0].message == (
            "the file has 3 mistakes or more, and not all are listed"
        )
        assert broken == UNREADABLE


def test_jsonschema_is_imported_only_when_needed() -> None:
    code = "import sys, nafgen.schema; sys.exit('jsonschema' in sys.modules)"
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env={"PYTHONPATH": str(Path(schema.__file__).parents[1])},
    )
