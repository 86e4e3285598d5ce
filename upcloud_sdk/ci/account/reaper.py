"""Destroys the servers of earlier runs, and servers whose lease has ended."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from upcloud_sdk.ci.account.permanent import is_permanent
from upcloud_sdk.errors import NotOpen

if TYPE_CHECKING:
    from upcloud_sdk import UpCloud
    from upcloud_sdk.waiting import Clock

log = logging.getLogger("upcloud_sdk")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReapPace:
    """How often to reap, in seconds."""

    again: float = 60.0
    """From the first round to the second, which finds servers that a dead process requested just before the first."""
    every: float = 300.0
    """Between the rounds after that."""
    retry: float = 5.0
    """From a failed first round to its retry."""
    first_round: float = 60.0
    """Longest time that the first server waits for the first round."""


@dataclass(eq=False)
class PacedReaper:
    """The reaper of one client: at the start, again a little later, then every few minutes."""

    cloud: UpCloud
    clock: Clock
    pace: ReapPace
    exclusive: bool
    """Whether no other process uses this owner. Then servers of earlier processes are destroyed immediately."""
    _first_round_ended: bool = False
    _waiting: list[anyio.Event] = field(default_factory=list[anyio.Event])

    async def run(self) -> None:
        """Reap repeatedly, until cancelled."""
        while not await self._round():
            await self.clock.sleep(self.pace.retry)
        self._first_round_ended = True
        for event in self._waiting:
            event.set()
        await self.clock.sleep(self.pace.again)
        await self._round()
        await self.clock.sleep(self.pace.every)
        await self.cloud.leases.reap_forever(every=self.pace.every)

    async def first_round(self) -> None:
        """Wait until the first round has ended, or `ReapPace.first_round` is over.

        Before that, a guest of the last run may still be running. If the guests' password never changes, this guest
        could attach as the new server's. Its job would then run on a server that is about to be destroyed.
        """
        if self._first_round_ended:
            return
        ended = anyio.Event()
        self._waiting.append(ended)
        with self.clock.limit(self.pace.first_round):
            await ended.wait()
            return
        log.warning("reaper of %s: no round has succeeded in %g s", self.cloud.owner, self.pace.first_round)

    async def _round(self) -> bool:
        """Reap once. True if it succeeded, or if a retry would fail too."""
        try:
            report = await self.cloud.leases.reap(exclusive=self.exclusive)
        except NotOpen:
            raise
        except Exception as error:  # noqa: BLE001 - the next round may succeed
            log.warning("reaper of %s: this round failed: %s", self.cloud.owner, error)
            return is_permanent(error)
        if report.servers or report.storages or report.failed or report.unreadable:
            log.warning("%s", report)
        return True
