"""Compiles the specs of tests/diagnostics and compares all that is said with their marks.

A mark is a comment on the line that a diagnostic names:

    call: photos.dowload # E[NAF204]:13 operation "photos.dowload" is not => did you mean

that is the severity, the code, the column, a part of the message and, where `=>` stands,
a part of the hint. A line may have several marks. `@LINE:COLUMN` instead of `:COLUMN`
names another line of the file. A spec that begins with `# strict` is held to the official
schema, one that begins with `# lint` to what agents need, and one that begins with
`# tools-budget: N` to that many tokens. `NAME.overlay.yaml` amends `NAME.yaml` and has marks of its own, as have the files
in the folder `NAME` that it imports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from nafgen.compile import Compilation, compile_spec
from nafgen.diagnostics import CODES, Diagnostic
from nafgen.inputs import Spec, is_spec
from nafgen.lint import check_tools
from nafgen.rule_set import NO_RULES, Rules

FOLDER: Final = Path(__file__).with_name("diagnostics")
CASES: Final = sorted(path.name for path in FOLDER.iterdir() if is_spec(path.name))
STRICT: Final = "# strict\n"
LINT: Final = "# lint\n"
BUDGET: Final = re.compile(r"# tools-budget: ([0-9]+)\n")

# Each has one diagnostic, at the start of its first line unless a place is given.
BYTES: Final[dict[str, tuple[bytes, str]]] = {
    "latin-1": (b"info:\n  label: Caf\xe9\n", "E[NAF001]@2:13 (0xe9) is not UTF-8"),
    "control": (b"info: \x07\n", "E[NAF002]@1:7 the character U+0007 is not allowed"),
    "nested": (b"[" * 101 + b"]" * 101, "E[NAF004]@1:101 may nest 100 levels"),
    "digits": (b"port: " + b"9" * 201, "E[NAF004]@1:7 more than 200 characters"),
    "long": (b"#" * 8_388_609, "E[NAF004]@1:1 the limit is 8,388,608"),
}
# Of what reads no spec: the configuration, and several specs at a time.
NOT_OF_A_SPEC: Final = {"NAF009", "NAF303"}
OF_SPECS: Final = {code for code in CODES if code[3] in "0123489"} - NOT_OF_A_SPEC | {
    *("NAF503", "NAF504", "NAF505")
}

_MARK: Final = re.compile(
    r"# ([EWN])\[(NAF[0-9]{3})\](?:@([0-9]+))?:([0-9]+) "
    r"(.*?)(?: => (.*?))?(?= # [EWN]\[NAF|\s*$)"
)


@dataclass(frozen=True, slots=True)
class Expected:
    """A diagnostic that a mark announces."""

    file: str
    line: int
    column: int
    severity: str
    code: str
    message: str
    hint: str

    def fits(self, found: Diagnostic) -> bool:
        place = (found.span.file, found.span.line, found.span.column)
        return (
            place == (self.file, self.line, self.column)
            and found.code == self.code
            and found.severity[0].upper() == self.severity
            and self.message in found.message
            and self.hint in found.hint
        )


def marks(file: str, text: str) -> Iterator[Expected]:
    """The diagnostics that the comments of a file announce."""
    for number, line in enumerate(text.split("\n"), 1):
        for mark in _MARK.finditer(line):
            severity, code, other_line, column, message, hint = mark.groups(default="")
            place = (int(other_line or number), int(column))
            yield Expected(file, *place, severity, code, message, hint)


def mark_of(found: Diagnostic) -> str:
    """A diagnostic as the mark that announces it."""
    span = found.span
    severity = found.severity[0].upper()
    mark = f"# {severity}[{found.code}]@{span.line}:{span.column} {found.message}"
    return f"{span.file}: {mark} => {found.hint}"


def compared(
    expected: Iterable[Expected], found: Iterable[Diagnostic]
) -> tuple[list[Expected], list[str]]:
    """What is missing, and the marks of what nobody expects."""
    missing, extra = list(expected), []
    for diagnostic in found:
        fitting = next((mark for mark in missing if mark.fits(diagnostic)), None)
        if fitting is None:
            extra.append(mark_of(diagnostic))
        else:
            missing.remove(fitting)
    return missing, extra


def compile_files(files: Mapping[str, bytes], name: str) -> Compilation:
    """Compile one of the files; one that is not among them does not exist."""
    text = files[name].decode(errors="replace")
    budget = BUDGET.match(text)
    rules = Rules(tools_budget=int(budget[1])) if budget else NO_RULES
    spec = Spec(shown=name, relative=name)
    made = compile_spec(spec, files.get, strict=text.startswith(STRICT), rules=rules)
    if text.startswith(LINT) and made.program and made.names:
        check_tools(made.program, made.names, made.reporter)
    return made


def case_files(name: str) -> dict[str, bytes]:
    """A spec of the folder, the overlay beside it if there is one, and its imports."""
    overlay = Spec(shown=name, relative=name).overlay.shown
    paths = (FOLDER / name, FOLDER / overlay, *(FOLDER / Path(name).stem).glob("*"))
    return {
        path.relative_to(FOLDER).as_posix(): path.read_bytes()
        for path in paths
        if path.exists()
    }


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    files = case_files(name)
    expected = [mark for file in files for mark in marks(file, files[file].decode())]
    assert all(mark.message for mark in expected)
    found = compile_files(files, name).diagnostics
    assert compared(expected, found) == ([], [])


@pytest.mark.parametrize("name", BYTES)
def test_bytes(name: str) -> None:
    data, mark = BYTES[name]
    found = compile_files({"spec.yaml": data}, "spec.yaml").diagnostics
    assert compared(marks("spec.yaml", f"# {mark}"), found) == ([], [])


def test_file_that_is_missing() -> None:
    def read(_: str) -> None:
        return None

    spec = Spec(shown="specs/photos.yaml", relative="photos.yaml")
    found = compile_spec(spec, read).diagnostics
    mark = "# E[NAF001]@1:1 there is no such file"
    assert compared(marks(spec.shown, mark), found) == ([], [])


def test_file_that_cannot_be_read() -> None:
    def read(_: str) -> bytes | None:
        raise PermissionError(13, "Permission denied")

    spec = Spec(shown="specs/photos.yaml", relative="photos.yaml")
    found = compile_spec(spec, read).diagnostics
    mark = "# E[NAF001]@1:1 cannot read: Permission denied"
    assert compared(marks(spec.shown, mark), found) == ([], [])


def test_each_code_of_a_spec_has_a_case() -> None:
    texts = [path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.yaml")]
    texts += [f"# {mark}" for _, mark in BYTES.values()]
    covered = {mark.code for text in texts for mark in marks("", text)}
    assert covered == OF_SPECS


@pytest.mark.parametrize(
    "mark",
    [
        "a: # E[NAF002]:3 a quoted text",
        "a: # W[NAF003]:3 a quoted text",
        "a: # E[NAF003]:4 a quoted text",
        "a: # E[NAF003]@2:3 a quoted text",
        "a: # E[NAF003]:3 another text",
        "a: # E[NAF003]:3 a quoted text => quote it",
    ],
)
def test_a_mark_that_does_not_fit_is_seen(mark: str) -> None:
    span = next(iter(compile_files({"a": b"["}, "a").diagnostics)).span
    found = Diagnostic(
        code="NAF003",
        message="a quoted text is here",
        span=span._replace(line=1, column=3),
        hint="close it",
    )
    right = marks("a", "a: # E[NAF003]:3 a quoted text => close")
    assert compared(right, [found]) == ([], [])
    missing, extra = compared(marks("a", mark), [found])
    assert (len(missing), len(extra)) == (1, 1)
