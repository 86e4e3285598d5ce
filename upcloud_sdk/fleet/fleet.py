"""What the namespaces above one endpoint share: what is held, the watcher, the renewal of leases, what was refused."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from upcloud_sdk._transport import segment
from upcloud_sdk.errors import InvalidRequest, NotOpen
from upcloud_sdk.fleet.capacity import Capacity
from upcloud_sdk.fleet.create import create_server
from upcloud_sdk.fleet.destroy import Destroyer
from upcloud_sdk.fleet.holdings import Holding, Holdings, expire
from upcloud_sdk.fleet.identity import run_id
from upcloud_sdk.fleet.renewal import Renewal
from upcloud_sdk.models.ownership import RUN, Ownership
from upcloud_sdk.resources._base import label_params
from upcloud_sdk.resources._paging import whole_list
from upcloud_sdk.resources.server_storages import SERVER
from upcloud_sdk.resources.servers import SERVERS
from upcloud_sdk.waiting.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from upcloud_sdk.models.server_requests import ServerSpec
    from upcloud_sdk.models.servers import Server, ServerSummary
    from upcloud_sdk.resources._base import Core
    from upcloud_sdk.resources.policies import BackupPolicy, StopType, StoragePolicy

log = logging.getLogger("upcloud_sdk")

EXPIRE_TIMEOUT = 10.0
"""Seconds that moving the end of a lease may take once a destroy has failed."""

UNHELD_TIMEOUT = 300.0
"""Seconds that the destroy of a server gets whose caller was cancelled, or had given up."""


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
            while_open=core.transport.open_state.required,
            emit=core.emit,
        )
        self._capacity = Capacity(core.waits.clock.now)

    @staticmethod
    def path(uuid: str) -> str:
        """A uuid as a segment of a path."""
        return segment(uuid, "uuid")

    async def _get(self, uuid: str) -> ServerSummary:
        return await self.core.transport.call("GET", f"/server/{segment(uuid, 'uuid')}", SERVER)

    async def _list_own(self, wanted: Collection[str]) -> tuple[ServerSummary, ...]:
        """What this run made, as far as it takes to have seen all that are wanted: one answer, nearly always."""

        def enough(found: Collection[ServerSummary]) -> bool:
            return {server.uuid for server in found}.issuperset(wanted)

        params = label_params({RUN: run_id()})
        return await whole_list(self.core.transport, "/server", SERVERS, params, enough=enough)

    async def create(self, specs: Sequence[ServerSpec], *, lease: float | None) -> Server:
        """One new server, held by this client. To be run in a task that the client owns."""

        async def once(spec: ServerSpec) -> Server:
            server, owned = await create_server(self.core, spec, lease=lease, remove=self.destroy_unheld)
            self.renewal.hold(Holding(server.uuid, owned.attempt, lease, owned.lease, self.core.waits.clock.now()))
            return server

        return await self._capacity.first(specs, once)

    def destroy_unheld(self, uuid: str) -> None:
        """Start to destroy a server that nobody holds, in a task of its own."""
        what = f"destroy of server {uuid}"
        try:
            self.core.background.start(
                lambda: self.destroy(uuid, timeout=UNHELD_TIMEOUT), what, uuid=uuid, repeatable=True
            )
        except NotOpen:
            log.error("%s: the client is closed; it may still be running and costing money", what)  # noqa: TRY400 - no trace needed

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
        destroyer = self._destroyer(
            uuid, holding, timeout=timeout, stop_type=stop_type, storages=storages, backups=backups
        )
        over = False
        try:
            await destroyer.run()
            over = True
        except InvalidRequest:
            over = True  # No server can have this uuid.
            raise
        except Exception:
            left = destroyer.leftover()
            if holding is not None and holding.ends is not None:
                with self.core.waits.clock.limit(EXPIRE_TIMEOUT):
                    await expire(self.core, uuid, left.attempt, disks=storages != "none")
            raise
        finally:
            self.renewal.let_go(uuid)
            if over:
                self.holdings.unfinished.pop(uuid, None)
            else:
                self.holdings.unfinished[uuid] = destroyer.leftover()

    def _destroyer(
        self,
        uuid: str,
        holding: Holding | None,
        *,
        timeout: float,
        stop_type: StopType,
        storages: StoragePolicy,
        backups: BackupPolicy | None,
    ) -> Destroyer:
        before = self.holdings.unfinished.get(uuid)
        attempt, labels = (None, None) if before is None else (before.attempt, before.labels)
        if holding is not None:
            attempt = holding.attempt
            labels = Ownership(self.core.owner, run_id(), holding.attempt, holding.ends).labels()
        return Destroyer(
            self.core,
            self.watcher,
            uuid,
            timeout=timeout,
            stop_type=stop_type,
            storages=storages,
            backups=backups,
            attempt=attempt,
            labels=labels,
            listed=self.is_listed(uuid),
        )

    def first_look(self, uuid: str) -> float:
        """Seconds until a look at a server can see it started: no server was ever seen to boot faster."""
        holding = self.holdings.servers.get(uuid)
        if holding is None or holding.made is None:
            return 0.0
        waits = self.core.waits
        return max(0.0, holding.made + waits.first_look - waits.clock.now())

    def is_listed(self, uuid: str) -> bool:
        """Whether the list of what this run made shows a server."""
        holding = self.holdings.servers.get(uuid)
        return holding is not None and holding.attempt is not None
