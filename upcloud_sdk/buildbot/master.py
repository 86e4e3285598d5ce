"""What the UpCloud workers of one master share: the thread of the SDK, accounts, and the number of servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet import defer
from twisted.logger import Logger

from upcloud_sdk.buildbot._buildbot_api import SharedService
from upcloud_sdk.buildbot.account import AccountKey, Accounts
from upcloud_sdk.buildbot.bridge import Bridge
from upcloud_sdk.buildbot.costs import Costs
from upcloud_sdk.buildbot.dead_masters import DeadMasters
from upcloud_sdk.buildbot.idle import IdleServers
from upcloud_sdk.buildbot.owner import owner_of
from upcloud_sdk.buildbot.placement import PlacementHistory
from upcloud_sdk.buildbot.spending import Spending
from upcloud_sdk.ci import ServerLimit
from upcloud_sdk.errors import CleanupFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from upcloud_sdk import WaitPolicy
    from upcloud_sdk.buildbot._buildbot_api import Master
    from upcloud_sdk.buildbot.account import Account
    from upcloud_sdk.buildbot.arguments import Arguments
    from upcloud_sdk.buildbot.bridge import Operation
    from upcloud_sdk.buildbot.server import BuildServer
    from upcloud_sdk.ci import ReapPace

_CLOSE_TIMEOUT = 10.0
"""Seconds that clients may take to close where no worker has said how long the master may take to stop."""
_LAST_MOMENT = 1.0
"""Seconds that they have in any case."""
_DESTROY_TIMEOUT = 300.0
"""Seconds within which a server must be gone."""
_DESTROY_WAIT = 30.0
"""Seconds of these that its worker waits before it takes another build."""


class UpcloudService(SharedService):
    """One a master, whatever its workers are configured with. It stops after everything else in the master."""

    bridge: Bridge
    accounts: Accounts
    idle: IdleServers
    costs: Costs
    spending: Spending

    _log = Logger()

    def __init__(self) -> None:
        super().__init__()
        self.limit = ServerLimit()
        """A place is held by a server until it is gone, before that by the worker whose build it will be for."""
        self.placements = PlacementHistory()
        self._shutdown_began = 0.0
        self._close_by: float | None = None

    @classmethod
    def getName(cls) -> str:  # noqa: N802 - Buildbot's
        """The same for all workers."""
        return "upcloud_sdk"

    @classmethod
    def of(cls, master: Master) -> defer.Deferred[UpcloudService]:
        """The service of this master."""
        return cls.getService(master)

    def startService(self) -> defer.Deferred[Any]:  # noqa: N802 - Buildbot's
        """Start the thread. At once: a second worker that asks meanwhile must get a service that works."""
        self.bridge = Bridge(self.master.reactor)
        self.accounts = Accounts(self.bridge)
        self.idle = IdleServers(self.master.reactor, self.limit)
        self.costs = Costs(self.master)
        self.spending = Spending(self.master, self.costs)
        return super().startService()

    async def account_for(
        self, holder: Hashable, arguments: Arguments, waits: WaitPolicy, reaps: ReapPace, before: Account | None
    ) -> Account:
        """The account of a worker with these arguments, open; it no longer needs the one that it had before.

        In multi-master mode, a look-out finds masters that died and left servers in it.
        """
        # Masters of a multi-master often share their configuration: an owner that is given may be that of several.
        is_exclusive = arguments.owner is None or not self.master.config.multiMaster
        owner = arguments.owner or await owner_of(self.master)
        credentials = arguments.credentials()
        key = AccountKey(credentials, arguments.base_url, owner, waits, reaps, is_exclusive=is_exclusive)
        account = await self.accounts.open(key, holder)
        if before is not None and before is not account:
            self.accounts.release(before, holder)
        if self.master.config.multiMaster and not account.is_watched:
            account.is_watched = True
            DeadMasters(self.master, self.bridge, self.accounts, account).watch()
        return account

    # --- servers ------------------------------------------------------------------------------------------------------

    def destroy(self, server: BuildServer, heir: Callable[[], Hashable | None]) -> Operation[None]:
        """Destroy a server in the background, then give its place to the heir, or back.

        What is returned ends when the server is gone, or is cancelled after half a minute: the worker waits no longer.
        """
        defer.ensureDeferred(self._destroy(server, heir))
        waiting = self.bridge.run(server.until_destroyed)
        waiting.cancel(after=_DESTROY_WAIT)
        return waiting

    async def _destroy(self, server: BuildServer, heir: Callable[[], Hashable | None]) -> None:
        try:
            await self.bridge.run(server.destroy, _DESTROY_TIMEOUT).ended
        except CleanupFailed as error:
            self.warn_of_cost(server, str(error))
        except defer.CancelledError:
            pass  # The master has stopped, and did not wait for it: that was told before.
        else:
            self.costs.server_is_gone(server)
        finally:
            self.forget(server, heir())

    def forget(self, server: BuildServer, heir: Hashable | None = None) -> None:
        """Count a server no more: it is gone, or there never was one."""
        if heir is not None:
            self.limit.hand_over(server, heir)
        else:
            self.limit.release(server)
        self.spending.release(server)
        self.accounts.release(server.account, server)
        self.wake_builders()

    def wake_builders(self) -> None:
        """Let builds start for which there was no room. Nothing else would tell the workers that there is now."""
        self.master.botmaster.maybeStartBuildsForAllBuilders()

    def warn_of_cost(self, server: BuildServer, reason: str) -> None:
        """Tell in twistd.log of a server that may be left."""
        self._log.error(
            "worker {name}: server {uuid} may still be running and cost money: {reason}",
            name=server.guest.name, uuid=server.uuid, reason=reason,
        )  # fmt: skip

    # --- the end ------------------------------------------------------------------------------------------------------

    def shutdown_time_left(self, timeout: float) -> float | None:
        """What is left of `timeout` seconds since the master was first seen to shut down; None if it does not."""
        now = self.master.reactor.seconds()
        if not self.master.botmaster.shuttingDown:
            self._close_by = None
            return None
        if self._close_by is None:
            self._shutdown_began = self._close_by = now
        self._close_by = max(self._close_by, self._shutdown_began + timeout)
        return max(0.0, self._shutdown_began + timeout - now)

    def stopService(self) -> defer.Deferred[Any]:  # noqa: N802 - Buildbot's
        """Cancel what runs, close the clients, end the thread."""
        return defer.ensureDeferred(self._stop())

    async def _stop(self) -> None:
        await super().stopService()
        self.idle.close()
        self.placements.close()
        self.spending.close()
        await self.bridge.end_operations()
        left = _CLOSE_TIMEOUT if self._close_by is None else self._close_by - self.master.reactor.seconds()
        await self.accounts.close(max(left, _LAST_MOMENT))
        await self.bridge.close()
