"""Generated modules are laid out as black lays them out, without black."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from compile_support import compile_file, compile_text
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_support import examples
from nafgen import format as formatting
from nafgen import layout, layout_plain
from nafgen.layout import Layout, UnknownModuleError
from nafgen.layout_leaves import UnknownStatementError, width
from nafgen.pycode import doc, lit
from spec_strategies import capabilities, written

SPECS = [
    path
    for folder in ("tests/cases", "specs", "tests/diagnostics")
    for path in sorted((ROOT / folder).rglob("*.yaml"))
    if "overlay" not in path.name
]


LAYOUT = Layout(formatting._statement)


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modules that are compiled, as they are before they are laid out."""
    found: list[str] = []
    monkeypatch.setattr(formatting, "python", lambda text: kept(text, found))
    return found


def kept(text: str, found: list[str]) -> str:
    found.append(text)
    return text


@pytest.mark.parametrize(
    "path", SPECS, ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_what_is_compiled_is_laid_out_as_by_black(
    path: Path, rendered: list[str]
) -> None:
    compile_file(path)
    for text in rendered:
        assert LAYOUT.module(text) == formatting.by_black(text)


@examples(60)
@given(spec=capabilities())
def test_whatever_is_compiled_is_laid_out_as_by_black(spec: dict[str, Any]) -> None:
    found: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formatting, "python", lambda text: kept(text, found))
        compile_text(written(spec).decode())
    for text in found:
        assert LAYOUT.module(text) == formatting.by_black(text)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "generated").rglob("*.py")), ids=lambda path: path.name
)
def test_black_leaves_generated_files_alone(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatting.by_black(text) == text


NAMES = st.sampled_from(
    ["a", "item", "client_api", "list_message_batches", "Any", "_read_answer_of_batch"]
)
TEXTS = st.one_of(
    st.sampled_from(["", "id", 'say "no"', "it's", """a "b" it's""", "x" * 80, "é→漢"]),
    st.text(max_size=30),
    st.text("ab \"'\\", max_size=12),
).map(lit)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(lit)
ATOMS = st.one_of(NAMES, TEXTS, NUMBERS, st.sampled_from(["None", "True", "1", "-1"]))


def joined(
    strategy: st.SearchStrategy[str], at_least: int = 0
) -> st.SearchStrategy[str]:
    return st.lists(strategy, min_size=at_least, max_size=4).map(", ".join)


def expressions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(TEXTS, inner).map(": ".join)
    keyword = st.tuples(NAMES, inner).map("=".join)
    starred = st.tuples(st.sampled_from(["*", "**"]), NAMES).map("".join)
    arguments = joined(st.one_of(inner, keyword, starred))
    simple = st.one_of(NAMES, TEXTS)
    either = st.tuples(
        inner, st.sampled_from([" or ", " and ", " is ", " == ", " in "])
    )
    return st.one_of(
        st.tuples(NAMES, arguments).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(NAMES, NAMES, arguments).map(lambda t: f"{t[0]}.{t[1]}({t[2]})"),
        st.tuples(inner, NAMES).map(lambda t: f"f({t[0]}).{t[1]}.get()"),
        joined(pair).map(lambda t: f"{{{t}}}"),
        joined(inner).map(lambda t: f"[{t}]"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]}, {t[1]})"),
        inner.map(lambda t: f"({t},)"),
        st.tuples(simple, simple, inner).map(
            lambda t: f"{t[0]} if {t[1]} is None else {t[2]}"
        ),
        st.tuples(simple, simple)
        .map(lambda t: f"*([] if {t[0]} else [{t[1]}])")
        .map(lambda t: f"f({t})"),
        st.tuples(either, simple).map(lambda t: f"g({t[1]}{t[0][1]}{t[1]})"),
        inner.map(lambda t: f"lambda item: {t}").map(lambda t: f"each(item, {t})"),
        st.tuples(NAMES, NAMES).map(lambda t: f"[{t[0]}(x) for x in {t[1]} if x]"),
        st.tuples(NAMES, joined(NAMES, 1)).map(lambda t: f"{t[0]}[{t[1]}]"),
    )


VALUES = st.recursive(ATOMS, expressions, max_leaves=12)
TYPES = st.sampled_from(
    [
        "str",
        "str | None",
        "dict[str, Any]",
        "Mapping[str, Any] | None",
        "list[str | int]",
    ]
)


@st.composite
def statements(draw: st.DrawFn) -> str:
    value, other, name = draw(VALUES), draw(VALUES), draw(NAMES)
    parameters = ", ".join(
        f"p{n}: {kind}" + draw(st.sampled_from(["", " = None"]))
        for n, kind in enumerate(draw(st.lists(TYPES, max_size=5)))
    )
    start = draw(st.sampled_from(["", "self, ", "*, ", "self, *, "]))
    header = f"{name}({start if parameters else ''}{parameters}) -> {draw(TYPES)}:"
    comma = draw(st.sampled_from(["", ","]))
    call = draw(st.sampled_from(["", "await "])) + f"{name}({value}{comma})"
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    return draw(
        st.sampled_from(
            [
                f"{name} = {value}",
                f"{name}: {draw(TYPES)} = {value}",
                f"a, b = {call}",
                call,
                f"X = (\n    {value},\n    {other},\n)",
                f"{name} = {name} or {call}",
                f"{name} = {value} if {name} else {call}",
                f"from .a_module.below import ({', '.join(names)})",
                f"raise AttributeError({value})",
                f"if {name} is {call}:\n    pass",
                f"def {header}\n    return {value}",
                f"async def {header}\n    {lit_doc(draw)}\n    return {call}",
                f"@{name}.{name}({value}, k={other})\ndef {header}\n    return {call}",
                f"class {name}(Base):\n    {lit_doc(draw)}\n\n    def {header}\n        return {value}",
                f"class {name}:\n    @{name}({value})\n    def {header}\n        return {other}",
                f"# {name}\n{name} = {value}",
            ]
        )
    )


def lit_doc(draw: st.DrawFn) -> str:
    described = [("name", draw(st.text(max_size=20)))] * draw(st.integers(0, 2))
    return doc(draw(st.text(max_size=40)), described, indent=4)  # type: ignore[arg-type]


@examples(400)
@given(st.lists(statements(), min_size=1, max_size=3), st.integers(0, 2))
def test_statements_are_laid_out_as_by_black(made: list[str], empty: int) -> None:
    text = '"""A module."""\n\n' + ("\n" * (empty + 1)).join(made) + "\n"
    try:
        laid_out = LAYOUT.module(text)
    except UnknownModuleError:
        return
    assert laid_out == formatting.by_black(text)


LONG_NAMES = st.sampled_from(
    ["a", "Any", "list_message_batches", "read_answer_of_batch_that_is_done"]
)
LONG_ATOMS = st.one_of(LONG_NAMES, TEXTS, st.sampled_from(["None", "1", lit("y" * 40)]))


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    keyword = st.tuples(LONG_NAMES, inner).map("=".join)
    starred = st.tuples(st.sampled_from(["*", "**"]), LONG_NAMES).map("".join)
    pair = st.tuples(TEXTS, inner).map(": ".join)
    return st.one_of(
        st.tuples(LONG_NAMES, joined(st.one_of(inner, keyword, starred))).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
        joined(pair).map(lambda t: f"{{{t}}}"),
        joined(inner).map(lambda t: f"[{t}]"),
        joined(inner, 2).map(lambda t: f"({t})"),
        joined(inner, 1).map(lambda t: f"Annotated[{t}]"),
        st.tuples(inner, inner).map(lambda t: f"f(*([] if {t[0]} else [{t[1]}]))"),
        st.tuples(LONG_NAMES, LONG_NAMES).map(lambda t: f"f({t[0]} | {t[1]})"),
    )


@st.composite
def plain_statements(draw: st.DrawFn) -> str:
    """Statements of the kinds that nafgen writes, most of them too long."""
    name, other = draw(LONG_NAMES), draw(LONG_NAMES)
    value = st.recursive(LONG_ATOMS, nested, max_leaves=14)
    keyword = st.tuples(LONG_NAMES, value).map("=".join)
    arguments = draw(joined(st.one_of(value, keyword)))
    end = draw(st.sampled_from(["", ",", "\n", ",\n"]))
    if arguments and end:
        arguments = f"\n    {arguments}{end}"
    default = st.one_of(st.sampled_from(["", " = None"]), value.map(" = {}".format))
    kind = st.one_of(TYPES, value.map("Annotated[str, {}]".format))
    parameters = ", ".join(
        f"p{number}: {draw(kind)}{draw(default)}"
        for number in range(draw(st.integers(0, 4)))
    )
    start = draw(st.sampled_from(["", "self, ", "*, "])) if parameters else ""
    returned = draw(st.one_of(TYPES, LONG_NAMES))
    return draw(
        st.sampled_from(
            [
                f"{name}({arguments})",
                f"@{name}.{other}({arguments})",
                f"return {name}.{other}({arguments})",
                f"return await {name}({arguments})",
                f"{name} = {other}({arguments})",
                f"{name} = {{{arguments}}}",
                f"return [{arguments}]",
                f"def {name}({start}{parameters}) -> {returned}:",
                f"async def {name}({start}{parameters}) -> {returned}:",
                f"from .a_module.below import ({name}, {other})",
            ]
        )
    )


@examples(400)
@given(plain_statements(), st.integers(0, 3))
def test_plain_statements_are_laid_out_as_by_all_the_rules(
    statement: str, depth: int
) -> None:
    try:
        found = layout_plain.laid_out(statement, depth)
        once = layout._broken(statement, depth)
        twice = layout._broken(once.strip(), depth)
    except UnknownStatementError:
        return
    assert found in (None, twice)


def test_what_is_compiled_of_a_published_spec_is_plain(
    rendered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_file(ROOT / "specs" / "message-batches-message-batches.yaml")
    by_all_rules: list[str] = []
    long: list[str] = []
    plainly = layout_plain.laid_out

    def counted(statement: str, depth: int) -> str | None:
        long.append(statement)
        found = plainly(statement, depth)
        by_all_rules.extend([] if found else [statement])
        return found

    monkeypatch.setattr(layout_plain, "laid_out", counted)
    for text in rendered:
        Layout(formatting._statement).module(text)
    assert len(long) > 20
    assert len(by_all_rules) <= 1


def test_widths_are_those_of_black() -> None:
    from black.strings import str_width

    known = 0
    for code in range(0x20, 0x20000):
        try:
            found = width(chr(code))
        except UnknownStatementError:
            continue
        assert found == str_width(chr(code)), hex(code)
        known += 1
    assert known > 40_000
