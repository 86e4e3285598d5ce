"""Sends events to the listener of a client."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk.events import Event, Listener

log = logging.getLogger("upcloud_sdk")


class Emitter:
    """Sends events to the listener of a client."""

    def __init__(self, listener: Listener | None, now: Callable[[], float]) -> None:
        self._listener = listener
        self.has_listener = listener is not None
        """Frequent events are created only then."""
        self.now = now

    def __call__(self, event: Event) -> None:
        """Send an event. An error of the listener is logged and has no other effect."""
        if self._listener is None:
            return
        try:
            self._listener(event)
        except Exception:
            log.exception("the listener for events failed")
