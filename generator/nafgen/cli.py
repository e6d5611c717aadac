"""The command line: the only place with stdout, exit codes, environment and cwd."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from . import __version__, build, bulk, config
from .console import COULD_NOT_RUN, FOR_PEOPLE, ONE_OBJECT, Console
from .diagnostics import Reporter, Span, plain
from .discover import discover, folder_of, reader
from .disk import Mode
from .inputs import Spec
from .remembered import FOLDER, Memory
from .report import Format
from .result import called, exit_code, result_of, without_held
from .signals import TerminatedError, terminable
from .tool_costs import table

if TYPE_CHECKING:
    from .compile import Compilation

_SPECS: Final = click.argument("specs", nargs=-1, type=click.Path(path_type=Path))
_SPEC: Final = click.argument("spec", type=click.Path(path_type=Path))
_WOULD: Final = {"built": "out of date", "removed": "left over"}
_COMPILED: Final = {"unchanged": "compiled", "partial": "compiled in part"}
_INTERRUPTED: Final = 130
_TERMINATED: Final = 143


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
        colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        console = Console(chosen, quiet, colour)
        if settings is None:
            console.fail(reporter)
        command(console=console, settings=settings, **options)

    return wrapped


def _bulk(command: Callable[..., None]) -> Callable[..., None]:
    """Options of commands that work on many specs, and how such a command is stopped."""

    @click.option(
        "-j",
        "--jobs",
        type=click.IntRange(min=1),
        envvar="NAFGEN_JOBS",
        help="How many processes compile; by default one for each core.",
    )
    @click.option("--notes", is_flag=True, help="Print notes even of several specs.")
    @functools.wraps(command)
    def wrapped(**options: Any) -> None:
        try:
            with terminable():
                command(**options)
        except KeyboardInterrupt as end:
            click.echo("interrupted", err=True)
            sys.exit(_TERMINATED if isinstance(end, TerminatedError) else _INTERRUPTED)

    return wrapped


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="nafgen %(version)s")
def main() -> None:
    """Compile Naftiko capability specs into typed Python packages."""


def _find(
    specs: Sequence[Path],
    settings: config.Config,
    console: Console,
    output: Path | None = None,
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
        output = output or settings.output
        found = discover(paths, settings.specs, settings.import_paths, output)
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
@click.option("--stats", is_flag=True, help="Print what lists of tools cost a model.")
@_bulk
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
    stats: bool,
    jobs: int | None,
    notes: bool,
) -> None:
    """Compile SPECS, files or folders, to packages; write only what changed."""
    found, folders = _find(specs, settings, console, output)
    mode = Mode.DIFF if diff else Mode.CHECK if check else Mode.WRITE
    output = output or settings.output
    options = build.Options(
        output=output,
        mode=mode,
        discard_edits=discard_edits,
        rules=settings.rules,
        stats=stats,
        memory=Memory(output / FOLDER),
    )
    console.notes = notes or len(found) < 2
    results = without_held(found, build.build(found, options, jobs, console.progress))
    results += build.tidy(found, folders, settings.specs, options)
    for result in results:
        console.show(result.diagnostics)
    if console.format not in ONE_OBJECT:
        console.put("".join(result.diff for result in results))
        console.put(table(cost for result in results for cost in result.servers))
    words = {} if mode is Mode.WRITE else _WOULD
    change_counts = exit_non_zero_on_change or mode is not Mode.WRITE
    console.conclude(results, words, change_counts=change_counts)


@main.command()
@_SPECS
@click.option("--strict", is_flag=True, help="Hold specs to the official schema.")
@click.option("--lint", is_flag=True, help="Say what makes tools hard for agents, too.")
@_bulk
@_common
def validate(
    *,
    console: Console,
    settings: config.Config,
    specs: Sequence[Path],
    strict: bool,
    lint: bool,
    jobs: int | None,
    notes: bool,
) -> None:
    """Report what is wrong with SPECS, and write nothing."""
    from .validation import validated

    found, _ = _find(specs, settings, console)
    console.notes = notes or len(found) < 2
    rules = settings.rules
    work = functools.partial(validated, strict=strict, lint=lint, rules=rules)
    results = without_held(found, bulk.run(work, found, jobs, console.progress))
    for result in results:
        console.show(result.diagnostics)
    console.conclude(results, _COMPILED)


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
    sys.exit(exit_code([result_of(made)]))


def _compiled(spec: Path, settings: config.Config, console: Console) -> Compilation:
    """Compile one spec and show what was found; exits when it is not there."""
    from .compile import compile_spec

    if console.format not in FOR_PEOPLE:
        console.format = Format.TEXT  # stdout is for what the command makes
    found, _ = _find([spec], settings, console)
    if len(found) != 1:
        console.say(f"{plain(str(spec))}: name one spec")
        sys.exit(COULD_NOT_RUN)
    made = compile_spec(found[0], reader(found[0]), rules=settings.rules)
    console.show(made.diagnostics)
    return made


@main.command()
@_SPEC
@click.option("--name", required=True, help="As in io.github.acme/library.")
@click.option("--version", required=True, help="Of the distribution, as in 1.2.0.")
@click.option("--distribution", help="On PyPI; by default the package's name.")
@click.option("--only", help="The module of the server, if there are several.")
@_common
def registry(
    *,
    console: Console,
    settings: config.Config,
    spec: Path,
    name: str,
    version: str,
    distribution: str | None,
    only: str | None,
) -> None:
    """Print the server.json that puts SPEC's package into the registry of MCP servers."""
    from .publishing import UnpublishableError, published

    made = _compiled(spec, settings, console)
    if made.program is None or made.names is None:
        sys.exit(1)
    try:
        text = published(
            made.program,
            made.names,
            name=name,
            version=version,
            distribution=distribution,
            only=only,
        )
    except UnpublishableError as error:
        console.say(plain(str(error)))
        sys.exit(COULD_NOT_RUN)
    console.put(text)


@main.command()
@click.argument("what", metavar="CODE|FILE:LINE")
@_common
def explain(*, console: Console, settings: config.Config, what: str) -> None:
    """Explain a diagnostic's CODE, or where FILE:LINE of generated code comes from."""
    from .explain import UnexplainedError, code_page, origin_of

    file, colon, line = what.rpartition(":")
    if colon and line.isdecimal():
        roots = [folder_of(path) for path in settings.specs]
        folders = tuple(str(path.resolve()) for path in settings.import_paths)
        try:
            origin = origin_of(Path(file), int(line), roots, folders, settings.rules)
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
@_bulk
@_common
def verify(
    *,
    console: Console,
    settings: config.Config,
    specs: Sequence[Path],
    jobs: int | None,
    notes: bool,
) -> None:
    """Run all that SPECS compile to against a mocked upstream, and compare."""
    from .validation import verified

    found, _ = _find(specs, settings, console)
    console.notes = notes or len(found) < 2
    work = functools.partial(verified, rules=settings.rules)
    results = without_held(found, bulk.run(work, found, jobs, console.progress))
    if missing := {name for result in results for name in result.missing}:
        _without(sorted(missing), console)
    for result in results:
        console.show(result.diagnostics)
    if not console.quiet and console.format not in ONE_OBJECT:
        done = ", ".join(f"{number} {what}" for what, number in called(results).items())
        console.say(f"called: {done or 'nothing'}")
    console.conclude(results, _COMPILED)


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
    held = serving.held_files(made.program, settings.output / made.package.path)
    os.environ.update({k: v for k, v in held.items() if not os.environ.get(k)})
    if mocked:
        os.environ.update(serving.start_mock(made.program, os.environ))
    sys.exit(serving.run_package(folder, made.package, arguments))
