"""Folders that packages serve while they are verified."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from .program import McpAdapter, Program

FILES: Final = {
    "deep-er/pixel.2.bin": b"\x00\xff",
    "notes.md": "# ünï\n".encode(),
}
"""Files of folders while they are verified, in the order in which they are listed."""


@contextmanager
def sample_folders(program: Program) -> Iterator[dict[str, str]]:
    """Folders for the resources of a program, by the variables that name them."""
    servers = [each for each in program.adapters if isinstance(each, McpAdapter)]
    variables = [folder.variable for each in servers for folder in each.folders]
    with TemporaryDirectory(prefix="nafgen-files-") as name:
        for path, data in FILES.items() if variables else ():
            file = Path(name, path)
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(data)
        yield dict.fromkeys(variables, name)
