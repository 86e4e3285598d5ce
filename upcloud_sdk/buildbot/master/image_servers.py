"""Claims for the servers that make images. Each of them counts like the server of a build."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import anyio
from twisted.internet import defer

from upcloud_sdk import Recipe
from upcloud_sdk.buildbot._buildbot.private import log_error
from upcloud_sdk.buildbot.configuration.request import zones_of
from upcloud_sdk.buildbot.configuration.values import is_static
from upcloud_sdk.buildbot.servers.claims import FREED_BY_A_SERVER
from upcloud_sdk.ci import Quote, price_of
from upcloud_sdk.ci.money.price import limits_of
from upcloud_sdk.ci.record.changes import Phase, ServerChange
from upcloud_sdk.errors import UpCloudError, WaitTimeout
from upcloud_sdk.models.ownership import IMAGE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from upcloud_sdk import ServerSpec
    from upcloud_sdk.buildbot._buildbot.bridge import Bridge
    from upcloud_sdk.buildbot.accounts.open_accounts import Account
    from upcloud_sdk.buildbot.configuration.arguments import Arguments
    from upcloud_sdk.buildbot.servers.claims import Claims
    from upcloud_sdk.buildbot.servers.idle import IdleServers
    from upcloud_sdk.ci import ServerChoice
    from upcloud_sdk.ci.record.changes import Listener
    from upcloud_sdk.events import BakeEvent

_WAIT = 3600.0
"""Seconds that an image waits for a place and for the budget. Then the images of other recipes are tried."""
_LOOK_AGAIN_AFTER = 60.0
"""Seconds after which its price and the cost so far are read again."""


class ImageServer:
    """The server of one bake, from when it waits for its place until it is gone."""

    def __init__(self, master: str, spec: ServerSpec, owner: str) -> None:
        self.master, self.spec, self.owner, self.digest = master, spec, owner, _digest(spec)
        self.id = uuid4().hex
        """Its id in the record."""
        self.price: Quote | None = None
        """Its price, if there is a limit. Read again while it waits."""
        self.may_start = anyio.Event()
        self.is_claimed = self.is_claiming = False

    def change(self, phase: Phase | None, at: datetime | None = None, **facts: str | datetime) -> ServerChange:
        """A change of it."""
        title = self.spec.title or self.spec.hostname
        place = {"worker": title, "zone": self.spec.zone, "plan": self.spec.plan}
        hourly, currency = (None, None) if self.price is None else (self.price.hourly, self.price.currency)
        values = {"master": self.master, "owner": self.owner, **place, **facts}
        return ServerChange(
            id=self.id,
            at=at or datetime.now(UTC),
            phase=phase,
            hourly=hourly,
            currency=currency,
            **values,  # type: ignore[arg-type]  # of several types
        )


class ImageServers:
    """The servers of all bakes of a master. For the reactor's thread, except `reserve` and `hear`."""

    def __init__(
        self,
        bridge: Bridge,
        claims: Claims,
        idle: IdleServers,
        tell: Listener,
        released: Callable[[], object],
        *,
        master: str,
    ) -> None:
        self._master, self._bridge, self._claims, self._idle, self._tell = master, bridge, claims, idle, tell
        self._released = released
        """Called when a server is gone and its place is free."""
        self._limits: dict[str, Callable[[], Arguments]] = {}
        """By digest."""
        self._users: dict[tuple[str, tuple[str, ...]], tuple[Callable[[], Arguments], Callable[[], object]]] = {}
        """The worker that requested an image last, by digest and zones."""
        self._waiting: dict[ImageServer, None] = {}
        self._up: dict[tuple[str, str], ImageServer] = {}

    def use_limits_of(
        self, choice: ServerChoice, arguments: Callable[[], Arguments], is_running: Callable[[], object]
    ) -> None:
        """Apply `max_servers` and the budget of the worker that requested the image of this recipe last."""
        if choice.recipe is not None:
            self._limits[choice.recipe.digest] = arguments
            self._users[choice.recipe.digest, choice.zones] = arguments, is_running

    def is_wanted(self, recipe: Recipe, zones: tuple[str, ...]) -> bool:
        """Whether the worker that requested this image last is still configured with both. From any thread."""
        arguments, is_running = self._users.get((recipe.digest, zones), (None, None))
        if arguments is None or is_running is None or not is_running():
            return False
        given = arguments()
        # What is rendered for each build is not known.
        if isinstance(given.image, Recipe) and given.image.digest != recipe.digest:
            return False
        return not is_static((given.zones, given.zone, given.hostconfig)) or zones_of(given) == zones

    @asynccontextmanager
    async def reserve(self, account: Account, spec: ServerSpec) -> AsyncGenerator[None]:
        """Wait for a place and for the budget, and keep both until the server is gone. Runs on the bridge.

        Raises:
            WaitTimeout: There was no room for an hour.
            UpCloudError: With a budget: the price of the server is not known, or the budget never allows it.
        """
        server, ends = ImageServer(self._master, spec, account.cloud.owner), anyio.current_time() + _WAIT
        call = self._bridge.reactor.callFromThread
        try:
            while not server.may_start.is_set():
                if anyio.current_time() >= ends:
                    raise WaitTimeout(f"{spec.title}: max_servers or the budget had no room for its server in an hour")
                server.price = await self._price(account, spec)
                call(self._ask, server)
                with anyio.move_on_after(_LOOK_AGAIN_AFTER):
                    await server.may_start.wait()
            key = account.cloud.owner, server.digest
            self._up[key] = server
            try:
                yield
            finally:
                self._up.pop(key, None)
        finally:
            call(self._release, server)

    def hear(self, account: Account, event: BakeEvent) -> None:
        """Record the uuid of a bake's server when it is created. Called on the bridge."""
        server = self._up.get((account.cloud.owner, event.digest))
        if event.happened == "server" and event.uuid is not None and server is not None:
            at = datetime.now(UTC)
            self._tell(server.change(Phase.MADE, at, uuid=event.uuid, created=at))

    async def _price(self, account: Account, spec: ServerSpec) -> Quote | None:
        arguments = self._limits[_digest(spec)]()
        budget = arguments.budget
        if budget is None:
            return None if arguments.max_servers is None else await Quote.not_asked_for(account.cache)
        try:
            price = await price_of(account.cache, [spec], with_bill=budget.per_month is not None)
        except UpCloudError as error:
            reason = f"{spec.title}: there is a budget, but what its server costs is not known: {error}"
            raise UpCloudError(reason) from error
        problem = price.problem(budget)
        if problem is not None:
            raise UpCloudError(f"{spec.title}: {problem}")
        return price

    def _ask(self, server: ImageServer) -> None:
        self._waiting[server] = None
        self.look()

    def look(self) -> None:
        """Let waiting servers start, as far as the limits allow it now."""
        for server in list(self._waiting):
            if not server.is_claiming:
                server.is_claiming = True
                claiming = defer.ensureDeferred(self._claim(server))
                claiming.addErrback(log_error)

    async def _claim(self, server: ImageServer) -> None:
        arguments, at = self._limits[server.digest](), self._claims.now(server.price)
        if server.price is None:
            limits = limits_of(arguments.max_servers, None)
        else:
            limits = server.price.limits(arguments.max_servers, arguments.budget, at)
        try:
            refused = await self._claims.claim_first(server, server.change(Phase.ASKED, at), limits)
        finally:
            server.is_claiming = False
        if refused is None:
            server.is_claimed = True
            self._claims.release(server)
            if server in self._waiting:
                del self._waiting[server]
                self._bridge.call(server.may_start.set)
            else:
                self._release(server)  # It has given up meanwhile.
        elif server in self._waiting:
            if refused.limit == "max_servers":
                self._claims.reserve_first(server, None if server.price is None else server.price.hourly)
            else:
                # The budget may allow it only next month. Builds on cheaper servers must not wait for that.
                self._claims.release(server)
            if refused.limit in FREED_BY_A_SERVER:
                self._idle.make_room()

    def _release(self, server: ImageServer) -> None:
        self._waiting.pop(server, None)
        was_first = self._claims.release(server)
        if server.is_claimed:
            server.is_claimed = False
            self._tell(server.change(Phase.GONE))
        elif not was_first:
            return
        self._released()


def _digest(spec: ServerSpec) -> str:
    """The digest of its recipe."""
    return (spec.labels or {})[IMAGE]
