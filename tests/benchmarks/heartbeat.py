"""Measures how long the reactor of a process is blocked. The `master.cfg` of a measured master imports it."""

from __future__ import annotations

import gc
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
    """Write the begin and end of each gap of the reactor, and of each full collection of garbage, to a file."""
    log = Path(file).open("a", buffering=1, encoding="utf-8")  # noqa: SIM115 - written to until the process ends
    began = 0.0
    collections: list[str] = []

    def collect(phase: str, found: dict[str, int]) -> None:
        nonlocal began
        if found["generation"] < 2:
            return
        if phase == "start":
            began = time.time()
        else:
            # Any thread may be here, even within a write. The reactor writes it.
            collections.append(f"collection {began} {time.time()}\n")

    def tick(due: float) -> None:
        late = time.monotonic() - due
        while collections:
            log.write(collections.pop(0))
        if late > PERIOD:
            now = time.time()
            log.write(f"gap {now - late} {now}\n")
        reactor.callLater(PERIOD, tick, time.monotonic() + PERIOD)

    gc.callbacks.append(collect)
    tick(time.monotonic())


def longest_gap(file: Path, since: float, until: float) -> float:
    """The longest gap between two times, in seconds, without the full collections in it."""
    collections = _during(file, "collection", since, until)
    gaps = _during(file, "gap", since, until)
    return max(
        (end - begin - sum(_shared(each, (begin, end)) for each in collections) for begin, end in gaps), default=0.0
    )


def full_collections(file: Path, since: float, until: float) -> list[float]:
    """How long each full collection between two times took, in seconds."""
    return [end - begin for begin, end in _during(file, "collection", since, until)]


def _during(file: Path, kind: str, since: float, until: float) -> list[tuple[float, float]]:
    lines = (line.split() for line in file.read_text("utf-8").splitlines())
    spans = [(float(begin), float(end)) for what, begin, end in lines if what == kind]
    return [(begin, end) for begin, end in spans if since <= begin and end <= until]


def _shared(one: tuple[float, float], other: tuple[float, float]) -> float:
    return max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
