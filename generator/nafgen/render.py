"""Renders file plans: the only user of jinja2.

Templates hold layout. They may print `Code` and nothing else, so no string of a spec
reaches a file but through the doors of `pycode` and `markdown`.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, Final

import jinja2
from jinja2 import FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket

from .plan import FilePlan
from .pycode import Code
from .resources import templates

_LAYOUT: Final[dict[str, Any]] = {
    "trim_blocks": True,
    "lstrip_blocks": True,
    "keep_trailing_newline": True,
}
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _only_code(value: object) -> Code:
    if isinstance(value, Code):
        return value
    raise TypeError(f"a template may print Code only, not {type(value).__name__}")


class _CompiledTemplates(FileSystemBytecodeCache):
    """Templates as Python code, kept where and when Python keeps that of modules.

    It is loaded as code is. Who can write it can write that of nafgen's modules, too.
    """

    def __init__(self, folder: Path) -> None:
        beside = Path(cache_from_source(str(folder / "template.py"))).parent
        super().__init__(str(beside), "%s.pyc")

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        return f"{name}.{sys.implementation.cache_tag}"

    def get_source_checksum(self, source: str) -> str:
        made_by = f"{jinja2.__version__} {sorted(_LAYOUT.items())}"
        return super().get_source_checksum(f"{made_by}\n{source}")

    def load_bytecode(self, bucket: Bucket) -> None:
        # What a full disk or a crash has left is no pickle.
        with suppress(Exception):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        if not sys.dont_write_bytecode:
            with suppress(OSError):
                Path(self.directory).mkdir(parents=True, exist_ok=True)
                super().dump_bytecode(bucket)


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=FileSystemLoader(templates()),
        bytecode_cache=_CompiledTemplates(templates()),
        auto_reload=False,
        undefined=StrictUndefined,
        finalize=_only_code,
        **_LAYOUT,
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
