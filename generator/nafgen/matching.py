"""Finds a thing by a name that may be spelled differently."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final, TypeVar

Thing = TypeVar("Thing")
_MANY: Final = 1_000


@lru_cache(maxsize=65_536)
def _spellings(name: str) -> tuple[str, ...]:
    """Names are equal exactly, else but for `-` and `_`, else for case, else squashed."""
    joined = name.replace("-", "_")
    return name, joined, joined.lower(), re.sub(r"[\W_]", "", name.lower())


def find(
    name: str, things: Sequence[Thing], name_of: Callable[[Thing], str]
) -> Thing | None:
    """The only thing of that name, in the strictest spelling that has any.

    None where there is none, or where a spelling names two.
    """
    spelled = [(_spellings(name_of(thing)), thing) for thing in things]
    for place, wanted in enumerate(_spellings(name)):
        found = [thing for known, thing in spelled if wanted and known[place] == wanted]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def counterpart(
    name: str,
    things: Sequence[Thing],
    names: Iterable[str],
    name_of: Callable[[Thing], str],
) -> Thing | None:
    """The thing that a name means and that means no other of `names`.

    `page` means `Page` where there is no `page`, but where `PAGE` is wanted as well,
    nobody can say which of the two it is for.
    """
    found = find(name, things, name_of)
    if found is None:
        return None
    return found if find(name_of(found), [*dict.fromkeys(names)], str) == name else None


def suggestion(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant; among very many, nobody looks for it."""
    known = set(names)
    if len(known) > _MANY:
        return None
    close = difflib.get_close_matches(name, sorted(known), 1, 0.7)
    return close[0] if close else None
