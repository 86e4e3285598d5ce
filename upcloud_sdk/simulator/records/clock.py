"""The API's time: real, faster than real, or moved by hand."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


class Clock(Protocol):
    """Where the simulator reads the time, as seconds since 1970."""

    def now(self) -> float:
        """The API's time."""
        ...

    def real_seconds(self, seconds: float) -> float | None:
        """How long `seconds` of this clock take in reality; None if only a hand moves it."""
        ...


class RealClock:
    """The time of this machine."""

    def now(self) -> float:
        return time.time()

    def real_seconds(self, seconds: float) -> float | None:
        return seconds


class ScaledClock:
    """Starts at the real time and runs `factor` times as fast."""

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
        start: Seconds since 1970; by default 1 January 2026 (UTC), so that each run of a test sees
            the same times.
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
            raise ValueError("time does not run backwards: give 0 or more seconds")
        with self._lock:
            self._now += seconds
