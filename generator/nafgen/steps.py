"""What texts say of the results of steps: `{{step.member}}` and `$.step.member`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from .diagnostics import Reporter, show
from .ir import Pick, StepValue
from .json_paths import located_result_path
from .matching import suggestion
from .spec import Located
from .values import Placeholder, template

MAX_MEMBERS: Final = 50
"""Members below each other that a placeholder names, as many as a JSONPath may."""


class Steps(Struct, frozen=True):
    """The steps before the one at hand, by name; False where a step is left to come."""

    known: Mapping[str, bool]

    def names(self, text: str) -> bool:
        """Whether a whole text names the result of a step, or can name nothing else."""
        return text.startswith("$") or self._step(_placeholder(text)) is not None

    def value(self, located: Located, reporter: Reporter) -> StepValue | str:
        """The result that a text names, or the code of the error that there is none."""
        text = str(located.value)
        if text.startswith("$"):
            found = located_result_path(text, located.span, reporter)
            if found is None:
                return "NAF905"
            name, path = found
        else:
            name, *members = _placeholder(text).split(".")
            path = tuple(members)
            if len(path) > MAX_MEMBERS:
                reporter.report(
                    "NAF004",
                    located.span,
                    f"{show(text)} goes more than {MAX_MEMBERS} members deep",
                    hint="take what is wanted by a shorter way",
                )
                return "NAF004"
        if self.known.get(name):
            return StepValue(name, Pick(path))
        before = [step for step, is_before in self.known.items() if is_before]
        close = suggestion(name, before)
        what = "comes later" if name in self.known else "is no step"
        hint = f"steps before: {', '.join(f'`{step}`' for step in before) or 'none'}"
        reporter.report(
            "NAF206",
            located.span,
            f"{show(name)} {what}, so it has no result here",
            hint=f"did you mean `{close}`?" if close else hint,
        )
        return "NAF206"

    def _step(self, name: str) -> str | None:
        first = name.partition(".")[0]
        return first if first in self.known else None


def _placeholder(text: str) -> str:
    """The name in a text that is one placeholder and nothing else."""
    pieces = template(text)
    piece = pieces[0] if len(pieces) == 1 else None
    return piece.name if isinstance(piece, Placeholder) else ""
