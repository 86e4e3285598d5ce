"""The server of a worker, from the order to its end.

The coroutines run on the bridge's loop; the attributes are read on the reactor's thread.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio

from upcloud_sdk import ServerChanges, ServerState
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
    UpCloudError,
    WaitTimeout,
)

if TYPE_CHECKING:
    from upcloud_sdk import Server, UpCloud
    from upcloud_sdk.buildbot.bootstrap import Guest
    from upcloud_sdk.buildbot.order import Order

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


class Machine:
    """One server, made for one order."""

    def __init__(self, cloud: UpCloud, order: Order, guest: Guest, *, title: str) -> None:
        self.order = order
        self.server: Server | None = None
        """Its details as of its making; None until the API has told them."""
        self.may_attach = False
        """Whether its guest may attach: from when the create is sent until it is destroyed."""
        self.attached_at: float | None = None
        """When it did; by the monotonic clock."""
        self.up_since: float | None = None
        """When it was seen to be started, or its guest attached; by the monotonic clock."""
        self._image = ""
        self._asked_at: float | None = None
        self.cloud, self._guest, self._title = cloud, guest, title

    async def create(self, timeout: float) -> None:
        """Make the server. Cancelled or late, what was made is destroyed by the client.

        Raises:
            UpCloudError, ValueError: there is none.
        """
        with anyio.move_on_after(timeout) as scope:
            template = await self.cloud.storages.find_template(self.order.template())
            self._image = template.title
            specs = self.order.specs(template, title=self._title, guest=self._guest)
            self._asked_at = time.monotonic()
            self.may_attach = True
            self.server = await self.cloud.servers.create(specs, lease=LEASE)
        if scope.cancelled_caught:
            raise WaitTimeout(f"server {self._title}: the API did not make it within create_timeout={timeout:g} s")

    async def boot(self, timeout: float) -> None:
        """Wait until it is started.

        Raises:
            UpCloudError: it is not, and will not be.
        """
        await self.cloud.servers.wait_for_state(self.uuid, ServerState.STARTED, timeout=timeout)
        self.up_since = time.monotonic()

    async def look(self) -> str | None:
        """Why its guest cannot attach any more; None if it can, or nobody knows."""
        try:
            with anyio.fail_after(_LOOK_TIMEOUT):
                state = (await self.cloud.servers.get(self.uuid)).state
        except NotFound:
            return f"server {self.uuid} is gone"
        except (UpCloudError, TimeoutError):
            return None
        if state in {ServerState.ERROR, ServerState.STOPPED}:
            return f"server {self.uuid} is in state {str(state)!r}"
        return None

    async def seal(self, timeout: float) -> None:
        """Switch the guest's metadata service off: from then on no build can read there what the guest was told.

        Raises:
            UpCloudError, TimeoutError: it could not be switched off.
        """
        with anyio.fail_after(timeout):
            while True:
                try:
                    if self.server is not None:
                        await self.cloud.servers.modify(self.uuid, ServerChanges(metadata=False))
                        return
                except IllegalState:
                    pass  # In maintenance: the guest was quicker than the API.
                await anyio.sleep(_PAUSE)

    async def destroy(self, timeout: float) -> None:
        """Return when it is gone, with the disks that were made with it.

        Raises:
            CleanupFailed: it may still be running.
        """
        self.may_attach = False
        await self.cloud.servers.destroy(self.uuid, timeout=timeout)

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
            "upcloud_ipv4": None if server.public_ipv4 is None else str(server.public_ipv4),
            "upcloud_boot_seconds": self._since_asked(self.up_since),
            "upcloud_attach_seconds": self._since_asked(self.attached_at),
        }
        return {name: value for name, value in facts.items() if value is not None}

    def _since_asked(self, moment: float | None) -> float | None:
        return None if moment is None or self._asked_at is None else round(moment - self._asked_at, 1)

    @property
    def uuid(self) -> str:
        """Of the server that there is."""
        assert self.server is not None
        return self.server.uuid
