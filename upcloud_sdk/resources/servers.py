"""Servers: one method an endpoint. What goes beyond one endpoint is in `upcloud_sdk.fleet.servers`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from upcloud_sdk._transport import segment
from upcloud_sdk._wire import many
from upcloud_sdk.models.servers import Server, ServerSummary
from upcloud_sdk.resources._base import Labels, body_of, endpoint, label_params
from upcloud_sdk.resources._filters import Direction, one_or_several, order, words
from upcloud_sdk.resources.policies import BackupPolicy, StopType, TimeoutAction, check_word
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
"""The API answers a start when the server runs."""
MODIFY_TIMEOUT = 90.0
"""A modify can take its time."""


class ServerEndpoints(StorageDevices, Statistics, ServerDetails):
    """The endpoints of servers. Chapter "Servers" of the API."""

    @endpoint("GET", "/server/{uuid}")
    async def get(self, uuid: Uuid) -> Server:
        """A server in full."""
        return await self._transport.call("GET", self._path(uuid), SERVER)

    @endpoint("PUT", "/server/{uuid}")
    async def modify(self, uuid: Uuid, changes: ServerChanges) -> Server:
        """Change a server; fields that are not given stay as they are.

        Raises:
            IllegalState: a change that a server in this state does not take.
        """
        return await self._modify(uuid, body_of(changes))

    async def _modify(self, uuid: Uuid, changes: Mapping[str, Any]) -> Server:
        body = {"server": changes}
        return await self._transport.call("PUT", self._path(uuid), SERVER, json=body, timeout=MODIFY_TIMEOUT)

    @endpoint("DELETE", "/server/{uuid}")
    async def delete(self, uuid: Uuid, *, storages: bool = False, backups: BackupPolicy | None = None) -> None:
        """Delete a stopped server, on request with all its storages and their backups. See also `destroy`.

        Raises:
            IllegalState: it is not stopped.
        """
        params = [("storages", "1")] if storages else []
        if backups is not None:
            check_word(backups, BackupPolicy, "backups")
            params.append(("backups", backups))
        await self._transport.send("DELETE", self._path(uuid), params=params)

    @endpoint("POST", "/server/{uuid}/start")
    async def start(self, uuid: Uuid, *, host: int | None = None, avoid_host: int | None = None) -> Server:
        """Start a stopped server. The API answers when it runs.

        Raises:
            IllegalState: it is not stopped.
        """
        wishes = {"host": host, "avoid_host": avoid_host}
        body = {"server": {key: value for key, value in wishes.items() if value is not None}}
        path = self._path(uuid) + "/start"
        return await self._transport.call("POST", path, SERVER, json=body, timeout=START_TIMEOUT)

    @endpoint("POST", "/server/{uuid}/stop")
    async def stop(self, uuid: Uuid, *, stop_type: StopType = "soft", timeout: float = 60) -> Server:
        """Stop a server. The answer comes at once and still says "started": `wait_for_state` tells when it is stopped.

        `timeout`: seconds after which a soft stop turns into a hard one.

        Raises:
            IllegalState: it is not started.
        """
        check_word(stop_type, StopType, "stop_type")
        body = {"stop_server": {"stop_type": stop_type, "timeout": whole_seconds(timeout)}}
        return await self._transport.call("POST", self._path(uuid) + "/stop", SERVER, json=body)

    @endpoint("POST", "/server/{uuid}/restart")
    async def restart(
        self,
        uuid: Uuid,
        *,
        stop_type: StopType = "soft",
        timeout: float = 60,
        timeout_action: TimeoutAction = "ignore",
        host: int | None = None,
    ) -> Server:
        """Stop a server and start it again. The answer comes at once and still says "started".

        `timeout`: seconds after which a guest that has not shut down is switched off ("destroy") or left alone, and not
        restarted ("ignore"). `host`: id of the host that it is to run on, in private clouds.

        Raises:
            IllegalState: it is not started.
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
        path = self._path(uuid) + "/restart"
        return await self._transport.call("POST", path, SERVER, json={"restart_server": document})

    @endpoint("POST", "/server/{uuid}/relocate")
    async def relocate(self, uuid: Uuid, zone: str) -> Server:
        """Move a stopped server with its storages between a private zone and the public zone beside it.

        Raises:
            IllegalState: it is not stopped, or a storage is not online.
        """
        path = self._path(uuid) + "/relocate"
        return await self._transport.call("POST", path, SERVER, json={"zone": zone}, timeout=MODIFY_TIMEOUT)

    @endpoint("POST", "/server/{uuid}/tag/{tags}")
    async def tag(self, uuid: Uuid, *names: str) -> Server:
        """Give a server tags, which must exist."""
        return await self._transport.call("POST", f"{self._path(uuid)}/tag/{_names(names)}", SERVER)

    @endpoint("POST", "/server/{uuid}/untag/{tags}")
    async def untag(self, uuid: Uuid, *names: str) -> Server:
        """Take tags from a server."""
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
        """Servers; with `labels`, those that have all of them; with `tags`, those that have any of them.

        `state`: those in it. `search`: those that the API finds by this text. `uuid`, `host`, `device`: those of up to
        five. `sort_by`: title, zone, size, cores, memory or popularity, `order_by`: "asc" or "desc".
        All of them, asked for a thousand at a time. A thousand hold the event loop for 10 ms while they are read:
        `page_size` asks for fewer at a time.

        Raises:
            ValueError: `page_size` is not from 1 to 1000, there are more than five of something, or a word is none that
                the API knows.
        """
        if isinstance(tags, str):
            raise TypeError("tags is a sequence of names: write tags=['name']")
        params = [
            *one_or_several("uuid", uuid),
            *one_or_several("host", host),
            *one_or_several("device", device),
            *words(state=state, search=search),
            *order(sort_by, order_by, ServerOrder),
        ]
        path = "/server" if tags is None or params else f"/server/tag/{_names(tags)}"
        if tags is not None and params:
            # The endpoint of tags takes no other filter.
            params.append(("tag", ",".join(tags)))
        servers = await self._list(path, SERVERS, [*label_params(labels), *params], page_size=page_size)
        if tags is not None and labels:
            # The API's tag list takes no label filter that is documented.
            servers = tuple(server for server in servers if _has(server, labels))
        return servers

    @staticmethod
    def _path(uuid: Uuid) -> str:
        return f"/server/{segment(uuid, 'uuid')}"


def _names(tags: Sequence[str]) -> str:
    if not tags:
        raise ValueError("name at least one tag")
    return ",".join(segment(tag, "name of a tag") for tag in tags)


def whole_seconds(timeout: float) -> str:
    """A number of seconds as the API takes it: whole, as text.

    Raises:
        ValueError: it is not above zero.
    """
    if timeout <= 0:
        raise ValueError(f"timeout is {timeout:g}: it must be above 0 seconds")
    return str(max(1, round(timeout)))


def _has(server: ServerSummary, labels: Labels) -> bool:
    return all(key in server.labels and value in (None, server.labels[key]) for key, value in labels.items())
