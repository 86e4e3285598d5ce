"""Slots and budget for the servers that make images. Each of them counts like the server of a build."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from upcloud_sdk.ci import price_of
from upcloud_sdk.errors import UpCloudError, WaitTimeout
from upcloud_sdk.models.ownership import IMAGE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from upcloud_sdk import Recipe, ServerSpec
    from upcloud_sdk.buildbot._buildbot.bridge import Bridge
    from upcloud_sdk.buildbot.accounts.open_accounts import Account
    from upcloud_sdk.buildbot.configuration.arguments import Arguments
    from upcloud_sdk.buildbot.servers.idle import IdleServers
    from upcloud_sdk.ci import Price, ServerLimit, Spending

_WAIT = 3600.0
"""Seconds that an image waits for a slot and for the budget. Then the images of other recipes are tried."""
_LOOK_AGAIN_AFTER = 60.0
"""Seconds after which its price and the cost so far are read again."""


class ImageServer:
    """The server of one bake, from when it waits for its slot until it is gone."""

    def __init__(self, digest: str) -> None:
        self.digest = digest
        self.price: Price | None = None
        """Its price. Read again while it waits."""
        self.may_start = anyio.Event()
        self._began = time.time()

    def start(self) -> None:
        """Count it from now on."""
        self._began = time.time()

    def billed_span(self) -> tuple[float, float]:
        """When its first hour began, and now, in seconds since 1970."""
        return self._began, max(self._began, time.time())


class ImageServers:
    """The servers of all bakes of a master. For the reactor's thread, except `reserve`."""

    def __init__(
        self, bridge: Bridge, limit: ServerLimit, idle: IdleServers, spending: Spending, released: Callable[[], object]
    ) -> None:
        self._bridge, self._limit, self._idle, self._spending = bridge, limit, idle, spending
        self._released = released
        """Called when a server is gone and its slot is free."""
        self._limits: dict[str, Callable[[], Arguments]] = {}
        self._waiting: dict[ImageServer, None] = {}

    def use_limits_of(self, recipe: Recipe | None, arguments: Callable[[], Arguments]) -> None:
        """Apply `max_servers` and the budget of the worker that requested the image of this recipe last."""
        if recipe is not None:
            self._limits[recipe.digest] = arguments

    @asynccontextmanager
    async def reserve(self, account: Account, spec: ServerSpec) -> AsyncGenerator[None]:
        """Wait for a slot and for the budget, and reserve both until the server is gone. Runs on the bridge.

        Raises:
            WaitTimeout: There was no room for an hour.
            UpCloudError: With a budget: the price of the server is not known, or the budget never allows it.
        """
        server, ends = ImageServer(_digest(spec)), anyio.current_time() + _WAIT
        call = self._bridge.reactor.callFromThread
        try:
            while not server.may_start.is_set():
                if anyio.current_time() >= ends:
                    raise WaitTimeout(f"{spec.title}: max_servers or the budget had no room for its server in an hour")
                server.price = await self._price(account, spec)
                call(self._ask, server)
                with anyio.move_on_after(_LOOK_AGAIN_AFTER):
                    await server.may_start.wait()
            yield
        finally:
            call(self._release, server)

    async def _price(self, account: Account, spec: ServerSpec) -> Price | None:
        budget = self._limits[_digest(spec)]().budget
        if budget is None:
            return None
        price = await price_of(account.cache, [spec], with_bill=budget.per_month is not None)
        if price is None:
            raise UpCloudError(f"{spec.title}: there is a budget, but the price of its server is not known")
        problem = budget.problem(currency=price.currency, hourly=price.hourly)
        if problem is not None:
            raise UpCloudError(f"{spec.title}: {problem}")
        return price

    def _ask(self, server: ImageServer) -> None:
        self._waiting[server] = None
        self.look()

    def look(self) -> None:
        """Let waiting servers start, as far as slots and budget allow it now."""
        for server in list(self._waiting):
            arguments = self._limits[server.digest]()
            if not self._spending.has_room_for_image(server.price, arguments.budget):
                # The budget may allow it only next month. Builds on cheaper servers must not wait for that.
                self._limit.release(server)
            elif self._limit.reserve(server, arguments.max_servers, waits=True):
                del self._waiting[server]
                server.start()
                if server.price is not None:
                    self._spending.count_image(server, server.price)
                self._bridge.call(server.may_start.set)
            else:
                self._idle.make_room()

    def _release(self, server: ImageServer) -> None:
        self._waiting.pop(server, None)
        self._spending.release_image(server)
        if self._limit.release(server):
            self._released()


def _digest(spec: ServerSpec) -> str:
    """The digest of its recipe."""
    return (spec.labels or {})[IMAGE]
