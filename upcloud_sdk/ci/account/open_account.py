"""The open client of an account, with what the servers of an adapter share: events, cache, images, reaper."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from upcloud_sdk import WaitPolicy
from upcloud_sdk.ci.account.cache import AccountCache
from upcloud_sdk.ci.account.event_router import EventRouter
from upcloud_sdk.ci.account.images import RecipeImages
from upcloud_sdk.ci.account.reaper import PacedReaper

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from contextlib import AbstractAsyncContextManager

    from upcloud_sdk import ServerSpec, UpCloud
    from upcloud_sdk.ci.account.reaper import ReapPace
    from upcloud_sdk.ci.record.changes import Listener as ChangeListener
    from upcloud_sdk.events import Event, Listener
    from upcloud_sdk.waiting import Clock


class OpenAccount:
    """One account and owner: a client, and what the servers of all jobs share.

    Args:
        make_client: Called with `on_event`. Returns the client, such as `partial(UpCloud, token, owner="runner-1")`.
            Its owner is the same after a restart, and another for another process that runs at the same time.
        clock: The clock of the client's `WaitPolicy`. None: the event loop's.
        reaps: How often to destroy what was left behind. None: never.
        is_exclusive: Whether no other process has this owner. Then what is left of earlier processes is destroyed at
            once.
        reserve_image: Entered before a server that makes an image is created, as in `images.bake`.
    """

    def __init__(
        self,
        make_client: Callable[..., UpCloud],
        *,
        clock: Clock | None = None,
        reaps: ReapPace | None = None,
        is_exclusive: bool = False,
        reserve_image: Callable[[ServerSpec], AbstractAsyncContextManager[object]] | None = None,
    ) -> None:
        self.clock = clock or WaitPolicy().clock
        """The clock of all waits of this account."""
        self.events = EventRouter()
        """Passes events to the listener of their server."""
        self.listeners: list[Listener] = []
        """Called with all events of the client. They must not block."""
        self.on_change: list[ChangeListener] = []
        """Called with each change of its servers and of the jobs on them, on the thread on which it happens."""
        self.cloud = make_client(on_event=self._on_event)
        self.cache = AccountCache(self.cloud)
        self.images = RecipeImages(self.cloud, self.clock, reserve_image)
        self._reaper = None if reaps is None else PacedReaper(self.cloud, self.clock, reaps, is_exclusive)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Open the client, and in this block reap and make images. At its end, running destroys end first."""
        async with self.cloud:
            failure: Exception | KeyboardInterrupt | None = None
            async with anyio.create_task_group() as tasks:
                if self._reaper is not None:
                    tasks.start_soon(self._reaper.run)
                tasks.start_soon(self.images.run)
                try:
                    yield
                except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - raised below: the task group would wrap it
                    failure = error
                tasks.cancel_scope.cancel()
            if failure is not None:
                raise failure

    async def first_round(self) -> None:
        """Wait until the servers of the last run are destroyed, or `ReapPace.first_round` is over."""
        if self._reaper is not None:
            await self._reaper.first_round()

    def _on_event(self, event: Event) -> None:
        self.events(event)
        for listener in self.listeners:
            listener(event)
