"""Prints what a command found and did: the same results in each output format."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final, NoReturn

from msgspec import Struct, field

from . import report
from .diagnostics import Diagnostic, Severity
from .report import Format
from .result import STATUSES, Result, exit_code, report_json

COULD_NOT_RUN: Final = 2
FOR_PEOPLE: Final = (Format.TEXT, Format.CONCISE)
ONE_OBJECT: Final = (Format.JSON, Format.SARIF)
_MANY_FINDINGS: Final = 20
_LONG: Final = 8  # specs that take a while
_CELLS: Final = 30  # of a progress bar


class Concluded(SystemExit):
    """All is said, and nothing is left to do but to end with the code `number`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Console(Struct):
    """Where findings go: people's words to stderr, results for programs to stdout.

    A quiet console prints errors only, and one without `notes` counts them instead of
    printing them; programs that read one object get them all.
    """

    format: Format
    quiet: bool
    colour: bool
    notes: bool = True
    _file: str = ""
    _lines: list[str] = field(default_factory=list)

    def show(self, findings: Iterable[Diagnostic]) -> None:
        """Print findings, unless they are for one object that is printed at the end."""
        for found in findings:
            if not self._is_shown(found):
                continue
            match self.format:
                case Format.TEXT:
                    self.say(report.text(found, self._line, colour=self.colour))
                case Format.CONCISE:
                    self.say(report.concise(found))
                case Format.GITHUB:
                    self.put(f"{report.github(found)}\n")
                case Format.JSON | Format.SARIF:
                    pass

    def _is_shown(self, found: Diagnostic) -> bool:
        if self.quiet:
            return found.severity is Severity.ERROR
        return self.notes or found.severity is not Severity.NOTE

    def say(self, text: str) -> None:
        """Print a line for people."""
        print(text, file=sys.stderr, flush=True)

    def put(self, text: str) -> None:
        """Print a result, as UTF-8 wherever it goes; names of files keep their bytes."""
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode(errors="surrogateescape"))
        sys.stdout.buffer.flush()

    @contextmanager
    def progress(self, total: int) -> Iterator[Callable[[], None]]:
        """A bar on a terminal, of so many steps; gone when the work is done."""
        people = self.format in FOR_PEOPLE and not self.quiet
        if total < _LONG or not people or not sys.stderr.isatty():
            yield lambda: None
            return
        from shutil import get_terminal_size  # with which come compression libraries

        columns = get_terminal_size().columns
        cells = max(0, min(_CELLS, columns - len(f"[] {total}/{total} ")))
        steps = count()

        def step() -> None:
            number = next(steps)
            bar = f"{'#' * (cells * number // total):-<{cells}}"
            print(f"\r[{bar}] {number}/{total}", end="", file=sys.stderr, flush=True)

        step()
        try:
            yield step
        finally:
            blank = " " * len(f"[{'':{cells}}] {total}/{total}")
            print(f"\r{blank}\r", end="", file=sys.stderr, flush=True)

    def fail(self, findings: Iterable[Diagnostic]) -> NoReturn:
        """Say why nothing could be done, and exit."""
        found = tuple(findings)
        self.show(found)
        result = Result(
            spec="", package="", status="refused", summary={}, diagnostics=found
        )
        self._put_object([result], COULD_NOT_RUN)
        sys.exit(COULD_NOT_RUN)

    def conclude(
        self,
        results: Sequence[Result],
        words: Mapping[str, str],
        *,
        change_counts: bool = False,
    ) -> NoReturn:
        """Print what became of the specs, a status by its word, and exit."""
        code = exit_code(results, change_counts=change_counts)
        self._put_object(results, code)
        if not self.quiet and self.format not in ONE_OBJECT:
            self._summarise([each for result in results for each in result.diagnostics])
            status = Counter(
                each.status for each in results if each.spec or each.package
            )
            parts = [f"{status[n]} {words.get(n, n)}" for n in STATUSES if status[n]]
            number = sum(bool(result.spec) for result in results)
            specs = "1 spec" if number == 1 else f"{number} specs"
            self.say(f"{specs}: {', '.join(parts) or 'nothing to do'}")
        raise Concluded(code)

    def _summarise(self, findings: Sequence[Diagnostic]) -> None:
        if len(findings) > _MANY_FINDINGS:
            self.say(report.counts(findings))
        hidden = sum(not self._is_shown(found) for found in findings)
        if hidden:
            notes = "1 note is" if hidden == 1 else f"{hidden} notes are"
            self.say(f"{notes} not shown; --notes shows them")

    def _put_object(self, results: Sequence[Result], code: int) -> None:
        if self.format is Format.JSON:
            self.put(json.dumps(report_json(results), indent=2) + "\n")
        elif self.format is Format.SARIF:
            from . import sarif

            found = [each for result in results for each in result.diagnostics]
            self.put(json.dumps(sarif.document(found, code), indent=2) + "\n")

    def _line(self, file: str, number: int) -> str:
        if file != self._file:  # of many files, the last one alone is kept
            try:
                text = Path(file).read_text(encoding="utf-8", errors="replace")
            except OSError:
                text = ""
            self._file, self._lines = file, text.splitlines()
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""
