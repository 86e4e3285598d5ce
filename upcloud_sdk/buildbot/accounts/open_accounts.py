"""The open accounts of a master, closed when unused."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import anyio
from twisted.internet import defer

from upcloud_sdk import UpCloud
from upcloud_sdk.ci import OpenAccount

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from contextlib import AbstractAsyncContextManager

    from twisted.python.failure import Failure

    from upcloud_sdk import ServerSpec, WaitPolicy
    from upcloud_sdk.buildbot._buildbot.api import DelayedCall
    from upcloud_sdk.buildbot._buildbot.bridge import Bridge
    from upcloud_sdk.ci import ReapPace
    from upcloud_sdk.ci.record.changes import Listener as ChangeListener
    from upcloud_sdk.credentials import Credentials
    from upcloud_sdk.events import Event

    ReserveImage = Callable[["Account", ServerSpec], AbstractAsyncContextManager[object]]

_RETIRE_AFTER = 1.0
"""Seconds that an unused account stays open, since another worker of the same configuration may need it."""
_RETIRE_WITHIN = 300.0
"""Seconds that its client then has to finish destroys."""


class AccountKey(NamedTuple):
    """The key of an account: credentials, URL, owner and pace. Workers with equal keys share a client."""

    credentials: Credentials
    base_url: str | None
    owner: str
    waits: WaitPolicy
    reaps: ReapPace | None = None
    """None: without a reaper."""
    is_exclusive: bool = False
    """Whether no other process has this owner."""


class Account(OpenAccount):
    """An open account. Call its methods on the reactor's thread, and use its client on the bridge's."""

    def __init__(self, bridge: Bridge, key: AccountKey, reserve_image: ReserveImage) -> None:
        super().__init__(
            partial(UpCloud, key.credentials, base_url=key.base_url, owner=key.owner, waits=key.waits),
            clock=key.waits.clock,
            reaps=key.reaps,
            is_exclusive=key.is_exclusive,
            reserve_image=partial(reserve_image, self),
        )
        self.key = key
        self.holders: set[Hashable] = set()
        """The workers and servers that need it."""
        self.is_open = True
        self.is_watched = False
        """Whether a `DeadMasters` watches it."""
        self.opened: defer.Deferred[None] = defer.Deferred()
        self.bridge = bridge
        self._leave: anyio.Event | None = None
        self._client = bridge.start(self._stay_open)
        self._client.ended.addErrback(self._failed)

    def close(self, timeout: float) -> defer.Deferred[None]:
        """Stop the reaper and the client. Fires when all running destroys have ended, or after the timeout."""
        self.is_open = False
        self.cloud.close_timeout = timeout
        if self._leave is not None:
            self.bridge.call(self._leave.set)
        self._client.cancel(after=timeout + _RETIRE_AFTER)
        return self._client.ended

    async def _stay_open(self) -> None:
        self._leave = anyio.Event()
        async with self.running():
            self.bridge.reactor.callFromThread(self.opened.callback, None)
            await self._leave.wait()

    def _failed(self, failure: Failure) -> None:
        # The client has logged what it could not destroy.
        if not self.opened.called:
            self.opened.errback(failure)


class Accounts:
    """The open accounts of a master. For the reactor's thread.

    `reserve_image` is entered, on the bridge, before a server that makes an image is created.
    """

    def __init__(
        self,
        bridge: Bridge,
        on_event: Callable[[Account, Event], None],
        on_change: ChangeListener,
        reserve_image: ReserveImage,
    ) -> None:
        self._bridge, self._on_event, self._on_change = bridge, on_event, on_change
        self._reserve_image = reserve_image
        self._open: dict[AccountKey, Account] = {}
        self._closing: set[Account] = set()
        self._opening = defer.DeferredLock()
        self._retirements: dict[AccountKey, DelayedCall] = {}

    async def open(self, key: AccountKey, holder: Hashable) -> Account:
        """Open the account, or use the open one. It stays open until its last holder has released it."""
        await self._opening.acquire()
        try:
            account = self._open.get(key)
            if account is None:
                account = Account(self._bridge, key, self._reserve_image)
                account.listeners.append(partial(self._on_event, account))
                account.on_change.append(self._on_change)
                await account.opened
                self._open[key] = account
            account.holders.add(holder)
            return account
        finally:
            self._opening.release()

    def release(self, account: Account, holder: Hashable) -> None:
        """Release the account for `holder`, which no longer needs it."""
        account.holders.discard(holder)
        if not account.holders and account.key not in self._retirements and self._bridge.is_running:
            self._retirements[account.key] = self._bridge.reactor.callLater(_RETIRE_AFTER, self._retire, account)

    def leave(self, holder: Hashable) -> None:
        """Release the account that `holder` needed."""
        for account in self.all:
            if holder in account.holders:
                self.release(account, holder)

    def _retire(self, account: Account) -> None:
        del self._retirements[account.key]
        if not account.holders:
            del self._open[account.key]
            self._closing.add(account)
            account.close(_RETIRE_WITHIN).addBoth(lambda _: self._closing.discard(account))

    @property
    def all(self) -> list[Account]:
        """The open accounts."""
        return list(self._open.values())

    async def close(self, timeout: float) -> None:
        """Close all, within `timeout` seconds."""
        for call in self._retirements.values():
            call.cancel()
        accounts = [*self._open.values(), *self._closing]
        await defer.DeferredList([account.close(timeout) for account in accounts], consumeErrors=True)
