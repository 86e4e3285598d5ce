"""Measures the overhead of a latent worker, and how long it blocks its master.

It measures our worker and the one that ships with Buildbot in turns, with a real master, real workers and real guests.
"""

from __future__ import annotations

import re
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.benchmarks.heartbeat import full_collections, longest_gap
from tests.benchmarks.master import LOCAL, OURS, SHIPPED, running, until
from tests.benchmarks.measure import Section
from tests.buildbot.guests import GuestHost, Guests
from upcloud_sdk.simulator import Simulator, after_seconds

if TYPE_CHECKING:
    from tests.benchmarks.master import Master
    from upcloud_sdk.simulator.records.progress import Progress
    from upcloud_sdk.simulator.wire.calls import LoggedRequest

AT_ONCE = 20
TEMPLATES_FOR = 31.0
"""Seconds after which a worker's cache of templates has expired."""
BOOT, STOP = 6.0, 2.0
"""Seconds of a boot: long enough that the polling interval of each worker matters, as on real servers."""


@dataclass
class Seconds:
    """The durations of one kind of worker, per round."""

    start: list[float] = field(default_factory=list[float])
    end: list[float] = field(default_factory=list[float])
    gap: list[float] = field(default_factory=list[float])
    """The longest of the reactor, without full collections of garbage."""
    collections: list[float] = field(default_factory=list[float])
    requests: list[float] = field(default_factory=list[float])
    """Requests per build of concurrent builds."""
    alone: list[Counter[str]] = field(default_factory=list[Counter[str]])
    """The requests of a single build, per round. In the last round the API sends totals of lists."""


class Cloud:
    """A simulator with other boot times in each round, so that no worker's polls always just miss a change."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._boot_seconds = 0.0
        self.asked_at = 0.0
        self.sim = Simulator(guests="process", boot=self._boot, seed=1)

    def next_round(self, share: float) -> None:
        """`share`: the fraction of a second at which changes happen."""
        self._boot_seconds = max(0.1, (BOOT + share) * self._scale)
        self.sim.stop_seconds = max(0.1, (STOP + share) * self._scale)

    def _boot(self, _: object) -> Progress:
        self.asked_at = time.time()
        return after_seconds(self._boot_seconds)


def buildbot(*, rounds: int, scale: float) -> Section:
    """Measure single builds, and many workers at once."""
    section = Section("Buildbot")
    took = {kind: Seconds() for kind in (OURS, SHIPPED, LOCAL)}
    _builds(took, rounds, scale)
    number = max(2, int(AT_ONCE * scale))
    _many(took, number, min(3, rounds))
    own = statistics.median(took[LOCAL].start)
    for kind, target in ((OURS, 1.0), (SHIPPED, None)):
        added = [seconds - own for seconds in took[kind].start]
        what = "from a build's force to its first step, without the boot and Buildbot's own part"
        section.add(f"{what}: {kind}", statistics.median(added), target, " s", _range(added))
    section.add(
        "Buildbot's own part: the same on a worker that is always there", own, None, " s", _range(took[LOCAL].start)
    )
    for kind, target in ((OURS, 1.0), (SHIPPED, None)):
        ends = took[kind].end
        what = "from the first step of a build to the end of its server, without the stop"
        section.add(f"{what}: {kind}", statistics.median(ends), target, " s", _range(ends))
    for kind in (OURS, SHIPPED):
        gaps = [gap * 1e3 for gap in took[kind].gap]
        what = f"longest gap of the reactor while {number} workers start and build, without full collections"
        section.add(f"{what}: {kind}", statistics.median(gaps), None, " ms", f"{min(gaps):.0f} to {max(gaps):.0f} ms")
    for kind in (OURS, SHIPPED):
        full = [seconds * 1e3 for seconds in took[kind].collections]
        what = f"longest full collection of Python's garbage in these {len(took[kind].gap)} rounds"
        section.add(f"{what}: {kind}", max(full, default=0.0), None, " ms", f"{len(full)} of them")
    # The number of polls depends on the boot time.
    for which, when in ((-2, ""), (-1, ", if the API sends the total of a list")):
        alone = took[OURS].alone[which]
        note = ", ".join(f"{times} {call}" for call, times in alone.items())
        section.add(f"requests of a single build{when}: ours", alone.total(), 5, "", note)
    for kind, target in ((OURS, 4.6), (SHIPPED, None)):
        costs = took[kind].requests
        note = f"{min(costs):.2f} to {max(costs):.2f}"
        section.add(f"requests of a build, {number} at once: {kind}", statistics.median(costs), target, "", note)
    return section


def _call(request: LoggedRequest) -> str:
    """A request without the uuids in it."""
    return f"{request.method} {re.sub(r'[0-9a-f-]{36}', '{uuid}', request.path.partition('?')[0])}"


def _range(seconds: list[float]) -> str:
    return f"{min(seconds):.2f} to {max(seconds):.2f} s"


def _builds(took: dict[str, Seconds], rounds: int, scale: float) -> None:
    cloud = Cloud(scale)
    turns = range(rounds + 1)
    # The shipped worker runs only one build: use a new worker in each round.
    with running(cloud.sim, [OURS, LOCAL, *(f"{SHIPPED}-{turn}" for turn in turns)], "script") as master:
        for turn in turns:
            cloud.next_round(turn / (rounds + 1))
            for kind, name in ((OURS, OURS), (SHIPPED, f"{SHIPPED}-{turn}"), (LOCAL, LOCAL)):
                start, end = _build(cloud, master, name)
                # The first round does not count.
                if turn:
                    took[kind].start.append(start)
                    took[kind].end.append(end)


def _build(cloud: Cloud, master: Master, name: str) -> tuple[float, float]:
    forced_at = time.time()
    master.force(name)
    step_at = master.when(name, "step", forced_at)
    if name == LOCAL:
        return step_at - forced_at, 0.0
    gone_at = until(lambda: not cloud.sim.servers and not cloud.sim.storages)
    # From the request for a server until the guest's process is about to connect to its master.
    boot = master.when(name, "ready", forced_at) - cloud.asked_at
    return step_at - forced_at - boot, gone_at - step_at - cloud.sim.stop_seconds


def _many(took: dict[str, Seconds], number: int, rounds: int) -> None:
    sim = Simulator(guests=Guests(), boot_seconds=2.0 if number > 2 else 0.1, stop_seconds=0.1, seed=1)
    ours = [f"{OURS}-{index}" for index in range(number)]
    shipped = [[f"{SHIPPED}-{turn}-{index}" for index in range(number)] for turn in range(rounds + 1)]
    try:
        with running(sim, [*ours, *(name for names in shipped for name in names)], "login") as master:
            for turn in range(rounds + 2):
                is_last = turn > rounds
                builds = [(OURS, ours), (SHIPPED, shipped[turn])] if not is_last else []
                for kind, names in (*builds, (OURS, ours[:1])):
                    sim.total_count = is_last
                    if len(names) == 1 and number > 2:
                        forgotten = time.time() + TEMPLATES_FOR
                        until(lambda: time.time() > forgotten)  # noqa: B023 - called at once
                    since, sent = time.time(), len(sim.requests)
                    for name in names:
                        master.force(name)
                    for name in names:
                        master.when(name, "step", since)
                    ended = time.time()
                    until(lambda: not sim.servers and not sim.storages)
                    # The first round does not count: it reads templates and prices.
                    if turn and len(names) > 1:
                        beats = master.folder / "beats"
                        took[kind].gap.append(longest_gap(beats, since, ended))
                        took[kind].collections += full_collections(beats, since, ended)
                        took[kind].requests.append((len(sim.requests) - sent) / number)
                    elif turn:
                        took[kind].alone.append(Counter(map(_call, sim.requests[sent:])))
    finally:
        GuestHost.close()
