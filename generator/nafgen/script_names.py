"""Names the files of scripts in packages."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from .collisions import Claim, Scope
from .diagnostics import Origin, Reporter
from .naming import snake, words
from .program import Program
from .pycode import Code
from .scripted import Language

# Python that is data must not be found by what looks for modules.
_SUFFIXES: Final = {Language.JAVASCRIPT: ".js", Language.PYTHON: ".py.txt"}


def script_names(program: Program, reporter: Reporter) -> dict[Origin, Code]:
    """The names of all files of scripts, which are in one folder, by their origins."""
    files = program.script_files
    claims = []
    for file in files:
        path = PurePosixPath(file.path)
        wanted = snake(path.stem, "script").rstrip("_")
        claims.append(Claim(wanted, file.origin, (words(str(path.parent)),)))
    names = Scope(reporter).claim_all(claims)
    return {
        file.origin: Code(name + _SUFFIXES[file.language])
        for file, name in zip(files, names, strict=True)
    }
