"""Keeps names apart, by what differs between the things that would get one name.

The rules are public: docs/names.md says them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec import Struct, field

from .diagnostics import Origin, Reporter
from .naming import MAX_IDENTIFIER, shortened

_SAID: Final = {
    "NAF301": ("{number} names become `{wanted}`; this one is called `{name}`", ""),
    "NAF302": (
        "{number} {kind}s are called `{wanted}`; this one is served as `{name}`",
        "give each {kind} a name of its own",
    ),
    "NAF304": ("{number} {kind}s become `{wanted}`; this one is called `{name}`", ""),
}
"""The message and the hint of a collision, by code."""


def _identifier(name: str) -> str:
    return shortened(name, "_", MAX_IDENTIFIER)


class Claim(Struct, frozen=True):
    """A thing and the name that it should get.

    `traits` are words that tell it from others of that name, the telling ones first.
    """

    wanted: str
    origin: Origin
    traits: tuple[tuple[str, ...], ...] = ()


class Scope(Struct):
    """Names that may not be given twice. `fit` makes a name of one that may be too long.

    Collisions are reported by `code`, of things that are called `kind`; `joint` joins
    words.
    """

    reporter: Reporter
    code: str = "NAF301"
    fit: Callable[[str], str] = _identifier
    joint: str = "_"
    kind: str = "name"
    taken: dict[str, Origin | None] = field(default_factory=dict)

    @classmethod
    def of(cls, reporter: Reporter, reserved: Iterable[str]) -> Scope:
        """A scope that has some names already; who wants one of them gets it with `_`."""
        return cls(reporter, taken=dict.fromkeys(reserved))

    def claim(self, wanted: str, origin: Origin) -> str:
        """The wanted name, or one like it."""
        return self.claim_all([Claim(wanted, origin)])[0]

    def claim_all(self, claims: Sequence[Claim]) -> list[str]:
        """A name for each claim.

        Names that are wanted once are given first, so that collisions never change them.
        """
        groups: dict[str, list[int]] = {}
        for place, claim in enumerate(claims):
            groups.setdefault(claim.wanted, []).append(place)
        names: dict[int, str] = {}
        for places in sorted(groups.values(), key=lambda places: len(places) > 1):
            group = [claims[place] for place in places]
            known = self.taken.get(group[0].wanted)
            for place, differing in zip(places, _differing(group), strict=True):
                names[place] = self._free(claims[place].wanted, differing)
                self.taken[names[place]] = claims[place].origin
            if len(group) > 1:
                for place in places:
                    other = group[1] if place == places[0] else group[0]
                    self._report(claims[place], names[place], other.origin, len(group))
            elif known is not None:
                self._report(group[0], names[places[0]], known, 2)
        return [names[place] for place in range(len(claims))]

    def _free(self, wanted: str, differing: Sequence[str]) -> str:
        stem = wanted.rstrip("_")
        name = self.fit(self.joint.join((stem, *differing))) if differing else wanted
        if name in self.taken and self.taken[name] is None:
            name = f"{name.rstrip('_')}_"
        stem, number = name.rstrip("_"), 1
        while name in self.taken:
            number += 1
            name = self.fit(f"{stem}{self.joint}{number}")
        return name

    def _report(self, claim: Claim, name: str, other: Origin, number: int) -> None:
        message, hint = _SAID[self.code]
        self.reporter.report(
            self.code,
            claim.origin.span,
            message.format(
                number=number, kind=self.kind, wanted=claim.wanted, name=name
            ),
            hint=hint.format(kind=self.kind),
            related=[("another one", other.span)],
        )


def _differing(group: Sequence[Claim]) -> list[tuple[str, ...]]:
    """For each claim of a name, the words of its traits that not all of them share.

    Less telling traits count only where the others leave two alike. A group of one
    needs no words.
    """
    own: list[tuple[str, ...]] = [()] * len(group)
    for depth in range(1, max(len(claim.traits) for claim in group) + 1):
        if len(set(own)) == len(group):
            break
        said = [
            [word for trait in claim.traits[:depth] for word in trait]
            for claim in group
        ]
        shared = set.intersection(*map(set, said))
        own = [tuple(dict.fromkeys(w for w in one if w not in shared)) for one in said]
    return own
