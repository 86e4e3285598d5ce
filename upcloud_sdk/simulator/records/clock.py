"""Clocks for the API's time: real, faster, or moved by tests."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


class Clock(Protocol):
    """The simulator's clock, in seconds since 1970."""

    def now(self) -> float:
        """The API's time."""
        ...

    def real_seconds(self, seconds: float) -> float | None:
        """Real seconds for this many seconds of the clock. None if only `advance` moves it."""
        ...


class RealClock:
    """The time of this machine."""

    def now(self) -> float:
        return time.time()

    def real_seconds(self, seconds: float) -> float | None:
        return seconds


class ScaledClock:
    """Starts at the real time and runs faster by this factor."""

    def __init__(self, factor: float) -> None:
        if factor <= 0:
            raise ValueError(f"factor must be greater than 0, not {factor}")
        self.factor = factor
        self._began, self._mark = time.time(), time.monotonic()

    def now(self) -> float:
        return self._began + (time.monotonic() - self._mark) * self.factor

    def real_seconds(self, seconds: float) -> float | None:
        return seconds / self.factor


class ManualClock:
    """Stands still until `advance` is called.

    Args:
        start: Seconds since 1970. Default: 1 January 2026 (UTC), so that each run of a test has the same times.
    """

    def __init__(self, start: float = _EPOCH) -> None:
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._now

    def real_seconds(self, seconds: float) -> float | None:  # noqa: ARG002 - the protocol's signature
        return None

    def advance(self, seconds: float) -> None:
        """Move the time forward."""
        if seconds < 0:
            raise ValueError("time cannot go back: give 0 or more seconds")
        with self._lock:
            self._now += seconds
