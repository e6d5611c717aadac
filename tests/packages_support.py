"""Compiled packages that tests import."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from compile_support import checked, compile_text, write_to


@contextmanager
def imported(spec: str, folder: Path, *modules: str) -> Iterator[list[ModuleType]]:
    """Modules of the package of a spec, which does what the spec says."""
    write_to(checked(compile_text(spec)), folder)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield [importlib.import_module(f"spec.{name}") for name in modules]
    finally:
        sys.path.remove(str(folder))
        for name in [n for n in sys.modules if n.partition(".")[0] == "spec"]:
            del sys.modules[name]
