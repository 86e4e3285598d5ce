"""Leases: who answers for a server, and until when."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from upcloud_sdk._wire import uuid_of
from upcloud_sdk.errors import NotFound, NotOpen
from upcloud_sdk.events import LeaseEvent
from upcloud_sdk.fleet.glance import SERVER_GLANCE, SERVER_GLANCES, STORAGE_GLANCES, ServerGlance, StorageGlance
from upcloud_sdk.fleet.holdings import Holding, api_now, own_disks, relabel_server, relabel_storage
from upcloud_sdk.fleet.identity import check_owner, run_id
from upcloud_sdk.fleet.lengths import check_lease, check_seconds
from upcloud_sdk.fleet.reap import Reaper, ReapReport
from upcloud_sdk.models.ownership import LEASE, OWNER, RUN, write_lease
from upcloud_sdk.resources._base import Namespace, label_params
from upcloud_sdk.resources._paging import whole_list

if TYPE_CHECKING:
    from datetime import datetime

    from upcloud_sdk._wire import Uuid
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

    async def take(self, uuid: Uuid, seconds: float) -> Lease:
        """Take a lease on a server, and on the disks made with it: this client answers for it, and renews it.

        Raises:
            ValueError: `seconds` is shorter than a renewal can keep (a minute).
            NotFound: the server is gone.
        """
        uuid = uuid_of(uuid)
        check_lease(seconds)
        seen = await self._relabel(uuid, seconds)
        owned = seen.ownership
        self._fleet.renewal.hold(Holding(uuid, owned.attempt, seconds, owned.lease))
        return _lease("server", seen)

    async def keep(self, uuid: Uuid) -> None:
        """End the lease on a server and its disks without destroying them: from now on it is for good.

        Raises:
            NotFound: the server is gone.
        """
        uuid = uuid_of(uuid)
        seen = await self._relabel(uuid, None)
        self._fleet.renewal.hold(Holding(uuid, seen.ownership.attempt, None, None))
        self._core.emit(LeaseEvent(at=self._core.emit.now(), uuid=uuid, happened="kept"))

    async def reap(
        self, owner: str | None = None, *, exclusive: bool = False, grace: float = 60, dry_run: bool = False
    ) -> ReapReport:
        """Destroy what `owner` (this client's, if None) leased, where the lease ended more than `grace` seconds ago.

        `exclusive`: you state that no other run of this owner lives; what other runs leased is destroyed at once.
        `dry_run`: only report. Disks of servers that are gone are destroyed too, where they are attached to nothing.
        What fails is in the report and stops nothing.

        Raises:
            ValueError: `grace` is below zero, or `exclusive` is asked for another owner than the client's.
            UpCloudError: what there is could not be listed.
        """
        return await self._reaper(owner, exclusive=exclusive, grace=grace, dry_run=dry_run).run()

    async def reap_forever(self, owner: str | None = None, *, every: float = 300, grace: float = 60) -> None:
        """Reap every so many seconds, until cancelled; for owners that live long. A round that fails is logged.

        Raises:
            ValueError: `every` is not above zero, or `grace` is below zero.
            NotOpen: the client was closed.
        """
        check_seconds(every, "every")
        self._reaper(owner, exclusive=False, grace=grace, dry_run=False)
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

    async def list(self, owner: str | None = None) -> tuple[Lease, ...]:
        """The leases of an owner, this client's if None: servers, then disks."""
        owner = self._core.owner if owner is None else check_owner(owner)
        params = label_params({OWNER: owner, LEASE: None})
        servers = await whole_list(self._transport, "/server", SERVER_GLANCES, params)
        storages = await whole_list(self._transport, "/storage", STORAGE_GLANCES, params)
        return (
            *(_lease("server", server) for server in servers if _has_lease(server, owner)),
            *(_lease("storage", storage) for storage in storages if _has_lease(storage, owner)),
        )

    def _reaper(self, owner: str | None, *, exclusive: bool, grace: float, dry_run: bool) -> Reaper:
        owner = self._core.owner if owner is None else check_owner(owner)
        if not grace >= 0:
            raise ValueError(f"grace is {grace:g}: it is seconds after the end of a lease, 0 or more")
        if exclusive and owner != self._core.owner:
            raise ValueError(
                f"exclusive=True says that no other run of {owner!r} lives, which only a client of "
                f"that owner can know: "
                f"this one's owner is {self._core.owner!r}"
            )
        return Reaper(
            self._core,
            self._fleet.watcher,
            self._fleet.holdings,
            owner=owner,
            exclusive=exclusive,
            grace=grace,
            dry_run=dry_run,
            timeout=DESTROY_TIMEOUT,
        )

    async def _relabel(self, uuid: str, seconds: float | None) -> ServerGlance:
        """Take or end (None) a lease; the server as it is after that."""
        path = f"/server/{self._fleet.path(uuid)}"
        async with self._fleet.renewal.relabelling(uuid):
            seen = await self._transport.call("GET", path, SERVER_GLANCE)
            labels: dict[str, str | None] = {LEASE: None}
            if seconds is not None:
                ends = await api_now(self._core) + timedelta(seconds=seconds)
                labels = {OWNER: self._core.owner, RUN: run_id(), LEASE: write_lease(ends)}
            # The disks first: what is attached to a server is not reaped whatever its own label says.
            for disk in await own_disks(self._core, seen, seen.ownership.attempt):
                with suppress(NotFound):
                    await relabel_storage(self._core, disk, labels)
            await relabel_server(self._core, seen, labels)
            if seconds is None:
                self._fleet.renewal.stop_renewing(uuid)
        written = {key: value for key, value in {**seen.labels, **labels}.items() if value is not None}
        return seen.model_copy(update={"labels": written})


def _has_lease(found: ServerGlance | StorageGlance, owner: str) -> bool:
    """The filter should have seen to it; what it let through by mistake is not this owner's."""
    return LEASE in found.labels and found.ownership.owner == owner


def _lease(kind: Literal["server", "storage"], found: ServerGlance | StorageGlance) -> Lease:
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
