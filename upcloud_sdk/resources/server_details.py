"""More calls for servers: rebuild, events, GPUs, consoles."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, cast

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import Envelope, many, one
from upcloud_sdk.resources._base import Namespace, body_of, endpoint
from upcloud_sdk.resources._labels import LABELS
from upcloud_sdk.resources._paging import SHORTEST_PAGE
from upcloud_sdk.resources.server_storages import SERVER

if TYPE_CHECKING:
    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.models.server_details import Gpu, RemoteAccess, ServerLogEntry
    from upcloud_sdk.models.server_requests import ServerRebuildSpec
    from upcloud_sdk.models.servers import Server

MOST_EVENTS = 10_000
REBUILD_TIMEOUT = 180.0


class ServerDetails(Namespace):
    """More calls for servers: rebuild, cancel, events, GPUs, remote access. Chapter "Servers" of the API."""

    @endpoint("POST", "/server/{uuid}/rebuild")
    async def rebuild(self, uuid: Uuid, spec: ServerRebuildSpec) -> Server:
        """Replace the system disk of a stopped server by a copy of a public template.

        The server is then in state "maintenance". The new disk has no labels: `destroy` deletes it only with
        `storages="all"`, unless you use `rebuild_disk`. The old disk costs money until it is deleted, unless the spec
        has `delete_detached_disk`.

        Args:
            uuid: Uuid of the server, or the server itself.
            spec: The template and the new disk.

        Raises:
            IllegalState: The server is not stopped.
            OutcomeUnknown: No answer came. Check its disks before you try again.
        """
        path = f"/server/{path_segment(uuid, 'uuid')}/rebuild"
        document = {"server_rebuild": body_of(spec)}
        return await self._transport.call("POST", path, SERVER, json=document, timeout=REBUILD_TIMEOUT)

    @endpoint("POST", "/server/{uuid}/cancel")
    async def cancel(self, uuid: Uuid) -> None:
        """Stop the operation that is running on a server.

        Raises:
            Conflict: No operation is running, or it cannot be stopped.
        """
        await self._transport.send("POST", f"/server/{path_segment(uuid, 'uuid')}/cancel")

    @endpoint("GET", "/events/{server}/{offset},{count}")
    async def events(self, uuid: Uuid, *, count: int | None = None) -> tuple[ServerLogEntry, ...]:
        """The events of a server: what happened, and who caused it.

        Args:
            uuid: Uuid of the server, or the server itself.
            count: Only this many events, from the first. None: all.

        Raises:
            ValueError: `count` is not above zero.
        """
        from upcloud_sdk.models.server_details import ServerLogEntry  # noqa: PLC0415 - rarely used

        if count is not None and count < 1:
            raise ValueError(f"count is {count}: it must be 1 or more, or None for all")
        read = many(ServerLogEntry, "events", "event")
        found: list[ServerLogEntry] = []
        page: tuple[ServerLogEntry, ...] = ()
        while count is None or len(found) < count:
            most = MOST_EVENTS if count is None else min(MOST_EVENTS, count - len(found))
            path = f"/events/{path_segment(uuid, 'uuid')}/{len(found)},{most}"
            before, page = page, await self._transport.call("GET", path, read)
            # The same page again: the API ignores where a page begins.
            if page in ((), before):
                break
            found += page
            if len(found) < SHORTEST_PAGE:
                break
        return tuple(found[:count])

    @endpoint("GET", "/server/{uuid}/gpus")
    async def gpus(self, uuid: Uuid) -> tuple[Gpu, ...]:
        """The GPUs of a server."""
        from upcloud_sdk.models.server_details import Gpu  # noqa: PLC0415 - rarely used

        # This type is made from a value, which type checkers cannot follow.
        kinds = cast("type[tuple[Gpu, ...]]", types.GenericAlias(tuple, (Gpu, ...)))
        return await self._transport.call("GET", f"/server/{path_segment(uuid, 'uuid')}/gpus", Envelope(kinds, "gpus"))

    @endpoint("GET", "/server/{uuid}/remote_access_details")
    async def remote_access(self, uuid: Uuid) -> RemoteAccess:
        """The address and the passwords of a server's console."""
        return await self._console(uuid, "remote_access_details")

    @endpoint("GET", "/server/{uuid}/vnc_details")
    async def vnc(self, uuid: Uuid) -> RemoteAccess:
        """The same as `remote_access`, from the older endpoint."""
        return await self._console(uuid, "vnc_details")

    async def _console(self, uuid: Uuid, what: str) -> RemoteAccess:
        from upcloud_sdk.models.server_details import RemoteAccess  # noqa: PLC0415 - rarely used

        return await self._transport.call(
            "GET", f"/server/{path_segment(uuid, 'uuid')}/{what}", one(RemoteAccess, "server")
        )

    @endpoint("GET", "/server/labels")
    async def labels(self) -> dict[str, tuple[str, ...]]:
        """The labels of all servers of the account: each key with its values."""
        found: dict[str, tuple[str, ...]] = {}
        for label in await self._transport.call("GET", "/server/labels", LABELS):
            found[label.key] = (*found.get(label.key, ()), label.value)
        return found
