"""Lower bounds for all policies."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from upcloud_sdk.billing import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from upcloud_sdk.billing import Anchor
    from upcloud_sdk.replay.trace import Build


def fewest_hours(builds: Sequence[Build], *, anchor: Anchor = "create") -> int:
    """The fewest paid hours without a waiting build: one-hour blocks that cover all builds running at each moment.

    Exact for such blocks. A lower bound for servers, which also boot and cannot hand over a running build.
    """
    return _fewest_by_the_clock(builds) if anchor == "clock" else _fewest_from_create(builds)


def _fewest_from_create(builds: Sequence[Build]) -> int:
    """Greedy: a block begins when one is missing, not earlier, so that it covers as much as possible."""
    hours, running = 0, 0
    ends: deque[float] = deque()
    for moment, change in _changes(builds):
        # The number of builds has not changed since. Replace blocks that ended meanwhile, if still needed.
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
    """Each full hour costs its maximum number of concurrent builds."""
    hours, running = 0, 0
    hour, most = 0, 0
    for moment, change in _changes(builds):
        now = int(moment // HOUR)
        if now > hour:
            # Builds that end on the full hour belong to the hour before.
            crossing = max(0, running + change) if moment == now * HOUR else running
            hours += most + running * (now - hour - 1)
            hour, most = now, crossing
        running += change
        most = max(most, running)
    return hours + most


def _changes(builds: Sequence[Build]) -> Iterator[tuple[float, int]]:
    """Changes of the number of running builds, in order of time."""
    net: dict[float, int] = {}
    for build in builds:
        net[build.start] = net.get(build.start, 0) + 1
        end = build.start + build.seconds
        net[end] = net.get(end, 0) - 1
    yield from sorted(net.items())


def busy_hours(builds: Sequence[Build]) -> float:
    """Total duration of the builds: the lower bound if builds may wait without limit."""
    return sum(build.seconds for build in builds) / HOUR


def most_at_once(builds: Sequence[Build]) -> int:
    """Maximum number of concurrent builds."""
    running = most = 0
    for _, change in _changes(builds):
        running += change
        most = max(most, running)
    return most
