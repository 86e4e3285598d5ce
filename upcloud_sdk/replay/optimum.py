"""What no policy can go below."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from upcloud_sdk.billing import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from upcloud_sdk.billing import Anchor
    from upcloud_sdk.replay.trace import Build


def fewest_hours(builds: Sequence[Build], *, anchor: Anchor = "create") -> int:
    """The fewest paid hours with which no build waits: blocks of an hour that cover, at each moment, what runs then.

    Exact for these blocks. A bound for servers, which also have to boot, and cannot hand a running build over.
    """
    return _fewest_by_the_clock(builds) if anchor == "clock" else _fewest_from_create(builds)


def _fewest_from_create(builds: Sequence[Build]) -> int:
    """Greedy: a block begins where one is missing, and no earlier, since there it covers most of what comes."""
    hours, running = 0, 0
    ends: deque[float] = deque()
    for moment, change in _changes(builds):
        # What runs did not change since: a block that ended meanwhile is replaced where it ended, if still missed.
        while ends and ends[0] <= moment:
            end = ends.popleft()
            if end < moment and len(ends) < running:
                ends.append(end + HOUR)
                hours += 1
        running += change
        while len(ends) < running:
            ends.append(moment + HOUR)
            hours += 1
    return hours


def _fewest_by_the_clock(builds: Sequence[Build]) -> int:
    """Each hour of the clock costs as many servers as it had at once."""
    hours, running = 0, 0
    hour, most = 0, 0
    for moment, change in _changes(builds):
        now = int(moment // HOUR)
        if now > hour:
            # What ends on the full hour was paid in the hour before.
            crossing = max(0, running + change) if moment == now * HOUR else running
            hours += most + running * (now - hour - 1)
            hour, most = now, crossing
        running += change
        most = max(most, running)
    return hours + most


def _changes(builds: Sequence[Build]) -> Iterator[tuple[float, int]]:
    """When how many builds begin, less those that end; in order of time."""
    net: dict[float, int] = {}
    for build in builds:
        net[build.start] = net.get(build.start, 0) + 1
        end = build.start + build.seconds
        net[end] = net.get(end, 0) - 1
    yield from sorted(net.items())


def busy_hours(builds: Sequence[Build]) -> float:
    """What the builds take together: the bound where builds may wait as long as need be."""
    return sum(build.seconds for build in builds) / HOUR


def most_at_once(builds: Sequence[Build]) -> int:
    """How many builds ran at once at most."""
    running = most = 0
    for _, change in _changes(builds):
        running += change
        most = max(most, running)
    return most
