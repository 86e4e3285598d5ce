"""Tells the listener of a client what happens."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk.events import Event, Listener

log = logging.getLogger("upcloud_sdk")


class Emitter:
    """Tells the listener of a client."""

    def __init__(self, listener: Listener | None, now: Callable[[], float]) -> None:
        self._listener = listener
        self.now = now

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens: what happens often is put into an event only then."""
        return self._listener is not None

    def __call__(self, event: Event) -> None:
        """Tell of an event; a listener that fails changes nothing."""
        if self._listener is None:
            return
        try:
            self._listener(event)
        except Exception:
            log.exception("the listener for events failed")
