"""Patterns of inputs: which are taken, and what a compiled route does with them."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from compile_support import checked, compile_file
from conftest import ROOT
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis_support import examples
from nafgen.pattern_syntax import PatternError, matching_text
from nafgen.runtime.calls import ArgumentError
from nafgen.runtime.members import body_member
from nafgen.verify import verify
from pydantic import StringConstraints, TypeAdapter
from runtime_support import SOON, upstream
from test_forward import Api, running
from test_verify import changed, messages

CASE = ROOT / "tests" / "cases" / "patterns" / "spec.yaml"
PIECES = [
    *r"a é 0 - ^ $ . ( (?: ) | * + ? {2} {0,3} {1,} *? [a-c] [^a] [\d\w-] [é-я] [$^]".split(),
    *r"\d \W \s \. \n \x41 \u00e9 [-a] [\]] {3,1} {2000} (?= (?i) \1 \b \A \p{L} ] }".split(),
    *r"\ud800 [a&&b] [b-a] [] [^] [[a]] [\d-z] \< \% \_ ++ \x4".split(),
    " ",
]


def engine(pattern: str) -> TypeAdapter[str]:
    return TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])


@examples(1500)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
@example(r"^\w{99}$")
@example(r"(?:[\w-]{9}){5}.{500}")
@example("(" * 125 + ")" * 125)
@example(".{1000}")
def test_what_is_taken_matches_its_text_in_the_engine(pattern: str) -> None:
    """Whatever is taken is taken by the engine, and by Python, and matches its text."""
    try:
        text = matching_text(pattern, "name")
    except PatternError as error:
        assert error.message
        return
    assert engine(pattern).validate_python(text) == text
    assert re.search(pattern, text)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^IMO-\d{7}$",
        r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        r"^[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}$",
        r"^(active|paused)$",
        r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$",
        r"(a+)+$",
        "",
    ],
)
def test_usual_patterns_are_taken(pattern: str) -> None:
    one, other = matching_text(pattern, "one"), matching_text(pattern, "other")
    assert re.search(pattern, one)
    assert re.search(pattern, other)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"(?=a)", '"(?=" is not supported'),
        (r"(?<!a)b", '"(?<" is not supported'),
        (r"(?i)a", '"(?i" is not supported'),
        (r"(a)\1", r"cannot stand here"),
        (r"\bword\b", "cannot stand here"),
        (r"a]", "cannot stand here"),
        (r"a{,3}", "cannot stand here"),
        (r"a++", "cannot stand here"),
        (r"*a", "cannot stand here"),
        (r"a)", "cannot stand here"),
        (r"(a", "a group is never closed"),
        (r"[a", "cannot stand here"),
        (r"[b-a]", '"[b-a]" is wrong: bad character range'),
        (r"[a&&b]", "is not supported"),
        (r"\ud83d", "is not supported"),
        (r"[^\s\S]", "matches nothing that is known"),
        (r"a{3,2}", "in the wrong order"),
        (r"a^b", "`^` can only come first"),
        (r"(a$)b", "nothing can come after `$`"),
        (r"(^a)*", "cannot be repeated"),
        (r"\w{250}", "it repeats too much"),
        (r"((a{50}){50}){50}", "it repeats too much"),
        ("a" * 251, "more than 250 characters"),
    ],
)
def test_what_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(PatternError) as raised:
        matching_text(pattern, "name")
    assert message in raised.value.message


def test_members_match() -> None:
    body = {"a": {"b": "s1"}}
    assert body_member(body, "string", "a", "b", pattern="^s[0-9]$") == "s1"
    assert body_member({}, "string", "a", required=False, pattern="x") is None
    with pytest.raises(ArgumentError, match=r"text at a\.b in the body must match \^t"):
        body_member(body, "string", "a", "b", pattern="^t")


def test_routes_refuse_what_does_not_match(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, made = Api(), checked(compile_file(CASE))
    catastrophic = "a" * 5000 + "!"
    with (
        upstream(api) as url,
        running(made, tmp_path, monkeypatch, FLEET_BASE_URL=url) as app,
        httpx.Client(base_url=app, timeout=SOON) as caller,
    ):
        good = "/ships/IMO-1234567"
        refused = [
            caller.get("/ships/IMO-123"),
            caller.get(f"{good}x"),
            caller.get(good, params={"flag": "se"}),
            caller.get(good, params={"flag": ""}),
            caller.put("/regions", headers={"cookie": "region=eur"}),
            caller.put("/regions"),
            caller.post("/voyages", json={"ship": "a b"}),
            caller.put("/voyages", json={"ship": {"id": "x1"}}),
            caller.put("/voyages", json={"ship": {"id": "s1"}, "note": "a\nb"}),
        ]
        start = time.monotonic()
        refused.append(caller.get(good, headers={"port": catastrophic}))
        took = time.monotonic() - start
        assert api.requests == []
        taken = [
            caller.get(good, params={"flag": "SE-AB1"}, headers={"port": "aaa"}),
            caller.get(good),
            caller.put("/voyages", json={"ship": {"id": "s1"}}),
            caller.post("/voyages", json={"ship": "ship_1", "note": "Go!"}),
        ]
        described = json.dumps(caller.get("/openapi.json").json())
    assert [answer.status_code for answer in refused] == [422] * len(refused)
    kinds = {answer.headers["content-type"] for answer in refused}
    assert kinds == {"application/problem+json"}
    assert [answer.status_code for answer in taken] == [201] * len(taken)
    assert [line[1] for line in api.requests[:2]] == [f"{good}?flag=SE-AB1", good]
    assert took < 2
    for pattern in (r"^IMO-\d{7}$", "^(eu|us)$", "^s[0-9]+$", "[.!]$"):
        assert json.dumps(pattern) in described


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('pattern="^IMO-\\\\d{7}$"', 'title=""'),
        ('pattern="^(eu|us)$"', 'pattern="^(eu|us)|."'),
        ('\n                    pattern="^s[0-9]+$",', ""),
    ],
)
def test_verification_finds_a_pattern_that_is_lost(old: str, new: str) -> None:
    made = changed(compile_file(CASE), "app.py", old, new)
    found = "\n".join(messages(verify(made)))
    assert "status: expected 422, got 20" in found
    assert "requests upstream: expected 0, got 1" in found
