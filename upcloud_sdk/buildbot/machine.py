"""The server of a worker, from the order to its end.

The coroutines run on the bridge's loop; the attributes are read on the reactor's thread.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio

from upcloud_sdk import ServerChanges, ServerState
from upcloud_sdk.buildbot.bootstrap import IN_TLS, LOG, Bootstrap
from upcloud_sdk.errors import (
    Ambiguous,
    AuthenticationFailed,
    ConfigError,
    Conflict,
    Forbidden,
    IllegalState,
    InvalidRequest,
    LimitReached,
    NoCapacity,
    NoMatch,
    NotFound,
    PaymentRequired,
    ResourceFailed,
    UpCloudError,
    WaitTimeout,
)

if TYPE_CHECKING:
    from decimal import Decimal
    from ipaddress import IPv4Address, IPv6Address

    from upcloud_sdk import Server, ServerSpec
    from upcloud_sdk.buildbot.bootstrap import Guest
    from upcloud_sdk.buildbot.memo import Catalogue
    from upcloud_sdk.buildbot.order import Order
    from upcloud_sdk.models import ServerSummary

LEASE = 3600.0
"""Seconds after which others may reap a server whose master has died."""

_LOOK_TIMEOUT = 10.0
_PAUSE = 0.5
"""Seconds between tries to switch the metadata service off."""

_PERMANENT = (
    Ambiguous,
    AuthenticationFailed,
    ConfigError,
    Forbidden,
    InvalidRequest,
    NoMatch,
    NotFound,
    PaymentRequired,
    ValueError,
)
_PERMANENT_CONFLICTS = frozenset({
    "METADATA_DISABLED_ON_CLOUD-INIT",
    "MULTIPLE_TEMPLATES",
    "PUBLIC_STORAGE_ATTACH",
    "STORAGE_TYPE_ILLEGAL",
    "ZONE_MISMATCH",
})  # fmt: skip


def is_permanent(error: Exception) -> bool:
    """Whether trying again would meet the same error, until somebody changes the configuration or the account."""
    if isinstance(error, LimitReached | NoCapacity | IllegalState):
        return False
    if isinstance(error, Conflict):
        return error.code in _PERMANENT_CONFLICTS
    return isinstance(error, _PERMANENT)


def _text(address: IPv4Address | IPv6Address | None) -> str | None:
    return None if address is None else str(address)


class Machine:
    """One server, made for one order."""

    def __init__(self, catalogue: Catalogue, order: Order, guest: Guest, *, title: str) -> None:
        self.order = order
        self.server: Server | None = None
        """Its details as of its making; None until the API has told them."""
        self.may_attach = False
        """Whether its guest may attach: from when the create is sent until it is destroyed."""
        self.attached_at: float | None = None
        """When it did; by the monotonic clock."""
        self.is_outdated = False
        """Whether the configuration has changed since, so that no other build may run on it."""
        self.up_since: float | None = None
        """When it was seen to be started, or its guest attached; by the monotonic clock."""
        self._image = ""
        self._specs: list[ServerSpec] = []
        self._credits: Decimal | None = None
        self._asked_at: float | None = None
        self._destroyed = anyio.Event()
        self.catalogue, self._guest, self._title = catalogue, guest, title

    async def create(self, timeout: float) -> None:
        """Make the server. Cancelled or late, what was made is destroyed by the client.

        Raises:
            UpCloudError, ValueError: there is none.
        """
        with anyio.move_on_after(timeout) as scope:
            try:
                await self._create()
            except NotFound as error:
                if not error.code:
                    raise  # Not the API's own words: what became of the create is not certain.
                # Most likely a template, or a group, that was there when it was last asked for.
                self.catalogue.forget()
                await self._create()
        if scope.cancelled_caught:
            raise WaitTimeout(f"server {self._title}: the API did not make it within create_timeout={timeout:g} s")

    async def _create(self) -> None:
        template = await self.catalogue.template(self.order)
        self._image = template.title
        order = await self.catalogue.grouped(self.order)
        self._specs = order.specs(template, title=self._title, guest=self._guest)
        self._asked_at = time.monotonic()
        self.may_attach = True
        self.server = await self.catalogue.cloud.servers.create(self._specs, lease=LEASE)

    async def ask_price(self) -> None:
        """Find out what it costs, if that can be told."""
        server = self.server
        for spec in self._specs:
            if server is not None and (spec.zone, spec.plan) == (server.zone, server.plan):
                self._credits = await self.catalogue.price(spec)
                return

    async def seal(self, timeout: float) -> None:
        """Switch the guest's metadata service off: from then on no build can read there what the guest was told.

        Raises:
            UpCloudError, TimeoutError: it could not be switched off.
        """
        with anyio.fail_after(timeout):
            while True:
                try:
                    if self.server is not None:
                        await self.catalogue.cloud.servers.modify(self.uuid, ServerChanges(metadata=False))
                        return
                except IllegalState:
                    pass  # In maintenance: the guest was quicker than the API.
                await anyio.sleep(_PAUSE)

    async def boot(self, timeout: float) -> None:
        """Wait until it is started.

        Raises:
            UpCloudError: it is not, and will not be.
        """
        seen: list[ServerSummary | UpCloudError] = []
        async with anyio.create_task_group() as waits:

            async def wait_for(state: ServerState) -> None:
                try:
                    seen.append(await self.catalogue.cloud.servers.wait_for_state(self.uuid, state, timeout=timeout))
                except UpCloudError as error:
                    seen.append(error)
                waits.cancel_scope.cancel()

            waits.start_soon(wait_for, ServerState.STARTED)
            # A server that was just made starts by itself. If it is seen to be stopped, it has switched itself off.
            waits.start_soon(wait_for, ServerState.STOPPED)
        [first, *_] = seen
        if isinstance(first, UpCloudError):
            raise first
        if first.state == ServerState.STOPPED:
            raise ResourceFailed("server", self.uuid, ServerState.STOPPED)
        self.up_since = time.monotonic()

    async def look(self) -> str | None:
        """Why its guest cannot attach any more; None if it can, or nobody knows."""
        try:
            with anyio.fail_after(_LOOK_TIMEOUT):
                state = (await self.catalogue.cloud.servers.get(self.uuid)).state
        except NotFound:
            return f"server {self.uuid} is gone"
        except (UpCloudError, TimeoutError):
            return None
        if state in {ServerState.ERROR, ServerState.STOPPED}:
            return f"server {self.uuid} is in state {str(state)!r}"
        return None

    async def destroy(self, timeout: float) -> None:
        """Return when it is gone, with the disks that were made with it.

        Raises:
            CleanupFailed: it may still be running.
        """
        self.may_attach = False
        try:
            await self.catalogue.cloud.servers.destroy(self.uuid, timeout=timeout)
        finally:
            self._destroyed.set()

    async def until_destroyed(self) -> None:
        """Return when `destroy` has ended, whatever came of it."""
        await self._destroyed.wait()

    def facts(self) -> dict[str, str | float]:
        """What a build may know of it, as far as it is known: properties, none of them secret."""
        if self.server is None:
            return {}
        server = self.server
        facts: dict[str, str | float | None] = {
            "upcloud_uuid": server.uuid,
            "upcloud_zone": server.zone,
            "upcloud_plan": server.plan,
            "upcloud_image": self._image,
            "upcloud_credits_per_hour": None if self._credits is None else float(self._credits),
            "upcloud_ipv4": _text(server.public_ipv4),
            "upcloud_ipv6": _text(server.public_ipv6),
            "upcloud_utility_ipv4": _text(server.utility_ipv4),
            "upcloud_boot_seconds": self._since_asked(self.up_since),
            "upcloud_attach_seconds": self._since_asked(self.attached_at),
        }
        return {name: value for name, value in facts.items() if value is not None}

    @property
    def attach_hint(self) -> str:
        """What may keep its guest from attaching, as far as it is of our own making."""
        bootstrap, guest = self.order.bootstrap, self._guest
        told = any(spec.user_data is not None for spec in self._specs)
        if not isinstance(bootstrap, Bootstrap) or self.order.user_data.get_secret_value() or not told:
            return ""
        hint = f"; it calls {guest.master}:{guest.port}, and writes why that fails to {LOG} in the guest"
        if bootstrap.connection in IN_TLS:
            trusted = "the image trusts" if bootstrap.ca_certificate is None else "ca_certificate names"
            hint += f"; the certificate must be for {guest.master}, of an authority that {trusted}"
        return hint

    def _since_asked(self, moment: float | None) -> float | None:
        return None if moment is None or self._asked_at is None else round(moment - self._asked_at, 1)

    @property
    def uuid(self) -> str:
        """Of the server that there is."""
        assert self.server is not None
        return self.server.uuid
