"""The command line: the only place with stdout, exit codes, environment and cwd."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from . import __version__, build, config, report
from .diagnostics import Diagnostic, Reporter, Severity, Span, plain
from .disk import Mode
from .inputs import Spec
from .report import Format

if TYPE_CHECKING:
    from .compile import Compilation

COULD_NOT_RUN: Final = 2
_SPECS: Final = click.argument("specs", nargs=-1, type=click.Path(path_type=Path))
_SPEC: Final = click.argument("spec", type=click.Path(path_type=Path))


@dataclass(slots=True)
class Console:
    """Where findings go: people's words to stderr, results for programs to stdout."""

    format: Format
    quiet: bool
    _lines: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def show(self, findings: Iterable[Diagnostic]) -> None:
        """Print findings; a quiet console leaves notes and warnings out."""
        for found in findings:
            if self.quiet and found.severity is not Severity.ERROR:
                continue
            match self.format:
                case Format.TEXT:
                    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
                    self.say(report.text(found, self._line, colour=colour))
                case Format.CONCISE:
                    self.say(report.concise(found))
                case Format.GITHUB:
                    self.put(f"{report.github(found)}\n")
                case Format.JSON:
                    pass

    def say(self, text: str) -> None:
        """Print a line for people."""
        click.echo(text, err=True)

    def put(self, text: str) -> None:
        """Print a result, as UTF-8 wherever it goes."""
        click.echo(text.encode(), nl=False)

    def fail(self, findings: Iterable[Diagnostic]) -> NoReturn:
        """Say why nothing could be done, and exit."""
        self.show(findings)
        if self.format is Format.JSON:
            result = build.Result(
                spec="",
                package="",
                status="refused",
                summary={},
                diagnostics=tuple(findings),
            )
            self.put(json.dumps(build.report_json([result]), indent=2) + "\n")
        sys.exit(COULD_NOT_RUN)

    def _line(self, file: str, number: int) -> str:
        if file not in self._lines:
            try:
                text = Path(file).read_text(encoding="utf-8", errors="replace")
            except OSError:
                text = ""
            self._lines[file] = tuple(text.splitlines())
        lines = self._lines[file]
        return lines[number - 1] if 0 < number <= len(lines) else ""


def _common(command: Callable[..., None]) -> Callable[..., None]:
    """Options of every command that reports: they become a `Console` and a `Config`."""

    @click.option(
        "--output-format",
        type=click.Choice([each.value for each in Format]),
        envvar="NAFGEN_OUTPUT_FORMAT",
        help="How findings are printed.",
    )
    @click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
    @functools.wraps(command)
    def wrapped(output_format: str | None, quiet: bool, **options: Any) -> None:
        reporter = Reporter()
        settings = config.load(Path.cwd(), reporter)
        default = settings.output_format if settings else None
        chosen = Format(output_format) if output_format else default or Format.TEXT
        console = Console(chosen, quiet)
        if settings is None:
            console.fail(reporter)
        command(console=console, settings=settings, **options)

    return wrapped


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="nafgen %(version)s")
def main() -> None:
    """Compile Naftiko capability specs into typed Python packages."""


def _find(
    specs: Sequence[Path], settings: config.Config, console: Console
) -> tuple[list[Spec], list[Path]]:
    """The specs to work on, and the folders that were named; exits when there are none."""
    paths = list(specs) or list(settings.specs)
    reporter = Reporter()
    for path in paths:
        if not path.exists():
            message = "there is no such file or folder"
            reporter.report("NAF001", Span.whole(path.as_posix()), message)
    if reporter.failed:
        console.fail(reporter)
    try:
        found = build.discover(paths, settings.specs)
    except OSError as error:
        message = f"cannot read: {error.strerror}"
        reporter.report("NAF001", Span.whole(str(error.filename)), message)
        console.fail(reporter)
    return found, [path for path in paths if path.is_dir()]


@main.command("build")
@_SPECS
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    envvar="NAFGEN_OUTPUT",
    help="The folder for the packages.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail if a build would.")
@click.option("--diff", is_flag=True, help="Like --check, and print what would change.")
@click.option(
    "--exit-non-zero-on-change",
    is_flag=True,
    help="Fail when files were written, as hooks must.",
)
@click.option(
    "--discard-edits",
    is_flag=True,
    help="Overwrite generated files that were edited by hand.",
)
@_common
def build_command(
    *,
    console: Console,
    settings: config.Config,
    specs: Sequence[Path],
    output: Path | None,
    check: bool,
    diff: bool,
    exit_non_zero_on_change: bool,
    discard_edits: bool,
) -> None:
    """Compile SPECS, files or folders, to packages; write only what changed."""
    found, folders = _find(specs, settings, console)
    mode = Mode.DIFF if diff else Mode.CHECK if check else Mode.WRITE
    options = build.Options(
        output=output or settings.output, mode=mode, discard_edits=discard_edits
    )
    results = build.build(found, options, lambda r: console.show(r.diagnostics))
    rest = build.tidy(found, folders, settings.specs, options)
    for result in rest:
        console.show(result.diagnostics)
    everything = [*results, *rest]
    if console.format is not Format.JSON:
        console.put("".join(result.diff for result in everything))
    words = {} if mode is Mode.WRITE else _WOULD
    change_counts = exit_non_zero_on_change or mode is not Mode.WRITE
    _conclude(console, everything, words, change_counts=change_counts)


_WOULD: Final = {"built": "out of date", "removed": "left over"}
_COMPILED: Final = {"unchanged": "compiled", "partial": "compiled in part"}


def _conclude(
    console: Console,
    results: Sequence[build.Result],
    words: Mapping[str, str],
    *,
    change_counts: bool = False,
) -> NoReturn:
    """Print what became of the specs, a status by its word, and exit."""
    if console.format is Format.JSON:
        console.put(json.dumps(build.report_json(results), indent=2) + "\n")
    elif not console.quiet:
        status = Counter(each.status for each in results if each.spec or each.package)
        parts = [f"{status[n]} {words.get(n, n)}" for n in build.STATUSES if status[n]]
        number = sum(bool(result.spec) for result in results)
        specs = "1 spec" if number == 1 else f"{number} specs"
        console.say(f"{specs}: {', '.join(parts) or 'nothing to do'}")
    sys.exit(build.exit_code(results, change_counts=change_counts))


@main.command()
@_SPECS
@click.option("--strict", is_flag=True, help="Hold specs to the official schema.")
@_common
def validate(
    *, console: Console, settings: config.Config, specs: Sequence[Path], strict: bool
) -> None:
    """Report what is wrong with SPECS, and write nothing."""
    from .compile import compile_spec

    found, _ = _find(specs, settings, console)
    results = []
    for spec in found:
        made = compile_spec(spec, build.read, strict=strict)
        console.show(made.diagnostics)
        results.append(_result(made))
    _conclude(console, results, _COMPILED)


def _result(made: Compilation) -> build.Result:
    package = made.package
    summary = package.summary if package else {}
    partial = build.is_partial(summary, made.reporter)
    return build.Result(
        spec=made.spec.shown,
        package=package.path if package else "",
        status="refused" if not package else "partial" if partial else "unchanged",
        summary=summary,
        diagnostics=tuple(made.diagnostics),
    )


@main.command()
@_SPEC
@click.option(
    "--stage",
    type=click.Choice(["document", "capability", "ir", "names", "plan", "files"]),
    required=True,
)
@_common
def dump(*, console: Console, settings: config.Config, spec: Path, stage: str) -> None:
    """Print a stage of the compilation of SPEC."""
    from .dump import dump as dumped

    made = _compiled(spec, settings, console)
    console.put(dumped(made, stage))
    sys.exit(build.exit_code([_result(made)]))


def _compiled(spec: Path, settings: config.Config, console: Console) -> Compilation:
    """Compile one spec and show what was found; exits when it is not there."""
    from .compile import compile_spec

    if console.format in (Format.JSON, Format.GITHUB):
        console.format = Format.TEXT  # stdout is for what the command makes
    found, _ = _find([spec], settings, console)
    if len(found) != 1:
        console.say(f"{plain(str(spec))}: name one spec")
        sys.exit(COULD_NOT_RUN)
    made = compile_spec(found[0], build.read)
    console.show(made.diagnostics)
    return made


@main.command()
@click.argument("what", metavar="CODE|FILE:LINE")
@_common
def explain(*, console: Console, settings: config.Config, what: str) -> None:
    """Explain a diagnostic's CODE, or where FILE:LINE of generated code comes from."""
    from .explain import UnexplainedError, code_page, origin_of

    file, colon, line = what.rpartition(":")
    if colon and line.isdecimal():
        roots = [build.folder_of(path) for path in settings.specs]
        try:
            origin = origin_of(Path(file), int(line), roots, build.read)
        except UnexplainedError as error:
            console.say(plain(str(error)))
            sys.exit(COULD_NOT_RUN)
        span = origin.span
        console.put(f"{span.file}:{span.line}:{span.column}: {origin.pointer}\n")
        return
    page = code_page(what)
    if page is None:
        console.say(
            f"{plain(what)}: there is no such code; try one like NAF204, or FILE:LINE"
        )
        sys.exit(COULD_NOT_RUN)
    console.put(page)


@main.command()
@_SPECS
@_common
def verify(*, console: Console, settings: config.Config, specs: Sequence[Path]) -> None:
    """Run all that SPECS compile to against a mocked upstream, and compare."""
    from .compile import compile_spec
    from .verify import MissingLibrariesError
    from .verify import verify as verified

    found, _ = _find(specs, settings, console)
    results = []
    called: Counter[str] = Counter()
    for spec in found:
        made = compile_spec(spec, build.read)
        result = _result(made)
        if made.package is not None:
            try:
                proof = verified(made)
            except MissingLibrariesError as error:
                _without(error.names, console)
            for what in ("operations", "routes", "tools"):
                called[what] += getattr(proof, what)
            found_here = (*result.diagnostics, *proof.differences)
            result = replace(result, diagnostics=found_here)
        console.show(result.diagnostics)
        results.append(result)
    if not console.quiet and console.format is not Format.JSON:
        done = ", ".join(f"{number} {what}" for what, number in called.items())
        console.say(f"called: {done or 'nothing'}")
    _conclude(console, results, _COMPILED)


def _without(libraries: Iterable[str], console: Console) -> NoReturn:
    names = ", ".join(libraries)
    console.say(f"not installed: {names}; run: pip install 'nafgen[serve]'")
    sys.exit(COULD_NOT_RUN)


@main.command()
@_SPEC
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8100, show_default=True)
@_common
def mock(
    *, console: Console, settings: config.Config, spec: Path, host: str, port: int
) -> None:
    """Serve an upstream that answers as the consumed side of SPEC describes."""
    from . import serving

    if missing := serving.missing_libraries():
        _without(missing, console)
    made = _compiled(spec, settings, console)
    if made.program is None:
        sys.exit(1)
    sys.exit(serving.run_mock(made.program, host, port, console.say))


@main.command()
@_SPEC
@click.option("--mock", "mocked", is_flag=True, help="Answer from a mocked upstream.")
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port; further adapters follow it.")
@_common
def serve(
    *,
    console: Console,
    settings: config.Config,
    spec: Path,
    mocked: bool,
    host: str | None,
    port: int | None,
) -> None:
    """Build SPEC to a cache folder and run its adapters."""
    from . import serving

    if missing := serving.missing_libraries():
        _without(missing, console)
    made = _compiled(spec, settings, console)
    if made.package is None or made.program is None:
        sys.exit(1)
    arguments = ["serve"]
    arguments += ["--host", host] if host else []
    arguments += ["--port", str(port)] if port else []
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    reporter = Reporter()
    folder = serving.write(cache / "nafgen", made.package, reporter)
    if folder is None:
        console.show(reporter)
        sys.exit(COULD_NOT_RUN)
    if mocked:
        os.environ.update(serving.start_mock(made.program, os.environ))
    sys.exit(serving.run_package(folder, made.package, arguments))
