"""Makes due changes without requests, so that guests start and their end is noticed."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud

_SLOWEST, _FASTEST = 0.2, 0.01


class Ticker:
    """A thread that makes due changes. Not needed with a manual clock, which makes them when it moves."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, unless it already runs."""
        if self._thread is None:
            self._over.clear()
            self._thread = threading.Thread(target=self._run, name="upcloud-simulator", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        if self._thread is not None:
            self._over.set()
            self._thread.join(timeout=10)
            self._thread = None

    def _run(self) -> None:
        while not self._over.wait(self._pause()):
            with self._cloud.lock:
                self._cloud.settle()

    def _pause(self) -> float:
        with self._cloud.lock:
            due = self._cloud.next_due()
        if math.isinf(due):
            return _SLOWEST
        real = self._cloud.clock.real_seconds(due - self._cloud.clock.now())
        return _SLOWEST if real is None else min(max(real, _FASTEST), _SLOWEST)
