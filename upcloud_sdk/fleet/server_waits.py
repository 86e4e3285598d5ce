"""Waits for the state of a server."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from upcloud_sdk._wire import uuid_of
from upcloud_sdk.errors import WaitTimeout
from upcloud_sdk.models.servers import Server, ServerState, ServerSummary
from upcloud_sdk.resources.policies import awaited_state
from upcloud_sdk.resources.servers import ServerEndpoints
from upcloud_sdk.waiting import fails_on_error, read_once, reads_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.fleet.fleet import Fleet
    from upcloud_sdk.resources._base import Core

REMEMBERED = 1000
"""How many new servers are kept with their details for later waits."""

DETAILS_TIMEOUT = 10.0
"""Minimum time for reading the server's details after it reached the state, in seconds."""


class ServerWaits(ServerEndpoints):
    """Waits for the state of a server. All waits of a client share their requests."""

    def __init__(self, core: Core, fleet: Callable[[], Fleet]) -> None:
        super().__init__(core)
        self._get_fleet = fleet
        self._created: dict[str, Server] = {}
        """Servers as returned by `create`, until the first wait or change, so that they are not read again."""

    @functools.cached_property
    def _fleet(self) -> Fleet:
        # Loaded at the first create, wait or destroy. Programs that only read do not need it.
        return self._get_fleet()

    def _remember(self, server: Server) -> None:
        if len(self._created) >= REMEMBERED:
            # Nobody will wait for the oldest one.
            self._created.pop(next(iter(self._created)))
        self._created[server.uuid] = server

    async def wait_for_state(self, uuid: Uuid, state: ServerState | str, *, timeout: float) -> Server:
        """Wait until the server is in this state, and return it.

        All waits of a client share their requests: a hundred waits read one list per second, and each server once at
        the end.

        Args:
            uuid: Uuid of the server, or the server itself.
            state: The state to wait for, such as "started" or "stopped".
            timeout: Seconds to wait. 0 reads the state once.

        Raises:
            ValueError: It is not a state of a server.
            ResourceFailed: The server is in "error", or is being deleted.
            NotFound: The server is gone.
            WaitTimeout: The server was not in this state within `timeout` seconds. `last` is the server as last seen.
        """
        uuid = uuid_of(uuid)
        wanted = awaited_state(state, ServerState, "server")
        if reads_once(timeout):
            return await read_once(lambda: self.get(uuid), _reached(uuid, wanted), what=_awaited(uuid, wanted))
        clock = self._core.waits.clock
        ends = clock.now() + timeout
        created = self._created.pop(uuid, None)
        seen = await self._wait(uuid, wanted, timeout=timeout)
        if isinstance(seen, Server):
            return seen
        if created is not None and wanted == ServerState.STARTED:
            return with_state(created, seen)
        with clock.limit(max(DETAILS_TIMEOUT, ends - clock.now())):
            return with_state(await self.get(uuid), seen)
        raise WaitTimeout(f"{_awaited(uuid, wanted)}: it is, but its details could not be read", last=seen)

    async def _wait(self, uuid: str, wanted: ServerState, *, timeout: float) -> ServerSummary:
        return await self._fleet.watcher.wait(
            uuid,
            _reached(uuid, wanted),
            timeout=timeout,
            what=_awaited(uuid, wanted),
            listed=self._fleet.is_listed(uuid),
            delay=self._fleet.boot_delay(uuid) if wanted in {ServerState.STARTED, ServerState.STOPPED} else 0.0,
        )


def _awaited(uuid: str, wanted: ServerState) -> str:
    return f"server {uuid} to be {wanted}"


def _reached(uuid: str, wanted: ServerState) -> Callable[[ServerSummary], bool]:
    def reached(server: ServerSummary) -> bool:
        fails_on_error("server", uuid, server.state, wanted)
        return server.state == wanted

    return reached


def with_state(details: Server, seen: ServerSummary) -> Server:
    """The server's details, with the state and other fields from the wait."""
    return details.model_copy(update={name: getattr(seen, name) for name in type(seen).model_fields})
