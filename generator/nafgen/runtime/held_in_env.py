"""Settings that a file holds as lines of NAME=VALUE."""

from __future__ import annotations

import io

from dotenv import dotenv_values


def env_values(text: str) -> object:
    """A file of NAME=VALUE; what looks like a variable in a value is none."""
    return dotenv_values(stream=io.StringIO(text), interpolate=False)
