"""Lowers a document to the surface model: versions, shapes and published habits end here.

Each normalisation that changes a spelling reports NAF409 with the official spelling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from . import spec
from .binds import screaming
from .bound_tokens import bind_tokens
from .diagnostics import Origin, Reporter, Span, show
from .keywords import BIND, CAPABILITY, INFO, ROOT, STANDALONE
from .lower_behaviour import Behaviours
from .lower_consumed import ConsumedSide
from .lower_control import only_control
from .lower_exposed import ExposedSide
from .reader import Reader, pointer_name
from .source import Document, Map
from .units import MAX_UNITS, Units
from .versions import LABEL, UNDECLARED, declared, is_standalone

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch


def lower(
    document: Document,
    reporter: Reporter,
    broken: frozenset[tuple[str | int, ...]] = frozenset(),
    unusable: Iterable[spec.Unusable] = (),
) -> spec.Capability | None:
    """The capability of a document; None when nothing of it can be read.

    `broken` holds the paths of schema errors: a unit with one inside is left out.
    `unusable` are units that could not even be read.
    """
    if not isinstance(document.root, Map):
        return None
    root = Reader(
        data=document.root,
        path=(),
        pointer="",
        span=Span.whole(document.path),
        version=declared(document.root) or UNDECLARED,
        reporter=reporter,
        broken=broken,
    )
    return _capability(root, Units(reporter, document, [*unusable]))


def _capability(root: Reader, units: Units) -> spec.Capability | None:
    if is_standalone(root.data):
        body = root
        root.check_keys(STANDALONE)
    else:
        inside = root.child("capability")
        if inside is None:
            return None
        body = inside
        root.check_keys(ROOT)
        body.check_keys(CAPABILITY)
    info = root.child("info")
    if info is not None:
        info.check_keys(INFO)
    holders = (root,) if body is root else (root, body)
    binds = [bind for each in holders for bind in each.children("binds", "namespace")]
    taken: set[str] = set()
    consumes = body.children("consumes", "namespace")
    aggregates = body.children("aggregates", "namespace")
    adapters: tuple[spec.Exposes | spec.Skills | spec.Control, ...] = units.of(
        body.children("exposes", "namespace"), "adapter", ExposedSide(units).lower
    )
    capability = spec.Capability(
        label=_label(info) if info else "",
        description=info.text("description") if info else "",
        version=info.text("version") if info else "",
        binds=tuple(bind for entry in binds for bind in _binds(entry, taken)),
        consumes=units.of(consumes, "upstream", ConsumedSide(units).lower),
        aggregates=units.of(aggregates, "aggregate", Behaviours(units).aggregate),
        exposes=tuple(e for e in adapters if isinstance(e, spec.Exposes)),
        skills=tuple(e for e in adapters if isinstance(e, spec.Skills)),
        control=only_control(adapters, units),
        unusable=tuple(units.unusable),
        origin=body.origin,
        script_steps=tuple(units.script_steps),
    )
    if units.number > MAX_UNITS:
        root.reporter.report(
            "NAF004",
            body.span,
            f"a file may hold {MAX_UNITS:,} APIs, adapters, operations, routes and tools"
            f" in all, and this one holds {units.number:,}",
            hint="split the file",
        )
        return None
    return bind_tokens(capability, root.data, root.reporter)


def _label(info: Reader) -> str:
    return info.text(info.spelling(LABEL)) or info.text("title") or info.text("name")


def _binds(entry: Reader, taken: set[str]) -> Iterator[spec.Bind]:
    """The binds of an entry; `taken` are the variables of those that are held elsewhere."""
    if entry.check_keys(BIND):
        return
    location = entry.located("location")
    for name, source in entry.pairs("keys"):
        key = source.value
        if key is None:
            key = name
            kind = "name in it" if location else "variable"
            official = f"the {kind} {show(name)}"
            entry.reporter.report(
                "NAF409", source.span, f"a key without a {kind} is read as {official}"
            )
        variable = name if location else key
        if not isinstance(key, str):
            continue
        if not _VARIABLE(variable):
            entry.reporter.report(
                "NAF101",
                source.span,
                f"{show(variable)} cannot be the name of an environment variable",
                hint="letters, digits and underscores make one",
            )
            continue
        if location and variable in taken:  # two files may have a name each
            variable = f"{screaming(entry.text('namespace'))}_{variable}"
        if location:
            taken.add(variable)
        yield spec.Bind(
            name=name,
            variable=variable,
            namespace=entry.text("namespace"),
            origin=Origin(f"{entry.pointer}.keys.{pointer_name(name)}", source.span),
            key=key,
            location=location,
        )
