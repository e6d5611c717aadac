"""What overlays do to a document, and what is said of those that cannot be applied."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nafgen import overlay
from nafgen.diagnostics import Diagnostic, Reporter, Span
from nafgen.source import MAX_DEPTH, Document, load

SPEC = """\
info:
  title: Photos
  tags: [a, b]
list:
  - {name: x, n: 1}
  - {name: y, n: 2, deep: {k: v}}
  - plain
"""
HEAD = "overlay: 1.0.0\ninfo: {title: t, version: '1'}\n"


def document(text: str, path: str) -> Document:
    reporter = Reporter()
    found = load(path, text.encode(), reporter)
    assert found is not None, list(reporter)
    return found


def run(overlay_text: str) -> tuple[Document | None, list[Diagnostic]]:
    spec = document(SPEC, "x.yaml")
    before = copy.deepcopy(spec.root)
    reporter = Reporter()
    result = overlay.apply(spec, document(overlay_text, "o.yaml"), reporter)
    assert spec.root == before
    return result, list(reporter)


def amended(*actions: str) -> Document:
    result, found = run(HEAD + "actions:\n" + "\n".join(actions) + "\n")
    assert found == []
    assert result is not None
    return result


def refused(text: str) -> tuple[int, int, str]:
    result, found = run(text)
    assert result is None
    [one] = found
    assert (one.code, one.span.file) == ("NAF006", "o.yaml")
    assert one.hint
    return one.span.line, one.span.column, one.message


def at_spec(line: int, column: int, end_column: int) -> Span:
    return Span("x.yaml", line, column, line, end_column)


def at_overlay(line: int, column: int, end_column: int) -> Span:
    return Span("o.yaml", line, column, line, end_column)


class TestUpdate:
    def test_objects_are_merged_recursively(self) -> None:
        root = amended(
            "- target: $",
            "  update: {info: {title: New, more: {x: 1}}, list: last}",
        ).root
        assert root["info"] == {"title": "New", "tags": ["a", "b"], "more": {"x": 1}}
        assert list(root["info"]) == ["title", "tags", "more"]
        assert root["list"] == "last"

    def test_arrays_are_concatenated(self) -> None:
        root = amended("- {target: $.info, update: {tags: [c]}}").root
        assert root["info"]["tags"] == ["a", "b", "c"]
        root = amended("- {target: $.info.tags, update: [c, d]}").root
        assert root["info"]["tags"] == ["a", "b", "c", "d"]

    @pytest.mark.parametrize("item", ["c", 3, None, {"k": [1]}])
    def test_an_array_target_takes_one_item(self, item: object) -> None:
        action = {"target": "$.info.tags", "update": item}
        root = amended("- " + json.dumps(action)).root
        assert root["info"]["tags"] == ["a", "b", item]

    def test_each_match_is_updated(self) -> None:
        root = amended("- {target: '$.list[?@.n]', update: {n: 9, z: true}}").root
        assert root["list"] == [
            {"name": "x", "n": 9, "z": True},
            {"name": "y", "n": 9, "deep": {"k": "v"}, "z": True},
            "plain",
        ]

    def test_a_match_and_its_parent(self) -> None:
        root = amended("- {target: '$..[?@.n == 2 || @.k]', update: {z: 1}}").root
        assert root["list"][1] == {
            "name": "y",
            "n": 2,
            "deep": {"k": "v", "z": 1},
            "z": 1,
        }

    def test_what_is_selected_twice_is_updated_once(self) -> None:
        root = amended("- {target: \"$['info','info'].tags\", update: c}").root
        assert root["info"]["tags"] == ["a", "b", "c"]

    def test_actions_see_what_earlier_ones_did(self) -> None:
        root = amended(
            "- {target: $.info, update: {fresh: {a: 1}}}",
            "- {target: $.info.fresh, update: {b: 2}}",
            "- {target: $.info.fresh.a, remove: true}",
        ).root
        assert root["info"]["fresh"] == {"b": 2}

    def test_without_update_and_remove_nothing_happens(self) -> None:
        result = amended("- {target: $.info, description: d, remove: false, x-y: 1}")
        assert result.root == document(SPEC, "x.yaml").root

    def test_the_rest_of_the_document_stays(self) -> None:
        result = amended("- {target: $.info, update: {title: T}}")
        spec = document(SPEC, "x.yaml")
        assert (result.path, result.lines, result.truncated) == (
            spec.path,
            spec.lines,
            spec.truncated,
        )


class TestSpans:
    def test_new_values_point_into_the_overlay_and_old_ones_into_the_spec(self) -> None:
        root = amended(
            "- target: $",
            "  update:",
            "    info:",
            "      title: New",
            "      tags: [c]",
            "    extra: 1",
        ).root
        info = root["info"]
        assert root.key_span("info") == at_spec(1, 1, 5)
        assert info.key_span("title") == at_overlay(7, 7, 12)
        assert info.value_span("title") == at_overlay(7, 14, 17)
        assert info.value_span("tags") == info["tags"].span == at_spec(3, 9, 15)
        assert info["tags"].item_span(1) == at_spec(3, 13, 14)
        assert info["tags"].item_span(2) == at_overlay(8, 14, 15)
        assert root.value_span("extra") == at_overlay(9, 12, 13)
        assert root["list"].item_span(2) == at_spec(7, 5, 10)

    def test_an_appended_item(self) -> None:
        tags = amended("- {target: $.info.tags, update: c}").root["info"]["tags"]
        assert tags.item_span(2) == at_overlay(4, 33, 34)

    def test_what_remains_after_a_removal(self) -> None:
        root = amended("- {target: '$.list[0,1]', remove: true}").root
        assert root["list"].item_span(0) == at_spec(7, 5, 10)
        assert root["list"].span == Span("x.yaml", 5, 3, 7, 10)
        assert root.key_span("list") == at_spec(4, 1, 5)


class TestRemove:
    def test_keys_and_items(self) -> None:
        root = amended(
            "- {target: '$.list[?@.name]', remove: true}",
            "- {target: $.info.tags, remove: true}",
        ).root
        assert root == {"info": {"title": "Photos"}, "list": ["plain"]}

    def test_nested_matches(self) -> None:
        root = amended("- {target: $..*, remove: true}").root
        assert root == {}

    def test_remove_wins_over_update(self) -> None:
        root = amended("- {target: $.info, update: {a: 1}, remove: true}").root
        assert list(root) == ["list"]

    def test_the_root_cannot_be_removed(self) -> None:
        text = HEAD + "actions:\n  - target: $\n    remove: true\n"
        assert refused(text) == (4, 13, "the whole document is removed")


class TestNoMatch:
    @pytest.mark.parametrize(
        "target", ["$.nope", "$.list[7]", "$.info.title[0:1]", "$.list['0']"]
    )
    def test_is_a_warning(self, target: str) -> None:
        text = HEAD + f'actions:\n  - target: "{target}"\n    update: {{a: 1}}\n'
        result, [found] = run(text)
        assert result is not None
        assert result.root == document(SPEC, "x.yaml").root
        assert found.code == "NAF007"
        assert found.span == at_overlay(4, 13, 15 + len(target))
        assert found.message == f"`{target}` matches nothing"

    def test_other_actions_still_run(self) -> None:
        actions = "- {target: $.nope, remove: true}\n- {target: $.info, remove: true}\n"
        result, found = run(HEAD + "actions:\n" + actions)
        assert [one.code for one in found] == ["NAF007"]
        assert result is not None
        assert list(result.root) == ["list"]

    @pytest.mark.parametrize("text", ["", "text", "12"])
    def test_documents_without_any_structure(self, text: str) -> None:
        spec = document(text, "x.yaml")
        actions = "actions: [{target: $, update: {a: 1}}]\n"
        reporter = Reporter()
        result = overlay.apply(spec, document(HEAD + actions, "o.yaml"), reporter)
        assert result == spec
        assert [one.code for one in reporter] == ["NAF007"]


class TestRefused:
    @pytest.mark.parametrize(
        ("text", "line", "column", "message"),
        [
            ("", 1, 1, "an overlay is a mapping with `overlay`, `info` and `actions`"),
            ("- a\n", 1, 1, "an overlay is a mapping with `overlay`, `info` and `actions`"),
            ("overlay: 1.0.0\ninfo: {title: t, version: v}\n", 1, 1, "the key `actions` is missing"),
            (HEAD + "actions: []\nextra: 1\n", 4, 1, "the key `extra` is unknown"),
            ("overlay: 2.0.0\ninfo: {}\nactions: []\n", 1, 10, "version `2.0.0` of the overlay format is not supported"),
            ("overlay: 1.0\ninfo: {}\nactions: []\n", 1, 10, "`overlay` has to be text"),
            ("overlay: 1.0.1\ninfo: {title: t, version: 1}\nactions: []\n", 2, 27, "`version` has to be text"),
            ("overlay: 1.0.0\ninfo: {title: t}\nactions: []\n", 2, 7, "the key `version` is missing"),
            ("overlay: 1.0.0\ninfo: t\nactions: []\n", 2, 7, "`info` has to be a mapping"),
            (HEAD + "extends: [a]\nactions: []\n", 3, 10, "`extends` has to be text"),
            (HEAD + "actions: {}\n", 3, 10, "`actions` has to be a list"),
            (HEAD + "actions:\n  - x\n", 4, 5, "an action is a mapping"),
            (HEAD + "actions:\n  - update: {}\n", 4, 5, "the key `target` is missing"),
            (HEAD + "actions:\n  - {target: $, remove: 'yes'}\n", 4, 25, "`remove` has to be `true` or `false`"),
            (HEAD + "actions:\n  - {target: $, delete: true}\n", 4, 17, "the key `delete` is unknown"),
            (HEAD + "actions:\n  - {target: $.info, update: x}\n", 4, 30, "the target is a mapping, and the update is not"),
            (HEAD + "actions:\n  - {target: $.info.title, update: x}\n", 4, 14, "the target is a single value, which cannot be updated"),
        ],
    )  # fmt: skip
    def test_at_its_place(
        self, text: str, line: int, column: int, message: str
    ) -> None:
        assert refused(text) == (line, column, message)

    @pytest.mark.parametrize(
        "target",
        [
            *("", " $", "info", "$.", "$..", "$[", "$[?", "$[01]", "$.a b", "$.~info"),
            *("$.a | $.b", "^.a", "$[?@.a == nope(1)]", "$[?count(@)]", "$['\\ud800']"),
            "$[" + "9" * 400 + "]",
            "$[?" + "(" * 900,
            "$" + ".a" * 600,
        ],
    )
    def test_what_is_no_jsonpath(self, target: str) -> None:
        action = json.dumps({"target": target, "remove": True})
        line, column, _ = refused(HEAD + f"actions:\n- {action}\n")
        assert (line, column) == (4, 14)

    def test_no_action_is_applied_when_one_fails(self) -> None:
        actions = "- {target: $.info, remove: true}\n- {target: $, update: 1}\n"
        assert refused(HEAD + "actions:\n" + actions)[0] == 5


class TestLimits:
    def test_nesting_through_repeated_updates(self) -> None:
        nested = json.dumps(nested_map(60))
        actions = (
            f"- {{target: $.info, update: {nested}}}\n"
            f"- {{target: '$..[?@.bottom]', update: {nested}}}\n"
        )
        line, _, message = refused(HEAD + "actions:\n" + actions)
        assert message == f"the update would nest more than {MAX_DEPTH} levels"
        assert line == 5

    def test_growth_through_repeated_updates(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(overlay, "MAX_NODES", 1_000)
        actions = "".join(
            f"- {{target: '$..[?@.n]', update: {{k{n}: {{n: 1}}}}}}\n"
            for n in range(20)
        )
        _, _, message = refused(HEAD + "actions:\n" + actions)
        assert message == "the updates add more than 1,000 values"

    def test_number_of_matches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(overlay, "MAX_MATCHES", 3)
        text = HEAD + "actions:\n- {target: '$.list[*]', remove: true}\n"
        assert run(text)[1] == []
        text = text.replace("list[*]", ".*")
        assert refused(text)[2] == "the target selects more than 3 nodes"


def nested_map(levels: int) -> dict[str, object]:
    found: dict[str, object] = {"bottom": 1}
    for _ in range(levels - 1):
        found = {"k": found}
    return found


PIECES = [
    *"$@.*[]?()'\"\\:,0123-~|&^ #_=<>!",
    *("..", "[*]", "list", "info", "$.", "@.n", "['info']", "[?@.n]", "[0:2]", "&&"),
    *("count(", "match(@, '", "length("),
]
TARGETS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
WORDS = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=8)


@settings(max_examples=400, deadline=None)
@given(
    target=st.one_of(TARGETS, TARGETS.map("$".__add__), WORDS),
    update=st.sampled_from(["{a: 1}", "[1]", "x", "{info: {tags: [1]}}"]),
    remove=st.booleans(),
)
def test_any_target_gives_a_document_or_an_error(
    target: str, update: str, remove: bool
) -> None:
    written = json.dumps(target, ensure_ascii=False)
    action = f"- {{target: {written}, update: {update}, remove: {json.dumps(remove)}}}"
    result, found = run(HEAD + f"actions:\n{action}\n")
    assert (result is None) == any(one.code == "NAF006" for one in found)
