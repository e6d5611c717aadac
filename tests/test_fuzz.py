"""Whatever the bytes of a spec are, nafgen gives diagnostics, and soon."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import yaml
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_support import examples
from nafgen import format as formatting
from nafgen import report, sarif
from nafgen.compile import Compilation, compile_spec
from nafgen.diagnostics import CODES, as_json, from_json
from nafgen.inputs import Spec
from spec_strategies import HOSTILE, UNREADABLE, written

MAX_SECONDS = 20.0
"""Of the processor, for a spec of some kilobytes; most take a hundredth of a second."""

SPEC = Spec(shown="spec.yaml", relative="spec.yaml")


@pytest.fixture(autouse=True, scope="module")
def without_black() -> Iterator[None]:
    """Layout does not matter here, and takes most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formatting, "python", str)
        yield


@cache
def real() -> tuple[bytes, ...]:
    """The specs of this repository, those with mistakes among them."""
    folders = ("specs", "tests/cases", "tests/diagnostics")
    found = [p for folder in folders for p in sorted((ROOT / folder).rglob("*.yaml"))]
    return tuple(path.read_bytes() for path in found if "overlay" not in path.name)


@cache
def parsed() -> tuple[Any, ...]:
    """Those that are capabilities of a usual size, as plain values."""
    values = []
    for data in real():
        try:
            values.append(yaml.load(data, yaml.CSafeLoader))
        except yaml.YAMLError:
            continue
    maps = (value for value in values if isinstance(value, dict))
    return tuple(value for value in maps if len(written(value)) < 100_000)


def compiled(data: bytes, overlay: bytes | None = None) -> Compilation:
    """Compile bytes, as `validate` does, and hold to what is true of each compilation."""
    started = time.process_time()
    files = {SPEC.shown: data, SPEC.overlay.shown: overlay}
    made = compile_spec(SPEC, files.get)
    assert time.process_time() - started < MAX_SECONDS
    found = made.diagnostics
    # A file that holds only what others import makes no package, and is no mistake.
    refused = any(f.severity == "error" or f.code == "NAF432" for f in found)
    assert made.package is not None or refused
    lines = data.decode("utf-8", "replace").splitlines()

    def line(file: str, number: int) -> str:
        is_there = file == SPEC.shown and 0 < number <= len(lines)
        return lines[number - 1] if is_there else ""

    for one in found:
        assert one.code not in ("NAF501", "NAF599")
        assert one.code in CODES
        assert one.span.line >= 1 and one.span.column >= 1
        assert (one.span.end_line, one.span.end_column) >= one.span[1:3]
        assert "Traceback" not in one.message
        shown = report.text(one, line, colour=False)
        assert all(c == "\n" or c.isprintable() for c in shown)
        assert report.concise(one).isprintable()
        assert len(report.github(one).splitlines()) == 1
        assert from_json(json.loads(json.dumps(as_json(one, {}))), {}) == one
    json.dumps(sarif.document(found, 1))
    return made


# --- bytes that were never a spec --------------------------------------------------

TOKENS = (
    *("- ", "? ", ": ", "\n", "  ", "\t", ", ", "[", "]", "{", "}", "|", ">", "|2-\n"),
    *("&a ", "*a", "&a [*a]", "<<: ", "<<: *a\n", "!!int ", "!!python/object:os.x "),
    *("!!binary ", "!!set ", "!<x> ", "%YAML 1.1\n---\n", "---\n", "...\n", "# x\n"),
    *("null", "~", "true", "on", "0x1F", "0o17", "1e999", ".nan", "-.inf", "9" * 300),
    *("1_000", "1:30", "2024-01-01", "'", '"', "\\", '"\\x00"', '"\\ud800"', "`", "@"),
    *(
        "naftiko: ",
        "capability:",
        "consumes:",
        "exposes:",
        "type: ",
        "path: ",
        "name: ",
    ),
    *("binds:", "with:", "body:", "\ufeff", "\u2028", "\x85", "\x00", "\ud7ff", "🎉"),
)
soups = st.lists(st.sampled_from(TOKENS) | st.text(max_size=4), max_size=40).map(
    lambda tokens: "".join(tokens).encode("utf-8", "surrogatepass")
)


@examples(300)
@given(st.binary(max_size=300) | soups)
def test_any_bytes(data: bytes) -> None:
    compiled(data)


# --- bytes that were a spec once ----------------------------------------------------

Mutation = Callable[[bytes], bytes]
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-7")


def within(data: bytes, at: float) -> int:
    return int(at * len(data))


@st.composite
def mutations(draw: st.DrawFn) -> Mutation:
    """One change of a file: where it happens is a part of its length."""
    places = st.floats(0, 1, exclude_max=True)
    at, to = sorted((draw(places), draw(places)))
    kind = draw(st.sampled_from("flip cut drop repeat insert splice encode".split()))
    if kind == "flip":
        bit = draw(st.integers(0, 7))
        return lambda data: flipped(data, within(data, at), bit)
    if kind == "cut":
        return lambda data: data[: within(data, at)]
    if kind == "drop":
        short = at + (to - at) / 20
        return lambda data: data[: within(data, at)] + data[within(data, short) :]
    if kind == "repeat":
        return lambda data: data[: within(data, to)] + data[within(data, at) :]
    if kind == "insert":
        piece = draw(st.sampled_from((*TOKENS, *HOSTILE)) | st.text(max_size=8))
        more = piece.encode("utf-8", "surrogatepass")
        return lambda data: data[: within(data, at)] + more + data[within(data, at) :]
    if kind == "splice":
        other = draw(st.sampled_from(real()))
        return lambda data: data[: within(data, at)] + other[within(other, to) :]
    encoding = draw(st.sampled_from(ENCODINGS))
    return lambda data: data.decode("utf-8", "replace").encode(encoding, "replace")


def flipped(data: bytes, at: int, bit: int) -> bytes:
    return (
        data[:at]
        + bytes(byte ^ (1 << bit) for byte in data[at : at + 1])
        + data[at + 1 :]
    )


@examples(400)
@given(
    st.sampled_from(range(len(real()))), st.lists(mutations(), min_size=1, max_size=4)
)
def test_mutated_text(index: int, changes: list[Mutation]) -> None:
    data = real()[index]
    for change in changes:
        data = change(data)
    compiled(data[:60_000])


# --- values of the wrong kind, anywhere ----------------------------------------------

Place = tuple[str | int, ...]
odd_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from(
        (*HOSTILE, *UNREADABLE, "$.a[0]", "rest.x", "GET", "object", "body")
    ),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(
        st.sampled_from(("name", "type", "value", "path", "in", "", "a.b", "keys")),
        inner,
        max_size=3,
    ),
    max_leaves=4,
)


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Every place in a value but the root."""
    members: Any = ()
    if isinstance(value, dict):
        members = value.items()
    elif isinstance(value, list):
        members = enumerate(value)
    for step, member in members:
        yield (*place, step)
        yield from places(member, (*place, step))


@cache
def places_of(index: int) -> tuple[Place, ...]:
    return tuple(places(parsed()[index]))


@st.composite
def misshapen(draw: st.DrawFn) -> Any:
    """A real spec in which some values were replaced, renamed, moved or removed."""
    index = draw(st.sampled_from(range(len(parsed()))))
    spec = copy.deepcopy(parsed()[index])
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(places_of(index)))
        node = at_place(spec, place[:-1])
        if at_place(spec, place) is None or not isinstance(node, dict | list):
            continue  # an earlier change took it away
        kind = draw(
            st.sampled_from("replace replace replace rename remove move".split())
        )
        if kind == "replace":
            node[place[-1]] = draw(odd_values)
        elif kind == "remove":
            del node[place[-1]]
        elif kind == "rename" and isinstance(node, dict):
            names = st.sampled_from(
                ("ref", "import", "steps", "pattern", "id", *HOSTILE)
            )
            node[draw(names)] = node.pop(place[-1])
        else:
            other = at_place(spec, draw(st.sampled_from(places_of(index))))
            node[place[-1]] = copy.deepcopy(other)
    return spec


def at_place(value: Any, place: Place) -> Any:
    """What stands at a place; None where there is none."""
    for step in place:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


@examples(400)
@given(misshapen())
def test_misshapen_values(spec: Any) -> None:
    compiled(written(spec))


overlays = st.fixed_dictionaries(
    {"overlay": st.just("1.0.0") | odd_values},
    optional={
        "info": odd_values,
        "actions": st.lists(
            st.fixed_dictionaries(
                {
                    "target": st.sampled_from(
                        (
                            "$",
                            "$..name",
                            "$.capability.consumes[*]",
                            "$.info",
                            "$..*",
                            "$[",
                        )
                    )
                },
                optional={"update": odd_values, "remove": st.booleans() | odd_values},
            ),
            max_size=3,
        )
        | odd_values,
    },
)


@examples(200)
@given(st.sampled_from(range(len(parsed()))), overlays | soups)
def test_any_overlay(index: int, overlay: Any) -> None:
    amendment = overlay if isinstance(overlay, bytes) else written(overlay)
    compiled(written(parsed()[index]), amendment)


# --- what is built to be expensive -----------------------------------------------------

LEVELS = 30
BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, LEVELS)
)
HEAD = "naftiko: 1.0.0-alpha2\ninfo: {label: x}\ncapability:\n"
EXPENSIVE = {
    "nesting": "[" * 50_000,
    "nested mappings": "{a: " * 50_000,
    "nested in a block": "".join(f"{' ' * n}a:\n" for n in range(2_000)),
    "nested sequences": "- " * 50_000,
    "aliases": BOMB,
    "aliases in a capability": f"{BOMB}{HEAD}  consumes: *a{LEVELS - 1}\n",
    "an alias to itself": "a: &a [*a]\n",
    "merge keys": "a: &a {x: 1}\nb: {<<: *a, <<: [*a, *a]}\n",
    "a huge integer": f"{HEAD}  consumes: {'9' * 200_000}\n",
    "a huge exponent": f"{HEAD}  consumes: 1e{'9' * 10_000}\n",
    "a huge hexadecimal": f"{HEAD}  consumes: 0x{'f' * 100_000}\n",
    "keys written twice": HEAD + "  consumes: []\n" * 20_000,
    "a long key": f"? {'k' * 500_000}\n: 1\n",
    "a long line": f"{HEAD}  description: {'d' * 1_000_000}\n",
    "many anchors": "".join(f"k{n}: &n{n} {n}\n" for n in range(20_000)),
    "many documents": "--- a\n" * 20_000,
    "tags": "!!python/object/apply:os.system ['true']\n",
    "directives": "%TAG ! tag:x,2000:\n" * 5_000 + "--- !x {}\n",
    "braces in a template": f"{HEAD}  consumes: [{{namespace: a, baseUri: '{'{{' * 20_000}'}}]\n",
    "dots in a path": f"{HEAD}  consumes: [{{namespace: a, resources: [{{path: '/{'../' * 20_000}',"
    " operations: [{name: x, method: GET}]}]}]\n",
}


@pytest.mark.parametrize("text", EXPENSIVE.values(), ids=EXPENSIVE)
def test_what_is_expensive_is_refused_or_cheap(text: str) -> None:
    compiled(text.encode())
