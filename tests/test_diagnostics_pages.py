"""Keeps the pages of docs to what the compiler does: codes, messages, names."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import nafgen
import pytest
from nafgen.compile import Compilation
from nafgen.diagnostics import CODES, Diagnostic
from test_diagnostics_cases import (
    BYTES,
    CASES,
    OF_SPECS,
    case_files,
    compile_files,
)

DOCS: Final = Path(__file__).parents[1] / "docs"
PAGES: Final = {path.stem: path for path in (DOCS / "diagnostics").iterdir()}
SOURCES: Final = sorted(Path(nafgen.__file__).parent.rglob("*.py"))

_BLOCK: Final = re.compile(r"^```([a-z]+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SAID: Final = re.compile(r"([a-z]+)\[(NAF[0-9]{3})\]: (.+)\n(?:hint: (.+)\n)?")
_MARKS: Final = re.compile(r" # [EWN]\[NAF.*")
_EXAMPLE: Final = re.compile(r"^\| ([a-zA-Z ]+) \| (`.+`) \| (`.+`) \|$", re.MULTILINE)
_CODE: Final = re.compile(r"NAF[0-9]{3}")


class Said(NamedTuple):
    severity: str
    code: str
    message: str
    hint: str


def read(code: str) -> str:
    return PAGES[code].read_text(encoding="utf-8")


def block(code: str, language: str) -> str:
    """The page's block of a language; empty when it has none."""
    return "".join(
        text for name, text in _BLOCK.findall(read(code)) if name == language
    )


def said(code: str) -> Said:
    """What the page shows that the compiler says."""
    found = _SAID.search(block(code, "text") or read(code))
    assert found, code
    return Said(*found.groups(default=""))


@functools.cache
def found_in_cases() -> tuple[tuple[Diagnostic, str], ...]:
    """All that is said of the cases, each with the text of its file."""
    cases = [(name, case_files(name)) for name in CASES]
    cases += [("spec.yaml", {"spec.yaml": data}) for data, _ in BYTES.values()]
    return tuple(
        (found, files[found.span.file].decode(errors="replace"))
        for name, files in cases
        for found in compile_files(files, name).diagnostics
    )


def literals() -> Iterator[tuple[Path, str]]:
    """Each text of nafgen's sources as a pattern; its computed parts match anything."""
    for source in SOURCES:
        tree = ast.parse(source.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield source, re.escape(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [
                    (
                        re.escape(str(part.value))
                        if isinstance(part, ast.Constant)
                        else ".+"
                    )
                    for part in node.values
                ]
                yield source, "".join(parts)


class TestPages:
    def test_each_code_has_a_page_and_each_page_a_code(self) -> None:
        assert set(PAGES) == set(CODES)
        assert all(path.suffix == ".md" for path in PAGES.values())

    @pytest.mark.parametrize("code", CODES)
    def test_title_and_severity(self, code: str) -> None:
        rule = CODES[code]
        title = read(code).partition("\n")[0]
        assert title == f"# {code}: {rule.title} ({rule.severity})"
        assert said(code)[:2] == (rule.severity, code)

    @pytest.mark.parametrize("code", CODES)
    def test_page_is_short_and_says_what_to_do(self, code: str) -> None:
        page = read(code)
        assert 10 <= len(page.splitlines()) <= 25
        assert page.partition("\n## What to do\n")[2].strip()
        assert set(_CODE.findall(page)) <= set(CODES)

    @pytest.mark.parametrize("code", sorted(OF_SPECS))
    def test_example_of_a_case(self, code: str) -> None:
        """Some case has the example's lines, and its diagnostic is the page's."""
        shown = said(code)
        example = {line.strip() for line in block(code, "yaml").splitlines()}
        assert any(
            (found.code, found.message, found.hint) == shown[1:]
            and example <= {_MARKS.sub("", line).strip() for line in text.split("\n")}
            for found, text in found_in_cases()
        )

    @pytest.mark.parametrize("code", sorted(set(CODES) - OF_SPECS))
    def test_message_of_the_sources(self, code: str) -> None:
        shown = said(code)
        patterns = [pattern for _, pattern in literals() if len(pattern) > len(".+.+")]
        for text in filter(None, (shown.message, shown.hint)):
            assert any(re.fullmatch(pattern, text) for pattern in patterns), text

    def test_each_code_is_reported_somewhere(self) -> None:
        used = {
            text
            for source, text in literals()
            if source.name != "diagnostics.py" and _CODE.fullmatch(text)
        }
        assert used == set(CODES)


SPEC: Final = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - type: http
    namespace: {namespace}
    baseUri: https://photos.test
    headers: {headers}
    resources:
    - path: /albums
      operations:
{operations}
  exposes:
  - type: mcp
    namespace: agent
    tools:
{tools}
"""


def compiled(
    operations: tuple[str, ...] = ("find",),
    tools: tuple[str, ...] = ("tool",),
    parameters: tuple[str, ...] = (),
    namespace: str = "photos",
    bind: str = "",
    path: str = "photos.yaml",
) -> Compilation:
    """A spec of such operations, and of tools that all call the first of them."""
    inputs = ", ".join(f"{{name: '{name}', in: query}}" for name in parameters)
    made = [
        f"      - {{name: '{name}', method: GET, inputParameters: [{inputs}]}}"
        for name in operations
    ]
    called = [
        f"    - {{name: '{name}', call: '{namespace}.{operations[0]}'}}"
        for name in tools
    ]
    text = SPEC.format(
        namespace=namespace,
        headers=f"{{X-Key: '{{{{{bind}}}}}'}}" if bind else "{}",
        operations="\n".join(made),
        tools="\n".join(called),
    )
    return compile_files({path: text.encode()}, path)


def operations(*written: str) -> list[str]:
    names = compiled(written).names
    assert names
    return [str(name.method) for name in names.operations.values()]


def split_by_a_tool(operation: str, tool: str) -> list[str]:
    names = compiled((operation,), (tool,)).names
    assert names
    return [str(name.method) for name in names.operations.values()]


def parameters(*written: str) -> list[str]:
    names = compiled(parameters=written).names
    assert names
    (operation,) = names.operations.values()
    return [str(name) for name in operation.arguments.values()]


def tools(*written: str) -> list[str]:
    names = compiled(tools=written).names
    assert names
    return [unit.tool for unit in names.units.values()]


def tool_arguments(*written: str) -> list[str]:
    names = compiled(parameters=written).names
    assert names
    (unit,) = names.units.values()
    return [*unit.properties.values()]


def namespace(written: str) -> list[str]:
    names = compiled(namespace=written).names
    assert names
    return [str(upstream.sync_class) for upstream in names.upstreams.values()]


def base_url(written: str) -> list[str]:
    program = compiled(namespace=written).program
    assert program
    return [upstream.base_url.variable for upstream in program.upstreams]


def bind(written: str) -> list[str]:
    names = compiled(bind=written).names
    assert names
    (upstream,) = names.upstreams.values()
    return [str(upstream.settings[written])]


def package(written: str) -> list[str]:
    made = compiled(path=written).package
    assert made
    return [made.path]


KINDS: Final[dict[str, Callable[..., list[str]]]] = {
    "operation": operations,
    "operations": operations,
    "operation and tool": split_by_a_tool,
    "parameter": parameters,
    "parameters": parameters,
    "namespace": namespace,
    "tool": tools,
    "tools": tools,
    "argument": tool_arguments,
    "arguments": tool_arguments,
    "spec": package,
    "base URL": base_url,
    "bind": bind,
}
EXAMPLES: Final = _EXAMPLE.findall((DOCS / "names.md").read_text(encoding="utf-8"))


def listed(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


class TestNames:
    def test_each_kind_has_an_example(self) -> None:
        assert {kind for kind, _, _ in EXAMPLES} == set(KINDS)

    @pytest.mark.parametrize(("kind", "written", "name"), EXAMPLES)
    def test_example(self, kind: str, written: str, name: str) -> None:
        assert KINDS[kind](*listed(written)) == listed(name)

    def test_long_names_are_cut(self) -> None:
        words = "album-" * 12
        (name,) = operations(f"get-{words}a")
        (other,) = operations(f"get-{words}b")
        assert name != other
        assert max(len(name), len(other)) <= 60
        (tool,) = tools(words)
        assert len(tool) <= 64
