"""Which worker gets a build: one whose server is up, before one that would make a server. For the reactor's thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from upcloud_sdk import billing
from upcloud_sdk.buildbot._buildbot_api import States, set_idle_timer
from upcloud_sdk.placement import PaidHour, UsualDurations, best_fit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from upcloud_sdk.buildbot._buildbot_api import (
        AbstractLatentWorker,
        Builder,
        DelayedCall,
        Master,
        Properties,
        WorkerForBuilder,
    )
    from upcloud_sdk.buildbot.arguments import Arguments
    from upcloud_sdk.buildbot.server import BuildServer
    from upcloud_sdk.placement import IdlePolicy

LONGEST_REFUSAL = 30.0
"""Seconds for which workers leave a builder's builds to one whose server is up. If it has not taken any by then,
something else keeps it from that, and any worker may."""
_LOOK_AGAIN_AFTER = 1.0
_LAST_CHANCE = 1.0
"""Seconds that a server without paid time stays where a build that waits can take it."""
_BUILDBOTS_DEFAULT = 600.0
_FORGET_AFTER = 10.0
"""Seconds without a refusal after which the next is a new one."""


class PlacementHistory:
    """What the workers of a master have learnt of its builders."""

    def __init__(self) -> None:
        self.usual = UsualDurations()
        self._refused: dict[str, tuple[float, float]] = {}
        self._calls: dict[str, DelayedCall] = {}

    def build_started(self, builder: str) -> None:
        """A build of it was taken: whoever waits now begins to wait."""
        self._refused.pop(builder, None)

    def refuse(self, master: Master, builder: str, at_most: float, look_again_after: float) -> bool:
        """Refuse a build of this builder, and let the builder look for a worker again later.

        False if its builds have been refused for `at_most` seconds: it is not to be refused.
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
        """Look again no more: the master stops."""
        for call in self._calls.values():
            if call.active():
                call.cancel()


class Placement:
    """What one worker has to do with the choice."""

    def __init__(
        self,
        worker: AbstractLatentWorker,
        server: Callable[[], BuildServer | None],
        serves: Callable[[BuildServer, Properties], Awaitable[bool]],
    ) -> None:
        self._worker, self._server, self._serves = worker, server, serves
        self._idle: IdlePolicy = 0
        self._prefers_idle, self._patience = True, 0.0
        self.history = PlacementHistory()
        self._begun: dict[str, float] = {}

    def configure(self, arguments: Arguments, buildbot: dict[str, Any], history: PlacementHistory) -> None:
        """Take the arguments over. A `PaidHour` among Buildbot's is replaced by a number, which is never reached."""
        self._prefers_idle, self._patience, self.history = arguments.prefer_idle, arguments.patience, history
        self._idle = buildbot.get("build_wait_timeout", _BUILDBOTS_DEFAULT)
        if isinstance(self._idle, PaidHour):
            buildbot["build_wait_timeout"] = billing.HOUR

    # --- how long its server stays ---

    def set_timer(self) -> bool:
        """Let the server go when its time is up, if it is still idle then. False where that is Buildbot's business."""
        worker, server = self._worker, self._server()
        if not isinstance(self._idle, PaidHour) or server is None:
            return False
        stays = self._idle.idle_seconds(*server.billed_span())
        # A build that waits for any server is there in a moment, and would have to pay for an hour of its own.
        set_idle_timer(worker, max(stays, min(_LAST_CHANCE, self._idle.margin / 2)))
        return True

    def paid_seconds(self) -> float:
        """How much of the hour that is paid is left of its server."""
        server = self._server()
        hour = self._idle if isinstance(self._idle, PaidHour) else PaidHour()
        return 0.0 if server is None else hour.paid_seconds(*server.billed_span())

    # --- which worker gets a build ---

    def build_started(self, wfb: WorkerForBuilder) -> None:
        """A build was taken."""
        self.history.build_started(wfb.builder_name)
        self._begun[wfb.builder_name] = time.monotonic()

    def build_finished(self, wfb: WorkerForBuilder) -> None:
        """Learn how long builds of its builder take, beside the boot."""
        begun, server = self._begun.pop(wfb.builder_name, None), self._server()
        if begun is not None and server is not None and server.attached_at is not None:
            self.history.usual.learn(wfb.builder_name, time.monotonic() - max(begun, server.attached_at))

    async def leaves_to_another(self, properties: Properties) -> bool:
        """Whether a build that could run here is refused, because a server that is up should get it.

        Never where somebody else chooses workers: a builder's `nextWorker` or `canStartBuild`, `select_next_worker`.
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
        """Whether the server of another worker is up, free and fits better. Where there is none here, any does."""
        paid: dict[Placement, float] = {}
        for placement in _placements(builder, are_available=True):
            if await placement.is_free(properties):
                if self._server() is None:
                    return True
                paid[placement] = placement.paid_seconds()
        return best_fit(paid, self.history.usual.of(builder.name)) not in {None, self}

    async def is_free(self, properties: Properties) -> bool:
        """Whether its server is up and free, and is for this build."""
        worker, server = self._worker, self._server()
        is_up = worker.state is States.SUBSTANTIATED and worker.conn is not None and not worker.building
        return is_up and server is not None and not server.is_outdated and await self._serves(server, properties)

    async def _one_may_come_free(self, builder: Builder, properties: Properties) -> bool:
        for placement in _placements(builder, are_available=False):
            if await placement.may_come_free(properties):
                return True
        return False

    async def may_come_free(self, properties: Properties) -> bool:
        """Whether its server is busy, and is for this build. One that is not made yet may turn out to be for others."""
        server = self._server()
        if self._idle == 0 or not self._worker.building:
            return False
        return server is None or (not server.is_outdated and await self._serves(server, properties))

    async def _patience_left(self, builder: Builder) -> float:
        if self._patience <= 0 or self._server() is not None:
            return 0.0
        oldest = await builder.getOldestRequestTime()
        waited = 0.0 if oldest is None else self._worker.master.reactor.seconds() - oldest.timestamp()
        return self._patience - max(0.0, waited)


def _placements(builder: Builder, *, are_available: bool) -> Iterator[Placement]:
    """Of the builder's workers, as far as they are UpCloud's."""
    for candidate in builder.workers:
        placement = getattr(candidate.worker, "placement", None)
        if isinstance(placement, Placement) and (candidate.isAvailable() or not are_available):
            yield placement
