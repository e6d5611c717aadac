"""Members of JSON values, as output mappings read them."""

from __future__ import annotations

import pytest
from nafgen.runtime.mapping import each, pick


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ((), {"a": {"b": [1], "n": None}}),
        (("a", "b"), [1]),
        (("a", "n"), None),
        (("a", "n", "x"), None),
        (("a", "b", "0"), None),
        (("x", "y"), None),
    ],
)
def test_pick(path: tuple[str, ...], found: object) -> None:
    assert pick({"a": {"b": [1], "n": None}}, *path) == found


@pytest.mark.parametrize("value", [None, "text", 1, [], b"bytes"])
def test_nothing_to_pick(value: object) -> None:
    assert pick(value, "a") is None


def test_each() -> None:
    assert each([1, 2], str) == ["1", "2"]
    assert each([], str) == []
    assert each({"a": 1}, str) is None
