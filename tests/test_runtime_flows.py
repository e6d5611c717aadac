"""The support code of flows: steps that run at once, lookups, what is extracted."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from nafgen.runtime.answers import StepError, UpstreamError
from nafgen.runtime.calls import ArgumentError, filled
from nafgen.runtime.flows import extracted, lookup, step, together

ITEMS: list[Any] = [
    {"id": 1, "name": "one", "of": {"id": "a"}},
    {"id": "2", "name": "two"},
    {"id": 1, "name": "again"},
    "no object",
    {"name": "none"},
]


@pytest.mark.parametrize(
    ("match", "wanted", "fields", "found"),
    [
        ("id", "1", ("name",), {"name": "one"}),
        ("id", 2, ("name", "gone"), {"name": "two", "gone": None}),
        ("id", 2, (), {"id": "2", "name": "two"}),
        ("id", [2, "x", None, 1], ("name",), [{"name": "two"}, {"name": "one"}]),
        ("of.id", "a", ("of.id", "name"), {"of.id": "a", "name": "one"}),
        ("id", None, ("name",), None),
        ("id", [], ("name",), []),
        ("id", True, ("name",), None),
        ("name", "none", ("id",), {"id": None}),
    ],
)
def test_lookup(match: str, wanted: Any, fields: tuple[str, ...], found: Any) -> None:
    assert lookup(ITEMS, match, wanted, *fields) == found


def test_lookup_in_what_is_no_list() -> None:
    assert lookup({"id": 1, "a": 2}, "id", "1", "a") == {"a": 2}
    assert lookup(None, "id", "1", "a") is None
    assert lookup("text", "id", ["1"], "a") == []


def test_extracted() -> None:
    def members(item: Any) -> dict[str, Any]:
        return {"b": item.get("a") if isinstance(item, dict) else None}

    assert extracted({"a": 1, "c": 2}, members) == {"b": 1}
    assert extracted([{"a": 1, "c": 2}, 3], members) == [
        {"a": 1, "b": 1, "c": 2},
        {"b": None},
    ]


def test_filled() -> None:
    assert filled("a-", 1, "-", True) == "a-1-true"
    with pytest.raises(ArgumentError):
        filled("a-", None)


@pytest.mark.parametrize(
    "error",
    [
        ArgumentError("no"),
        UpstreamError(httpx.Response(500)),
        httpx.ConnectError("gone"),
    ],
)
def test_a_step_fails_with_its_name(error: Exception) -> None:
    async def failing() -> None:
        raise error

    with pytest.raises(StepError, match="the step find failed") as caught:
        asyncio.run(step("find", failing()))
    assert caught.value.step == "find"
    assert caught.value.cause is error


def test_a_bug_is_no_failure_of_a_step() -> None:
    async def failing() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        asyncio.run(step("find", failing()))


def test_one_failure_cancels_the_others() -> None:
    ended: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def failing() -> None:
        await asyncio.sleep(0)
        raise StepError("b", ArgumentError("no"))

    with pytest.raises(StepError):
        asyncio.run(together(slow(), failing()))
    assert ended == ["cancelled"]


def test_results_are_in_the_order_of_the_steps() -> None:
    async def after(turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return turns

    assert asyncio.run(together(after(3), after(0), after(1))) == [3, 0, 1]
