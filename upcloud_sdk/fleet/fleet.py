"""What the namespaces above one endpoint share: what is held, the watcher, the renewal of leases, what was refused."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from upcloud_sdk._transport import segment
from upcloud_sdk.errors import CleanupFailed
from upcloud_sdk.fleet.capacity import Capacity
from upcloud_sdk.fleet.create import Creator
from upcloud_sdk.fleet.destroy import Destroyer
from upcloud_sdk.fleet.holdings import Holding, Holdings, api_now, expire
from upcloud_sdk.fleet.identity import run_id
from upcloud_sdk.fleet.renewal import Renewal, check_lease
from upcloud_sdk.models.ownership import ATTEMPT, RUN
from upcloud_sdk.resources._base import label_params
from upcloud_sdk.resources.server_storages import SERVER
from upcloud_sdk.resources.servers import SERVERS
from upcloud_sdk.waiting import Watcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk.fleet.destroy import StoragePolicy
    from upcloud_sdk.models.server_requests import ServerSpec
    from upcloud_sdk.models.servers import Server, ServerSummary
    from upcloud_sdk.resources._base import Core
    from upcloud_sdk.resources.servers import StopType
    from upcloud_sdk.resources.storages import BackupPolicy

log = logging.getLogger("upcloud_sdk")

EXPIRE_TIMEOUT = 10.0
"""Seconds that moving the end of a lease may take once a destroy has failed."""


class Fleet:
    """The servers of one client."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.holdings = Holdings()
        self.renewal = Renewal(core, self.holdings)
        self.watcher: Watcher[ServerSummary] = Watcher(
            get=self._get,
            list_own=self._list_own,
            policy=core.waits,
            background=core.background,
            emit=core.emit,
        )
        self._capacity = Capacity(core.waits.clock.now)
        self._creator = Creator(core, self.destroy)

    @staticmethod
    def path(uuid: str) -> str:
        """A uuid as a segment of a path."""
        return segment(uuid, "uuid")

    async def _get(self, uuid: str) -> ServerSummary:
        return await self.core.transport.call("GET", f"/server/{segment(uuid, 'uuid')}", SERVER)

    async def _list_own(self) -> tuple[ServerSummary, ...]:
        params = label_params({RUN: run_id()})
        return await self.core.transport.call("GET", "/server", SERVERS, params=params)

    async def create(self, specs: ServerSpec | Sequence[ServerSpec], *, lease: float | None) -> Server:
        """One new server, held by this client. To be run in a task that the client owns."""

        async def once(spec: ServerSpec) -> Server:
            ends = None if lease is None else await api_now(self.core) + timedelta(seconds=lease)
            server = await self._creator.create(spec, lease_ends=ends)
            self.renewal.hold(Holding(server.uuid, server.labels.get(ATTEMPT), lease, ends))
            return server

        if lease is not None:
            check_lease(lease)
        return await self._capacity.first(specs, once)

    async def destroy(
        self,
        uuid: str,
        *,
        timeout: float = 300,
        stop_type: StopType = "hard",
        storages: StoragePolicy = "created",
        backups: BackupPolicy | None = "delete",
    ) -> None:
        """Return when a server and its disks are gone. To be run in a task that the client owns.

        Raises:
            CleanupFailed: they were not in time; the lease is left to end, and the reaper of this process remembers.
        """
        holding = self.holdings.servers.get(uuid)
        self.renewal.stop_renewing(uuid)
        attempt = self.holdings.unfinished.get(uuid) if holding is None else holding.attempt
        destroyer = Destroyer(
            self.core,
            self.watcher,
            uuid,
            timeout=timeout,
            stop_type=stop_type,
            storages=storages,
            backups=backups,
            attempt=attempt,
            listed=holding is not None and holding.attempt is not None,
        )
        try:
            await destroyer.run()
        except CleanupFailed:
            self.holdings.unfinished[uuid] = destroyer.attempt
            if holding is not None and holding.lease is not None:
                with self.core.waits.clock.limit(EXPIRE_TIMEOUT):
                    await expire(self.core, uuid)
            raise
        finally:
            self.renewal.let_go(uuid)
        self.holdings.unfinished.pop(uuid, None)

    def is_listed(self, uuid: str) -> bool:
        """Whether the list of what this run made shows a server."""
        holding = self.holdings.servers.get(uuid)
        return holding is not None and holding.attempt is not None
