"""The names of what is written for skills: their app's modules, and their folders."""

from __future__ import annotations

from .collisions import Claim, Scope
from .diagnostics import Origin, Reporter
from .naming import skill_name, snake
from .program import Program
from .pycode import Code, identifier


def skill_modules(program: Program, files: Scope) -> dict[Origin, Code]:
    """The module of each skill adapter."""
    alone = len(program.skills) == 1
    modules = {}
    for adapter in program.skills:
        own = snake(adapter.namespace, "adapter")
        wanted = "skill_app" if alone else f"skill_app_{own}"
        modules[adapter.origin] = identifier(files.claim(wanted, adapter.origin))
    return modules


def skill_folders(program: Program, reporter: Reporter) -> dict[Origin, str]:
    """The folder of each skill, which is its name for agents."""
    skills = [skill for adapter in program.skills for skill in adapter.skills]
    for skill in skills:
        fitted = skill_name(skill.name)
        if fitted != skill.name:
            reporter.report(
                "NAF304",
                skill.origin.span,
                f"the skill is called `{fitted}` in its SKILL.md, which every agent takes",
            )
    claims = [Claim(skill_name(skill.name), skill.origin) for skill in skills]
    scope = Scope(reporter, "NAF301", skill_name, "-")
    names = scope.claim_all(claims)
    return {skill.origin: name for skill, name in zip(skills, names, strict=True)}
