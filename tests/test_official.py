"""What the strict schema of each version takes and refuses."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
import yaml
from conftest import ROOT
from jsonschema import Draft202012Validator
from nafgen import format as formatting
from nafgen import schema, source
from nafgen.compile import compile_spec
from nafgen.diagnostics import Reporter
from nafgen.inputs import Spec
from nafgen.official import official
from nafgen.versions import VERSIONS, Version, declared
from versions_support import LISTS, MAPS

SHARED: Final = ROOT.parent / "shared" / "conformance"
OFFICIAL: Final = {v: Draft202012Validator(official(v)) for v in VERSIONS}
NAMES: Final = [str(version) for version in VERSIONS]
NAFTIKO: Final = "naftiko: 1.0.0-alpha1"
ALPHA2: Final = "naftiko: 1.0.0-alpha2"
LAST_NAFTIKO: Final = "naftiko: 1.0.0-alpha3"
IKANOS: Final = "ikanos: 1.0.0-alpha3"
BETA1: Final = "ikanos: 1.0.0-beta1"
BETA4: Final = "ikanos: 1.0.0-beta4"
LAST: Final = NAMES[-1]

CONSUMED: Final = "capability.consumes.0"
OPERATION: Final = f"{CONSUMED}.resources.albums.operations.list"
REST: Final = "capability.exposes.0"
ROUTE: Final = f"{REST}.resources.albums.operations.list"
MCP: Final = "capability.exposes.1"
TOOL: Final = f"{MCP}.tools.list-albums"
BOTH: Final = "capability.exposes"

STEPS: Final = "{type: call, call: photos.list}"
SCRIPT: Final = "{type: script, file: run.js, language: javascript}"
RESOURCE: Final = "{uri: 'a://b', description: Log, call: photos.list}"
AGGREGATE: Final = (
    "[{label: Fleet, namespace: fleet, functions: [{name: get, description: Get, call: photos.list}]}]"
)
FLOWS: Final = "[{display: Fleet, flows: {get: {description: Get, call: photos.list}}}]"


def named(naftiko: str, ikanos: str) -> dict[str, str]:
    """A value that has another shape in the versions of either key."""
    return {"naftiko": naftiko, "ikanos": ikanos}


# Where, what is put there, and the first and the last version that take it.
FEATURES: Final[list[tuple[str, str | dict[str, str], str, str]]] = [
    ("info.version", "'2'", BETA4, LAST),
    ("info.label", "Photos", NAFTIKO, LAST_NAFTIKO),
    ("info.display", "Photos", IKANOS, LAST),
    (f"{OPERATION}.outputRawFormat", "csv", NAFTIKO, LAST),
    (f"{OPERATION}.outputRawFormat", "tsv", ALPHA2, LAST),
    (f"{OPERATION}.outputRawFormat", "binary", BETA1, LAST),
    (f"{OPERATION}.outputSchema", "table", ALPHA2, LAST),
    (f"{OPERATION}.outputMediaType", "image/png", BETA1, LAST),
    (f"{OPERATION}.maxBinarySize", "1.5MiB", BETA1, LAST),
    (f"{OPERATION}.tags", "[a]", IKANOS, LAST),
    (f"{CONSUMED}.tunnel", "{type: ziti, service: a, identity: b}", IKANOS, LAST),
    (
        f"{CONSUMED}.authentication",
        "{type: oauth2, authorizationServerUri: 'https://a', resource: 'https://b'}",
        ALPHA2,
        LAST,
    ),
    (f"{CONSUMED}", "{location: a.yaml, import: a}", NAFTIKO, LAST_NAFTIKO),
    (f"{CONSUMED}", "{location: a, import: a, description: A}", ALPHA2, LAST_NAFTIKO),
    (f"{CONSUMED}", "{from: a.yaml, import: a, as: b}", IKANOS, LAST),
    (f"{REST}", "{from: a.yaml, import: a, as: b}", IKANOS, LAST),
    ("binds.0", "{from: a.yaml, import: a}", IKANOS, LAST),
    (f"{REST}.maxBinarySize", "10MiB", BETA1, LAST),
    (f"{ROUTE}.tags", "[a]", IKANOS, LAST),
    (f"{ROUTE}.responseBinary", "{mediaType: image/png}", BETA1, LAST),
    (f"{ROUTE}.responses", "{'200': {description: A}, 4XX: {}}", BETA1, LAST),
    (
        f"{ROUTE}.outputParameters",
        "[{type: string, mapping: $.a, const: b}]",
        ALPHA2,
        LAST,
    ),
    (f"{ROUTE}.outputParameters", "[{type: string, value: b}]", ALPHA2, LAST),
    (f"{ROUTE}.outputParameters", "[{type: string, const: b}]", NAFTIKO, NAFTIKO),
    (f"{ROUTE}.with", "{limit: 5, q: a.b}", NAFTIKO, LAST),
    (f"{MCP}.authentication", "{type: bearer, token: a}", ALPHA2, LAST),
    (f"{MCP}.maxBinarySize", "10MiB", BETA1, LAST),
    (f"{MCP}.ttlMs", "1000", BETA4, LAST),
    (f"{MCP}.cacheScope", "private", BETA4, LAST),
    (f"{TOOL}.hints", "{readOnly: true}", ALPHA2, LAST),
    (f"{TOOL}.tags", "[a]", IKANOS, LAST),
    (f"{TOOL}.name", "list-albums", NAFTIKO, LAST_NAFTIKO),
    (f"{MCP}.tools", named("[{ref: a.b}]", "{a: {ref: a.b}}"), ALPHA2, LAST),
    (
        f"{MCP}.tools",
        named(
            "[{name: a, description: A, outputParameters: "
            "[{name: b, type: string, value: c}]}]",
            "{a: {description: A, outputParameters: {b: {type: string, value: c}}}}",
        ),
        ALPHA2,
        LAST,
    ),
    (
        f"{MCP}.tools",
        named(
            f"[{{name: a, description: A, steps: [{{name: s, {STEPS[1:]}]}}]",
            f"{{a: {{description: A, steps: {{s: {STEPS}}}}}}}",
        ),
        NAFTIKO,
        LAST,
    ),
    (
        f"{MCP}.tools",
        named(
            f"[{{name: a, description: A, steps: [{{name: s, {SCRIPT[1:]}]}}]",
            f"{{a: {{description: A, steps: {{s: {SCRIPT}}}}}}}",
        ),
        ALPHA2,
        LAST,
    ),
    (
        f"{TOOL}.mappings",
        named("[{targetName: a_b, value: $.a}]", "[{target: a_b, value: $.a}]"),
        NAFTIKO,
        LAST,
    ),
    (
        f"{TOOL}.mappings",
        named("[{targetName: a.b, value: $.a}]", "[{target: a.b, value: $.a}]"),
        ALPHA2,
        LAST,
    ),
    (
        f"{MCP}.resources",
        named(
            f"[{{name: a, label: A, {RESOURCE[1:]}]",
            f"{{a: {{display: A, {RESOURCE[1:]}}}",
        ),
        NAFTIKO,
        LAST,
    ),
    (
        f"{MCP}.resources",
        named("[]", f"{{a: {{display: A, binary: true, {RESOURCE[1:]}}}"),
        BETA1,
        LAST,
    ),
    (
        f"{MCP}.prompts",
        named(
            "[{name: a, label: A, description: A, arguments: "
            "[{name: b, label: B, description: B}], location: 'file:///a'}]",
            "{a: {display: A, description: A, arguments: "
            "{b: {display: B, description: B}}, location: 'file:///a'}}",
        ),
        ALPHA2,
        LAST,
    ),
    ("capability.aggregates", named(AGGREGATE, FLOWS), ALPHA2, LAST),
    (
        "capability.aggregates",
        named("[]", FLOWS.replace("call:", "outputMediaType: a/b, call:")),
        BETA1,
        LAST,
    ),
    (BOTH, "[{type: control, port: 80, management: {logs: true}}]", ALPHA2, LAST),
    (
        BOTH,
        named(
            "[{type: skill, port: 80, namespace: a, skills: "
            "[{name: b, description: B, tools: "
            "[{name: c, description: C, instruction: c.md}]}]}]",
            "[{type: skill, port: 80, namespace: a, skills: "
            "{b: {description: B, tools: {c: {description: C, instruction: c.md}}}}}]",
        ),
        NAFTIKO,
        LAST,
    ),
    ("consumes", "[{location: a, import: a}]", "", ""),
    ("consumes", "[{from: a, import: a}]", IKANOS, LAST),
    ("exposes", "[{from: a, import: a}]", IKANOS, LAST),
]

# Root keys of a file that other files import from; those that take it.
STANDALONE: Final[list[tuple[str, str, str]]] = [
    ("consumes: [{location: a, import: b}]", NAFTIKO, LAST_NAFTIKO),
    ("consumes: [{from: a, import: b}]", IKANOS, LAST),
    ("exposes: [{type: control, port: 80}]", IKANOS, LAST),
    (f"aggregates: {FLOWS}", IKANOS, LAST),
    ("binds: [{namespace: a, keys: {A: b}}]", IKANOS, LAST),
    ("binds: [{namespace: a, keys: {A: b}}]\naggregates: []", "", ""),
    ("info: {display: A, description: B}", "", ""),
]

# Where, what is put there, and the message that refuses it in the last version.
REFUSED: Final = [
    (f"{OPERATION}.maxBinarySize", "5MB", '`maxBinarySize` must be a number with its unit, as 5MiB, not "5MB"'),
    (f"{ROUTE}.responses", "{200 OK: {}}", 'the key "200 OK" must be a status, as 200 or 4XX'),
    (f"{ROUTE}.responses", "{'200': {content: {json: {}}}}", 'the key "json" must be a media type, as application/json'),
    (f"{ROUTE}.responseBinary", "{}", "`mediaType` is missing in `responseBinary`"),
    (f"{MCP}.cacheScope", "shared", '`cacheScope` must be one of public, private, not "shared"'),
    (f"{MCP}.address", "a b", '`address` must be a host name or an IP address, not "a b"'),
    (f"{CONSUMED}.resources", "[]", "`resources` must be a mapping by name, not an empty list"),
    (f"{CONSUMED}.resources", "{}", "`resources` must not be empty"),
    (f"{MCP}.tools", "{list albums: {ref: a.b}}", 'the key "list albums" must be a name of letters, digits and hyphens'),
    ("info.created", "'2026-13-01'", '`created` must be a date as YYYY-MM-DD, not "2026-13-01"'),
    (f"{CONSUMED}", "{from: a.yaml}", "`import` is missing in item 1 of `consumes`"),
    ("binds.0", "{from: a, import: b, keys: {A: a}}", 'unknown key "keys" in item 1 of `binds`'),
    (f"{ROUTE}.outputParameters", "[{type: string, mapping: $.a, value: b}]", '`mapping` is not allowed beside "value"'),
    (f"{ROUTE}.outputParameters", "[{type: string, mapping: $.a, items: {type: string, mapping: $.}}]", "`items` is only allowed in an array"),
]  # fmt: skip


def shape(version: Version) -> Any:
    return yaml.safe_load(LISTS if version.key == "naftiko" else MAPS)


def put(document: Any, path: str, value: str) -> None:
    """Set the value at a path, whose steps are keys, names of items and positions."""
    *steps, last = path.split(".")
    for step in steps:
        document = document[_key(document, step)]
    document[_key(document, last)] = yaml.safe_load(value)


def _key(holder: Any, step: str) -> str | int:
    if isinstance(holder, dict):
        return step
    if step.isdigit():
        return int(step)
    return [item["name"] for item in holder].index(step)


def is_official(version: str, text: str) -> bool:
    """Whether a document is what its version allows, without its line of the version."""
    document = source.load("spec.yaml", f"{version}\n{text}\n".encode(), Reporter())
    assert document is not None
    return is_valid(document)


def is_valid(document: source.Document) -> bool:
    version = declared(document.root)
    assert version is not None
    return OFFICIAL[version].is_valid(document.root)


def messages(text: str) -> list[str]:
    """What is said of a document that is held to its version."""
    reporter = Reporter()
    document = source.load("spec.yaml", text.encode(), reporter)
    assert document is not None, list(reporter)
    schema.validate(document, reporter, strict=True)
    return [found.message for found in reporter if found.code == "NAF105"]


def versions(first: str, last: str) -> list[str]:
    return NAMES[NAMES.index(first) : NAMES.index(last) + 1] if first else []


@pytest.mark.parametrize("version", VERSIONS, ids=NAMES)
def test_each_version_takes_its_own_shape_and_not_the_other(version: Version) -> None:
    own, other = (LISTS, MAPS) if version.key == "naftiko" else (MAPS, LISTS)
    assert messages(f"{version}\n{own}") == []
    kind = "a list" if version.key == "naftiko" else "a mapping by name"
    found = messages(f"{version}\n{other}")
    assert any(f"`resources` must be {kind}, not a " in message for message in found)


@pytest.mark.parametrize(("path", "value", "first", "last"), FEATURES)
def test_what_came_and_went(
    path: str, value: str | dict[str, str], first: str, last: str
) -> None:
    taken = []
    for version in VERSIONS:
        document = shape(version)
        put(document, path, value if isinstance(value, str) else value[version.key])
        if is_official(str(version), yaml.safe_dump(document, sort_keys=False)):
            taken.append(str(version))
    assert taken == versions(first, last)


@pytest.mark.parametrize(("text", "first", "last"), STANDALONE)
def test_files_for_others_to_import_from(text: str, first: str, last: str) -> None:
    taken = [name for name in NAMES if is_official(name, text)]
    assert taken == versions(first, last)


@pytest.mark.parametrize(("path", "value", "message"), REFUSED)
def test_what_is_refused(path: str, value: str, message: str) -> None:
    document = shape(VERSIONS[-1])
    put(document, path, value)
    text = yaml.safe_dump(document, sort_keys=False)
    assert messages(f"ikanos: 1.0.0-beta5\n{text}") == [message]


def test_the_strict_schema_is_read_only_when_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(schema, "official", lambda v: asked.append(v) or official(v))
    schema._official.cache_clear()
    document = source.load("spec.yaml", f"{LAST}\n{MAPS}".encode(), Reporter())
    assert document is not None
    for strict in (False, True, True):
        assert schema.validate(document, Reporter(), strict=strict) == frozenset()
        assert asked == ([VERSIONS[-1]] if strict else [])


VALIDITY: Final = SHARED / "schema-validity.json"
RECORDED: Final[dict[str, Any]] = (
    json.loads(VALIDITY.read_text(encoding="utf-8")) if VALIDITY.exists() else {}
)
PRESENT: Final = sorted(name for name in RECORDED if (SHARED / name).exists())


@pytest.mark.skipif(not PRESENT, reason="needs the reference files")
def test_agreement_with_what_is_recorded_of_the_official_schemas() -> None:
    differing = []
    for name in PRESENT:
        document = source.load(name, (SHARED / name).read_bytes(), Reporter())
        valid = document is not None and is_valid(document)
        if valid != RECORDED[name].get("valid", False):
            differing.append(name)
    assert differing == []
    assert len(PRESENT) > 100


# What a file is told whose shape is not official, and that nafgen failed.
UNOFFICIAL: Final = {"NAF101", "NAF102", "NAF103", "NAF104"}
FAULTS: Final = {"NAF501", "NAF599"}


@pytest.mark.parametrize("name", PRESENT)
def test_what_is_official_is_read_as_it_is(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formatting, "python", str)
    path = SHARED / name

    def read(shown: str) -> bytes | None:
        beside = path.parent / shown
        return beside.read_bytes() if beside.is_file() else None

    spec = Spec(shown=path.name, relative=path.name)
    found = compile_spec(spec, read).diagnostics
    codes = {each.code for each in found}
    assert not codes & FAULTS
    if RECORDED[name].get("valid", False):
        assert not codes & UNOFFICIAL
        assert not [each for each in found if "as the official" in each.message]
