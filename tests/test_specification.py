"""Holds docs/specification.md to the strict schemas and to the tables of keywords.

The page says of each keyword of each object in which versions it is, and what nafgen does
with it. A keyword that changes its state fails here, and the failure says which row to
write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
from compile_support import compile_text
from conftest import ROOT
from nafgen import keywords
from nafgen.diagnostics import CODES
from nafgen.official import official
from nafgen.reader import Keys
from nafgen.versions import KEYS, VERSIONS

PAGE: Final = "docs/specification.md"
SUPPORTED: Final = "supported"
INFORMATIVE: Final = "informative"
NAMES: Final = [str(version) for version in VERSIONS]
NAMING: Final = frozenset("name label display description tags".split())
"""Keywords that every object takes: read where a use is made of them."""

# The headings of the page: an object of the schema, and the table of its keywords; or
# what becomes of an object that nafgen has no table of.
OBJECTS: Final[dict[str, tuple[str, str]]] = {
    "Document": ("", "ROOT"),
    "Document for others to import from": ("", "STANDALONE"),
    "Info": ("info", "INFO"),
    "Stakeholder": ("info.stakeholders", INFORMATIVE),
    "Capability": ("capability", "CAPABILITY"),
    "Bind": ("bind", "BIND"),
    "Import of a consumed API": ("importedApi", "IMPORTED_API"),
    "Import of another entry": ("importedEntry", "IMPORT"),
    "Consumed API": ("consumed", "CONSUMES"),
    "Tunnel": ("tunnel", "NAF901"),
    "Authentication of a consumed API: basic": ("authentication:basic", "AUTH[basic]"),
    "Authentication of a consumed API: bearer": (
        "authentication:bearer",
        "AUTH[bearer]",
    ),
    "Authentication of a consumed API: apikey": (
        "authentication:apikey",
        "AUTH[apikey]",
    ),
    "Authentication of a consumed API: digest": (
        "authentication:digest",
        "AUTH[digest]",
    ),
    "Authentication of a consumed API: oauth2": (
        "authentication:oauth2",
        "AUTH[oauth2]",
    ),
    "Consumed resource": ("consumedResource", "CONSUMED_RESOURCE"),
    "Consumed operation": ("consumedOperation", "CONSUMED_OPERATION"),
    "Input of a consumed API": ("consumedInput", "PARAM"),
    "Output of a consumed operation": ("consumedOutput", "OUTPUT"),
    "Body": ("body", "BODY"),
    "Part of a multipart body": ("body:multipartForm.data", SUPPORTED),
    "REST adapter": ("rest", "REST"),
    "REST resource": ("restResource", "REST_RESOURCE"),
    "Forward": ("restResource.forward", "FORWARD"),
    "REST operation": ("restOperation", "REST_OPERATION"),
    "Input of a REST adapter": ("restInput", "REST_PARAM"),
    "Response": ("responses", "RESPONSE"),
    "Content of a response": ("responses.content", "CONTENT"),
    "Binary response": ("responseBinary", "RESPONSE_BINARY"),
    "Authentication of an adapter: basic": ("authentication:basic", "AUTH[basic]"),
    "Authentication of an adapter: bearer": ("authentication:bearer", "AUTH[bearer]"),
    "Authentication of an adapter: apikey": ("authentication:apikey", "AUTH[apikey]"),
    "Authentication of an adapter: digest": ("authentication:digest", "GUARD[digest]"),
    "Authentication of an adapter: oauth2": ("authentication:oauth2", "GUARD[oauth2]"),
    "MCP adapter": ("mcp", "MCP"),
    "Tool": ("tool", "TOOL"),
    "Hints": ("tool.hints", "HINTS"),
    "Input of a tool or flow": ("toolInput", "PARAM"),
    "MCP resource": ("mcpResource", "MCP_RESOURCE"),
    "Prompt": ("prompt", "PROMPT"),
    "Message of a prompt": ("prompt.template", "PROMPT_MESSAGE"),
    "Argument of a prompt": ("promptArgument", "PROMPT_ARGUMENT"),
    "Output that maps an answer": ("mapped", "OUTPUT"),
    "Output of steps": ("orchestrated", INFORMATIVE),
    "Mocked output": ("mockOutput", "OUTPUT"),
    "Aggregate": ("aggregate", "AGGREGATE"),
    "Flow of an aggregate": ("function", "FLOW"),
    "Semantics": ("function.semantics", "SEMANTICS"),
    "Step: call": ("step:call", "CALL_STEP"),
    "Step: lookup": ("step:lookup", "LOOKUP_STEP"),
    "Step: script": ("step:script", "SCRIPT_STEP"),
    "Mapping of steps": ("mappings", "MAPPING"),
    "Skill adapter": ("skill", "SKILLS"),
    "Skill": ("skillEntry", "SKILL"),
    "Tool of a skill": ("skillTool", "SKILL_TOOL"),
    "Source of the tool of a skill": ("skillTool.from", "SKILL_SOURCE"),
    "Control adapter": ("control", "CONTROL"),
    "Management": ("management", "MANAGEMENT"),
    "Logs": ("management.logs", "NAF901"),
    "Scripting": ("management.scripting", "SCRIPTING"),
    "Observability": ("observability", "OBSERVABILITY"),
    "Metrics": ("observability.metrics", "METRICS"),
    "Local metrics": ("observability.metrics.local", "LOCAL_METRICS"),
    "Traces": ("observability.traces", "TRACES"),
    "Local traces": ("observability.traces.local", "LOCAL_TRACES"),
    "Exporters": ("observability.exporters", "EXPORTERS"),
    "OTLP exporter": ("observability.exporters.otlp", "OTLP"),
}
# The headings of values: the object, its keyword, and the place of `SPEC` where it goes.
VALUES: Final = {
    "Values of `type`: authentication of a consumed API": (
        *("authentication", "type"),
        "api",
    ),
    "Values of `type`: authentication of an adapter": (
        *("authentication", "type"),
        "adapter",
    ),
    "Values of `in`: input of a consumed API": ("consumedInput", "in", "operation"),
    "Values of `outputRawFormat`": (
        *("consumedOperation", "outputRawFormat"),
        "operation",
    ),
    "Values of `type`: body": ("body", "type", "operation"),
    "Values of `type`: adapter": ("exposed", "type", "other"),
    "Values of `in`: input of a REST adapter": ("restInput", "in", "route"),
}
REFUSED: Final = re.compile("NAF9..|NAF421").fullmatch
TEXTS: Final = {
    "authentication": "authentication: {{type: {value}{more}}}",
    "consumedInput": "inputParameters: [{{name: id, in: {value}}}]",
    "consumedOperation": "outputRawFormat: {value}",
    "body": "body: {{type: {value}, data: {more}}}",
    "exposed": "type: {value}",
    "restInput": "inputParameters: [{{name: id, in: {value}, type: string, description: A}}]",
}
MORE: Final = {
    "basic": ", username: a, password: b",
    "digest": ", username: a, password: b",
    "apikey": ", key: a, value: b, placement: header",
    "bearer": ", token: a",
    "oauth2": ", authorizationServerUri: 'https://a.test', resource: 'https://b.test'",
    "json": "{a: b}",
    "formUrlEncoded": "{a: b}",
    "multipartForm": "[{name: a, value: b}]",
}
SPEC: Final = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - type: http
    namespace: shop
    baseUri: https://shop.test
    {api}
    resources:
    - path: '/things/{{{{id}}}}'
      operations:
      - name: read
        method: GET
        {operation}
  exposes:
  - type: rest
    namespace: web
    port: 8080
    {adapter}
    resources:
    - path: '/things/{{{{id}}}}'
      operations:
      - method: GET
        name: read
        call: shop.read
        {route}
  - namespace: other
    port: 9090
    tools: [{{name: read, description: Read, call: shop.read}}]
    {other}
"""
# Keywords that an object of the schema has, and that do not make sense under a heading.
ELSEWHERE: Final = {"Document for others to import from": {"capability"}}
# Tables of what only published files write.
UNOFFICIAL: Final = {"AUTH[none]", "STANDALONE"}


@dataclass(frozen=True, slots=True)
class Row:
    """A keyword, the versions that have it, and what nafgen does with it."""

    keyword: str
    versions: str
    state: str

    def __str__(self) -> str:
        return f"| `{self.keyword}` | {self.versions} | {self.state} |"


def objects(schema: Mapping[str, Any]) -> dict[str, set[str]]:
    """The keywords of each object of a strict schema; one inside another has its path."""
    found: dict[str, set[str]] = {}
    for name, node in (("", schema), *schema["$defs"].items()):
        for path, keys in _closed(name, node):
            found.setdefault(path, set()).update(keys)
    return found


def _closed(path: str, node: Any) -> Iterator[tuple[str, set[str]]]:
    if not isinstance(node, dict):
        return
    if node.get("additionalProperties") is False:
        yield path, set(node["properties"])
    for key, member in node.get("properties", {}).items():
        yield from _closed(f"{path}.{key}" if path else key, member)
    for key in ("items", "additionalProperties", "then", "else"):
        yield from _closed(path, node.get(key))
    for branch in node.get("allOf", ()):
        kind = branch["if"].get("properties", {}).get("type", {}).get("const")
        yield from _closed(f"{path}:{kind}" if kind else path, branch.get("then"))


OFFICIAL: Final = {str(version): objects(official(version)) for version in VERSIONS}


def versions_of(path: str, keyword: str) -> str:
    """The versions that have a keyword, as the page says it."""
    return shown([name for name in NAMES if keyword in OFFICIAL[name].get(path, ())])


def shown(having: list[str]) -> str:
    """Versions that follow each other, as the page says it."""
    if having == NAMES:
        return "all"
    by_key = {key: [n for n in NAMES if n.startswith(key)] for key in KEYS}
    for key, names in by_key.items():
        if having == names:
            return key
    key, first = having[0].split(": 1.0.0-")
    if having == NAMES[NAMES.index(having[0]) :]:
        return f"since {key} {first}"
    assert having == by_key[key][by_key[key].index(having[0]) :]
    return f"{key} since {first}"


def values_of(path: str, keyword: str) -> dict[str, list[str]]:
    """The values of a keyword, and the versions that have each."""
    found: dict[str, list[str]] = {}
    for version in VERSIONS:
        node = official(version)["$defs"][path]
        node = node.get("then", node)
        for value in node["properties"][keyword]["enum"]:
            found.setdefault(value, []).append(str(version))
    return found


def tables() -> dict[str, Keys]:
    """The tables of keywords, by the names that `OBJECTS` knows them by."""
    found = {}
    for name, value in vars(keywords).items():
        if isinstance(value, Keys):
            found[name] = value
        elif isinstance(value, dict) and name.isupper():
            found |= {f"{name}[{kind}]": keys for kind, keys in value.items()}
    return {name: keys for name, keys in found.items() if isinstance(keys, Keys)}


def states_of(keyword: str, table: str) -> tuple[str, ...]:
    """What the page may say of a keyword."""
    if table not in tables():
        return (table,)
    keys = tables()[table]
    if keyword in NAMING:
        return (SUPPORTED, INFORMATIVE)
    if keyword in {name for two in keys.renamed for name in (two.naftiko, two.ikanos)}:
        return (SUPPORTED,)
    if keyword in keys.read:
        return (SUPPORTED,)
    if keyword in keys.informative:
        return (INFORMATIVE,)
    state = keys.unsupported.get(keyword)
    assert state is not None, (
        f"the official schemas have `{keyword}`, and keywords.{table} does not know it,"
        " so that it would be reported as a mistake of the user: add it to the table"
    )
    return (state,)


def written() -> dict[str, dict[str, Row]]:
    """The rows of the page by their headings."""
    found: dict[str, dict[str, Row]] = {}
    heading = ""
    for line in (ROOT / PAGE).read_text(encoding="utf-8").splitlines():
        if line.startswith("### "):
            heading = line.removeprefix("### ")
            found[heading] = {}
        elif row := re.fullmatch(r"\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|.*", line):
            keyword, versions, state = row.groups()
            assert keyword not in found[heading], f"{heading}: `{keyword}` twice"
            found[heading][keyword] = Row(keyword, versions, state)
    return found


@pytest.mark.parametrize("heading", OBJECTS)
def test_each_keyword_has_a_row_that_is_true(heading: str) -> None:
    path, table = OBJECTS[heading]
    rows = written().get(heading, {})
    known = set().union(*(OFFICIAL[name].get(path, set()) for name in NAMES))
    known -= ELSEWHERE.get(heading, set())
    wrong = []
    for keyword in sorted(known):
        states = states_of(keyword, table)
        allowed = [Row(keyword, versions_of(path, keyword), state) for state in states]
        if rows.get(keyword) not in allowed:
            wrong.append(f"write {' or '.join(map(str, allowed))}")
    wrong += [f"remove `{keyword}`" for keyword in sorted(rows.keys() - known)]
    assert not wrong, f"{PAGE}, below {heading!r}: " + "; ".join(wrong)


@pytest.mark.parametrize("heading", VALUES)
def test_each_value_has_a_row_that_is_true(heading: str) -> None:
    path, keyword, place = VALUES[heading]
    rows = {}
    for value, having in values_of(path, keyword).items():
        parts = dict.fromkeys(("api", "operation", "adapter", "route"), "")
        parts |= {"other": "type: mcp"}
        parts[place] = TEXTS[path].format(value=value, more=MORE.get(value, "a"))
        found = compile_text(SPEC.format(**parts)).diagnostics
        codes = sorted({d.code for d in found if REFUSED(d.code)})
        rows[value] = Row(value, shown(having), codes[0] if codes else SUPPORTED)
    said = written().get(heading, {})
    wrong = [f"write {row}" for value, row in rows.items() if said.get(value) != row]
    wrong += [f"remove `{value}`" for value in sorted(said.keys() - rows.keys())]
    assert not wrong, f"{PAGE}, below {heading!r}: " + "; ".join(wrong)


def test_each_object_has_a_heading() -> None:
    paths = {path for version in OFFICIAL.values() for path in version}
    assert paths == {path for path, _ in OBJECTS.values()}
    assert list(written()) == [*OBJECTS, *VALUES]


def test_each_table_of_keywords_is_compared() -> None:
    compared = {table for _, table in OBJECTS.values()}
    forgotten = tables().keys() - compared - UNOFFICIAL
    assert not forgotten, (
        f"{sorted(forgotten)} of keywords.py: put the name of each in the place of the"
        " code in OBJECTS of tests/test_specification.py, and write its rows in"
        f" {PAGE}; or put it into UNOFFICIAL, if the official schemas have no such object"
    )
    named = compared - tables().keys()
    assert named <= {SUPPORTED, INFORMATIVE, *CODES}, f"no table of {PAGE} has a name"


def test_what_is_supported_says_where() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    silent = re.findall(r"^\| `[^`]+` \| [^|]+ \| supported \|\s*\|$", text, re.M)
    assert silent == []
