"""The accounts that a master uses: for each an open client, its cache and its reaper, closed when nobody needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import anyio
from twisted.internet import defer

from upcloud_sdk import UpCloud
from upcloud_sdk.ci import AccountCache, PacedReaper

if TYPE_CHECKING:
    from collections.abc import Hashable

    from twisted.python.failure import Failure

    from upcloud_sdk import WaitPolicy
    from upcloud_sdk.buildbot._buildbot_api import DelayedCall
    from upcloud_sdk.buildbot.bridge import Bridge
    from upcloud_sdk.ci import ReapPace
    from upcloud_sdk.credentials import Credentials

_RETIRE_AFTER = 1.0
"""Seconds that an account without a user stays open: another worker of the same configuration may come for it."""
_RETIRE_WITHIN = 300.0
"""Seconds that its client then has for what it still destroys."""


class AccountKey(NamedTuple):
    """Which account it is, for which owner, and how it is used."""

    credentials: Credentials
    base_url: str | None
    owner: str
    waits: WaitPolicy
    reaps: ReapPace | None = None
    """None: it has no reaper."""
    is_exclusive: bool = False
    """Whether no other process has this owner."""


class Account:
    """An open client of an account. Its methods are for the reactor's thread; `cloud` and `cache` for the bridge's."""

    def __init__(self, bridge: Bridge, key: AccountKey) -> None:
        self.key = key
        self.cloud = UpCloud(key.credentials, base_url=key.base_url, owner=key.owner, waits=key.waits)
        self.cache = AccountCache(self.cloud)
        self.holders: set[Hashable] = set()
        """The workers and servers that need it."""
        self.is_open = True
        self.is_watched = False
        """Whether somebody looks there for what dead masters left."""
        self.opened: defer.Deferred[None] = defer.Deferred()
        self.bridge = bridge
        self._leave: anyio.Event | None = None
        self._reaper = PacedReaper(self.cloud, key.waits.clock, key.reaps, key.is_exclusive) if key.reaps else None
        self._client = bridge.start(self._stay_open)
        self._client.ended.addErrback(self._failed)

    async def first_round(self) -> None:
        """Wait, on the bridge's loop, until what the master's last run left is destroyed."""
        if self._reaper is not None:
            await self._reaper.first_round()

    def close(self, timeout: float) -> defer.Deferred[None]:
        """End the reaper and the client. Fires when what it was still destroying has ended, or the time is up."""
        self.is_open = False
        self.cloud.close_timeout = timeout
        if self._leave is not None:
            self.bridge.call(self._leave.set)
        self._client.cancel(after=timeout + _RETIRE_AFTER)
        return self._client.ended

    async def _stay_open(self) -> None:
        self._leave = anyio.Event()
        async with self.cloud:
            self.bridge.reactor.callFromThread(self.opened.callback, None)
            async with anyio.create_task_group() as tasks:
                if self._reaper is not None:
                    tasks.start_soon(self._reaper.run)
                await self._leave.wait()
                tasks.cancel_scope.cancel()

    def _failed(self, failure: Failure) -> None:
        # What a client leaves behind when it closes, it has logged itself.
        if not self.opened.called:
            self.opened.errback(failure)


class Accounts:
    """The open accounts of a master. For the reactor's thread."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._open: dict[AccountKey, Account] = {}
        self._closing: set[Account] = set()
        self._opening = defer.DeferredLock()
        self._retirements: dict[AccountKey, DelayedCall] = {}

    async def open(self, key: AccountKey, holder: Hashable) -> Account:
        """The account, which stays open until its last holder has released it."""
        await self._opening.acquire()
        try:
            account = self._open.get(key)
            if account is None:
                account = Account(self._bridge, key)
                await account.opened
                self._open[key] = account
            account.holders.add(holder)
            return account
        finally:
            self._opening.release()

    def release(self, account: Account, holder: Hashable) -> None:
        """Say that `holder` no longer needs it."""
        account.holders.discard(holder)
        if not account.holders and account.key not in self._retirements and self._bridge.is_running:
            self._retirements[account.key] = self._bridge.reactor.callLater(_RETIRE_AFTER, self._retire, account)

    def _retire(self, account: Account) -> None:
        del self._retirements[account.key]
        if not account.holders:
            del self._open[account.key]
            self._closing.add(account)
            account.close(_RETIRE_WITHIN).addBoth(lambda _: self._closing.discard(account))

    async def close(self, timeout: float) -> None:
        """Close all, within so many seconds."""
        for call in self._retirements.values():
            call.cancel()
        accounts = [*self._open.values(), *self._closing]
        await defer.DeferredList([account.close(timeout) for account in accounts], consumeErrors=True)
