"""Compiled packages that are imported and run in tests."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from compile_support import write_to
from nafgen.compile import Compilation

Load = Callable[[str], ModuleType]
_numbers = itertools.count()


@contextmanager
def imported(
    made: Compilation, folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: str
) -> Iterator[Load]:
    """What imports modules of a package, with these settings in the environment."""
    parent = f"imported_{next(_numbers)}"
    write_to(made, folder / parent)
    assert made.package is not None
    monkeypatch.syspath_prepend(str(folder))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    package = ".".join((parent, *made.package.path.split("/")))
    try:
        yield lambda module: importlib.import_module(f"{package}.{module}")
    finally:
        for known in [name for name in sys.modules if name.startswith(parent)]:
            del sys.modules[known]
