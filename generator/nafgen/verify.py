"""Runs what a spec was compiled to, and compares what it does with what the spec says.

Every client operation, REST route and MCP tool is called in memory against an upstream
that records requests. Nothing leaves the process.
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from msgspec.structs import replace

from .compile import Compilation
from .diagnostics import Diagnostic, Origin
from .ir import Negotiated, Supplied, Upstream
from .plan import KINDS, Package
from .program import (
    Adapter,
    ControlAdapter,
    McpAdapter,
    Program,
    RestAdapter,
    SkillAdapter,
)
from .script_engines import SECONDS
from .scripted import Language
from .verify_files import sample_folders
from .verify_settings import made_up_settings, token_rules
from .wire import Format

if TYPE_CHECKING:
    import httpx

    from .verify_probe import Bench, Findings, Log

_READING: Final = {
    Format.AVRO: ("avro",),
    Format.PROTOBUF: ("google.protobuf",),
    Format.HTML: ("cssselect", "lxml"),
    Format.MARKDOWN: ("markdown_it", "ruamel"),
    Format.YAML: ("ruamel",),
}
"""What packages import that read answers in a format."""
_OF_OPERATORS: Final = (
    *("READ_ONLY", "TOOLS", "EXCLUDE_TOOLS", "CONFIRM_DESTRUCTIVE", "CORS_ORIGINS"),
    *("MAX_RESULT_CHARACTERS", "MAX_RESULT_BYTES"),
)
"""Settings of the user that change what is served."""
_SIGNALS: Final = ("TRACES", "METRICS")
_RUNNING: Final = {
    Language.JAVASCRIPT: "quickjs",
    Language.PYTHON: "pydantic_monty",
}
"""What runs scripts in a language."""
_numbers: Final = itertools.count()


class MissingLibrariesError(Exception):
    """Libraries that generated code needs are not installed: `names`."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(f"{', '.join(names)} not installed")
        self.names = names


class Verification(Struct, frozen=True, kw_only=True):
    """How many units were called, and every difference found (NAF701)."""

    operations: int
    routes: int
    tools: int
    resources: int
    prompts: int
    differences: tuple[Diagnostic, ...]


def verify(compilation: Compilation) -> Verification:
    """Verify what a spec was compiled to; it must not run inside an event loop.

    Raises:
        ValueError: the compilation made no package.
        MissingLibrariesError: what the package imports is not installed.
    """
    program, names = compilation.program, compilation.names
    package = compilation.package
    if program is None or names is None or package is None:
        raise ValueError("nothing was compiled, so there is nothing to verify")
    _need_libraries(program)
    from .verify_exchanges import Gate
    from .verify_probe import Bench, Findings, Probe, failure

    findings = Findings()
    with (
        _imported(package) as load,
        load.logging() as log,
        sample_folders(program) as folders,
    ):
        settings = made_up_settings(program) | folders
        probe = Probe(Gate(program=program, settings=settings, report=findings.add))
        bench = Bench(
            program=program,
            names=names,
            settings=settings,
            load=load,
            probe=probe,
            findings=findings,
            log=log,
        )
        try:
            asyncio.run(_checked(bench))
        except Exception as error:
            findings.add(program.origin, f"the package fails: {failure(error)}")
    return _verification(program, findings)


def _need_libraries(program: Program) -> None:
    kinds = {type(adapter) for adapter in program.servers}
    needed = ["httpx"]
    needed += ["fastapi"] if kinds & {RestAdapter, SkillAdapter} else []
    needed += ["mcp"] if McpAdapter in kinds else []
    needed += ["starlette", "prometheus_client"] if program.control else []
    needed += ["jwt", "cryptography"] if token_rules(program) else []
    operations = (
        each for upstream in program.upstreams for each in upstream.operations
    )
    needed += [_RUNNING[each.language] for each in program.script_files]
    formats = {operation.format for operation in operations}
    needed += [name for each in sorted(formats) for name in _READING.get(each, ())]
    missing = tuple(name for name in needed if find_spec(name) is None)
    if missing:
        raise MissingLibrariesError(missing)


class _Loader:
    """Imports modules of a package that was written to a temporary folder."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, module: str) -> ModuleType:
        return importlib.import_module(f"{self._name}.{module}")

    @contextmanager
    def logging(self) -> Iterator[Log]:
        """What the package logs, kept from the terminal."""
        from .verify_probe import Log

        logger, log = logging.getLogger(self._name.partition(".")[0]), Log()
        logger.addHandler(log)
        logger.propagate = False
        try:
            yield log
        finally:
            logger.removeHandler(log)


@contextmanager
def _imported(package: Package) -> Iterator[_Loader]:
    # A parent of its own keeps a package called `json` or `httpx` apart from the
    # modules of that name, and two verifications apart from each other.
    parent = f"nafgen_verified_{next(_numbers)}"
    bytecode = sys.dont_write_bytecode
    httpx_logger = logging.getLogger("httpx")
    filters = httpx_logger.filters[:]
    with TemporaryDirectory(prefix="nafgen-verify-") as folder:
        root = Path(folder)
        for file in package.files:
            target = root / parent / package.path / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.data)
        sys.path.insert(0, folder)
        sys.dont_write_bytecode = True
        importlib.invalidate_caches()
        try:
            yield _Loader(".".join([parent, *package.path.split("/")]))
        finally:
            sys.dont_write_bytecode = bytecode
            httpx_logger.filters[:] = filters  # the package adds one, and would live on
            sys.path.remove(folder)
            sys.path_importer_cache.pop(folder, None)
            for name in [n for n in sys.modules if n.split(".")[0] == parent]:
                del sys.modules[name]


async def _checked(bench: Bench) -> None:
    import httpx

    from .verify_client import check_clients
    from .verify_control import record

    transport = httpx.MockTransport(bench.probe)
    with (
        _environment(bench.program, {}),
        httpx.Client(transport=transport, trust_env=False) as sync,
    ):
        async with httpx.AsyncClient(transport=transport, trust_env=False) as http:
            blocking = _clients(bench, http, sync)
            await check_clients(bench, blocking)
            if bench.program.control is not None:
                record(bench, bench.program.control)
            for adapter in (*bench.program.adapters, *bench.program.skills):
                await _check_adapter(bench, adapter)
            if bench.program.control is not None:
                await _check_adapter(bench, bench.program.control)


async def _check_adapter(
    bench: Bench, adapter: Adapter | SkillAdapter | ControlAdapter
) -> None:
    from .verify_probe import failure

    try:
        if adapter.guard is not None:
            from .verify_guard import check_missing, stand_in

            check_missing(bench, adapter)
            stand_in(bench, adapter.guard)
        with _folders(adapter) as folders:
            here = replace(bench, settings={**bench.settings, **folders})
            with _environment(bench.program, here.settings):
                await _checks(adapter)(here, adapter)
    except Exception as error:
        bench.findings.add(adapter.origin, f"the adapter fails: {failure(error)}")


@contextmanager
def _folders(
    adapter: Adapter | SkillAdapter | ControlAdapter,
) -> Iterator[dict[str, str]]:
    """The folders of the files that an adapter serves, by their variables."""
    if isinstance(adapter, SkillAdapter):
        from .verify_skills import folders

        with folders(adapter) as made:
            yield made
    else:
        yield {}


def _checks(
    adapter: Adapter | SkillAdapter | ControlAdapter,
) -> Callable[..., Awaitable[None]]:
    """What verifies an adapter: its libraries are imported only where there is one."""
    if isinstance(adapter, RestAdapter):
        from .verify_rest import check_rest

        return check_rest
    if isinstance(adapter, ControlAdapter):
        from .verify_control import check_control

        return check_control
    if isinstance(adapter, SkillAdapter):
        from .verify_skills import check_skills

        return check_skills
    from .verify_mcp import check_mcp

    return check_mcp


def _clients(
    bench: Bench, http: httpx.AsyncClient, sync: httpx.Client
) -> dict[Origin, Any]:
    """Make the clients: asynchronous ones from arguments, blocking ones (by the origin of
    their upstream) from the environment, so that both ways are taken."""
    from .verify_probe import SuppliedAuth

    blocking = {}
    for upstream in bench.program.upstreams:
        module = bench.load("client")
        own = bench.names.upstreams[upstream.origin]
        given: dict[str, Any] = {
            own.settings[variable]: bench.settings[variable]
            for variable in own.settings
            if variable in bench.settings
        }
        _check_missing(bench, upstream, getattr(module, own.async_class), http)
        if isinstance(upstream.auth, Supplied):
            given["auth"] = SuppliedAuth()
        made = getattr(module, own.async_class)(http=http, **given)
        bench.clients[upstream.origin] = made
        with _environment(bench.program, bench.settings):
            blocking[upstream.origin] = getattr(module, own.sync_class)(http=sync)
    return blocking


def _check_missing(bench: Bench, upstream: Upstream, make: Any, http: Any) -> None:
    """A client that lacks settings names them all."""
    required = {s.variable for s in upstream.settings if s.default is None}
    if isinstance(upstream.auth, Supplied):
        required.add(upstream.auth.setting.variable)
    if upstream.base_url.default is None and upstream.published is None:
        required.add(upstream.base_url.variable)
    named: set[str] = set()
    missing = bench.load("_runtime.upstream").MissingSettingsError
    try:
        make(http=http)
    except missing as error:
        # One that is held elsewhere is named with that place.
        named = {name.partition(" ")[0] for name in error.names}
    bench.check(
        upstream.origin, "missing settings named", sorted(required), sorted(named)
    )


@contextmanager
def _environment(program: Program, given: Mapping[str, str]) -> Iterator[None]:
    """The environment with these settings of the program and none of the user's."""
    saved = dict(os.environ)
    try:
        for upstream in program.upstreams:
            prefix = upstream.base_url.variable.removesuffix("_BASE_URL")
            own = [setting.variable for setting in upstream.settings]
            if isinstance(upstream.auth, Supplied | Negotiated):
                own.append(upstream.auth.setting.variable)
            tuned = [f"{prefix}_{name}" for name in ("TIMEOUT", "MAX_CONNECTIONS")]
            for variable in (
                *own,
                *tuned,
                upstream.base_url.variable,
                *_OF_OPERATORS,
            ):
                os.environ.pop(variable, None)
            # A retry would sleep, and count as a second request.
            os.environ[f"{prefix}_RETRIES"] = "0"
        os.environ.pop("SCRIPTING", None)
        os.environ["SCRIPT_TIMEOUT"] = str(SECONDS)
        for held in program.held:
            os.environ.pop(held.variable, None)
        for skill in (skill for each in program.skills for skill in each.skills):
            if skill.folder is not None:
                os.environ.pop(skill.folder.variable, None)
        for setting in program.adapter_settings:
            os.environ.pop(setting.variable, None)
        for variable in [each for each in os.environ if each.startswith("OTEL_")]:
            os.environ.pop(variable)
        # Nothing is sent to a collector, wherever the spec has one.
        os.environ |= {f"OTEL_{signal}_EXPORTER": "none" for signal in _SIGNALS}
        os.environ.update(given)
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)


def _verification(program: Program, findings: Findings) -> Verification:
    units: dict[str, list[Origin]] = {kind: [] for kind in KINDS}
    units["operations"] += [o.origin for up in program.upstreams for o in up.operations]
    for adapter in program.adapters:
        if isinstance(adapter, RestAdapter):
            units["routes"] += [route.origin for route in adapter.routes]
            units["routes"] += [forward.origin for forward in adapter.forwards]
        else:
            units["tools"] += [tool.origin for tool in adapter.tools]
            units["resources"] += [resource.origin for resource in adapter.resources]
            units["resources"] += [folder.origin for folder in adapter.folders]
            units["prompts"] += [prompt.origin for prompt in adapter.prompts]
    for origin in (each for origins in units.values() for each in origins):
        if origin not in findings.called:
            findings.add(origin, "this was not called successfully even once")
    found = [one for all_ in findings.differences.values() for one in all_]
    return Verification(
        **{kind: len(findings.called & {*all_}) for kind, all_ in units.items()},
        differences=tuple(sorted(found, key=lambda d: (d.span, d.message))),
    )
