"""What observes this process: nothing, until an adapter starts it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Final, Protocol

import httpx

Sending = Callable[..., Awaitable[httpx.Response]]


class Observer(Protocol):
    """Records what is done for a request."""

    def sender(self, send: Sending) -> Sending:
        """What sends the tries of a request, and records them."""

    def step(self, name: str) -> AbstractContextManager[object]:
        """Records a step of a flow."""


class Observing:
    """Holds the observer, so that everything needs one look to know if there is one."""

    observer: Observer | None = None


observing: Final = Observing()
