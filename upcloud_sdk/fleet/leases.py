"""Leases on servers and disks."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from upcloud_sdk._identity import check_owner
from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import uuid_of
from upcloud_sdk.errors import NotOpen
from upcloud_sdk.fleet.checks import check_lease, check_seconds
from upcloud_sdk.fleet.reap import Reaper, ReapReport
from upcloud_sdk.fleet.records.api_time import api_now
from upcloud_sdk.fleet.records.observed import ObservedServer, ObservedStorage, list_private, list_servers
from upcloud_sdk.models.ownership import LEASE, OWNER
from upcloud_sdk.resources._base import Namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.errors import LeaseLost
    from upcloud_sdk.fleet.fleet import Fleet

log = logging.getLogger("upcloud_sdk")

DESTROY_TIMEOUT = 300.0
"""Limit for the reaper to destroy one server, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A lease on a server or a disk, from its labels."""

    uuid: str
    kind: Literal["server", "storage"]
    state: str
    """The state of the server or disk."""
    owner: str
    run: str | None
    """The process that took it."""
    attempt: str | None
    """The attempt id of the create that made it."""
    ends: datetime | None
    """When it ends, by the API's clock. None if the label cannot be read."""


class Leases(Namespace):
    """`cloud.leases`: when a lease has ended, the reaper of its owner destroys the server.

    `ephemeral` takes a lease, `create` only with `lease=`. Servers without a lease are never reaped. A lease is a
    label. Chapters "Servers" and "Storages" of the API, <https://developers.upcloud.com/1.3/8-servers/> and
    <https://developers.upcloud.com/1.3/9-storages/>.
    """

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(fleet.core)
        self._fleet = fleet

    async def take(
        self, uuid: Uuid, seconds: float, *, on_lease_lost: Callable[[LeaseLost], None] | None = None
    ) -> Lease:
        """Take a lease on a server and the disks created with it. This client renews it.

        If it fails, the old labels are restored. If the caller is cancelled, the lease is ended.

        Args:
            uuid: Uuid of the server, or the server itself.
            seconds: Length of the lease in seconds, at least 60.
            on_lease_lost: Called once with the error if the lease is lost.

        Raises:
            ValueError: `seconds` is less than a minute, which is too short to renew.
            NotFound: The server is gone.
        """
        check_lease(seconds)
        wanted = uuid_of(uuid)
        path_segment(wanted, "uuid")
        seen = await self._core.background.run_owned(
            lambda _: self._fleet.take(wanted, seconds, on_lease_lost),
            f"lease on server {wanted}",
            repeatable=True,
            on_cancel=lambda _: self._give_back(wanted),
        )
        return _lease("server", seen, self._core.owner)

    def _give_back(self, uuid: str) -> None:
        try:
            what = f"end of the lease on server {uuid}"
            self._core.background.start_owned(lambda _: self._fleet.keep(uuid), what, repeatable=True)
        except NotOpen:
            log.error("server %s: nobody renews its new lease: it will be reaped when that ends", uuid)  # noqa: TRY400 - no traceback needed

    async def keep(self, uuid: Uuid) -> None:
        """Remove the lease from a server and its disks, also detached ones. They exist until you delete them.

        If the server belongs to an `ephemeral` block, the block does not delete it.

        Raises:
            NotFound: The server is gone.
        """
        wanted = uuid_of(uuid)
        path_segment(wanted, "uuid")
        what = f"end of the lease on server {wanted}"
        await self._core.background.run_owned(lambda _: self._fleet.keep(wanted), what, repeatable=True)

    async def check(self, uuid: Uuid) -> None:
        """Ask the API whether this client still has its lease on a server. Sends one request.

        A lost lease is noticed at its next renewal anyway. Check before you change or switch off what somebody may have
        kept or taken since. `on_lease_lost` is called too.

        Args:
            uuid: Uuid of the server, or the server itself.

        Raises:
            LeaseLost: Somebody reaped, kept, took or relabelled the server, or this client had no lease on it.
            UpCloudError: The server could not be read.
        """
        wanted = uuid_of(uuid)
        path_segment(wanted, "uuid")
        await self._fleet.renewal.check(wanted)

    async def reap(
        self,
        owner: str | None = None,
        *,
        all_owners: bool = False,
        exclusive: bool = False,
        grace: float = 60,
        dry_run: bool = False,
        only: Collection[str] | None = None,
    ) -> ReapReport:
        """Destroy the servers and disks of an owner whose lease has ended.

        Detached disks of deleted servers are deleted too. Failures are in the report and do not stop the reaper, except
        refused credentials.

        Args:
            owner: The owner. None: the owner of this client.
            all_owners: Reap for all owners, for example for containers with a new owner at each start.
            exclusive: You guarantee that no other process of this owner runs. Then also leases of other processes are
                reaped that have not ended.
            grace: Reap a lease this many seconds after its end.
            dry_run: Only report, destroy nothing.
            only: Reap these uuids only, for example those of a dry run's report.

        Raises:
            ValueError: `grace` is negative, `exclusive` is given with another owner than the client's, or `all_owners`
                is given with an owner.
            UpCloudError: The servers could not be listed.
        """
        reaper = self._reaper(
            owner, all_owners=all_owners, exclusive=exclusive, grace=grace, dry_run=dry_run, only=only
        )
        return await reaper.run()

    async def reap_forever(self, owner: str | None = None, *, every: float = 300, grace: float = 60) -> None:
        """Reap repeatedly, until cancelled. Failed rounds are logged. For owners that never change.

        Args:
            owner: The owner. None: the owner of this client.
            every: Seconds between two rounds.
            grace: Reap a lease this many seconds after its end.

        Raises:
            ValueError: `every` is not above 0, or `grace` is negative.
            NotOpen: The client was closed.
        """
        check_seconds(every, "every")
        self._reaper(owner, grace=grace)
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
        """List leases: servers first, then disks.

        Args:
            owner: The owner. None: the owner of this client.
            all_owners: List the leases of all owners.

        Raises:
            ValueError: `all_owners` is given with an owner.
        """
        wanted = self._owner(owner, all_owners=all_owners)
        servers = await list_servers(self._transport, {OWNER: wanted, LEASE: None})
        # All of them: those without labels are found by their titles.
        storages = await list_private(self._transport)
        return (
            *(_lease("server", each, wanted) for each in servers if each.has_lease and each.ownership.is_of(wanted)),
            *(_lease("storage", each, wanted) for each in storages if each.has_lease and each.ownership.is_of(wanted)),
        )

    async def now(self) -> datetime:
        """The current time by the API's clock, by which leases end. Sends a request if the last answer is too old.

        Raises:
            UpCloudError: The request failed.
        """
        return await api_now(self._core)

    def _owner(self, owner: str | None, *, all_owners: bool) -> str | None:
        """The requested owner. None: all owners."""
        if not all_owners:
            return self._core.owner if owner is None else check_owner(owner)
        if owner is not None:
            raise ValueError("all_owners=True includes every owner: leave out owner")
        return None

    def _reaper(
        self,
        owner: str | None,
        *,
        all_owners: bool = False,
        exclusive: bool = False,
        grace: float,
        dry_run: bool = False,
        only: Collection[str] | None = None,
    ) -> Reaper:
        wanted = self._owner(owner, all_owners=all_owners)
        if not grace >= 0:
            raise ValueError(f"grace is {grace:g}: it must be 0 or more seconds")
        if exclusive and wanted != self._core.owner:
            raise ValueError(
                f"exclusive=True means that no other process of {wanted or 'any owner'!r} runs, which only a client of "
                f"that owner can know: the owner of this client is {self._core.owner!r}"
            )
        return Reaper(
            self._fleet,
            owner=wanted,
            exclusive=exclusive,
            grace=grace,
            dry_run=dry_run,
            timeout=DESTROY_TIMEOUT,
            only=only,
        )


def _lease(kind: Literal["server", "storage"], found: ObservedServer | ObservedStorage, owner: str | None) -> Lease:
    owned = found.ownership
    return Lease(
        uuid=found.uuid,
        kind=kind,
        state=found.state,
        # A title has only a hash of it.
        owner=owned.owner or owner or "",
        run=owned.run,
        attempt=owned.attempt,
        ends=owned.lease,
    )
