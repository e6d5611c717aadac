"""The command `nafgen`, or `python -m nafgen`, in a process of its own."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import suppress

_ALLOCATED = 50_000
"""After how many new objects garbage is looked for; 700 would do so hundreds of times."""


def run() -> None:
    """Run the command, and end."""
    gc.set_threshold(_ALLOCATED)
    from .cli import main
    from .console import Concluded

    try:
        main()
    except Concluded as end:
        # What ends with the process anyway would be freed one by one.
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(end.number)


if __name__ == "__main__":
    run()
