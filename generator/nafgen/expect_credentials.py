"""What the header `Authorization` of a request must hold, computed from the IR."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Final

from .ir import (
    ApiKeys,
    Auth,
    Basic,
    Bearer,
    ClientCredentials,
    Digest,
    Supplied,
    Text,
)

SUPPLIED: Final = "Supplied by verification"
"""The header of a scheme that the user of a package supplies."""
GRANTED: Final = "granted-by-verification"
"""The token that authorization servers give."""
PROVEN: Final = "Digest proven"
"""Stands for the header of a request whose digest is right."""


def authorization(auth: Auth | None, resolved: Callable[[Text], str]) -> str | None:
    """The header; None where there is none. `resolved` fills in settings."""
    match auth:
        case Basic(username=username, password=password):
            pair = f"{resolved(username)}:{resolved(password)}"
            return f"Basic {base64.standard_b64encode(pair.encode()).decode()}"
        case Bearer(token=token):
            return f"Bearer {resolved(token)}".strip(" \t")
        case ClientCredentials():
            return f"Bearer {GRANTED}"
        case Digest():
            return PROVEN
        case Supplied():
            return SUPPLIED
        case ApiKeys() | None:
            return None
