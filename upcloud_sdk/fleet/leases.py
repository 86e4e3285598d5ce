"""Leases: who answers for a server, and until when."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from upcloud_sdk._transport import segment
from upcloud_sdk._wire import uuid_of
from upcloud_sdk.errors import NotOpen
from upcloud_sdk.fleet.durations import check_lease, check_seconds
from upcloud_sdk.fleet.identity import check_owner
from upcloud_sdk.fleet.observed import ObservedServer, ObservedStorage, list_servers, list_storages
from upcloud_sdk.fleet.reap import Reaper, ReapReport
from upcloud_sdk.models.ownership import LEASE, OWNER
from upcloud_sdk.resources._base import Namespace

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.errors import LeaseLost
    from upcloud_sdk.fleet.fleet import Fleet

log = logging.getLogger("upcloud_sdk")

DESTROY_TIMEOUT = 300.0
"""Seconds that the reaper gives each server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A lease on a server or a disk, as its labels state it."""

    uuid: str
    kind: Literal["server", "storage"]
    state: str
    """The state of the server or disk."""
    owner: str
    run: str | None
    """The process that took it."""
    attempt: str | None
    """The create that made it."""
    ends: datetime | None
    """When it ends, by the API's clock; None if the label cannot be read."""


class Leases(Namespace):
    """`cloud.leases`: what has a lease is destroyed by the reaper of its owner when the lease has ended.

    `ephemeral` takes a lease, `create` only when asked. What has no lease is never reaped. A lease is a label:
    it is written with the calls of the chapters <https://developers.upcloud.com/1.3/8-servers/> and
    <https://developers.upcloud.com/1.3/9-storages/>.
    """

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(fleet.core)
        self._fleet = fleet

    async def take(
        self, uuid: Uuid, seconds: float, *, on_lease_lost: Callable[[LeaseLost], None] | None = None
    ) -> Lease:
        """Take a lease on a server, and on the disks made with it: this client answers for it, and renews it.

        `on_lease_lost` is called once, with the error, when the lease is lost.
        Where it fails half-way, the labels are put back. A caller that is cancelled has no lease: it is ended again.

        Raises:
            ValueError: `seconds` is shorter than a renewal can keep (a minute).
            NotFound: the server is gone.
        """
        uuid = uuid_of(uuid)
        check_lease(seconds)
        wanted = uuid_of(uuid)
        segment(wanted, "uuid")
        seen = await self._core.background.run(
            lambda: self._fleet.take(wanted, seconds, on_lease_lost),
            f"lease on server {wanted}",
            on_cancel=lambda _: self._give_back(wanted),
        )
        return _lease("server", seen)

    def _give_back(self, uuid: str) -> None:
        try:
            self._core.background.start(lambda: self._fleet.keep(uuid), f"end of the lease on server {uuid}")
        except NotOpen:
            log.error("server %s: a lease was taken that nobody renews: it is reaped when it has ended", uuid)  # noqa: TRY400 - no trace needed

    async def keep(self, uuid: Uuid) -> None:
        """End the lease on a server and its disks without destroying them: from now on it is for good.

        A disk that is detached is one of them. An `ephemeral` block whose server is kept leaves it alone at its end.

        Raises:
            NotFound: the server is gone.
        """
        wanted = uuid_of(uuid)
        segment(wanted, "uuid")
        await self._core.background.run(lambda: self._fleet.keep(wanted), f"end of the lease on server {wanted}")

    async def reap(
        self,
        owner: str | None = None,
        *,
        all_owners: bool = False,
        exclusive: bool = False,
        grace: float = 60,
        dry_run: bool = False,
    ) -> ReapReport:
        """Destroy what `owner` (this client's, if None) leased, where the lease ended more than `grace` seconds ago.

        `exclusive`: you state that no other run of this owner lives; what other runs leased is destroyed at once.
        `all_owners`: whoever owned it, such as containers whose default owners live on in no other process.
        `dry_run`: only report. Disks of servers that are gone are destroyed too, where they are attached to nothing.
        What fails is in the report and stops nothing, but for credentials that are refused.

        Raises:
            ValueError: `grace` is below zero, `exclusive` is asked for others than the client's owner, or `all_owners`
                and an owner are given.
            UpCloudError: what there is could not be listed.
        """
        reaper = self._reaper(owner, all_owners=all_owners, exclusive=exclusive, grace=grace, dry_run=dry_run)
        return await reaper.run()

    async def reap_forever(self, owner: str | None = None, *, every: float = 300, grace: float = 60) -> None:
        """Reap every so many seconds, until cancelled; for owners that live long. A round that fails is logged.

        Raises:
            ValueError: `every` is not above zero, or `grace` is below zero.
            NotOpen: the client was closed.
        """
        check_seconds(every, "every")
        self._reaper(owner, all_owners=False, exclusive=False, grace=grace, dry_run=False)
        while True:
            try:
                report = await self.reap(owner, grace=grace)
            except NotOpen:
                raise
            except Exception as error:  # noqa: BLE001 - the next round may succeed
                log.warning("reaper: this round failed: %s", error)
            else:
                level = logging.WARNING if report.failed or report.unreadable else logging.INFO
                if report.servers or report.storages or level > logging.INFO:
                    log.log(level, "%s", report)
            await self._core.waits.clock.sleep(every)

    async def list(self, owner: str | None = None, *, all_owners: bool = False) -> tuple[Lease, ...]:
        """The leases of an owner, this client's if None, or of all of them: servers, then disks.

        Raises:
            ValueError: `all_owners` and an owner are given.
        """
        wanted = self._owner(owner, all_owners=all_owners)
        labels = {OWNER: wanted, LEASE: None}
        servers = await list_servers(self._transport, labels)
        storages = await list_storages(self._transport, labels)
        return (
            *(_lease("server", server) for server in servers if _has_lease(server, wanted)),
            *(_lease("storage", storage) for storage in storages if _has_lease(storage, wanted)),
        )

    def _owner(self, owner: str | None, *, all_owners: bool) -> str | None:
        """The owner that is asked for; None for all of them."""
        if not all_owners:
            return self._core.owner if owner is None else check_owner(owner)
        if owner is not None:
            raise ValueError("all_owners=True is for every owner: give no owner beside it")
        return None

    def _reaper(self, owner: str | None, *, all_owners: bool, exclusive: bool, grace: float, dry_run: bool) -> Reaper:
        wanted = self._owner(owner, all_owners=all_owners)
        if not grace >= 0:
            raise ValueError(f"grace is {grace:g}: it is seconds after the end of a lease, 0 or more")
        if exclusive and wanted != self._core.owner:
            raise ValueError(
                f"exclusive=True says that no other run of {wanted or 'any owner'!r} lives, which only a client of "
                f"that owner can know: this one's owner is {self._core.owner!r}"
            )
        return Reaper(
            self._fleet,
            owner=wanted,
            exclusive=exclusive,
            grace=grace,
            dry_run=dry_run,
            timeout=DESTROY_TIMEOUT,
        )


def _has_lease(found: ObservedServer | ObservedStorage, owner: str | None) -> bool:
    """The filter should have seen to it; what it let through by mistake is not this owner's."""
    return LEASE in found.labels and owner in {None, found.ownership.owner}


def _lease(kind: Literal["server", "storage"], found: ObservedServer | ObservedStorage) -> Lease:
    owned = found.ownership
    return Lease(
        uuid=found.uuid,
        kind=kind,
        state=found.state,
        owner=owned.owner or "",
        run=owned.run,
        attempt=owned.attempt,
        ends=owned.lease,
    )
