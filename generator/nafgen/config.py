"""`[tool.nafgen]` of pyproject.toml: the defaults of a project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from .diagnostics import Reporter, Span, show
from .report import Format
from .rule_set import NO_RULES, Rules

if TYPE_CHECKING:
    from .rule import Mistake, Rule

_PATHS: Final = ("specs", "import-paths")
_KEYS: Final = (
    "output",
    "output-format",
    "specs",
    "import-paths",
    "rules",
    "builtin-hosts",
    "tools-budget",
)


class Config(Struct, frozen=True, kw_only=True):
    """A project's settings; all paths are below `folder` unless absolute.

    `import_paths` are folders that specs may import from besides their own.
    """

    folder: Path
    specs: tuple[Path, ...]
    output: Path
    output_format: Format | None
    import_paths: tuple[Path, ...] = ()
    rules: Rules = NO_RULES


def load(start: Path, reporter: Reporter) -> Config | None:
    """The settings of the nearest pyproject.toml at or above a folder.

    Without one, or without `[tool.nafgen]` in it, the defaults. None when NAF009 is
    reported.
    """
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            return _read(file, start, reporter)
    return _config(start, start, {})


def _config(folder: Path, start: Path, table: dict[str, Any]) -> Config:
    shown = _shown(folder, start)
    written = table.get("output-format")
    return Config(
        folder=folder,
        specs=tuple(shown / spec for spec in table.get("specs", ["specs"])),
        output=shown / table.get("output", "generated"),
        output_format=Format(written) if written else None,
        import_paths=tuple(shown / path for path in table.get("import-paths", ())),
        rules=Rules(
            own=_own_rules(table),
            builtin=table.get("builtin-hosts", True),
            tools_budget=table.get("tools-budget"),
        ),
    )


def _own_rules(table: dict[str, Any]) -> tuple[Rule, ...]:
    if not table.get("rules"):
        return ()
    from .rule import parse

    return tuple(map(parse, table["rules"]))


def _shown(folder: Path, start: Path) -> Path:
    """The folder as seen from where the user is, when that is short."""
    return Path() if folder == start else folder


def _read(file: Path, start: Path, reporter: Reporter) -> Config | None:
    name = (_shown(file.parent, start) / file.name).as_posix()
    import tomllib

    try:
        text = file.read_text(encoding="utf-8")
        tool = tomllib.loads(text).get("tool", {})
    except (OSError, ValueError) as error:
        reporter.report("NAF009", Span.whole(name), f"cannot be read: {error}")
        return None
    table = tool.get("nafgen", {}) if isinstance(tool, dict) else {}
    wrong = _mistakes(table)
    for key, (message, hint) in wrong.items():
        reporter.report("NAF009", _span(name, text, key), message, hint=hint)
    broken = list(_broken_rules(table))
    for number, found in broken:
        span = _rule_span(name, text, number, found.key)
        reporter.report("NAF009", span, found.message, hint=found.hint)
    return None if wrong or broken else _config(file.parent, start, table)


def _mistakes(table: Any) -> dict[str, tuple[str, str]]:
    """Each key of the table that cannot be used, with a message and a hint."""
    if not isinstance(table, dict):
        return {"nafgen": ("`nafgen` must be a table", "write it as [tool.nafgen]")}
    wrong: dict[str, tuple[str, str]] = {}
    for key, value in table.items():
        if key not in _KEYS:
            import difflib

            close = difflib.get_close_matches(key, _KEYS, 1)
            hint = (
                f"did you mean `{close[0]}`?" if close else f"one of {', '.join(_KEYS)}"
            )
            wrong[key] = (f"the key {show(key)} is not known", hint)
        elif key == "rules":
            if not isinstance(value, list):
                wrong[key] = (
                    "`rules` must be a list of tables",
                    "write each as [[tool.nafgen.rules]]",
                )
        elif key == "builtin-hosts":
            if not isinstance(value, bool):
                wrong[key] = (f"`{key}` must be true or false, not {show(value)}", "")
        elif key == "tools-budget":
            if type(value) is not int or value < 1:
                wrong[key] = (f"`{key}` must be a number from 1, not {show(value)}", "")
        elif key in _PATHS:
            if not isinstance(value, list) or not all(
                isinstance(v, str) for v in value
            ):
                wrong[key] = (
                    f"`{key}` must be a list of paths",
                    f'as {key} = ["{key}"]',
                )
        elif not isinstance(value, str):
            wrong[key] = (f"`{key}` must be text, not {show(value)}", "")
        elif key == "output-format" and value not in [*Format]:
            wrong[key] = (
                f"there is no format {show(value)}",
                f"one of {', '.join(Format)}",
            )
    return wrong


def _broken_rules(table: Any) -> Iterator[tuple[int, Mistake]]:
    """The number of each rule that cannot be used, from 0, and why."""
    rules = table.get("rules") if isinstance(table, dict) else None
    if not rules or not isinstance(rules, list):
        return
    from .rule import mistakes

    for number, each in enumerate(rules):
        yield from ((number, found) for found in mistakes(each))


def _rule_span(name: str, text: str, number: int, key: str) -> Span:
    """Where a key of a rule is written: the head of its table for the rule as such."""
    seen = -1
    head = Span.whole(name)
    for line_number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        column = len(line) - len(line.lstrip()) + 1
        if stripped.startswith("[[tool.nafgen.rules]]"):
            seen += 1
            if seen == number:
                head = Span(name, line_number, column, line_number, len(line) + 1)
        table = stripped.strip("[]").removeprefix("tool.nafgen.rules.")
        written = stripped.partition("=")[0].strip().strip("\"'")
        if seen == number and key in (written, table):
            end = column + len(stripped if stripped[0] == "[" else key)
            return Span(name, line_number, column, line_number, end)
    return head


def _span(name: str, text: str, key: str) -> Span:
    """Where a key of the table is written; tomllib does not say."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            inside = stripped.startswith("[tool.nafgen]")
        written = stripped.partition("=")[0].strip().strip("\"'")
        if (inside and written == key) or (inside and key == "nafgen"):
            column = len(line) - len(line.lstrip()) + 1
            return Span(name, number, column, number, column + len(written))
    return Span.whole(name)
