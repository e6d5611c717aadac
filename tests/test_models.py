"""Models are dataclasses as the standard library makes them, and cheaper to define."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import field
from typing import Any

import pytest
from nafgen import models


def _classes(dataclass: Any, module: str) -> dict[str, type]:
    """The same classes, made by one decorator or the other."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Named:
        name: str
        size: int = 1
        tags: dict[str, int] = field(default_factory=dict, hash=False)
        note: Any = field(default=None, compare=False, repr=False)

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Longer(Named):
        parts: tuple[str, ...] = ("a", "b")

    @dataclass(frozen=True, slots=True)
    class Pair:
        left: object
        right: object = field(kw_only=True, default="right")

    @dataclass(slots=True)
    class Built:
        items: list[int] = field(default_factory=list)
        total: int = field(init=False)
        limit: int = field(init=False, default=7)

        def __post_init__(self) -> None:
            self.total = sum(self.items)

    @dataclass(frozen=True)
    class Open:
        value: int

        def __repr__(self) -> str:
            return "open"

    @dataclass(frozen=True, slots=True)
    class Empty:
        """Holds nothing."""

    every: list[type] = [Named, Longer, Pair, Built, Open, Empty]
    made = {each.__name__: each for each in every}
    for name, each in made.items():
        each.__qualname__ = name
        each.__module__ = module
    return made


OURS = _classes(models.dataclass, __name__)
THEIRS = _classes(dataclasses.dataclass, __name__)

CALLS: list[tuple[str, tuple[object, ...], dict[str, object]]] = [
    ("Named", (), {"name": "a"}),
    ("Named", (), {"name": "a", "size": 2, "tags": {"t": 1}, "note": "n"}),
    ("Named", (), {"name": "a", "note": "other"}),
    ("Named", (), {}),
    ("Named", ("a",), {}),
    ("Named", (), {"name": "a", "other": 1}),
    ("Longer", (), {"name": "a", "parts": ("c",)}),
    ("Longer", (), {"name": "a"}),
    ("Pair", (1,), {}),
    ("Pair", (1,), {"right": 2}),
    ("Pair", (1, 2), {}),
    ("Pair", ([],), {}),
    ("Built", (), {}),
    ("Built", ([1, 2],), {}),
    ("Built", ([1], 2), {}),
    ("Open", (1,), {}),
    ("Open", (), {"value": 2}),
    ("Empty", (), {}),
    ("Empty", (1,), {}),
]


def _seen(
    classes: dict[str, type], call: tuple[str, tuple[object, ...], dict[str, object]]
) -> dict[str, object]:
    """All that can be seen of what a call makes, or the error."""
    name, given, named = call
    try:
        made = classes[name](*given, **named)
    except TypeError as error:
        return {"error": str(error).rpartition(".")[2]}
    try:
        hashed: object = hash(made)
    except TypeError as error:
        hashed = str(error)
    same = classes[name](*given, **named)
    return {
        "values": {f.name: getattr(made, f.name) for f in dataclasses.fields(made)},
        "repr": repr(made),
        "hash": hashed,
        "equal": made == same,
        "other": made == 1,
        "dict": hasattr(made, "__dict__"),
        "match": classes[name].__match_args__,  # type: ignore[attr-defined]
        "copied": repr(copy.copy(made)),
        "deep": repr(copy.deepcopy(made)),
        "asdict": dataclasses.asdict(made),
    }


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_a_model_is_as_a_dataclass(
    call: tuple[str, tuple[object, ...], dict[str, object]],
) -> None:
    # Twice, as methods are written when they are first called.
    assert _seen(OURS, call) == _seen(THEIRS, call)
    assert _seen(OURS, call) == _seen(THEIRS, call)


@pytest.mark.parametrize("classes", [OURS, THEIRS], ids=["ours", "theirs"])
def test_what_is_compared_makes_equal(classes: dict[str, type]) -> None:
    named, longer = classes["Named"], classes["Longer"]
    assert named(name="a", note=1) == named(name="a", note=2)
    assert named(name="a") != named(name="b")
    assert named(name="a") != longer(name="a")
    assert hash(named(name="a", tags={"x": 1})) == hash(named(name="a"))
    assert dataclasses.replace(longer(name="a"), size=3) == longer(name="a", size=3)
    assert named(name="a").tags is not named(name="a").tags


@pytest.mark.parametrize("classes", [OURS, THEIRS], ids=["ours", "theirs"])
@pytest.mark.parametrize("name", ["size", "unknown"])
def test_a_frozen_model_is_frozen(classes: dict[str, type], name: str) -> None:
    made = classes["Named"](name="a")
    with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
        setattr(made, name, 2)
    with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
        delattr(made, "size")
    assert made.size == 1


@models.dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """As results go from one process to another."""

    name: str
    parts: tuple[Sent, ...] = ()


def test_a_model_can_be_sent() -> None:
    made = Sent(name="a", parts=(Sent(name="b"),))
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301


def test_methods_are_written_when_they_are_first_called() -> None:
    @models.dataclass(frozen=True, slots=True)
    class Point:
        x: int

    methods = ("__init__", "__eq__", "__hash__")
    before = [getattr(Point, name) for name in methods]
    assert Point(1) == Point(1)
    assert hash(Point(1)) == hash((1,))
    after = [getattr(Point, name) for name in methods]
    assert all(a is not b for a, b in zip(before, after, strict=True))
    assert [each.__qualname__ for each in after] == [
        f"{Point.__qualname__}.{name}" for name in methods
    ]
    assert Point(1) == Point(1)
    assert [getattr(Point, name) for name in methods] == after
