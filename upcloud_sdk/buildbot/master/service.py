"""Shared by the UpCloud workers of one master: the thread of the SDK, accounts, and the limit of servers."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
from twisted.internet import defer
from twisted.logger import Logger

from upcloud_sdk.buildbot._buildbot.api import SharedService
from upcloud_sdk.buildbot._buildbot.bridge import Bridge
from upcloud_sdk.buildbot._buildbot.rival_plugins import warn_of_rival
from upcloud_sdk.buildbot.accounts.dead_masters import DeadMasters
from upcloud_sdk.buildbot.accounts.open_accounts import AccountKey, Accounts
from upcloud_sdk.buildbot.accounts.owner import owner_of
from upcloud_sdk.buildbot.master.image_servers import ImageServers
from upcloud_sdk.buildbot.master.placement import PlacementHistory
from upcloud_sdk.buildbot.master.record import MasterRecord
from upcloud_sdk.buildbot.servers.claims import Claims
from upcloud_sdk.buildbot.servers.idle import IdleServers
from upcloud_sdk.errors import CleanupFailed, LeaseLost, UpCloudError
from upcloud_sdk.events import BakeEvent, LeaseEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from upcloud_sdk import WaitPolicy
    from upcloud_sdk.buildbot._buildbot.api import DelayedCall, Master
    from upcloud_sdk.buildbot._buildbot.bridge import Operation
    from upcloud_sdk.buildbot.accounts.open_accounts import Account
    from upcloud_sdk.buildbot.configuration.arguments import Arguments
    from upcloud_sdk.buildbot.configuration.request import BuildServer
    from upcloud_sdk.ci import ReapPace
    from upcloud_sdk.events import Event, Listener

_CLOSE_TIMEOUT = 10.0
"""Seconds for clients to close, if no worker has set `shutdown_timeout`."""
_LAST_MOMENT = 1.0
"""The shortest time for clients to close, in seconds."""
_SETTLED = 10.0
"""Seconds after the last worker has opened its account until the record is put right."""
_DESTROY_TIMEOUT = 300.0
"""Seconds within which a server must be gone."""
_DESTROY_WAIT = 30.0
"""Seconds that the worker waits for the destroy, before it takes another build."""


class UpcloudService(SharedService):
    """One per master, for all its UpCloud workers. Buildbot stops it after everything else."""

    bridge: Bridge
    accounts: Accounts
    idle: IdleServers
    record: MasterRecord
    claims: Claims
    images: ImageServers

    _log = Logger()

    def __init__(self) -> None:
        super().__init__()
        self.placements = PlacementHistory()
        self.event_listeners: list[Listener] = []
        """Called with the events of all clients, on the bridge's thread. They must not block."""
        self._shutdown_began = 0.0
        self._close_by: float | None = None
        self._righting: DelayedCall | None = None

    @classmethod
    def getName(cls) -> str:  # noqa: N802 - Buildbot's
        """The name of the service, the same for all workers."""
        return "upcloud_sdk"

    @classmethod
    def of(cls, master: Master) -> defer.Deferred[UpcloudService]:
        """The service of this master."""
        return cls.getService(master)

    def startService(self) -> defer.Deferred[Any]:  # noqa: N802 - Buildbot's
        """Start the thread at once, since a second worker may ask for the service meanwhile."""
        self.bridge = Bridge(self.master.reactor)
        self.claims = Claims(self.master, self.bridge, lambda: self.accounts.all, self.wake_builders)
        self.idle = IdleServers(self.master.reactor, self.claims)
        self.record = MasterRecord(self.master)
        self.images = ImageServers(
            self.bridge, self.claims, self.idle, self.record.hear, self.wake_builders, master=self.master.name
        )
        self.accounts = Accounts(self.bridge, self._hear, self.record.hear, self.images.reserve)
        warn_of_rival(self.master)
        return super().startService()

    async def account_for(
        self, holder: Hashable, arguments: Arguments, waits: WaitPolicy, reaps: ReapPace, before: Account | None
    ) -> Account:
        """Open the account of a worker with these arguments, and release the one that it had `before`.

        In multi-master mode, also watch for dead masters with servers in the account.
        """
        # Masters of a multi-master often share their configuration, and so may share a configured owner.
        is_exclusive = arguments.owner is None or not self.master.config.multiMaster
        database = self.record.use(arguments.record)
        self.claims.record = database
        database.freed = partial(self.call, self.wake_builders)
        owner = arguments.owner or await owner_of(self.master)
        credentials = arguments.credentials()
        key = AccountKey(credentials, arguments.base_url, owner, waits, reaps, is_exclusive=is_exclusive)
        account = await self.accounts.open(key, holder)
        account.images.is_wanted = self.images.is_wanted
        self._put_right_soon()
        if before is not None and before is not account:
            self.accounts.release(before, holder)
        if self.master.config.multiMaster and not account.is_watched:
            account.is_watched = True
            put_right = self.claims.put_right_of
            DeadMasters(self.master, self.bridge, self.accounts, account, put_right).watch()
        return account

    def _hear(self, account: Account, event: Event) -> None:
        """Handle an event of a client, on the bridge's thread."""
        if isinstance(event, LeaseEvent) and event.happened == "reaped":
            self.call(lambda: defer.ensureDeferred(self._reaped(account, event.uuid)))
        if isinstance(event, BakeEvent):
            self.images.hear(account, event)
        for listener in self.event_listeners:
            listener(event)

    async def _reaped(self, account: Account, uuid: str) -> None:
        """Record a server that the reaper has destroyed, with the time by the API's clock."""
        at = datetime.now(UTC)
        with contextlib.suppress(UpCloudError, defer.CancelledError):
            at = await self.bridge.run(account.cloud.leases.now).ended
        self.record.reaped(uuid, at)
        self.wake_builders()

    def _put_right_soon(self) -> None:
        """When all workers have their accounts, put what earlier runs have recorded right."""
        if self._righting is not None and self._righting.active():
            self._righting.cancel()
        self._righting = self.master.reactor.callLater(_SETTLED, lambda: defer.ensureDeferred(self.claims.put_right()))

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Call a function on the reactor's thread, after those that were given before."""
        self.master.reactor.callFromThread(function, *args)

    def sleep(self, seconds: float) -> defer.Deferred[None]:
        """Fires after so many seconds. Cancelled when the master stops."""
        return self.bridge.run(anyio.sleep, seconds).ended

    # --- servers ------------------------------------------------------------------------------------------------------

    def destroy(self, server: BuildServer, ended: Callable[[], object]) -> Operation[None]:
        """Destroy a server in the background, then call `ended`, and let others have its place.

        The returned operation ends when the server is gone. It is cancelled after half a minute, so that the worker
        waits no longer.
        """
        defer.ensureDeferred(self._destroy(server, ended))
        waiting = self.bridge.run(server.until_destroyed)
        waiting.cancel(after=_DESTROY_WAIT)
        return waiting

    async def _destroy(self, server: BuildServer, ended: Callable[[], object]) -> None:
        try:
            await self.bridge.run(server.destroy, _DESTROY_TIMEOUT).ended
        except CleanupFailed as error:
            self.warn_of_cost(server, str(error))
        except LeaseLost as error:
            self._log.warn("worker {name}: {reason}", name=server.name, reason=str(error))
        except defer.CancelledError:
            pass  # The master has stopped without waiting. This was logged before.
        finally:
            self.forget(server, ended)

    def forget(self, server: BuildServer, ended: Callable[[], object]) -> None:
        """Stop counting a server: it is gone, or was never created."""
        ended()
        self.accounts.leave(server)
        self.wake_builders()

    def wake_builders(self) -> None:
        """Start builds and images that wait for a slot. Buildbot itself does not notice a free slot."""
        self.claims.begin_wake()
        self.images.look()
        self.master.botmaster.maybeStartBuildsForAllBuilders()

    def note_replaced(self, server: BuildServer, reason: str) -> None:
        """Warn in twistd.log that a server could not be kept for another build."""
        self._log.warn(
            "worker {name}: server {uuid} could not be kept for another build: {reason}; it is replaced",
            name=server.name, uuid=server.uuid, reason=reason,
        )  # fmt: skip

    def warn_of_cost(self, server: BuildServer, reason: str) -> None:
        """Warn in twistd.log about a server that may still be running."""
        self._log.error(
            "worker {name}: server {uuid} may still be running and cost money: {reason}",
            name=server.name, uuid=server.uuid, reason=reason,
        )  # fmt: skip

    # --- shutdown -----------------------------------------------------------------------------------------------------

    def shutdown_time_left(self, timeout: float) -> float | None:
        """The seconds left of `timeout` since the shutdown began. None if the master does not shut down."""
        now = self.master.reactor.seconds()
        if not self.master.botmaster.shuttingDown:
            self._close_by = None
            return None
        if self._close_by is None:
            self._shutdown_began = self._close_by = now
        self._close_by = max(self._close_by, self._shutdown_began + timeout)
        return max(0.0, self._shutdown_began + timeout - now)

    def stopService(self) -> defer.Deferred[Any]:  # noqa: N802 - Buildbot's
        """Cancel running operations, close the clients, and end the thread."""
        return defer.ensureDeferred(self._stop())

    async def _stop(self) -> None:
        await super().stopService()
        if self._righting is not None and self._righting.active():
            self._righting.cancel()
        self.idle.close()
        self.placements.close()
        self.claims.close()
        await self.bridge.end_operations()
        left = _CLOSE_TIMEOUT if self._close_by is None else self._close_by - self.master.reactor.seconds()
        await self.accounts.close(max(left, _LAST_MOMENT))
        await self.bridge.close()
        await self.record.close()
