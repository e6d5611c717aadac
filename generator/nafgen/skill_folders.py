"""Finds the folders of skills that have a `location`. Packages read them, never nafgen."""

from __future__ import annotations

from pathlib import PurePosixPath

from msgspec import Struct, field
from msgspec.structs import replace

from . import inputs, spec
from .binds import screaming
from .diagnostics import Reporter, show
from .locations import Locations, file_path
from .spec import Located
from .wire import SkillFolder


def locate_skills(
    capability: spec.Capability, file: inputs.Spec, reporter: Reporter
) -> spec.Capability:
    """The capability with a `folder` for each skill that has a location.

    Findings: NAF440 (the folder is outside the specs folder, a warning).
    """
    finder = _Finder(Locations(file), reporter)
    return replace(capability, skills=tuple(map(finder.adapter, capability.skills)))


class _Finder(Struct):
    locations: Locations
    reporter: Reporter
    variables: dict[str, str] = field(default_factory=dict)

    def adapter(self, adapter: spec.Skills) -> spec.Skills:
        return replace(adapter, skills=tuple(map(self._skill, adapter.skills)))

    def _skill(self, skill: spec.Skill) -> spec.Skill:
        location = skill.location
        if location is None:
            return skill
        variable = self._variable(skill.name, str(location.value))
        folder = self._folder(location, variable)
        place = SkillFolder(
            variable=variable,
            path=self.locations.from_package(folder) if folder else None,
            folder=folder,
        )
        return replace(skill, folder=place)

    def _folder(self, location: Located, variable: str) -> str:
        """Where the folder is from the specs folder; empty, and reported, for others."""
        written = file_path(location)
        if written and (found := self.locations.below(location, written)):
            own = PurePosixPath(self.locations.file.relative)
            if PurePosixPath(found) not in own.parents:
                return found
        self.reporter.report(
            "NAF440",
            location.span,
            f"{show(location.value)} is no folder of its own in the specs folder, so that"
            f" {variable} has to say where its files are",
            hint="write a path that is relative to this file, as"
            " `file:///./skills/sailing`, or set that variable where the package runs",
        )
        return ""

    def _variable(self, name: str, place: str) -> str:
        """The variable for a folder; different ones of skills of one name are numbered."""
        number, variable = 1, f"{screaming(name)}_FOLDER"
        while self.variables.setdefault(variable, place) != place:
            number += 1
            variable = f"{screaming(name)}_{number}_FOLDER"
        return variable
