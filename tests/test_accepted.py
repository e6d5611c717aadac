"""The library that says soon whether a document is valid agrees with the one that says why."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from jsonschema import Draft202012Validator, validators
from nafgen import accepted, source
from nafgen.diagnostics import Reporter

CORPUS = ROOT.parent / "shared" / "corpus"
OURS = [
    *sorted((ROOT / "tests" / "cases").glob("*/*.yaml")),
    *sorted((ROOT / "tests" / "diagnostics").rglob("*.yaml")),
    *sorted((ROOT / "specs").glob("*.yaml")),
]
ODD: list[Any] = [
    *(None, True, False, 0, 1, -1, 8080.0, 8080.5, 65536, 10**30, 2.0**53),
    *("", "text", "8080", [], [None], {}, {"a": 1}),
]
UNTOLD: list[Any] = [float("inf"), float("nan"), "\ud800"]
"""What only the slower library can be asked about."""

JUDGE = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: type(value) is int
    ),
)(json.loads(accepted.text()))


def _root(path: Path) -> Any:
    document = source.load(path.name, path.read_bytes(), Reporter())
    return None if document is None else document.root


def test_files_of_ours_are_valid_or_not_to_both() -> None:
    answers = set()
    for path in OURS:
        root = _root(path)
        answers.add(JUDGE.is_valid(root))
        assert accepted.is_accepted(root) == JUDGE.is_valid(root), path
    assert answers == {True, False}


@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs the published capabilities")
def test_published_files_are_valid_or_not_to_both() -> None:
    for path in sorted(CORPUS.rglob("*.y*ml")):
        root = _root(path)
        assert accepted.is_accepted(root) == JUDGE.is_valid(root), path


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with each of its keys or positions."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in pairs:
        yield node, key
        if isinstance(value, dict | list):
            yield from _places(value)


def test_whatever_stands_anywhere_both_agree() -> None:
    """Every value of every file becomes something else in turn."""
    chance = random.Random(7)  # noqa: S311 - the same ones each time
    answers = {True: 0, False: 0}
    for path in OURS:
        root = _root(path)
        if not isinstance(root, dict):
            continue
        plain = json.loads(json.dumps(root))
        for number, _ in enumerate(list(_places(plain))):
            if chance.random() > 0.1:
                continue
            changed = deepcopy(plain)
            container, key = list(_places(changed))[number]
            container[key] = odd = chance.choice(ODD + UNTOLD)
            expected = JUDGE.is_valid(changed)
            answers[expected] += 1
            if odd in UNTOLD:
                assert accepted.is_accepted(changed) <= expected, (path, key)
            else:
                assert accepted.is_accepted(changed) == expected, (path, key)
    assert min(answers.values()) > 100
