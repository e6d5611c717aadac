"""What a model is told of wrong arguments."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_support import examples
from jsonschema import Draft202012Validator
from nafgen.runtime.tool_arguments import InputSchema

SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "maxResults": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "body": {"type": "object"},
        "any": {},
    },
    "required": ["id", "any"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"id": "1", "any": None}, []),
        ({}, ["`any` is missing", "`id` is missing; it must be a string"]),
        ({"id": None, "any": 1}, ["`id` must be a string, not null"]),
        (
            {"id": "1", "any": 1, "maxresults": 3},
            ["there is no argument `maxresults`; did you mean `maxResults`?"],
        ),
        (
            {"id": "1", "any": 1, "zzz": 3},
            [
                "there is no argument `zzz`; there are `id`, `maxResults`, `tags`,"
                " `body`, `any`"
            ],
        ),
        (
            {"id": "1", "any": 1, "tags": ["a", 2]},
            ["`tags[1]` must be a string, not 2"],
        ),
        (
            {"id": "1", "any": 1, "body": '{"a": 1}'},
            [
                '`body` must be an object, not "{\\"a\\": 1}"; pass it as JSON, not as'
                " text that holds JSON"
            ],
        ),
        (
            {"id": "1", "any": 1, "maxResults": 1.5},
            ["`maxResults` must be an integer, not 1.5"],
        ),
    ],
)
def test_what_is_wrong(arguments: dict[str, Any], said: list[str]) -> None:
    assert InputSchema(SCHEMA).mistakes(arguments) == said


def test_values_are_short_and_plain() -> None:
    given = {"id": ["\u202e" * 1000], "any": 1, "\n\x1b[2J" * 100: 1}
    unknown, wrong = InputSchema(SCHEMA).mistakes(given)
    assert len(unknown) < 400 and len(wrong) < 500
    assert unknown.isprintable() and wrong.isprintable()


def test_a_tool_without_arguments_says_so() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    assert InputSchema(schema).mistakes({"id": 1}) == [
        "there is no argument `id`; the tool takes none"
    ]


KINDS = ("array", "boolean", "integer", "number", "object", "string")
PROPERTIES = st.one_of(
    st.sampled_from([{}, {"description": "Any."}, {"type": "array", "items": {}}]),
    st.builds(
        lambda kind: {"type": kind, "description": "One."}, st.sampled_from(KINDS)
    ),
    st.builds(
        lambda kind: {"type": "array", "items": {"type": kind}}, st.sampled_from(KINDS)
    ),
    st.just({"type": "string", "contentEncoding": "base64"}),
    st.just({"type": "string", "minLength": 2}),
    st.just({"enum": ["a", 1]}),
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 2),
        st.sampled_from([0.0, 1.5, float("nan"), float("inf"), 1e300]),
        st.sampled_from(["", "a", "ab"]),
    ),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=3,
)
NAMES = st.sampled_from("abc")


@examples(1000)
@given(
    st.dictionaries(NAMES, PROPERTIES), st.sets(NAMES), st.dictionaries(NAMES, VALUES)
)
def test_what_is_right_is_what_json_schema_takes(
    properties: dict[str, Any], required: set[str], arguments: dict[str, Any]
) -> None:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    schema["required"] = sorted(required)
    is_valid = Draft202012Validator(schema).is_valid(arguments)
    assert (not InputSchema(schema).mistakes(arguments)) == is_valid
