"""What answers in other formats than JSON are read into."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from conftest import ROOT
from nafgen.runtime.answers import UpstreamError
from nafgen.runtime.html_answers import html_tables
from nafgen.runtime.markdown_answers import markdown_parts
from nafgen.runtime.table_answers import csv_value, psv_value, tsv_value
from nafgen.runtime.xml_answers import MAX_DEPTH, xml_value
from nafgen.runtime.yaml_answers import yaml_value

Read = Callable[[httpx.Response], Any]


def answer(content: str | bytes, kind: str = "text/plain") -> httpx.Response:
    data = content.encode() if isinstance(content, str) else content
    return httpx.Response(200, content=data, headers={"content-type": kind})


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (
            "<r><u><id>1</id></u><u><id>2</id></u></r>",
            {"u": [{"id": "1"}, {"id": "2"}]},
        ),
        ("<r><u><id>1</id></u></r>", {"u": {"id": "1"}}),
        ('<r a="1">text</r>', {"a": "1", "": "text"}),
        ('<r><m kind="x"> 5 <b/></m></r>', {"m": {"kind": "x", "": "5", "b": ""}}),
        ("<r>only text</r>", "only text"),
        ("<r/>", ""),
        ('<r a="1"><a>2</a></r>', {"a": ["1", "2"]}),
        (
            '<n:r xmlns:n="urn:n"><n:a n:b="1"/><c>&lt;&#252;</c></n:r>',
            {"a": {"b": "1"}, "c": "<ü"},
        ),
        ("<r>\n  <a>x</a>\n  <!-- no --><?p i?>\n</r>", {"a": "x"}),
        ("<r><![CDATA[<a>]]>b</r>", "<a>b"),
    ],
)
def test_xml(content: str, value: object) -> None:
    assert xml_value(answer(content)) == value


def test_xml_in_its_own_encoding() -> None:
    content = '<?xml version="1.0" encoding="iso-8859-1"?><r>caf\xe9</r>'
    assert xml_value(answer(content.encode("latin-1"))) == "café"


BOMB = (
    '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<r>&b;</r>"
)
FILE = '<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]><r>&f;</r>'
ELSEWHERE = '<!DOCTYPE r SYSTEM "http://127.0.0.1:9/r.dtd"><r/>'
LAUGHS = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("read", "content"),
    [
        *(
            (xml_value, x)
            for x in ("", "<r>", "<r></s>", "text", "<r/><r/>", "<r>&a;</r>")
        ),
        (xml_value, BOMB),
        (xml_value, FILE),
        (xml_value, ELSEWHERE),
        (xml_value, "<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1)),
        (csv_value, "a,b\n1,2,3\n"),
        (csv_value, 'a\n"never closed\n'),
        (yaml_value, "a: ["),
        (yaml_value, "a: &a [*a]\n"),
        (yaml_value, LAUGHS),
        (yaml_value, "[" * 5000),
        (yaml_value, "? [a]\n: b\n"),
        (markdown_parts(), "---\na: [\n---\n"),
    ],
)
def test_what_is_broken_or_hostile_is_an_error(read: Read, content: str) -> None:
    with pytest.raises(UpstreamError, match=r"answered with (a )?broken"):
        read(answer(content))


@pytest.mark.parametrize(
    ("read", "content", "value"),
    [
        (csv_value, "id, name \n1, Ann\n", [{"id": "1", "name": " Ann"}]),
        (csv_value, '\ufeffa,b\r\n"x,""y""",2\r\n', [{"a": 'x,"y"', "b": "2"}]),
        (csv_value, "a,b\n1\n\n2,3\n", [{"a": "1"}, {"a": "2", "b": "3"}]),
        (csv_value, 'a\n"two\nlines"\n', [{"a": "two\nlines"}]),
        (csv_value, "a,b\n", []),
        (csv_value, "", []),
        (tsv_value, "a\tb\n1,5\t2\n", [{"a": "1,5", "b": "2"}]),
        (psv_value, "a|b\n1|2\n", [{"a": "1", "b": "2"}]),
    ],
)
def test_tables(read: Read, content: str, value: object) -> None:
    assert read(answer(content, "text/csv; charset=utf-8")) == value


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("a: 1\nb: [x, 2.5, ~]\n", {"a": 1, "b": ["x", 2.5, None]}),
        ("on: yes\n", {"on": "yes"}),
        ("a: 2024-01-31\n", {"a": "2024-01-31"}),
        ("a: 010\nb: 0o10\nc: 0x1F\n", {"a": 10, "b": 8, "c": 31}),
        ("a: 1_000\nb: 1e999\n", {"a": "1_000", "b": "1e999"}),
        ("a: '1'\nb: \"true\"\nc: |\n  1\n", {"a": "1", "b": "true", "c": "1\n"}),
        ("a: !!python/object:os.system x\n", {"a": "x"}),
        ("a: &x {b: 1}\nc: *x\n", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: !!str 5\nb: !other 5\n", {"a": "5", "b": 5}),
        ("1: a\ntrue: b\n", {"1": "a", "true": "b"}),
        ("a: 1\n---\nb: 2\n", {"a": 1}),
        ("", None),
    ],
)
def test_yaml(content: str, value: object) -> None:
    assert yaml_value(answer(content)) == value


ORACLE = ROOT.parent / "shared" / "conformance" / "yaml-oracle.json"
WORDS = "YAML 1.2 has no such words"
NUMBERS = "YAML 1.2 writes numbers otherwise"
DIFFERENT = {
    **dict.fromkeys(("a: yes", "a: no", "a: on"), WORDS),
    **dict.fromkeys(("a: 010", "a: 0o10", "a: 00123"), NUMBERS),
    **dict.fromkeys(("a: 1_000", "a: 1_0.5"), NUMBERS),
    **dict.fromkeys(
        ("a: .inf", "a: .nan"), "JSON has none; text is better than an error"
    ),
    "a: &x 1\nb: *x": "aliases are resolved",
}


@pytest.mark.skipif(not ORACLE.exists(), reason="what was observed is not here")
def test_yaml_as_the_engine_reads_it() -> None:
    different = []
    for case in json.loads(ORACLE.read_bytes())["cases"]:
        try:
            read = json.dumps(yaml_value(answer(case["yaml"])))
        except UpstreamError:
            read = ""
        observed = "" if case["error"] else json.dumps(case["result"])
        if read != observed:
            different.append(case["yaml"])
    assert sorted(different) == sorted(DIFFERENT)


PAGE = """
<table><tr><th>Name</th><th> Unit
 price </th></tr><tr><td>Cup</td><td>4</td></tr>
 <tr><td>Pot</td></tr><tr><td>A</td><td>B</td><td>surplus</td></tr></table>
<table><tr><td>no header</td></tr></table>
<div class="wanted"><table><thead><tr><th>a</th></tr></thead>
<tbody><tr><th>sum</th></tr><tr><td><b>1</b> &amp; 2</td></tr></tbody></table></div>
"""
CUPS = [
    {"Name": "Cup", "Unit price": "4"},
    {"Name": "Pot", "Unit price": ""},
    {"Name": "A", "Unit price": "B"},
]


@pytest.mark.parametrize(
    ("read", "tables"),
    [
        (html_tables(), [CUPS, [{"a": "1 & 2"}]]),
        (html_tables("div.wanted"), [[{"a": "1 & 2"}]]),
        (html_tables("div, table"), [CUPS, [{"a": "1 & 2"}]]),
        (html_tables("#nowhere"), []),
    ],
)
def test_html(read: Read, tables: object) -> None:
    assert read(answer(PAGE, "text/html")) == {"tables": tables}


@pytest.mark.parametrize(
    ("content", "tables"),
    [
        # What ends a cell, a row and a part may be left out.
        ("<table><tr><th>a<th>b<tr><td>1<td>2<tr><td>3", ["a1b2 a3b"]),
        ("<table><thead><tr><th>a<tbody><tr><td>1<tfoot><tr><td>9", ["a1"]),
        ("<table><th>a<th>b<tr><td>1<td>2", ["a1b2"]),
        # A table inside another has rows of its own, and its text is in the cell.
        (
            "<table><tr><th>a<tr><td>1<table><tr><th>b<tr><td>2</table><tr><td>3",
            ["a1b2 a3", "b2"],
        ),
        ("<table><tr><td>0<tr><td>1</table><table><tr><th> <tr><td>1", []),
        ("<table><tr><td>-<tr><th>b</table>", []),
        ("<table><tr><th>a<tr><td>1<script>if (a<b) {}</script><!-- 2 -->", ["a1"]),
        ("<table><thead><tr><td>-<tr><th>a</thead><tr><td>1<tr><th>b", ["a1"]),
        ("<TABLE><TR><TH>&Auml;<TR><TD>&lt;&#8364;&nosuch;", ["Ä<€&nosuch;"]),
        ("<?xml version='1.0' encoding='ascii'?><table><tr><th>ä<tr><td>1", ["ä1"]),
        ("<b><table><tr><th>a<tr><td><i>1</table></b></i>2", ["a1"]),
        ("text", []),
        ("", []),
        ("<!-- -->", []),
    ],
)
def test_the_structure_of_html(content: str, tables: list[str]) -> None:
    found = html_tables()(answer(content, "text/html; charset=utf-8"))["tables"]
    shown = [
        " ".join("".join(name + value for name, value in row.items()) for row in table)
        for table in found
    ]
    assert shown == tables


def test_the_tables_of_a_selector_and_those_inside() -> None:
    page = (
        "<table><tr><th>a<tr><td>0"
        "<table id=x><tr><th>b<tr><td>1<table><tr><th>c<tr><td>2</table></table></table>"
    )
    found = html_tables("#x")(answer(page, "text/html"))["tables"]
    assert found == [[{"b": "1c2"}], [{"c": "2"}]]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("<table><tr><th>a</th><td>" * 1500, "too deep"),
        ("<div>" * 100_000, "too deep"),
        # Each paragraph would open all of them again.
        (
            "<p>" + "".join(f"<b id={i}>" for i in range(3000)) + "<p>x" * 3000,
            "too deep",
        ),
        (f"<p {''.join(f'a{i}=1 ' for i in range(100_000))}>", "too many attributes"),
        (f"<p {'a=>'}{''.join(f'b{i} ' for i in range(9))}>", ""),
        ("<a x='" + '<a x="' * 100_000, "too many attributes"),
        (
            f"<table>{''.join(f'<th>{i}' for i in range(3000))}{'<tr>' * 3000}",
            "too large",
        ),
        ("<select>" + "<option>" * 100_000, ""),
        ("<" * 100_000 + "<!--" * 100_000 + "&" * 100_000, ""),
        ('<!DOCTYPE html [<!ENTITY f SYSTEM "file:///etc/passwd">]>&f;', ""),
    ],
    ids=range(10),
)
def test_hostile_html_costs_little(content: str, problem: str) -> None:
    started = time.process_time()
    try:
        assert html_tables()(answer(content, "text/html")) == {"tables": []}
        assert not problem
    except UpstreamError as error:
        assert problem
        assert problem in str(error)
    assert time.process_time() - started < 1


NOTES = """\
---
title: Notes
version: 2
---
Dropped.

# API *Reference*

One `call`
of **two** lines.

- first
- second

| Name | Status |
| --- | --- |
| `x` | *GA* |

```sh
run
```

## Other

Text.
"""


def test_markdown() -> None:
    found = markdown_parts()(answer(NOTES.replace("\n", "\r\n")))
    content = "One call of two lines.\nfirst\nsecond\nrun"
    assert found == {
        "frontMatter": {"title": "Notes", "version": 2},
        "tables": [[{"Name": "x", "Status": "GA"}]],
        "sections": [
            {"heading": "API Reference", "level": 1, "content": content},
            {"heading": "Other", "level": 2, "content": "Text."},
        ],
    }
    [only] = markdown_parts("API")(answer(NOTES))["sections"]
    assert only["heading"] == "API Reference"
    assert markdown_parts()(answer("No heading\n\n---\n")) == {
        "frontMatter": {},
        "tables": [],
        "sections": [],
    }
