"""The JSONPath of the specification: what is read, what it finds, what is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from nafgen.diagnostics import Reporter, Span
from nafgen.expect_results import found_at
from nafgen.ir import Pick
from nafgen.json_paths import json_path, located_path, result_path
from nafgen.names import UnitNames
from nafgen.path_scanner import PathError
from nafgen.paths import Every, Function, Path, Query
from nafgen.pycode import Code, Imports
from nafgen.result_steps import queries
from nafgen.runtime import mapping, path_functions, wildcards
from nafgen.runtime.queries import jsonpath
from nafgen.samples import sample_at
from nafgen.targets.mappings import result_view

DOCUMENT: dict[str, Any] = {
    "name": "n",
    "null": None,
    "first name": "F",
    "a.b": {"c'd": 1},
    "@type": "T",
    "$ref": "#",
    "2024": 7,
    "ns:tag": "x",
    "items": [
        {"id": 1, "tag": "a", "price": 2.5, "tags": ["x", "y"]},
        {"id": 2, "tag": "b", "price": 10, "tags": []},
        {"id": 3, "note": None},
    ],
    "deep": {"id": 4, "deep": {"id": 5}},
    "matrix": [[1, 2], [3], "text"],
    "numbers": [3, 1, 2, True, "4"],
    "none": [],
    "text": "hello",
}

FOUND: list[tuple[str, Any]] = [
    # one thing at most
    ("$.name", "n"),
    ("name", "n"),
    ("@.name", "n"),
    ("  $.name ", "n"),
    ("$.null", None),
    ("$.missing.more", None),
    ("$.name.more", None),
    ("$.first name", "F"),
    ("$['first name']", "F"),
    ("$.['first name']", "F"),
    ('$[ "first name" ]', "F"),
    ("$['a.b']['c\\'d']", 1),
    ("$['a.b'][\"c'd\"]", 1),
    ("$.@type", "T"),
    ("@type", "T"),
    ("$.$ref", "#"),
    ("$.2024", 7),
    ("$.ns:tag", "x"),
    ("$.items[0].id", 1),
    ("$.items[ -1 ].id", 3),
    ("$.items[3]", None),
    ("$.items[-4]", None),
    ("$.items.0", None),
    ("$.deep[0]", None),
    ("$.text[0]", None),
    ("items[1].id", 2),
    # everything
    ("$.items[*].id", [1, 2, 3]),
    ("$.items[*].tag", ["a", "b"]),
    ("$.items[*].note", [None]),
    ("$.items.*.tags[*]", ["x", "y"]),
    ("$.items[*].tags", [["x", "y"], []]),
    ("$.items[*].tags[0]", ["x"]),
    ("$.items[*].tags[-1]", ["y"]),
    ("$.matrix[*][*]", [1, 2, 3]),
    ("$.deep[*]", [4, {"id": 5}]),
    ("$.deep.*.id", [5]),
    ("$.missing[*].id", []),
    ("$.text[*]", []),
    # several selectors
    ("$.items[0]['id','tag','x']", {"id": 1, "tag": "a"}),
    ("$.items[*]['id', 'note']", [{"id": 1}, {"id": 2}, {"id": 3, "note": None}]),
    ("$['deep','none'].id", [4]),
    ("$.text['id','tag']", None),
    ("$.items[0,-1].id", [1, 3]),
    ("$.items[0:2].id", [1, 2]),
    ("$.items[-1:].id", [3]),
    ("$.items[:1].id", [1]),
    ("$.items[1:-1].id", [2]),
    ("$.text[0:2]", []),
    # however deep
    ("$..id", [1, 2, 3, 4, 5]),
    ("$.deep..id", [4, 5]),
    ("$..tags[0]", ["x"]),
    ("$..nothing", []),
    ("$.deep..*", [4, {"id": 5}, 5]),
    # filters
    ("$.items[?(@.id > 1)].id", [2, 3]),
    ("$.items[?(@.id >= 2 && @.id < 3)].id", [2]),
    ("$.items[?(@.id == 1 || @.tag == 'b')].id", [1, 2]),
    ('$.items[?(@.tag != "a")].id', [2, 3]),
    ("$.items[?(!@.tag)].id", [3]),
    ("$.items[?(!(@.id == 1 || @.id == 2))].id", [3]),
    ("$.items[?(@.note)].id", [3]),
    ("$.items[?(@.note == null)].id", [3]),
    ("$.items[?(@.tag in ['a', 'c'])].id", [1]),
    ("$.items[?(@.tag nin ['a', 'c'])].id", [2, 3]),
    ("$.items[?(@.id in $.numbers)].id", [1, 2, 3]),
    ("$.items[?(@.tags size 2)].id", [1]),
    ("$.items[?(@.tags.length() == 0)].id", [2]),
    ("$.items[?(@.tag =~ /A/i)].id", [1]),
    ("$.items[?(@.tag =~ /[b-z]{1}.*/)].id", [2]),
    ("$.items[?(@.id > $.numbers[1])].id", [2, 3]),
    ("$.items[?(@['tags'][0] == 'x')].id", [1]),
    ("$.numbers[?(@ > 1)]", [3, 2]),
    ("$.items[?(@.id == '1')]", []),
    ("$.numbers[?(@ == 1)]", [1]),
    ("$.numbers[?(@ in [1])]", [1]),
    ("$.none[?(@.id)]", []),
    ("$.items[?(@.id > 1)]['id','tag']", [{"id": 2, "tag": "b"}, {"id": 3}]),
    ("$.items[?(@.price > 2.5)].price", [10]),
    # functions
    ("$.items.length()", 3),
    ("$.length()", 14),
    ("$.text.length()", None),
    ("$.missing.length()", None),
    ("$.items[*].length()", [4, 4, 2]),
    ("$.items[*].tags.length()", [2, 0]),
    ("$.items[?(@.id < 3)].tags.length()", [2, 0]),
    ("$.deep.keys()", ["id", "deep"]),
    ("$.items.keys()", None),
    ("$.items[*].tags.first()", ["x"]),
    ("$.numbers.first()", 3),
    ("$.numbers.last()", "4"),
    ("$.none.last()", None),
    ("$.numbers.sum()", 6.0),
    ("$.numbers.min()", 1.0),
    ("$.numbers.max()", 3.0),
    ("$.numbers.avg()", 2.0),
    ("$.none.sum()", None),
    ("$.sum($.items[*].price)", 12.5),
    ("$.max($.numbers, $.items[*].price, 11)", 11.0),
    ("$.numbers.sum(4)", 10.0),
    ("$.length($.items[*].tag)", 2),
    ('$.none.append(9, "x", 1.5)', [9, "x", 1.5]),
    ("$.items[0].tags.append($.name)", ["x", "y", "n"]),
    ("$.text.append(1)", "hello"),
]


@pytest.mark.parametrize(("text", "found"), FOUND)
def test_what_a_path_finds(text: str, found: Any) -> None:
    """In what verification expects, and in the Python that is generated."""
    path = json_path(text)
    for find in (lambda value: found_at(path, value), generated(path)):
        document = copy.deepcopy(DOCUMENT)
        assert find(document) == found
        assert document == DOCUMENT


REFUSED: list[tuple[str, int, str]] = [
    ("", 0, "empty"),
    ("$a", 1, "followed by"),
    ("$5.00", 1, "followed by"),
    ("{{$.id}}", 0, "placeholder"),
    ("$.a.", 4, "a name was expected, not nothing"),
    ("$..", 3, "a name was expected, not nothing"),
    ("$...a", 3, "a name was expected"),
    ("$.a.{b}", 4, "a name was expected"),
    ("$. a", 2, "begins or ends with a blank"),
    ("$.a .b", 2, "begins or ends with a blank"),
    ("$.a]", 3, "not expected here"),
    ("$.a[]", 4, "no selector"),
    ("$.a[x]", 4, "no selector"),
    ("$.a[(@.length-1)]", 4, "no selector"),
    ("$.a[:]", 4, "no selector"),
    ("$.a[0:4:2]", 4, "no selector"),
    ("$.a[12345]", 4, "no selector"),
    ("$.a[0", 5, "was expected, but it ends"),
    ("$.a['b", 4, "never closed"),
    ("$.a['\\q']", 5, "escape"),
    ("$.a['b',0]", 8, "quotes was expected"),
    ("$..['a','b']", 1, "no list of names"),
    ("$..length()", 9, "not expected here"),
    ("$.a.size()", 4, "no function"),
    ("$.a.length().b", 12, "nothing can follow"),
    ("$.a[*].b.sum()", 9, "each value alone"),
    ("$.a.keys(1)", 4, "cannot have these arguments"),
    ("$.a[*].append(1)", 7, "cannot have these arguments"),
    ("$.a.append()", 4, "needs what to append"),
    ("$.sum(x)", 6, "argument was expected"),
    ("$.sum($.a.length())", 7, "do not nest"),
    ("$.sum($.a", 9, "was expected, but it ends"),
    ("$.a[?(@.b]", 9, "was expected"),
    ("$.a[?(1)]", 6, "has to be compared"),
    ("$.a[?(@.b == )]", 13, "a value was expected"),
    ("$.a[?(@.b <> 1)]", 10, "was expected"),
    ("$.a[?(@..b)]", 8, "no `..`"),
    ("$.a[?(@.b[*] == 1)]", 3, "comparable"),
    ("$.a[?(@.b == 9007199254740993)]", 13, "too large"),
    ("$.a[?(@.b in [@.c])]", 14, "no paths"),
    ("$.a[?(@.b size x)]", 10, "`size`"),
    # patterns that could keep a service busy
    ("$.a[?(@.b =~ /(a+)+/)]", 18, "cannot have"),
    ("$.a[?(@.b =~ /(a|a)*c/)]", 19, "cannot have"),
    ("$.a[?(@.b =~ /a*a*a*c/)]", 13, "more than 2 repetitions"),
    ("$.a[?(@.b =~ /a?a?a?a?a?aaaaa/)]", 13, "more than 2 repetitions or 4 choices"),
    ("$.a[?(@.b =~ /(?=a)/)]", 15, "cannot have"),
    ("$.a[?(@.b =~ /(a)\\1/)]", 17, "cannot have"),
    ("$.a[?(@.b =~ /[b-a]/)]", 13, "the pattern is wrong"),
    ("$.a[?(@.b =~ 'a')]", 13, "was expected"),
    (f"$.a[?(@.b =~ /{'a' * 101}/)]", 13, "within 100 characters"),
    # and paths that could
    (f"$.{'a' * 500}", 0, "more than 500 characters"),
    (f"${'.a' * 51}", 101, "more than 50 segments"),
    ("$..a..b..c", 7, "more than 2 `..`"),
    ("$[0,1][0,1][0,1]", 11, "more than 2 `..`"),
    (f"${'[*]' * 9}", 25, "more than 8 wildcards"),
    (f"$[?({'(' * 9}@.a{')' * 9})]", 12, "more than 8 levels"),
    (f"$[?({'!' * 10}@.a)]", 13, "more than 8 levels"),
    (f"$[?({' || '.join(['@.a'] * 21)})]", 136, "more than 20 terms"),
]


@pytest.mark.parametrize(("text", "offset", "message"), REFUSED)
def test_what_is_no_path(text: str, offset: int, message: str) -> None:
    with pytest.raises(PathError) as raised:
        json_path(text)
    assert message in raised.value.message
    assert raised.value.offset == offset


def test_where_a_path_is_wrong() -> None:
    """The column is that of the character, where the text is written in one line."""
    reporter = Reporter()
    for quotes in (0, 2, 5):
        span = Span("a.yaml", 3, 10, 3, 10 + len("$.a[x]") + quotes)
        assert located_path("$.a[x]", span, reporter) is None
    assert located_path(7, span, reporter) is None
    found = {(d.code, d.span.line, d.span.column) for d in reporter}
    assert found == {("NAF905", 3, 10), ("NAF905", 3, 14), ("NAF905", 3, 15)}


@pytest.mark.parametrize(
    ("text", "name", "path"),
    [
        ("$.ship", "ship", ()),
        ("$.ship.a.b[0]", "ship", ("a", "b", 0)),
        ("$['get-ship'][*].id", "get-ship", (Every(("id",)),)),
        ("$.ships[?(@.id == 1)]", "ships", (Query("$[?@.id == 1]", '[{"id": 1}]'),)),
        ("$.ships.length()", "ships", (Function("length", ((),)),)),
    ],
)
def test_a_path_among_results(text: str, name: str, path: Path) -> None:
    assert result_path(text) == (name, path)


@pytest.mark.parametrize(
    "text", ["$", "$[0]", "$.*", "$..a", "$.sum($.a)", "$.a[?(@.b == $.c)]", "$.a["]
)
def test_no_path_among_results(text: str) -> None:
    with pytest.raises(PathError):
        result_path(text)


UNFORESEEN = ("$.numbers[1]", "in $.numbers", "length() == 0", "[b-z]")
"""Filters for which no sample is made: the mock's answer has nothing for them."""


@pytest.mark.parametrize("text", [text for text, found in FOUND if found])
def test_samples_have_what_is_looked_for(text: str) -> None:
    path = json_path(text)
    if not any(unforeseen in text for unforeseen in UNFORESEEN):
        assert found_at(path, sample_at(path, str, "mark"))


def test_samples_stay_small() -> None:
    path = json_path("$[9999]" + "[*]" * 8)
    assert len(json.dumps(sample_at(path, str, "mark"))) < 1_000_000


# --- against the library, and against what was recorded --------------------------

NAMES = st.sampled_from(["a", "b", "a b", "0", "é"])
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)
SEGMENTS = st.one_of(
    NAMES.map(lambda name: f"[{json.dumps(name, ensure_ascii=False)}]"),
    st.integers(-3, 3).map(lambda index: f"[{index}]"),
    st.just("[*]"),
)


@given(st.lists(SEGMENTS, min_size=1, max_size=5).map("".join), VALUES)
def test_plain_python_finds_what_the_library_finds(path: str, value: Any) -> None:
    found = jsonpath(f"${path}")(value)
    for find in (partial(found_at, json_path(f"${path}")), generated(json_path(path))):
        if "*" in path:
            assert find(value) == found
        else:
            assert find(value) == (found[0] if found else None)


CONFORMANCE = ROOT.parent / "shared" / "conformance"
WHOLE = "`append` changes the document for all later paths"
DIFFERENCES = {
    "$.nums.append(9)": "an element is appended once",
    "$": WHOLE,
    "$.": WHOLE,
    "$.*": WHOLE,
    "$.nums.stddev()": "the last digit is rounded",
    # refused when the spec is compiled, instead of null or nonsense at run time
    "$.results[*].p.sum()": "NAF905",
    "$.results.index(0)": "NAF905",
    "$.s.concat('x')": "NAF905",
    '$.concat($.s,"!")': "NAF905",
    "{{$.id}}": "NAF905",
    "$.name.": "NAF905",
    "$.results[]": "NAF905",
    "$.results[(@.length-1)].id": "NAF905",
    "": "NAF905",
}
"""Paths of which another thing is found than was recorded of the engine, and why."""


def recorded() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(
        (CONFORMANCE / "jsonpath-oracle.json").read_text(encoding="utf-8")
    )
    return read


@pytest.mark.skipif(not CONFORMANCE.exists(), reason="no recorded values here")
def test_recorded_paths() -> None:
    """Those of the engine, in its own order; differences are those listed, no others."""
    oracle, differ = recorded(), set()
    for case in oracle["cases"]:
        document, text = oracle["docs"][case["doc"]], case["path"]
        try:
            found = generated(json_path(text))(copy.deepcopy(document))
        except PathError:
            assert DIFFERENCES[text] == "NAF905"
            differ.add(text)
            continue
        assert found == found_at(json_path(text), document)
        if found != case["engine"] or type(found) is not type(case["engine"]):
            differ.add(text)
    assert differ == DIFFERENCES.keys()


def generated(path: Path) -> Callable[[Any], Any]:
    """The function that is generated for a path."""
    result = Pick(path)
    own = UnitNames(
        function=Code("f"),
        result=Code("_f_result"),
        queries=tuple(Code(f"_F_QUERY_{n}") for n in range(len(queries(result)))),
        inputs={},
        tool="",
        properties={},
    )
    view = result_view(result, own, Imports())
    assert view is not None
    names: dict[str, Any] = {
        "path_functions": path_functions,
        **vars(mapping),
        **vars(wildcards),
        "jsonpath": jsonpath,
    }
    for query in view.queries:
        names[query.name] = eval(query.made, names)  # noqa: S307 - our own
    code = f"lambda value: {view.expression}"
    found: Callable[[Any], Any] = eval(code, names)  # noqa: S307 - our own
    return found
