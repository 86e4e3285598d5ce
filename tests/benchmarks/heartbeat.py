"""Measures how long the reactor of a process is blocked. The `master.cfg` of a measured master imports it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.buildbot._types import reactor
else:
    # Not through `_types`, which imports Buildbot's tests.
    from twisted.internet import reactor

PERIOD = 0.005
"""Seconds between two beats of an idle reactor."""


def beat(file: str) -> None:
    """Write the time of each beat to a file, and its delay in seconds."""
    log = Path(file).open("a", buffering=1, encoding="utf-8")  # noqa: SIM115 - written to until the process ends

    def tick(due: float) -> None:
        late = time.monotonic() - due
        if late > PERIOD:
            log.write(f"{time.time()} {late}\n")
        reactor.callLater(PERIOD, tick, time.monotonic() + PERIOD)

    tick(time.monotonic())


def longest(file: Path, since: float, until: float) -> float:
    """The longest delay of a beat between two times, in seconds."""
    beats = [tuple(map(float, line.split())) for line in file.read_text("utf-8").splitlines()]
    return max((late for at, late in beats if since <= at - late and at <= until), default=0.0)
