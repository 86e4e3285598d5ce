"""What else can be asked of servers: what happened to them, their GPUs and consoles, to be made anew."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, cast

from upcloud_sdk._transport import segment
from upcloud_sdk._wire import Envelope, many, one
from upcloud_sdk.models.servers import Server
from upcloud_sdk.resources._base import Namespace, body_of, endpoint
from upcloud_sdk.resources._labels import LABELS

if TYPE_CHECKING:
    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.models.server_details import Gpu, RemoteAccess, ServerLogEntry
    from upcloud_sdk.models.server_requests import ServerRebuildSpec

_SERVER = one(Server, "server")

MOST_EVENTS = 10_000
REBUILD_TIMEOUT = 180.0


class ServerDetails(Namespace):
    """What few need to know of a server. Chapter "Servers" of the API."""

    @endpoint("POST", "/server/{uuid}/rebuild")
    async def rebuild(self, uuid: Uuid, spec: ServerRebuildSpec) -> Server:
        """Make the system disk of a stopped server anew from a public template: it is then in state "maintenance".

        The new disk has no labels: `destroy` deletes it only with `storages="all"`. The old one costs money until it
        is deleted, unless the spec says `delete_detached_disk`.

        Raises:
            IllegalState: it is not stopped.
            OutcomeUnknown: no answer came: look at its disks before you try again.
        """
        path = f"/server/{segment(uuid, 'uuid')}/rebuild"
        document = {"server_rebuild": body_of(spec)}
        return await self._transport.call("POST", path, _SERVER, json=document, timeout=REBUILD_TIMEOUT)

    @endpoint("POST", "/server/{uuid}/cancel")
    async def cancel(self, uuid: Uuid) -> None:
        """Stop what is being done with a server.

        Raises:
            Conflict: nothing is, or it cannot be stopped.
        """
        await self._transport.send("POST", f"/server/{segment(uuid, 'uuid')}/cancel")

    @endpoint("GET", "/events/{server}/{offset},{count}")
    async def events(self, uuid: Uuid, *, count: int | None = None) -> tuple[ServerLogEntry, ...]:
        """What happened to a server, and who did it: all, or the first `count` as the API orders them.

        Raises:
            ValueError: `count` is not above zero.
        """
        from upcloud_sdk.models.server_details import ServerLogEntry  # noqa: PLC0415 - few ask for it

        if count is not None and count < 1:
            raise ValueError(f"count is {count}: it is 1 or more; None asks for all")
        read = many(ServerLogEntry, "events", "event")
        found: list[ServerLogEntry] = []
        while count is None or len(found) < count:
            most = MOST_EVENTS if count is None else min(MOST_EVENTS, count - len(found))
            path = f"/events/{segment(uuid, 'uuid')}/{len(found)},{most}"
            page = await self._transport.call("GET", path, read)
            found += page
            if len(page) < most:
                break
        return tuple(found)

    @endpoint("GET", "/server/{uuid}/gpus")
    async def gpus(self, uuid: Uuid) -> tuple[Gpu, ...]:
        """The GPUs of a server."""
        from upcloud_sdk.models.server_details import Gpu  # noqa: PLC0415 - few ask for it

        # A type made from a value: no annotation can say that.
        kinds = cast("type[tuple[Gpu, ...]]", types.GenericAlias(tuple, (Gpu, ...)))
        return await self._transport.call("GET", f"/server/{segment(uuid, 'uuid')}/gpus", Envelope(kinds, "gpus"))

    @endpoint("GET", "/server/{uuid}/remote_access_details")
    async def remote_access(self, uuid: Uuid) -> RemoteAccess:
        """How the console of a server is reached, and its passwords."""
        return await self._console(uuid, "remote_access_details")

    @endpoint("GET", "/server/{uuid}/vnc_details")
    async def vnc(self, uuid: Uuid) -> RemoteAccess:
        """The same, from the older endpoint of two."""
        return await self._console(uuid, "vnc_details")

    async def _console(self, uuid: Uuid, what: str) -> RemoteAccess:
        from upcloud_sdk.models.server_details import RemoteAccess  # noqa: PLC0415 - few ask for it

        return await self._transport.call("GET", f"/server/{segment(uuid, 'uuid')}/{what}", one(RemoteAccess, "server"))

    @endpoint("GET", "/server/labels")
    async def labels(self) -> dict[str, tuple[str, ...]]:
        """The labels of all servers of the account: each key with its values."""
        found: dict[str, tuple[str, ...]] = {}
        for label in await self._transport.call("GET", "/server/labels", LABELS):
            found[label.key] = (*found.get(label.key, ()), label.value)
        return found
