"""Servers: one method per endpoint. Methods that use several endpoints are in `upcloud_sdk.fleet.servers`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import many
from upcloud_sdk.models.servers import Server, ServerSummary
from upcloud_sdk.resources._base import Labels, body_of, endpoint, label_params
from upcloud_sdk.resources._filters import Direction, one_or_several, sort_params, words
from upcloud_sdk.resources.policies import BackupPolicy, StartType, StopType, TimeoutAction, check_word
from upcloud_sdk.resources.server_details import ServerDetails
from upcloud_sdk.resources.server_statistics import Statistics
from upcloud_sdk.resources.server_storages import SERVER, StorageDevices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.models.server_requests import ServerChanges
    from upcloud_sdk.models.servers import ServerState

SERVERS = many(ServerSummary, "servers", "server")

ServerOrder = Literal["title", "zone", "size", "cores", "memory", "popularity"]

START_TIMEOUT = 180.0
"""Limit for a start, in seconds: the API answers when the server runs."""
MODIFY_TIMEOUT = 90.0
"""Limit for a modify, in seconds: it can be slow."""


class ServerEndpoints(StorageDevices, Statistics, ServerDetails):
    """The endpoints of servers. Chapter "Servers" of the API."""

    @endpoint("GET", "/server/{uuid}")
    async def get(self, uuid: Uuid) -> Server:
        """A server with all its fields."""
        return await self._transport.call("GET", self._path(uuid), SERVER)

    @endpoint("PUT", "/server/{uuid}")
    async def modify(self, uuid: Uuid, changes: ServerChanges) -> Server:
        """Change a server.

        Args:
            uuid: Uuid of the server, or the server itself.
            changes: What to change. Fields that are not given stay as they are.

        Raises:
            IllegalState: The server's state does not allow this change.
        """
        return await self._modify(uuid, body_of(changes))

    async def _modify(self, uuid: Uuid, changes: Mapping[str, Any]) -> Server:
        body = {"server": changes}
        return await self._transport.call("PUT", self._path(uuid), SERVER, json=body, timeout=MODIFY_TIMEOUT)

    @endpoint("DELETE", "/server/{uuid}")
    async def delete(self, uuid: Uuid, *, storages: bool = False, backups: BackupPolicy | None = None) -> None:
        """Delete a stopped server. `destroy` does it from any state.

        Args:
            uuid: Uuid of the server, or the server itself.
            storages: Delete all its storages too.
            backups: What happens to the backups of the deleted storages. None: the API's default.

        Raises:
            IllegalState: The server is not stopped.
        """
        params = [("storages", "1")] if storages else []
        if backups is not None:
            check_word(backups, BackupPolicy, "backups")
            params.append(("backups", backups))
        await self._transport.send("DELETE", self._path(uuid), params=params)

    @endpoint("POST", "/server/{uuid}/start")
    async def start(
        self,
        uuid: Uuid,
        *,
        host: int | None = None,
        avoid_host: int | None = None,
        start_type: StartType | None = None,
        reason: str | None = None,
    ) -> Server:
        """Start a stopped server. The API answers when it runs, except with `start_type="async"`.

        Args:
            uuid: Uuid of the server, or the server itself.
            host: In private clouds: the id of the host to run on.
            avoid_host: In private clouds: the id of a host not to run on.
            start_type: "sync" answers when it runs, "async" at once. None: the API's default.
            reason: Why, as text for the API's own records. None: no reason.

        Raises:
            IllegalState: The server is not stopped.
        """
        if start_type is not None:
            check_word(start_type, StartType, "start_type")
        wishes = {"host": host, "avoid_host": avoid_host, "start_type": start_type, "reason": reason}
        body = {"server": {key: value for key, value in wishes.items() if value is not None}}
        path = self._path(uuid) + "/start"
        return await self._transport.call("POST", path, SERVER, json=body, timeout=START_TIMEOUT)

    @endpoint("POST", "/server/{uuid}/stop")
    async def stop(
        self, uuid: Uuid, *, stop_type: StopType = "soft", timeout: float = 60, reason: str | None = None
    ) -> Server:
        """Stop a server. The API answers before it is stopped, with the state "started". See `wait_for_state`.

        Args:
            uuid: Uuid of the server, or the server itself.
            stop_type: "soft" lets the guest shut down, "hard" switches it off.
            timeout: Seconds after which a soft stop becomes a hard stop.
            reason: Why, as text for the API's own records. None: no reason.

        Raises:
            IllegalState: The server is not started.
        """
        check_word(stop_type, StopType, "stop_type")
        document = {"stop_type": stop_type, "timeout": whole_seconds(timeout)}
        if reason is not None:
            document["reason"] = reason
        return await self._transport.call("POST", self._path(uuid) + "/stop", SERVER, json={"stop_server": document})

    @endpoint("POST", "/server/{uuid}/restart")
    async def restart(
        self,
        uuid: Uuid,
        *,
        stop_type: StopType = "soft",
        timeout: float = 60,
        timeout_action: TimeoutAction = "ignore",
        host: int | None = None,
        reason: str | None = None,
    ) -> Server:
        """Stop and start a server. The API answers before the stop, with the state "started".

        Args:
            uuid: Uuid of the server, or the server itself.
            stop_type: "soft" lets the guest shut down, "hard" switches it off.
            timeout: Time for the guest to shut down, in seconds.
            timeout_action: After `timeout`: "destroy" switches the guest off, "ignore" leaves it running and does not
                restart.
            host: In private clouds: the id of the host to run on.
            reason: Why, as text for the API's own records. None: no reason.

        Raises:
            IllegalState: The server is not started.
        """
        check_word(stop_type, StopType, "stop_type")
        check_word(timeout_action, TimeoutAction, "timeout_action")
        document: dict[str, object] = {
            "stop_type": stop_type,
            "timeout": whole_seconds(timeout),
            "timeout_action": timeout_action,
        }
        if host is not None:
            document["host"] = host
        if reason is not None:
            document["reason"] = reason
        path = self._path(uuid) + "/restart"
        return await self._transport.call("POST", path, SERVER, json={"restart_server": document})

    @endpoint("POST", "/server/{uuid}/relocate")
    async def relocate(self, uuid: Uuid, zone: str) -> Server:
        """Move a stopped server with its storages between a private zone and its public zone.

        Args:
            uuid: Uuid of the server, or the server itself.
            zone: The zone to move to.

        Raises:
            IllegalState: The server is not stopped, or a storage is not online.
        """
        path = self._path(uuid) + "/relocate"
        return await self._transport.call("POST", path, SERVER, json={"zone": zone}, timeout=MODIFY_TIMEOUT)

    @endpoint("POST", "/server/{uuid}/tag/{tags}")
    async def tag(self, uuid: Uuid, *names: str) -> Server:
        """Add tags to a server. The tags must exist.

        Args:
            uuid: Uuid of the server, or the server itself.
            *names: Names of the tags.
        """
        return await self._transport.call("POST", f"{self._path(uuid)}/tag/{_names(names)}", SERVER)

    @endpoint("POST", "/server/{uuid}/untag/{tags}")
    async def untag(self, uuid: Uuid, *names: str) -> Server:
        """Remove tags from a server.

        Args:
            uuid: Uuid of the server, or the server itself.
            *names: Names of the tags.
        """
        return await self._transport.call("POST", f"{self._path(uuid)}/untag/{_names(names)}", SERVER)

    @endpoint("GET", "/server")
    @endpoint("GET", "/server/tag/{tags}")
    async def list(
        self,
        *,
        labels: Labels | None = None,
        tags: Sequence[str] | None = None,
        state: ServerState | str | None = None,
        search: str | None = None,
        uuid: str | Sequence[str] | None = None,
        host: int | Sequence[int] | None = None,
        device: str | Sequence[str] | None = None,
        sort_by: ServerOrder | None = None,
        order_by: Direction | None = None,
        page_size: int | None = None,
    ) -> tuple[ServerSummary, ...]:
        """List servers. The list is always complete; the SDK reads all pages.

        Decoding 1000 servers blocks the event loop for 10 ms. A smaller `page_size` splits that.

        Args:
            labels: Only servers with all of these labels.
            tags: Only servers with at least one of these tags.
            state: Only servers in this state.
            search: Only servers in which the API finds this text.
            uuid: Only these servers, at most five.
            host: Only servers on these hosts, at most five.
            device: Only servers with these devices, at most five.
            sort_by: title, zone, size, cores, memory or popularity.
            order_by: `asc` or `desc`. None: the API's default.
            page_size: Servers per request, 1 to 1000. None: 1000.

        Raises:
            ValueError: `page_size` is not from 1 to 1000, a filter has more than five values, or the API does not know
                a word.
        """
        if isinstance(tags, str):
            raise TypeError("tags is a sequence of names: write tags=['name']")
        params = [
            *one_or_several("uuid", uuid),
            *one_or_several("host", host),
            *one_or_several("device", device),
            *words(state=state, search=search),
            *sort_params(sort_by, order_by, ServerOrder),
        ]
        path = "/server" if tags is None or params else f"/server/tag/{_names(tags)}"
        if tags is not None and params:
            # This endpoint takes no other filter.
            params.append(("tag", ",".join(tags)))
        servers = await self._list(path, SERVERS, [*label_params(labels), *params], page_size=page_size)
        if tags is not None and labels:
            # For this endpoint, no label filter is documented.
            servers = tuple(server for server in servers if _has(server, labels))
        return servers

    @staticmethod
    def _path(uuid: Uuid) -> str:
        return f"/server/{path_segment(uuid, 'uuid')}"


def _names(tags: Sequence[str]) -> str:
    if not tags:
        raise ValueError("give at least one tag")
    return ",".join(path_segment(tag, "name of a tag") for tag in tags)


def whole_seconds(timeout: float) -> str:
    """Seconds in the API's format: a whole number, as text.

    Raises:
        ValueError: It is not above 0.
    """
    if timeout <= 0:
        raise ValueError(f"timeout is {timeout:g}: it must be above 0 seconds")
    return str(max(1, round(timeout)))


def _has(server: ServerSummary, labels: Labels) -> bool:
    return all(key in server.labels and value in (None, server.labels[key]) for key, value in labels.items())
