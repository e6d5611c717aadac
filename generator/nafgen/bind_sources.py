"""Finds where binds are held that have a `location`: in files, or elsewhere.

The values are secrets, and never read here.
"""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.structs import replace

from . import inputs, spec
from .binds import screaming
from .diagnostics import Reporter, show
from .locations import Locations, file_path, is_uri
from .program import Held, Program
from .spec import Located


def locate(
    capability: spec.Capability, file: inputs.Spec, reporter: Reporter
) -> spec.Capability:
    """The capability with a `source` for each bind that has a location.

    Findings: NAF101 (the location is no URI), NAF503 (a file is outside the specs
    folder), both of which leave the environment; NAF423 (something else holds the
    values, a warning).
    """
    finder = _Finder(Locations(file), reporter)
    return replace(capability, binds=tuple(map(finder.located, capability.binds)))


def held(program: Program, capability: spec.Capability) -> tuple[Held, ...]:
    """Where the settings are held that a program uses."""
    settings = [s for upstream in program.upstreams for s in upstream.settings]
    settings += program.adapter_settings
    used = {setting.variable for setting in settings}
    keys: dict[spec.BindSource, dict[str, str]] = {}
    seen: set[str] = set()
    for bind in capability.binds:
        if bind.source is not None and bind.variable in used - seen:
            seen.add(bind.variable)
            keys.setdefault(bind.source, {})[bind.variable] = bind.key
    return tuple(
        Held(variable=source.variable, path=source.path, keys=tuple(found.items()))
        for source, found in keys.items()
    )


class _Finder(Struct):
    locations: Locations
    reporter: Reporter
    variables: dict[str, str] = field(default_factory=dict)

    def located(self, bind: spec.Bind) -> spec.Bind:
        location = bind.location
        if location is None:
            return bind
        if not is_uri(location):
            self.reporter.report(
                "NAF101",
                location.span,
                f"{show(location.value)} is no URI, so that its values are read from the"
                " environment only",
                hint="write the place of a file as `file:///./secrets.yaml`",
            )
            return bind
        written = file_path(location)
        if written is None:
            return self._elsewhere(bind, location)
        path = self.locations.below(location, written)
        if path is None:
            self.reporter.report(
                "NAF503",
                location.span,
                f"{show(location.value)} is outside the specs folder, so that its values"
                " are read from the environment only",
                hint="write a path that is relative to this file, as"
                " `file:///./secrets.yaml`, or set the variables where the package runs",
            )
            return bind
        source = spec.BindSource(
            variable=self._variable(bind, path, "FILE"),
            path=self.locations.from_package(path),
            file=path,
        )
        return replace(bind, source=source)

    def _elsewhere(self, bind: spec.Bind, location: Located) -> spec.Bind:
        variable = self._variable(bind, str(location.value), "BINDS")
        self.reporter.report(
            "NAF423",
            location.span,
            f"what {show(location.value)} holds must be supplied: {variable} names a"
            " factory of yours that makes a mapping of it",
            hint="see docs/binds.md; the environment goes before it",
        )
        return replace(bind, source=spec.BindSource(variable=variable, path=None))

    def _variable(self, bind: spec.Bind, place: str, ending: str) -> str:
        """The variable for one place; a namespace that has several numbers them."""
        prefix = screaming(bind.namespace) if bind.namespace else "BINDS"
        number, name = 1, f"{prefix}_{ending}"
        while self.variables.setdefault(name, place) != place:
            number += 1
            name = f"{prefix}_{number}_{ending}"
        return name
