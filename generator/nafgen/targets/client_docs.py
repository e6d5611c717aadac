"""What a generated client says of its arguments."""

from __future__ import annotations

from ..ir import Negotiated, Supplied, Upstream
from ..names import UpstreamNames
from ..pycode import Code, doc


def class_doc(upstream: Upstream, own: UpstreamNames, summary: str) -> Code:
    """A docstring that says what a client takes, and where the rest comes from."""
    arguments = [
        (
            own.settings[s.variable],
            f"default: {s.variable} in the environment"
            + (f", else {s.default}" if s.default else ""),
        )
        for s in upstream.settings
    ]
    default = upstream.base_url.default
    arguments.append(
        (
            own.settings[upstream.base_url.variable],
            f"default: {upstream.base_url.variable} in the environment"
            + (f", else {default}" if default else ""),
        )
    )
    if isinstance(upstream.auth, Supplied | Negotiated):
        variable = upstream.auth.setting.variable
        about = f"default: made by what {variable} in the environment names"
        about += "" if isinstance(upstream.auth, Supplied) else ", else of the settings"
        arguments.append((Code("auth"), about))
    arguments.append((Code("http"), "an httpx client of your own"))
    return doc(summary, arguments, indent=4)
