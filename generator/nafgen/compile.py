"""The pipeline: one spec's bytes to a package in memory.

`load, validate | lower, link, name, plan, render, prove, format |`: a bar is a gate,
where the pipeline stops when errors leave nothing to compile. Reading is injected and
nothing is written, so the whole is a pure function of what it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from . import (
    answer_schemas,
    bind_sources,
    imports,
    names,
    overlay,
    prove,
    render,
    schema,
    script_sources,
    served_files,
    source,
)
from . import format as formatting
from .diagnostics import Diagnostic, Reporter, Span, as_json, show
from .imports import Unfetched
from .inputs import NOT_READ, PLACES, OutsideError, Spec
from .link import link
from .lint import check_texts
from .listing import check_budget
from .lower import lower
from .names import NameTable
from .naming import package_path
from .plan import FilePlan, GeneratedFile, Package
from .program import Adapter, LeftOut, McpAdapter, Program, RestAdapter
from .rule_set import NO_RULES, Rules
from .skill_folders import locate_skills
from .source import Document
from .spec import Capability, Located
from .targets import TARGETS
from .versions import is_standalone

Read = Callable[[str], bytes | None]
"""Reads a file by its shown path; None when there is none.

Raises:
    OSError: it is there and cannot be read.
"""


class Compilation(Struct):
    """What became of a spec, stage by stage; a stage that was not reached is None."""

    spec: Spec
    rules: Rules = NO_RULES
    reporter: Reporter = field(default_factory=Reporter)
    inputs: dict[str, str] = field(default_factory=dict)
    imported: list[Spec] = field(default_factory=list)
    document: Document | None = None
    capability: Capability | None = None
    program: Program | None = None
    left_out: tuple[LeftOut, ...] = ()
    names: NameTable | None = None
    plans: tuple[FilePlan, ...] = ()
    package: Package | None = None

    @property
    def diagnostics(self) -> list[Diagnostic]:
        return list(self.reporter)

    @property
    def relative_paths(self) -> dict[str, str]:
        """Shown paths to paths relative to the specs folder."""
        files = (self.spec, *self.imported)
        return {
            each.shown: each.relative for file in files for each in (file, file.overlay)
        }

    def summary(self) -> dict[str, Any]:
        """What was compiled and what was left out, ready for JSON."""
        program = self.program
        upstreams = program.upstreams if program else ()
        adapters = program.adapters if program else ()
        held = _held(self.capability) if self.capability else set()
        return {
            **({"held": sorted(held)} if held else {}),
            "operations": sum(len(up.operations) for up in upstreams),
            "routes": sum(
                len(a.routes) + len(a.forwards)
                for a in adapters
                if isinstance(a, RestAdapter)
            ),
            "tools": sum(len(a.tools) for a in adapters if isinstance(a, McpAdapter)),
            **_served(adapters),
            "left_out": [_left_out(unit) for unit in self.left_out],
            "diagnostics": [
                as_json(found, self.relative_paths) for found in self.diagnostics
            ],
        }


def _served(adapters: Iterable[Adapter]) -> dict[str, int]:
    """How many resources and prompts there are, where there are any."""
    servers = [each for each in adapters if isinstance(each, McpAdapter)]
    found = {
        "resources": sum(len(a.resources) + len(a.folders) for a in servers),
        "prompts": sum(len(a.prompts) for a in servers),
    }
    return {kind: number for kind, number in found.items() if number}


def compile_spec(
    spec: Spec, read: Read, *, strict: bool = False, rules: Rules = NO_RULES
) -> Compilation:
    """Compile a spec as far as it goes."""
    made = Compilation(spec, rules=rules, inputs=rules.inputs())
    understand(made, read, strict=strict)
    if made.program is not None:
        emit(made, made.program)
    return made


def understand(made: Compilation, read: Read, *, strict: bool) -> None:
    """From bytes to the linked program."""
    reporter = made.reporter
    document = _load(made, made.spec, read)
    if document is None:
        return
    document = _amended(made, made.spec, document, read)
    if document is None:
        return
    written, fetch = document, _fetch(made, document, read)
    document, unusable = imports.resolve(written, fetch, reporter)
    made.document = document
    broken = schema.validate(document, reporter, strict=strict, written=written)
    if broken == schema.UNREADABLE:
        return
    capability = lower(document, reporter, broken, unusable)
    if capability is None:
        return
    capability = answer_schemas.read_schemas(
        capability, _fetch_beside(made, read, "NAF213"), reporter
    )
    made.capability = script_sources.read_scripts(
        capability, _fetch_beside(made, read, "NAF214"), reporter
    )
    if is_standalone(document.root) and document.root.get("consumes") is None:
        reporter.report(
            "NAF432",
            Span.whole(document.path),
            "this file holds what other files import, and nothing is written for it",
        )
        return
    made.capability = bind_sources.locate(made.capability, made.spec, reporter)
    made.capability = locate_skills(made.capability, made.spec, reporter)
    fetch_prompt = _fetch_beside(made, read, "NAF216")
    made.capability = served_files.locate_served(
        made.capability, made.spec, fetch_prompt, reporter
    )
    if _has_locations(made.capability):
        made.inputs[PLACES] = made.spec.places
    program = link(made.capability, reporter, made.rules)
    program = replace(program, held=bind_sources.held(program, made.capability))
    made.left_out = program.left_out
    if not _has_operations(program) and not program.servers:
        reporter.report(
            "NAF413",
            Span.whole(document.path),
            "no operation can be compiled, so there is nothing to write",
            hint="`consumes` needs an operation; correct the other errors first",
        )
        return
    made.program = program


def _has_locations(capability: Capability) -> bool:
    skills = (skill for each in capability.skills for skill in each.skills)
    binds = capability.binds
    found = any(bind.location for bind in binds) or any(s.location for s in skills)
    return found or served_files.has_folders(capability)


def _held(capability: Capability) -> set[str]:
    """The files and folders that packages read, by their paths from the specs folder."""
    held = {bind.source.file for bind in capability.binds if bind.source}
    skills = (skill for each in capability.skills for skill in each.skills)
    held |= {skill.folder.folder for skill in skills if skill.folder}
    return held - {""}


def _has_operations(program: Program) -> bool:
    return any(upstream.operations for upstream in program.upstreams)


def emit(made: Compilation, program: Program) -> None:
    """From the linked program to the files of the package."""
    reporter = made.reporter
    made.names = names.allocate(program, package_path(made.spec.relative), reporter)
    check_budget(program, made.names, made.rules.tools_budget, reporter)
    check_texts(program, reporter)
    made.plans = _plans(program, made.names)
    twins = _plans(prove.twin(program), made.names)
    known = render.words() | frozenset(made.names.all())
    files = []
    for plan, twin in zip(made.plans, twins, strict=True):
        try:
            files.append(_file(plan, twin, known))
        except prove.UnprovenError as error:
            reporter.report(
                "NAF501",
                Span.whole(made.spec.shown),
                f"{plan.path} could not be proven safe: {error}",
                hint="nothing of this spec is written; this is a fault of nafgen",
            )
            return
    made.package = Package(
        path=package_path(made.spec.relative),
        spec=made.spec.relative,
        inputs=dict(sorted(made.inputs.items())),
        files=tuple(sorted(files, key=lambda file: file.path)),
        summary=made.summary(),
    )


def _plans(program: Program, table: NameTable) -> tuple[FilePlan, ...]:
    return tuple(plan for target in TARGETS for plan in target(program, table))


def _file(plan: FilePlan, twin: FilePlan, known: frozenset[str]) -> GeneratedFile:
    text = render.render(plan)
    if plan.path.endswith(".py") and plan.template != "runtime.py.j2":
        prove.check_structure(text, render.render(twin))
        text = formatting.python(text)
        prove.check_names(text, known)
    return GeneratedFile(path=plan.path, data=text.encode())


def _left_out(unit: LeftOut) -> dict[str, str]:
    return {"kind": unit.kind, "name": unit.name, "code": unit.code}


def _load(made: Compilation, spec: Spec, read: Read) -> Document | None:
    try:
        data = read(spec.shown)
    except OSError as error:
        reason = f"cannot read: {_reason(error)}"
        made.reporter.report("NAF001", Span.whole(spec.shown), reason)
        return None
    if data is None:
        made.reporter.report("NAF001", Span.whole(spec.shown), "there is no such file")
        return None
    made.inputs[spec.relative] = sha256(data).hexdigest()
    return source.load(spec.shown, data, made.reporter)


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _amended(
    made: Compilation, spec: Spec, document: Document, read: Read
) -> Document | None:
    """The document with the overlay beside it applied, if there is one."""
    beside = spec.overlay
    try:
        present = read(beside.shown) is not None
    except OSError:
        present = True
    if not present:
        return document
    amendment = _load(made, beside, read)
    if amendment is None:
        return None
    return overlay.apply(document, amendment, made.reporter)


def _fetch(made: Compilation, document: Document, read: Read) -> imports.Fetch:
    """What reads the files that a spec imports from, each once."""
    known: dict[str, Document | Unfetched] = {made.spec.relative: document}

    def fetch(path: str) -> Document | Unfetched:
        file = made.spec.beside(path)
        if file.relative not in known:
            known[file.relative] = _fetched(made, file, read)
        return known[file.relative]

    return fetch


def _fetched(made: Compilation, file: Spec, read: Read) -> Document | Unfetched:
    """A file to import from, as the overlay beside it amends it."""
    made.imported.append(file)
    data = _fetched_bytes(made, file, read, "NAF212")
    if isinstance(data, Unfetched):
        return data
    document = source.load(file.shown, data, made.reporter)
    amended = _amended(made, file, document, read) if document else None
    if amended is None:
        return Unfetched("NAF212", "it has errors", "correct them first")
    if amended.truncated:
        return Unfetched("NAF212", "it was truncated", "get the whole file")
    return amended


def _fetch_beside(
    made: Compilation, read: Read, code: str
) -> Callable[[Located], bytes | Unfetched]:
    """What reads files by paths that stand in the spec or in what it imports."""

    def fetch(path: Located) -> bytes | Unfetched:
        files = (file for file in made.imported if file.shown == path.span.file)
        file = next(files, made.spec).beside(path.value)
        return _fetched_bytes(made, file, read, code)

    return fetch


def _fetched_bytes(
    made: Compilation, file: Spec, read: Read, code: str
) -> bytes | Unfetched:
    """What a file holds that a spec names, which counts as an input from here on."""
    # A file that is not there, or not allowed, may be so when the spec is built again.
    made.inputs[file.relative] = NOT_READ
    try:
        data = read(file.shown)
    except OutsideError:
        return Unfetched(
            "NAF503",
            "it is outside the specs folder",
            "move it there, or add its folder to `import-paths` in [tool.nafgen]",
        )
    except OSError as error:
        reason = f"it cannot be read: {_reason(error)}"
        return Unfetched(code, reason, "name a file that can be read")
    if data is None:
        shown = show(file.shown)
        hint = "correct the path; it is relative to the folder of this file"
        return Unfetched(code, f"there is no file {shown}", hint)
    made.inputs[file.relative] = sha256(data).hexdigest()
    return data
