"""Destroys the servers of earlier runs, and servers whose lease has ended."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import anyio

from upcloud_sdk._identity import run_id
from upcloud_sdk.ci.account.permanent import is_permanent
from upcloud_sdk.errors import NotOpen
from upcloud_sdk.models.ownership import LEASE, OWNER, Ownership

if TYPE_CHECKING:
    from datetime import datetime

    from upcloud_sdk import UpCloud
    from upcloud_sdk.waiting import Clock

log = logging.getLogger("upcloud_sdk")

STRAGGLES = 30.0
"""Seconds within which the last create of a dead process has arrived."""


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
    _began: datetime | None = None
    """When the first round had ended, by the API's clock. None if the owner is shared."""
    _rivals: set[str] = field(default_factory=set[str])
    """Other processes that are alive, and use this owner all the same."""
    _first_round_ended: bool = False
    _waiting: list[anyio.Event] = field(default_factory=list[anyio.Event])

    async def run(self) -> None:
        """Reap repeatedly, until cancelled."""
        while not await self._round(exclusive=self.exclusive):
            await self.clock.sleep(self.pace.retry)
        self._first_round_ended = True
        for event in self._waiting:
            event.set()
        await self.clock.sleep(self.pace.again)
        await self._round(exclusive=self.exclusive)
        while True:
            await self.clock.sleep(self.pace.every)
            await self._round()

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

    async def _round(self, *, exclusive: bool = False) -> bool:
        """Reap once. True if it succeeded, or if a retry would fail too."""
        try:
            if self._began is not None:
                await self._find_rivals(self._began)
            report = await self.cloud.leases.reap(exclusive=exclusive and not self._rivals)
            if self.exclusive and self._began is None:
                self._began = await self.cloud.leases.now()
        except NotOpen:
            raise
        except Exception as error:  # noqa: BLE001 - the next round may succeed
            log.warning("reaper of %s: this round failed: %s", self.cloud.owner, error)
            return is_permanent(error)
        if report.servers or report.storages or report.failed or report.unreadable:
            log.warning("%s", report)
        return True

    async def _find_rivals(self, began: datetime) -> None:
        """Tell of each other process that has created a server with this owner since the first round."""
        for server in await self.cloud.servers.list(labels={OWNER: self.cloud.owner}):
            owned = Ownership.read(server.labels)
            is_late = server.created is not None and server.created - began > timedelta(seconds=STRAGGLES)
            # The filter may return others by mistake.
            is_leased = owned.owner == self.cloud.owner and LEASE in server.labels
            if is_late and is_leased and owned.run not in {None, run_id(), *self._rivals}:
                self._rivals.add(str(owned.run))
                log.error(
                    "another process with the owner %r is running: it has created server %s since this one has "
                    "started, such as a master whose base directory was copied with its database. Each of the two "
                    "destroys the servers of the other when it starts. Give one of the two another owner.",
                    self.cloud.owner, server.uuid,
                )  # fmt: skip
