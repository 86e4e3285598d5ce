"""Chooses the worker of a build: running servers first. For the reactor's thread."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from upcloud_sdk import billing
from upcloud_sdk.buildbot._buildbot.api import States
from upcloud_sdk.buildbot._buildbot.private import set_idle_timer
from upcloud_sdk.placement import PaidHour, UsualDurations, best_fit, idle_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upcloud_sdk.buildbot._buildbot.api import (
        AbstractLatentWorker,
        Builder,
        DelayedCall,
        Master,
        Properties,
        WorkerForBuilder,
    )
    from upcloud_sdk.buildbot.configuration.arguments import Arguments
    from upcloud_sdk.buildbot.configuration.request import BuildServer
    from upcloud_sdk.buildbot.servers.idle import WorkerServer
    from upcloud_sdk.placement import IdlePolicy, Standby

LONGEST_REFUSAL = 30.0
"""How long workers leave a builder's builds to another worker with a running server, in seconds. After that, any worker
may take them."""
_LOOK_AGAIN_AFTER = 1.0
_LAST_CHANCE = 1.0
"""Seconds that a server stays at the end of its paid time, so that a waiting build can take it."""
_BUILDBOTS_DEFAULT = 600.0
_FORGET_AFTER = 10.0
"""After this many seconds without a refusal, the next one counts as the first."""


class PlacementHistory:
    """The usual duration of each builder's builds, and how long builds have waited."""

    def __init__(self) -> None:
        self.usual = UsualDurations()
        self._refused: dict[str, tuple[float, float]] = {}
        self._calls: dict[str, DelayedCall] = {}

    def build_started(self, builder: str) -> None:
        """A build of this builder was taken. The other builds start waiting now."""
        self._refused.pop(builder, None)

    def refuse(self, master: Master, builder: str, at_most: float, look_again_after: float) -> bool:
        """Refuse a build of this builder, and let the builder try its workers again later.

        False if its builds have been refused for `at_most` seconds. Then the build must not be refused.
        """
        now = time.monotonic()
        first, last = self._refused.get(builder, (now, now))
        if now - last > _FORGET_AFTER + at_most:
            first = now
        self._refused[builder] = (first, now)
        if now - first > at_most:
            return False
        call = self._calls.get(builder)
        if call is None or not call.active():
            look = master.botmaster.maybeStartBuildsForBuilder
            self._calls[builder] = master.reactor.callLater(look_again_after, look, builder)
        return True

    def close(self) -> None:
        """Stop all timers when the master stops."""
        for call in self._calls.values():
            if call.active():
                call.cancel()


class Placement:
    """Which builds one worker takes, and how long its server stays."""

    def __init__(self, worker: AbstractLatentWorker, current: WorkerServer) -> None:
        self._worker, self._current = worker, current
        self._idle: IdlePolicy = 0
        self._prefers_idle, self._patience = True, 0.0
        self._standby: Standby | None = None
        self.history = PlacementHistory()
        self._begun: dict[str, float] = {}

    def configure(self, arguments: Arguments, buildbot: dict[str, Any], history: PlacementHistory) -> bool:
        """Use these arguments. In `buildbot`, a `PaidHour` is replaced by a number of seconds that is never reached.

        Returns whether an idle server stays for another time than before.
        """
        before = self._idle, self._standby
        self._prefers_idle, self._patience, self.history = arguments.prefer_idle, arguments.patience, history
        self._standby = arguments.standby
        self._idle = buildbot.get("build_wait_timeout", _BUILDBOTS_DEFAULT)
        if isinstance(self._idle, PaidHour):
            buildbot["build_wait_timeout"] = billing.HOUR
        if arguments.fresh_disk:
            # Buildbot disconnects the guest after each build, and the server is parked.
            buildbot |= {"build_wait_timeout": 0, "max_builds": 1}
        return before != (self._idle, self._standby)

    # --- how long its server stays ---

    def set_timer(self) -> bool:
        """Give up the server at the end of its time if it is still idle. False if Buildbot's own timer does that."""
        worker, server = self._worker, self._current.server
        kept = 0.0 if self._standby is None else self._standby.seconds_left(worker.name, datetime.now())  # noqa: DTZ005 - local time is meant
        if server is None or not (kept or isinstance(self._idle, PaidHour)):
            return False
        # A waiting build takes the server in a moment. Otherwise it would pay for a new one.
        least = min(_LAST_CHANCE, self._idle.margin / 2) if isinstance(self._idle, PaidHour) else 0.0
        began, now = server.billed_span()
        set_idle_timer(worker, max(kept + idle_seconds(self._idle, began, now + kept), least))
        return True

    def idle_seconds(self, server: BuildServer) -> float:
        """How many seconds a server stays if it is idle from now on."""
        return idle_seconds(self._idle, *server.billed_span())

    def paid_seconds(self) -> float:
        """Seconds left of its server's paid hour."""
        server = self._current.server
        hour = self._idle if isinstance(self._idle, PaidHour) else PaidHour()
        return 0.0 if server is None else hour.paid_seconds(*server.billed_span())

    # --- which worker gets a build ---

    def build_started(self, wfb: WorkerForBuilder) -> None:
        """Note that this worker has taken a build."""
        self.history.build_started(wfb.builder_name)
        self._begun[wfb.builder_name] = time.monotonic()

    def build_finished(self, wfb: WorkerForBuilder) -> None:
        """Learn how long builds of its builder take, without the boot."""
        begun, server = self._begun.pop(wfb.builder_name, None), self._current.server
        if begun is not None and server is not None and server.attached_at is not None:
            self.history.usual.learn(wfb.builder_name, time.monotonic() - max(begun, server.attached_at))

    async def leaves_to_another(self, properties: Properties) -> bool:
        """Whether to refuse a build because a running server of another worker should get it.

        False if the configuration chooses workers: a builder's `nextWorker` or `canStartBuild`, `select_next_worker`.
        """
        builder = self._worker.botmaster.builders.get(properties.getProperty("buildername", ""))
        if builder is None or not self._prefers_idle or self._is_chosen_by_others(builder):
            return False
        if await self._other_fits_better(builder, properties):
            return self.history.refuse(self._worker.master, builder.name, LONGEST_REFUSAL, _LOOK_AGAIN_AFTER)
        left = await self._patience_left(builder)
        if left <= 0 or not await self._one_may_come_free(builder, properties):
            return False
        return self.history.refuse(self._worker.master, builder.name, self._patience, left)

    def _is_chosen_by_others(self, builder: Builder) -> bool:
        config, master = builder.config, self._worker.master.config
        return bool(config.nextWorker or config.canStartBuild or master.select_next_worker)

    async def _other_fits_better(self, builder: Builder, properties: Properties) -> bool:
        """Whether another worker has a running, free server that fits better than this worker's own."""
        paid: dict[Placement, float] = {}
        for placement in _placements(builder, are_available=True):
            if await placement.is_free(properties):
                if self._current.server is None:
                    return True
                paid[placement] = placement.paid_seconds()
        return best_fit(paid, self.history.usual.of(builder.name)) not in {None, self}

    async def is_free(self, properties: Properties) -> bool:
        """Whether its server is running, free and suitable for this build."""
        worker, server = self._worker, self._current.server
        if server is None or server.is_outdated or worker.building:
            return False
        is_up = worker.state is States.SUBSTANTIATED and worker.conn is not None
        return (server.is_parked or (is_up and not server.has_fresh_disks)) and await self._current.serves(properties)

    async def _one_may_come_free(self, builder: Builder, properties: Properties) -> bool:
        for placement in _placements(builder, are_available=False):
            if await placement.may_come_free(properties):
                return True
        return False

    async def may_come_free(self, properties: Properties) -> bool:
        """Whether its server is busy, and would suit this build. A server that is not known yet may suit it."""
        server = self._current.server
        if self._idle == 0 or not self._worker.building:
            return False
        return server is None or (not server.is_outdated and await self._current.serves(properties))

    async def _patience_left(self, builder: Builder) -> float:
        if self._patience <= 0 or self._current.server is not None:
            return 0.0
        oldest = await builder.getOldestRequestTime()
        waited = 0.0 if oldest is None else self._worker.master.reactor.seconds() - oldest.timestamp()
        return self._patience - max(0.0, waited)


def _placements(builder: Builder, *, are_available: bool) -> Iterator[Placement]:
    """The placements of the builder's UpCloud workers."""
    for candidate in builder.workers:
        placement = getattr(candidate.worker, "placement", None)
        if isinstance(placement, Placement) and (candidate.isAvailable() or not are_available):
            yield placement
