"""Servers, beyond one endpoint: exactly-once create, waits, destroy, and servers for the length of a block."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from upcloud_sdk.errors import UpCloudError, WaitTimeout
from upcloud_sdk.fleet.create import Creator
from upcloud_sdk.fleet.destroy import Destroyer, StoragePolicy
from upcloud_sdk.models.ownership import ATTEMPT
from upcloud_sdk.models.servers import Server, ServerState
from upcloud_sdk.resources.servers import ServerEndpoints, StopType
from upcloud_sdk.waiting import fails_on_error, poll

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from upcloud_sdk.models.server_requests import ServerSpec
    from upcloud_sdk.resources._base import Core
    from upcloud_sdk.resources.storages import BackupPolicy


class Servers(ServerEndpoints):
    """`cloud.servers`. Chapter "Servers" of the API, and what people write by hand above it."""

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._attempts: dict[str, str] = {}
        """By uuid: what this client made and has not destroyed."""
        self._creator = Creator(core, self._destroy_unheld)

    async def create(self, spec: ServerSpec, *, lease: float | None = None) -> Server:
        """One new server, in state "maintenance"; it starts by itself. Where an answer is lost it is found and adopted.

        `lease`: seconds after which the server may be reaped unless the lease is renewed; None: it is for good.
        A caller that is cancelled has no server: the client destroys what the create makes.

        Raises:
            OutcomeUnknown: no answer came, and no server was found; the client looks on for a minute, and destroys what
                turns up.
        """
        return await self._core.background.run(
            lambda: self._create(spec, lease), f"create of {spec.hostname}", abandoned=self._abandon
        )

    async def _create(self, spec: ServerSpec, lease: float | None) -> Server:
        ends = None if lease is None else self._now() + timedelta(seconds=lease)
        server = await self._creator.create(spec, lease_ends=ends)
        self._attempts[server.uuid] = server.labels.get(ATTEMPT, "")
        return server

    def _now(self) -> datetime:
        now = self._transport.api_time()
        return datetime.now(UTC) if now is None else datetime.fromtimestamp(now, UTC)

    async def _abandon(self, server: Server) -> None:
        await self._destroy_unheld(server.uuid)

    async def _destroy_unheld(self, uuid: str) -> None:
        await self._destroyer(uuid).run()

    def _destroyer(
        self,
        uuid: str,
        *,
        timeout: float = 300,
        stop_type: StopType = "hard",
        storages: StoragePolicy = "created",
        backups: BackupPolicy | None = "delete",
    ) -> Destroyer:
        return Destroyer(
            self._core,
            uuid,
            timeout=timeout,
            stop_type=stop_type,
            storages=storages,
            backups=backups,
            attempt=self._attempts.get(uuid),
        )

    async def wait_for_state(self, uuid: str, state: ServerState | str, *, timeout: float) -> Server:
        """The server, once it is in this state.

        Raises:
            ResourceFailed: it reached "error".
            NotFound: it is gone.
            WaitTimeout: it was not there within `timeout` seconds; `last` is what was seen last.
        """
        wanted = ServerState(state)

        def reached(server: Server) -> bool:
            fails_on_error("server", uuid, server.state, wanted)
            return server.state == wanted

        return await poll(
            lambda: self.get(uuid),
            reached,
            policy=self._core.waits,
            timeout=timeout,
            what=f"server {uuid} to be {wanted}",
        )

    async def destroy(
        self,
        uuid: str,
        *,
        timeout: float = 300,
        stop_type: StopType = "hard",
        storages: StoragePolicy = "created",
        backups: BackupPolicy | None = "delete",
    ) -> None:
        """Return when the server is gone, with the disks that were made with it; from any state.

        `storages`: "created" deletes the disks made with the server and no others, "all" and "none" are your word.
        `backups`: what becomes of the backups of the disks that go.
        `stop_type`: "soft" gives the guest up to a minute to shut down before it is switched off.
        Cancelling the caller does not stop this.

        Raises:
            CleanupFailed: it was not gone within `timeout` seconds; it may still be running and costing money.
        """
        destroyer = self._destroyer(uuid, timeout=timeout, stop_type=stop_type, storages=storages, backups=backups)
        await self._core.background.run(destroyer.run, f"destroy of server {uuid}", uuid=uuid)
        self._attempts.pop(uuid, None)

    @asynccontextmanager
    async def ephemeral(
        self, spec: ServerSpec, *, timeout: float = 300, cleanup_timeout: float = 120, lease: float = 3600
    ) -> AsyncGenerator[Server]:
        """A running server that is gone, with its disks, when the block ends, however it ends.

        `timeout` covers create and boot, `cleanup_timeout` the end; both in seconds. `lease`: seconds after which
        another
        process may reap the server if this one has died.

        Raises:
            ResourceFailed, WaitTimeout: it did not start.
            CleanupFailed: it could not be destroyed; where the block itself failed, that error is raised and this is
                a note on it.
        """
        clock = self._core.waits.clock
        began = clock.now()
        server: Server | None = None
        with clock.limit(timeout):
            server = await self.create(spec, lease=lease)
        if server is None:
            raise WaitTimeout(f"server {spec.hostname}: not created within {timeout:g} s")
        uuid = server.uuid
        try:
            await clock.sleep(min(self._core.waits.first_look, timeout))
            started = await self.wait_for_state(
                uuid, ServerState.STARTED, timeout=max(0.0, timeout - (clock.now() - began))
            )
            yield started.model_copy(update={"username": server.username, "password": server.password})
        except BaseException as error:
            try:
                await self._finish(uuid, cleanup_timeout)
            except UpCloudError as failure:
                error.add_note(str(failure))
            raise
        await self._finish(uuid, cleanup_timeout)

    async def _finish(self, uuid: str, timeout: float) -> None:
        destroyer = self._destroyer(uuid, timeout=timeout)
        await self._core.background.finish(destroyer.run, f"destroy of server {uuid}", uuid=uuid)
        self._attempts.pop(uuid, None)
