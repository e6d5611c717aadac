"""What generated packages find by JSONPaths beyond names: wildcards, functions, queries."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import httpx
import pytest
from jsonpath import JSONPathError
from nafgen.runtime.path_functions import (
    append,
    average,
    deviation,
    keys,
    largest,
    length,
    smallest,
    total,
)
from nafgen.runtime.queries import MAX_DEPTH, MAX_MATCHED, jsonpath
from nafgen.runtime.wildcards import Step, pick_all, pick_members

CREW: Any = {
    "a": [{"n": 1, "m": None}, {"n": [2, 3]}, "n", None],
    "b": {"x": 1, "y": 2},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ((), [CREW]),
        (("a", ..., "n"), [1, [2, 3]]),
        (("a", ..., "m"), [None]),
        (("a", ..., "n", ...), [2, 3]),
        (("a", ..., "n", -1), [3]),
        (("a", -1), [None]),
        (("a", 4), []),
        (("b", ...), [1, 2]),
        (("b", 0), []),
        (("b", ..., "x"), []),
        (("a", ..., ("n", "m")), [{"n": 1, "m": None}, {"n": [2, 3]}]),
        (("none", ...), []),
    ],
)
def test_pick_all(path: tuple[Step, ...], found: list[Any]) -> None:
    assert pick_all(CREW, *path) == found


@pytest.mark.parametrize("value", [None, "text", 1, True])
def test_nothing_to_pick(value: Any) -> None:
    assert pick_all(value, ...) == []
    assert pick_members(value, "a", "b") is None


def test_pick_members() -> None:
    assert pick_members({"a": None, "b": 1, "c": 2}, "c", "a", "d") == {
        "c": 2,
        "a": None,
    }
    assert pick_members({}, "a", "b") == {}


def test_functions_of_structures() -> None:
    assert [length(v) for v in ([1], {"a": 1, "b": 2}, [], "abc", None, 7)] == [
        *(1, 2, 0),
        *(None, None, None),
    ]
    assert [keys(v) for v in ({"b": 1, "a": 2}, {}, [1], None)] == [
        ["b", "a"],
        [],
        None,
        None,
    ]
    array = [1]
    assert append(array, 2, "x") == [1, 2, "x"]
    assert array == [1]
    assert append("text", 2) == "text"


@pytest.mark.parametrize(
    ("values", "of_all"),
    [
        (([1, 2, 3.5],), (6.5, 1.0, 3.5, 6.5 / 3)),
        (([1, "2", None, True, [9]], 3), (4.0, 1.0, 3.0, 2.0)),
        (([], None, "4"), (None,) * 4),
        ((), (None,) * 4),
        (([10**400],), (None,) * 4),
    ],
)
def test_functions_of_numbers(values: Any, of_all: tuple[float | None, ...]) -> None:
    functions = (total, smallest, largest, average)
    found = tuple(function(*values) for function in functions)
    assert found == pytest.approx(of_all, rel=1e-12) if of_all[0] else found == of_all
    assert all(isinstance(each, float | None) for each in found)


def test_a_number_that_is_too_large_is_none() -> None:
    assert total([1e308, 1e308]) is None
    assert deviation([1, 3]) == 1.0
    assert deviation([5]) == 0.0
    assert deviation() is None


def test_a_value_is_never_read_as_text() -> None:
    """The library would take a text for a JSON document."""
    assert jsonpath("$..a")('{"a": 1}') == []
    assert jsonpath("$..a")(None) == []
    assert jsonpath("$[0:2]")(["[1, 2]"]) == ["[1, 2]"]
    assert jsonpath("$[*][0:1]")(["[1, 2]", [3]]) == [3]


def test_indexes_are_no_names() -> None:
    assert jsonpath("$[0, 1]")({"0": 1}) == []
    assert jsonpath('$["0", "1"]')({"0": 1}) == [1]


def test_types_are_kept_apart() -> None:
    assert jsonpath("$[?@ == 1]")([1, True, "1", 1.0]) == [1, 1.0]
    assert jsonpath("$[?@ in [1, true]]")([1, True, "1", 0]) == [1, True]
    assert jsonpath('$[?@ < "b"]')([1, "a", "b", None]) == ["a"]


def test_a_wrong_query() -> None:
    with pytest.raises(JSONPathError):
        jsonpath("$[?]")


def nested(levels: int) -> Any:
    value: Any = {"n": 1}
    for _ in range(levels - 1):
        value = {"n": value}
    return value


def test_how_deep_values_may_be() -> None:
    find = jsonpath("$..n")
    assert len(find(nested(MAX_DEPTH - 1))) == MAX_DEPTH - 1
    with pytest.raises(httpx.DecodingError):
        find(nested(MAX_DEPTH + 1))


def test_no_text_keeps_a_pattern_busy() -> None:
    """The costliest pattern that is compiled, and the costliest text."""
    find = jsonpath("$[?@ =~ /(a?|b?)a*.*c/a]")
    start = time.monotonic()
    assert find(["a" * MAX_MATCHED]) == []
    assert time.monotonic() - start < 5
    assert find(["a" * (MAX_MATCHED - 1) + "c"]) != []
    assert find(["a" * MAX_MATCHED + "c"]) == []


def test_queries_are_read_without_httpx() -> None:
    """The compiler reads them too, where no generated package can run."""
    code = (
        "import sys; sys.modules['httpx'] = None\n"
        "from nafgen.json_paths import json_path\n"
        "print(json_path('$..a'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, "$..[" in done.stdout) == (0, True), done.stderr
