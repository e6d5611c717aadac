"""What a model is told of wrong arguments."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from nafgen.runtime.tool_arguments import mistakes

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
    assert mistakes(Draft202012Validator(SCHEMA), arguments) == said


def test_values_are_short_and_plain() -> None:
    given = {"id": ["\u202e" * 1000], "any": 1, "\n\x1b[2J" * 100: 1}
    unknown, wrong = mistakes(Draft202012Validator(SCHEMA), given)
    assert len(unknown) < 400 and len(wrong) < 500
    assert unknown.isprintable() and wrong.isprintable()


def test_a_tool_without_arguments_says_so() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    assert mistakes(Draft202012Validator(schema), {"id": 1}) == [
        "there is no argument `id`; the tool takes none"
    ]
