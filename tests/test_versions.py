"""Every version and shape of the specification compiles to the same package."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from compile_support import checked, compile_text, files_of
from conftest import ROOT
from hypothesis import given
from hypothesis_support import examples
from nafgen import format as formatting
from nafgen.compile import Compilation, compile_spec
from nafgen.inputs import Spec
from nafgen.versions import LABEL, VERSIONS, Version
from spec_strategies import capabilities, written
from versions_support import LISTS, MAPS

NAMES = [str(version) for version in VERSIONS]


SHARED = ROOT.parent / "shared" / "conformance"
TUTORIALS = (
    SHARED / "framework-alpha3/src/main/resources/tutorial",
    SHARED / "ikanos-beta5/modules/ikanos-docs/tutorial",
)


def files_but_the_manifest(made: Compilation) -> dict[str, str]:
    """The files of a package, without pointers: they have keys that a shape spells."""
    return {
        path: re.sub(r"(?m)^ *# (capability|binds)\b.*\n", "", text)
        for path, text in files_of(made).items()
        if path != ".nafgen.json"
    }


def found_in(made: Compilation) -> list[tuple[str, int, str]]:
    return [(d.severity, d.span.line, d.message) for d in made.diagnostics]


@pytest.fixture(scope="module")
def expected() -> dict[str, str]:
    made = checked(compile_text(f"naftiko: 1.0.0-alpha2\n{LISTS}"))
    assert found_in(made) == []
    return files_but_the_manifest(made)


@pytest.mark.parametrize("version", VERSIONS, ids=NAMES)
@pytest.mark.parametrize("text", [LISTS, MAPS], ids=["lists", "maps"])
def test_every_version_reads_both_shapes_and_all_names(
    version: Version, text: str, expected: dict[str, str]
) -> None:
    made = compile_text(f"{version}\n{text}")
    assert files_but_the_manifest(made) == expected
    own, other = version.spells(LABEL)
    message = f"`{other}` is read as the official `{own}`"
    spelled = [
        number for number, line in enumerate(text.splitlines(), 2) if other in line
    ]
    assert found_in(made) == [("note", line, message) for line in spelled]
    assert len(spelled) in (0, 4)


def test_the_key_of_a_mapping_is_the_name_of_what_it_holds() -> None:
    text = MAPS.replace("          list:\n", "          list:\n            name: All\n")
    assert text.count("name: All") == 2
    found = {}
    for version in ("ikanos: 1.0.0-beta5", "naftiko: 1.0.0-alpha2"):
        made = compile_text(f"{version}\n{text}")
        found[version.partition(":")[0]] = [unit.name for unit in made.left_out]
    assert found == {"ikanos": [], "naftiko": ["All", "list-albums"]}


def test_a_keyword_in_two_names_has_the_official_one() -> None:
    text = MAPS.replace("display: Photos", "display: Photos, label: Pictures")
    made = compile_text(f"ikanos: 1.0.0-beta5\n{text}")
    message = 'the key "label" is not known and has no effect'
    assert found_in(made) == [("warning", 2, message)]
    assert not any("Pictures" in text for text in files_of(made).values())


@pytest.mark.parametrize("version", VERSIONS, ids=NAMES)
def test_a_version_is_known_under_its_own_key_only(version: Version) -> None:
    other = {"naftiko": "ikanos", "ikanos": "naftiko"}[version.key]
    made = compile_text(f"{other}: {version.number}\n{LISTS}")
    if Version(other, version.number) in VERSIONS:
        assert made.package is not None
        return
    [found] = made.diagnostics
    assert (found.code, found.hint) == ("NAF103", f"did you mean `{version}`?")


def compiled(folder: Path, name: str) -> Compilation:
    """The compilation of a file of a folder that holds what it imports."""

    def read(shown: str) -> bytes | None:
        path = folder / shown
        return path.read_bytes() if path.is_file() else None

    return compile_spec(Spec(shown=name, relative=name), read)


@pytest.mark.skipif(not TUTORIALS[0].exists(), reason="needs the reference files")
@pytest.mark.parametrize(
    "name", sorted(path.name for path in TUTORIALS[0].glob("step-*.yml"))
)
def test_the_tutorial_is_the_same_in_both_shapes(name: str) -> None:
    lists, maps = (compiled(folder, name) for folder in TUTORIALS)
    said = [[(d.code, d.message) for d in made.diagnostics] for made in (lists, maps)]
    assert sorted(said[0]) == sorted(said[1])
    assert [unit.name for unit in lists.left_out] == [
        unit.name for unit in maps.left_out
    ]
    assert (lists.package is None) == (maps.package is None)
    if lists.package is not None:
        assert files_but_the_manifest(lists) == files_but_the_manifest(maps)


NAMED = ("resources", "operations", "inputParameters", "tools")


def in_maps(node: Any) -> Any:
    """A value of a `naftiko` file, in the shape and the names of `ikanos`."""
    if isinstance(node, list):
        return [in_maps(item) for item in node]
    if not isinstance(node, dict):
        return node
    changed = {"display" if k == "label" else k: v for k, v in node.items()}
    for key in changed.keys() & {*NAMED}:
        items = changed[key]
        names = [item.get("name") for item in items]
        if all(isinstance(n, str) and n for n in names) and len({*names}) == len(names):
            bare = [{k: v for k, v in i.items() if k != "name"} for i in items]
            changed[key] = dict(zip(names, bare, strict=True))
    return {key: in_maps(value) for key, value in changed.items()}


@examples(60)
@given(capabilities())
def test_any_capability_is_the_same_in_both_shapes(spec: dict[str, Any]) -> None:
    maps = {"ikanos": "1.0.0-beta5", **in_maps(spec)}
    del maps["naftiko"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formatting, "python", str)
        made = [compile_text(written(document).decode()) for document in (spec, maps)]
    lists, mapped = (
        None if m.package is None else files_but_the_manifest(m) for m in made
    )
    assert lists == mapped
