"""Whether a call is tried again, and how long to wait before that."""

from __future__ import annotations

import random
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

MAX_DELAY: Final = 8.0
"""Seconds between two tries at the most; an upstream that asks for more is not retried."""
IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Methods that may be sent again when nobody knows whether they arrived."""

_spread: Final = random.SystemRandom()


def after_error(method: str, attempt: int, error: Exception) -> float | None:
    """Seconds to wait before the next try; None when there is to be none.

    Any method is sent again when it never left; idempotent ones also when the connection
    broke. An upstream that is too slow is not asked twice.
    """
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return _backoff(attempt)
    lost = isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError)
    return _backoff(attempt) if lost and method in IDEMPOTENT else None


def after_answer(method: str, attempt: int, response: httpx.Response) -> float | None:
    """Seconds to wait before the next try; None when the answer is to be taken.

    Any method is sent again when the upstream asks for that (429 and 503 with
    Retry-After); idempotent ones also after 429, 502, 503 and 504.
    """
    if response.status_code not in (429, 502, 503, 504):
        return None
    if response.status_code in (429, 503):
        asked = _asked(response.headers.get("retry-after", ""))
        if asked is not None:
            return asked if asked <= MAX_DELAY else None
    return _backoff(attempt) if method in IDEMPOTENT else None


def _asked(retry_after: str) -> float | None:
    """The seconds that a Retry-After header asks for: a number or a date."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        date = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, date.timestamp() - time.time())


def _backoff(attempt: int) -> float:
    return min(0.5 * 2.0**attempt, MAX_DELAY) * _spread.uniform(0.5, 1)
