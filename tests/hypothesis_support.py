"""How many examples property-based tests try, and that they are the same ones each time."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

TIMES = int(os.environ.get("NAFGEN_EXAMPLES", "1"))
"""How many times as many examples as usual; a long run also tries other ones."""


def examples(usual: int, *, shrink: bool = True) -> settings:
    """Settings of a test that tries `usual` examples; a slow one does not shrink them."""
    return settings(
        max_examples=usual * TIMES,
        phases=[phase for phase in Phase if shrink or phase is not Phase.shrink],
        derandomize=TIMES == 1,
        database=None,
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
    )
