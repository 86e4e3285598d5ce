"""Replays builds with a policy: a queue of events, and a clock that jumps from one event to the next."""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from upcloud_sdk.billing import hours_started, paid_until
from upcloud_sdk.placement import UsualDurations, best_fit, idle_seconds
from upcloud_sdk.replay.optimum import busy_hours

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from upcloud_sdk.billing import Anchor
    from upcloud_sdk.placement import IdlePolicy, PaidHour
    from upcloud_sdk.replay.trace import Build

# Order of events at the same moment: a server that becomes free can take a build that arrives.
_ENDS, _ARRIVES, _PATIENCE_ENDS, _IDLE_TIME_ENDS = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What happens with servers between builds."""

    name: str
    idle: IdlePolicy
    """How long an idle server stays: a `PaidHour`, or seconds."""
    warm_first: bool = True
    """Whether a build prefers a running server. If not, it gets a random free worker, as in Buildbot."""
    patience: float = 0
    """How long a build waits for a busy server before it gets a new one, in seconds."""
    refresh: float = 0
    """Seconds after each build before its server can take the next: the time to replace its disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a replay."""

    policy: Policy
    hours: int
    """Paid hours of all servers."""
    servers: int
    """Number of servers created."""
    busy_hours: float
    """Hours in which builds ran."""
    waits: tuple[float, ...]
    """How long each build waited, in seconds, in ascending order."""

    @property
    def idle_hours(self) -> float:
        """Paid hours in which no build ran."""
        return self.hours - self.busy_hours

    @property
    def mean_wait(self) -> float:
        """Seconds."""
        return sum(self.waits) / len(self.waits)

    def wait(self, share: float) -> float:
        """Quantile of the waits in seconds: 0.5 is the median, 1 the longest wait."""
        return self.waits[max(0, round(share * len(self.waits)) - 1)]


@dataclass(eq=False, slots=True)
class _Server:
    began: float
    idle_since: float | None = None


@dataclass(slots=True)
class _Replay:
    """One replay with one policy."""

    policy: Policy
    workers: int | None
    anchor: Anchor
    boots: Sequence[float]
    chance: random.Random
    boot_chance: random.Random
    usual: UsualDurations = field(default_factory=UsualDurations)
    idle: dict[_Server, None] = field(default_factory=dict["_Server", None])
    waiting: dict[int, Build] = field(default_factory=dict[int, "Build"])
    waits: list[float] = field(default_factory=list[float])
    up: int = 0
    hours: int = 0
    servers: int = 0
    _events: list[tuple[float, int, int, Callable[[float], None]]] = field(
        default_factory=list[tuple[float, int, int, "Callable[[float], None]"]]
    )
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def at(self, moment: float, kind: int, happens: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (moment, kind, next(self._numbers), happens))

    def add_build(self, build: Build) -> None:
        """Add a build that arrives at its start time."""
        self.at(build.start, _ARRIVES, lambda now: self._build_arrives(build, now))

    def run(self) -> None:
        while self._events:
            now, _, _, happens = heapq.heappop(self._events)
            happens(now)

    # --- a build ---

    def _build_arrives(self, build: Build, now: float) -> None:
        server = self._choose(build, now)
        if server is not None:
            self._begin(build, server, now)
        elif self.policy.patience > 0 and self.up:
            ticket = self._wait(build)
            self.at(now + self.policy.patience, _PATIENCE_ENDS, lambda moment: self._patience_ends(ticket, moment))
        else:
            self._start_or_wait(build, now)

    def _choose(self, build: Build, now: float) -> _Server | None:
        """Choose a running server for a build. None: create a new one."""
        if self.policy.warm_first:
            left = {server: paid_until(server.began, now, anchor=self.anchor) - now for server in self.idle}
            return best_fit(left, self.usual.of(build.builder))
        free = list(self.idle)
        cold = self._cold_workers(len(free))
        chosen = self.chance.randrange(len(free) + cold) if free or cold else 0
        return free[chosen] if chosen < len(free) else None

    def _cold_workers(self, free: int) -> int:
        """Number of workers without a server. Without a limit: as many as there are free servers, plus one."""
        return free + 1 if self.workers is None else self.workers - self.up

    def _wait(self, build: Build) -> int:
        ticket = next(self._numbers)
        self.waiting[ticket] = build
        return ticket

    def _patience_ends(self, ticket: int, now: float) -> None:
        if ticket in self.waiting and self._cold_workers(0) > 0:
            self._start_or_wait(self.waiting.pop(ticket), now)

    def _start_or_wait(self, build: Build, now: float) -> None:
        if self._cold_workers(0) <= 0:
            self._wait(build)
            return
        self.up += 1
        self.servers += 1
        self._begin(build, _Server(now), now + self.boot_chance.choice(self.boots))

    def _begin(self, build: Build, server: _Server, begins: float) -> None:
        self.idle.pop(server, None)
        server.idle_since = None
        self.waits.append(begins - build.start)
        self.at(begins + build.seconds, _ENDS, lambda now: self._build_ends(build, server, now))

    # --- a server ---

    def _build_ends(self, build: Build, server: _Server, now: float) -> None:
        self.usual.learn(build.builder, build.seconds)
        refresh = self.policy.refresh
        if refresh > 0 and (self.waiting or idle_seconds(self.policy.idle, server.began, now) > refresh):
            self.at(now + refresh, _ENDS, lambda moment: self._becomes_free(server, moment))
        else:
            self._becomes_free(server, now)

    def _becomes_free(self, server: _Server, now: float) -> None:
        stays = idle_seconds(self.policy.idle, server.began, now)
        if self.waiting:
            build = self.waiting.pop(next(iter(self.waiting)))
            # This is allowed at the end of the paid hour too. A build gets its own server only if none is reused.
            if self.policy.idle != 0:
                self._begin(build, server, now)
            else:
                self._destroy(server, now)
                self._start_or_wait(build, now)
        elif stays <= 0:
            self._destroy(server, now)
        else:
            self.idle[server] = None
            server.idle_since = now
            self.at(now + stays, _IDLE_TIME_ENDS, lambda moment: self._idle_time_ends(server, now, moment))

    def _idle_time_ends(self, server: _Server, since: float, now: float) -> None:
        if server.idle_since == since:
            del self.idle[server]
            self._destroy(server, now)

    def _destroy(self, server: _Server, now: float) -> None:
        self.up -= 1
        self.hours += hours_started(server.began, now, anchor=self.anchor)


def play(
    builds: Sequence[Build],
    policy: Policy,
    *,
    boots: Sequence[float] = (45.0,),
    workers: int | None = None,
    anchor: Anchor = "create",
    seed: int = 0,
) -> Outcome:
    """Replay builds with a policy.

    Args:
        builds: The builds, in order of their start times. Each is requested at its start time.
        policy: What happens with servers between builds.
        boots: Boot times in seconds, from create to first build. One is drawn for each server.
        workers: Maximum number of servers at the same time. None: no limit. Without `warm_first`, a build gets a
            random one of these workers, so that a larger number makes a running server less likely.
        anchor: Whether a billed hour begins at the create of a server or at the full hour.
        seed: Seed for random choices. The same builds and seed give the same outcome.
    """
    run = _Replay(policy, workers, anchor, boots, random.Random(seed), random.Random(seed))  # noqa: S311 - no secrets
    for build in builds:
        run.add_build(build)
    run.run()
    waits = tuple(sorted(run.waits))
    return Outcome(policy=policy, hours=run.hours, servers=run.servers, busy_hours=busy_hours(builds), waits=waits)


def usual_policies(hour: PaidHour, *, patience: Sequence[float] = (0,)) -> list[Policy]:
    """Common policies: one server per build, 600 s idle time, and the paid hour."""
    policies = [
        Policy(name="destroy after each build", idle=0.0, warm_first=False),
        Policy(name="600 s, any free worker", idle=600.0, warm_first=False),
        Policy(name="paid hour, any free worker", idle=hour, warm_first=False),
        Policy(name="600 s, warm first", idle=600.0),
    ]
    for seconds in patience:
        waits = f", patience {seconds:g} s" if seconds else ""
        policies.append(Policy(name=f"paid hour, warm first{waits}", idle=hour, patience=seconds))
    return policies
