"""What `source.load` reads, where it says that things are written, and what it refuses."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nafgen import source, yaml_rules
from nafgen.diagnostics import Diagnostic, Reporter, Span
from nafgen.source import Document, Map, Seq, load, span_at

FILE = "specs/x.yaml"


@pytest.fixture(params=["libyaml", "pure"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test once per parser."""
    if request.param == "pure":
        monkeypatch.setattr(source, "_open", source._PureParser)
    return str(request.param)


def read(text: str | bytes) -> tuple[Document | None, list[Diagnostic]]:
    reporter = Reporter()
    data = text.encode() if isinstance(text, str) else text
    return load(FILE, data, reporter), list(reporter)


def root(text: str) -> Any:
    document, found = read(text)
    assert document is not None, found
    assert found == []
    return document.root


def mistakes(text: str | bytes) -> list[tuple[str, int, int, str]]:
    document, found = read(text)
    assert document is None
    assert all(one.hint and one.span.file == FILE for one in found)
    return [(one.code, one.span.line, one.span.column, one.message) for one in found]


def at(line: int, column: int, end_line: int, end_column: int) -> Span:
    return Span(FILE, line, column, end_line, end_column)


def test_libyaml_is_what_runs_where_it_is_installed() -> None:
    assert source._open.__module__ == "yaml._yaml"


@pytest.mark.usefixtures("parser")
class TestValues:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            *((text, True) for text in ("true", "True", "TRUE")),
            *((text, False) for text in ("false", "False", "FALSE")),
            *((text, None) for text in ("null", "Null", "NULL", "~", "")),
            *((text, text) for text in ("on", "off", "yes", "no", "y", "tRUE", "nul")),
            ("12", 12),
            ("-3", -3),
            ("+3", 3),
            ("010", 10),
            ("0o17", 15),
            ("0x1F", 31),
            ("1.5", 1.5),
            ("-.5", -0.5),
            ("1.", 1.0),
            ("1e3", 1000.0),
            (".inf", math.inf),
            ("-.INF", -math.inf),
            ("1_000", "1_000"),
            ("0b1", "0b1"),
            ("-0x1F", "-0x1F"),
            ("12:30:45", "12:30:45"),
            ("2026-01-31", "2026-01-31"),
            ("2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z"),
            ("1.0.0-alpha2", "1.0.0-alpha2"),
            ("\u0661", "\u0661"),
            ("=", "="),
            ("'12'", "12"),
            ('"true"', "true"),
            ("''", ""),
            ("|-\n  12", "12"),
            (">-\n  true\n  x", "true x"),
            ("!!str 12", "12"),
            ("! 12", "12"),
            ("!!int '12'", 12),
            ("!!float 12", 12.0),
            ("!!bool true", True),
            ("!!null ''", None),
            ("!!seq [1]", [1]),
            ("!!map {a: 1}", {"a": 1}),
            ('"\\u00e9\\x41\\U0001f600"', "\u00e9A\U0001f600"),
        ],
    )
    def test_scalars_follow_the_core_schema_of_yaml_1_2(
        self, text: str, value: object
    ) -> None:
        read_value = root(f"k: {text}\n")["k"]
        assert read_value == value
        assert isinstance(read_value, type(value))
        assert isinstance(read_value, bool) == isinstance(value, bool)

    def test_nan(self) -> None:
        assert math.isnan(root(".nan"))

    def test_a_key_is_its_written_text(self) -> None:
        text = "on: 1\n200: 2\n1.0: 3\nnull: 4\n'q': 5\n!!int 7: 6\n'<<': 7\n? \n: 8\n"
        keys = ["on", "200", "1.0", "null", "q", "7", "<<", ""]
        assert list(root(text)) == keys

    def test_an_empty_file_has_no_root(self) -> None:
        assert root("") is None
        assert root("# only a comment\n") is None
        assert root("---\n...\n") is None

    def test_a_byte_order_mark_is_no_text(self) -> None:
        found = root("\ufeffa: 1\n")
        assert found == {"a": 1}
        assert found.value_span("a") == at(1, 4, 1, 5)

    def test_windows_line_ends(self) -> None:
        found = root("a: 1\r\nb: |\r\n  x\r\n  y\r\n")
        assert found == {"a": 1, "b": "x\ny\n"}
        assert found.key_span("b") == at(2, 1, 2, 2)


@pytest.mark.usefixtures("parser")
class TestSpans:
    def test_keys_and_values(self) -> None:
        found = root("name: photos\n'quoted key':  \"two\\nlines\"\nempty:\nlast: x\n")
        assert found.key_span("name") == at(1, 1, 1, 5)
        assert found.value_span("name") == at(1, 7, 1, 13)
        assert found.key_span("quoted key") == at(2, 1, 2, 13)
        assert found.value_span("quoted key") == at(2, 16, 2, 28)
        assert found.value_span("empty") == at(3, 7, 3, 7)
        assert found.span == at(1, 1, 4, 8)

    def test_columns_count_characters(self) -> None:
        found = root("\u00e9\U0001f600: [\u00fc\u00fc, x]  # \u2014\n")
        key = "\u00e9\U0001f600"
        assert found.key_span(key) == at(1, 1, 1, 3)
        assert found[key].item_span(1) == at(1, 10, 1, 11)

    def test_block_scalars_begin_at_their_header(self) -> None:
        found = root("a: |\n  x\n  y\nb: >-\n  q\n\nc: 1\n")
        assert found.value_span("a") == at(1, 4, 4, 1)
        assert found.value_span("b") == at(4, 4, 7, 1)

    def test_nested_block_collections_end_where_their_last_value_does(self) -> None:
        found = root("a:\n  - b: 1\n    c: 2\n\n  # comment\n  - d\n\n\nz: 3\n")
        items = found["a"]
        assert items.span == found.value_span("a") == at(2, 3, 6, 6)
        assert items[0].span == items.item_span(0) == at(2, 5, 3, 9)
        assert items.item_span(1) == at(6, 5, 6, 6)

    def test_flow_collections_end_after_their_bracket(self) -> None:
        found = root("a: [1, {b: c,\n  d: [] } ]\n")
        assert found["a"].span == at(1, 4, 2, 12)
        assert found["a"][1].span == at(1, 8, 2, 10)
        assert found["a"][1].value_span("d") == at(2, 6, 2, 8)

    def test_tags_and_anchors_belong_to_the_value(self) -> None:
        found = root("a: !!str 3\nb: &x [1]\nc: *x\n")
        assert found.value_span("a") == at(1, 4, 1, 11)
        assert found.value_span("b") == at(2, 4, 2, 10)
        assert found.value_span("c") == at(3, 4, 3, 6)
        assert found["c"].span == at(2, 4, 2, 10)

    def test_what_is_absent_has_the_span_of_its_container(self) -> None:
        found = root("a: [1]\n")
        assert found.key_span("b") == found.value_span("b") == found.span
        assert found["a"].item_span(1) == found["a"].item_span(-1) == found["a"].span

    def test_span_at(self) -> None:
        found = root("a:\n  - b: 1\n  - c: [x, y]\n")
        assert span_at(found, []) == (found.span, found.span)
        assert span_at(found, ["a", 0, "b"]) == (at(2, 5, 2, 6), at(2, 8, 2, 9))
        assert span_at(found, ["a", 1, "c", 1]) == (at(3, 12, 3, 13),) * 2
        deepest = (at(3, 5, 3, 6), at(3, 8, 3, 14))
        for path in (["c", 2], ["c", "k"], ["c", -1, "k"]):
            assert span_at(found, ["a", 1, *path]) == deepest
        assert span_at(found, ["a", 0, "b", "k"]) == span_at(found, ["a", 0, "b"])

    def test_lines(self) -> None:
        document, _ = read("a: 1\r\n\r\nb: \u00fc\n")
        assert document is not None
        assert [document.line(n) for n in range(5)] == ["", "a: 1", "", "b: \u00fc", ""]

    def test_maps_and_sequences_survive_a_deep_copy(self) -> None:
        found = root("a: [1]\n")
        twin = copy.deepcopy(found)
        assert twin == found
        assert twin is not found
        assert twin["a"].item_span(0) == found["a"].item_span(0)


@pytest.mark.usefixtures("parser")
class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "line", "column", "message"),
        [
            ("a:\n\tb: 1\n", 2, 1, "a tab cannot indent"),
            ("a: 1\nb: @c\n", 2, 4, "a value cannot start with `@`"),
            ("a: `c`\n", 1, 4, "a value cannot start with ```"),
            ("a: b: c\n", 1, 5, "a `:` cannot stand here"),
            ("a: 1\nbc\nd: 2\n", 2, 1, "this line is no `key: value`"),
            ("a: 'x\nb: 1\n", 1, 4, "this quoted text is never closed"),
            ('a: "x\n--- y"\n', 1, 4, "this quoted text is never closed"),
            (
                'a: "\\d"\n',
                1,
                5,
                "this quoted text has an escape that YAML does not know",
            ),
            (
                'a: "\\ud800"\n',
                1,
                4,
                "this quoted text has an escape that YAML does not know",
            ),
            (
                'a: "\\U00110000"\n',
                1,
                4,
                "this quoted text has an escape that YAML does not know",
            ),
            ("a: [1, 2\nb: 3\n", 2, 2, "a `,` or a closing bracket is missing"),
            ("a: {b: 1]\n", 1, 9, "a `,` or a closing bracket is missing"),
            ("a:\n   b: 1\n  c: 2\n", 3, 3, "this does not fit into the mapping around it"),
            ("- a\nb: 1\n", 2, 1, "this does not fit into the list around it"),
            ("a: - b\n", 1, 4, "an entry cannot start here"),
            ("a: & b\n", 1, 4, "a name is missing after `&` or `*`"),
            ("a: ***\n", 1, 4, "a name is missing after `&` or `*`"),
            ("a: | x\n  y\n", 1, 6, "a block of text cannot start like this"),
            ("a: ]\n", 1, 4, "a value cannot start here"),
            ("a: !x!y z\n", 1, 4, "this tag cannot be read"),
            ("[a]\nb: 1\n", 2, 1, "the file goes on after its value has ended"),
            ("%YAML 2.0\n---\na: 1\n", 1, 1, "this is not YAML"),
            ("{", 1, 2, "a value cannot start here"),
            ("a: 1\x00\n", 1, 5, "the character U+0000 is not allowed in YAML"),
            ("\u00fc: 1\n\u00fc: \x1b\n", 2, 4, "the character U+001B is not allowed in YAML"),
            ("a: 1\n---\nb: 2\n", 2, 1, "a second document starts here"),
            ("? [a]\n: b\n", 1, 3, "a key must be plain text"),
            ("k: &a x\n*a : b\n", 2, 1, "a key must be plain text"),
            ("a: *b\n", 1, 4, "`*b` refers to no finished value before it"),
            ("a: &b [*b]\n", 1, 8, "`*b` refers to no finished value before it"),
            ("a: !x 1\n", 1, 4, "the tag `!x` is not supported"),
            ("!x a: 1\n", 1, 1, "the tag `!x` is not supported"),
            ("a: !!set {b}\n", 1, 4, "the tag `tag:yaml.org,2002:set` is not supported"),
            ("a: !!python/name:os.system\n", 1, 4, "the tag `tag:yaml.org,2002:python/name:os.system` is not supported"),
            ("a: !!int x\n", 1, 4, "this is no value of type int"),
            ("a: !!int 1.5\n", 1, 4, "this is no value of type int"),
            ("a: !!float 0x\n", 1, 4, "this is no value of type float"),
            ("<<: {a: 1}\n", 1, 1, "merge keys are not supported"),
        ],
    )  # fmt: skip
    def test_what_is_not_yaml(
        self, text: str, line: int, column: int, message: str
    ) -> None:
        assert mistakes(text) == [("NAF002", line, column, message)]

    def test_the_start_of_what_is_broken_is_named(self) -> None:
        _, found = read("a:\n  - [1,\n     2\nb: 3\n")
        assert found[0].related == (("it starts here", at(2, 5, 2, 6)),)

    def test_what_is_not_utf_8(self) -> None:
        found = mistakes(b"a: \xc3\xbc\nb: \xc3\xbc\xff\n")
        assert found == [("NAF001", 2, 5, "byte 12 (0xff) is not UTF-8")]

    def test_duplicate_keys_are_all_reported(self) -> None:
        document, found = read("a: 1\nb: {c: 1, 'c': 2}\na: 3\na: 4\n")
        assert document is None
        assert {one.code for one in found} == {"NAF003"}
        assert [one.span for one in found] == [
            at(2, 11, 2, 14),
            at(3, 1, 3, 2),
            at(4, 1, 4, 2),
        ]
        assert found[2].related == (("it is first written here", at(1, 1, 1, 2)),)

    def test_mistakes_are_reported_up_to_a_limit(self) -> None:
        found = mistakes("a: 1\n" * (source.MAX_MISTAKES + 10))
        assert len(found) == source.MAX_MISTAKES + 1
        assert found[-1][0] == "NAF004"


@pytest.mark.usefixtures("parser")
class TestTruncation:
    FOOTER = (
        "\n# --- truncated at 32 KB (61 KB total) ---\n# Full source: https://x.test\n"
    )

    def test_what_is_left_is_read_with_a_warning(self) -> None:
        document, found = read("a: 1\nb:\n" + self.FOOTER)
        assert document is not None
        assert document.truncated
        assert document.root == {"a": 1, "b": None}
        assert [(one.code, one.span) for one in found] == [("NAF008", at(4, 1, 4, 43))]

    def test_a_broken_file_gets_one_error_that_says_why(self) -> None:
        document, found = read("a: 1\nb: 'x" + self.FOOTER)
        assert document is None
        assert [(one.code, one.hint) for one in found] == [
            ("NAF002", "get the whole file")
        ]
        assert ("the file says that it was truncated", at(3, 1, 3, 43)) in (
            found[0].related
        )

    def test_other_comments_do_not_count(self) -> None:
        text = "# truncated at dawn\n" + "a: '# --- truncated at 1 KB ---'\n" + "\n" * 5
        document, found = read(text)
        assert document is not None
        assert not document.truncated
        assert found == []


@pytest.mark.usefixtures("parser")
class TestLimits:
    def test_nesting(self) -> None:
        depth = source.MAX_DEPTH
        assert root("[" * depth + "x" + "]" * depth)
        [(code, line, column, _)] = mistakes("[" * (depth + 1) + "]" * (depth + 1))
        assert (code, line, column) == ("NAF004", 1, depth + 1)

    def test_nesting_that_never_closes(self) -> None:
        assert mistakes("[" * 100_000)[0][0] == "NAF004"

    def test_nesting_through_aliases(self) -> None:
        deep = source.MAX_DEPTH // 2
        brackets = "[" * deep, "]" * deep
        [(code, line, _, _)] = mistakes(
            "a: &a {0}{1}\nb: &b {0}*a{1}\nc: [*b]\n".format(*brackets)
        )
        assert (code, line) == ("NAF004", 2)

    def test_file_size(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(yaml_rules, "MAX_BYTES", 10)
        assert root("a: 345678\n")
        assert mistakes("a: 3456789\n")[0][:3] == ("NAF004", 1, 1)

    def test_number_of_values(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(source, "MAX_NODES", 10)
        assert root("[1, 2, 3, 4, 5, 6, 7, 8, 9]")
        assert mistakes("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]")[0][0] == "NAF004"

    def test_aliases_stand_for_the_same_value(self) -> None:
        found = root("a: &x {b: [1]}\nc: [*x, *x]\n&k d: *k\n")
        assert found == {"a": {"b": [1]}, "c": [{"b": [1]}] * 2, "d": "d"}
        assert found["c"][0] is found["a"]

    def test_aliases_may_not_unfold_into_many_values(self) -> None:
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        for n in range(1, 8):
            aliases = ", ".join([f"*a{n - 1}"] * 10)
            lines.append(f"a{n}: &a{n} [{aliases}]")
        [(code, line, _, _)] = mistakes("\n".join(lines))
        assert (code, line) == ("NAF004", 6)

    def test_aliases_may_not_unfold_into_much_text(self) -> None:
        text = "x" * 100_000
        aliases = ", ".join(["*a"] * (yaml_rules.MAX_BYTES // 100_000))
        [(code, line, _, _)] = mistakes(f"a: &a {{b: {text}}}\nb: [{aliases}]\n")
        assert (code, line) == ("NAF004", 2)

    @pytest.mark.parametrize("digit", ["1", "0x1", "0o1", "1.", "1e"])
    def test_long_numbers(self, digit: str) -> None:
        number = digit + "1" * 5_000
        assert mistakes(f"a: {number}\n")[0][:3] == ("NAF004", 1, 4)
        assert root(f"a: '{number}'\n")["a"] == number

    @pytest.mark.parametrize("prefix", ["", "0x", "0o"])
    def test_the_longest_numbers_fit_into_a_float(self, prefix: str) -> None:
        digit = "f" if prefix == "0x" else "7"
        number = prefix + digit * (yaml_rules.MAX_NUMBER - len(prefix))
        assert root(f"!!float {number}") == float(root(number)) < math.inf


SEED = """\
# a comment
naftiko: 1.0.0-alpha2
info: {label: "Ph\\u00e9otos", tags: [a, 'b', ~], n: 010}
on: &anchor
  - text: |+
      block

    folded: >-
      more
      text
  - *anchor2
binds:
- ? complex
  : !!str 12
"""
FRAGMENTS = [
    *"\t\n :-[]{},#&*!|>'\"%@`?~\\=<.0\x00\x85\u2028\ufeff\x07\U0001f600",
    *("---\n", "...\n", "<<: ", "? ", "- ", ": ", "\n  ", "\r\n", "!!int ", "!x "),
    *("&a ", "*a ", "%YAML 1.1\n", "%TAG ! x\n", '"\\ud800"', "\\x0", "!<", "\xff"),
]


def mutated() -> st.SearchStrategy[bytes]:
    edit = st.tuples(
        st.integers(0, len(SEED)), st.integers(0, 12), st.sampled_from(FRAGMENTS)
    )

    def apply(edits: list[tuple[int, int, str]]) -> bytes:
        text = SEED
        for start, length, fragment in edits:
            text = text[:start] + fragment + text[start + length :]
        return text.encode()

    return st.lists(edit, min_size=1, max_size=5).map(apply)


def pieces() -> st.SearchStrategy[bytes]:
    parts = st.sampled_from([*FRAGMENTS, "a", "key", "1"])
    return st.lists(parts, max_size=12).map(lambda found: "".join(found).encode())


def scalars(value: Any) -> Iterator[object]:
    if isinstance(value, Map):
        for key, item in value.items():
            assert value.key_span(key) <= value.value_span(key)
            yield key
            yield from scalars(item)
    elif isinstance(value, Seq):
        for item in value:
            yield from scalars(item)
    else:
        yield value


@settings(
    max_examples=700,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.one_of(st.binary(max_size=60), mutated(), pieces()))
def test_any_bytes_give_a_document_or_an_error(parser: str, data: bytes) -> None:
    document, found = read(data)
    errors = [one for one in found if one.code != "NAF008"]
    assert (document is None) == bool(errors)
    lines = data.decode("utf-8", "replace").count("\n") + data.count(b"\r") + 100
    assert all(1 <= one.span.line <= lines and one.span.column >= 1 for one in found)
    if document is not None:
        for value in scalars(document.root):
            assert isinstance(value, str | int | float | None)
            str(value).encode()  # fails for half a surrogate pair
