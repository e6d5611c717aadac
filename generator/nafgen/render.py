"""Renders file plans: the only user of jinja2.

Templates hold layout. They may print `Code` and nothing else, so no string of a spec
reaches a file but through the doors of `pycode` and `markdown`.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .plan import FilePlan
from .pycode import Code
from .resources import templates

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _only_code(value: object) -> Code:
    if isinstance(value, Code):
        return value
    raise TypeError(f"a template may print Code only, not {type(value).__name__}")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(templates()),
        undefined=StrictUndefined,
        finalize=_only_code,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(plan: FilePlan) -> str:
    """The text of a planned file, not yet formatted.

    Raises:
        TypeError: the view holds something else than `Code` where it is printed.
    """
    return _environment().get_template(plan.template).render(view=plan.view)


@cache
def words() -> frozenset[str]:
    """The words that the Python templates say themselves."""
    texts = (path.read_text(encoding="utf-8") for path in templates().glob("*.py.j2"))
    return frozenset(word for text in texts for word in _WORD.findall(text))
