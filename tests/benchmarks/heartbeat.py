"""How long the reactor of a process stands still: imported by the `master.cfg` of a master that is measured."""

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
"""Seconds between two beats of a reactor that has nothing to do."""


def beat(file: str) -> None:
    """Write to a file when each beat was late, and by how many seconds."""
    log = Path(file).open("a", buffering=1, encoding="utf-8")  # noqa: SIM115 - written to until the process ends

    def tick(due: float) -> None:
        late = time.monotonic() - due
        if late > PERIOD:
            log.write(f"{time.time()} {late}\n")
        reactor.callLater(PERIOD, tick, time.monotonic() + PERIOD)

    tick(time.monotonic())


def longest(file: Path, since: float, until: float) -> float:
    """Seconds by which the latest beat between two moments was late."""
    beats = [tuple(map(float, line.split())) for line in file.read_text("utf-8").splitlines()]
    return max((late for at, late in beats if since <= at - late and at <= until), default=0.0)
