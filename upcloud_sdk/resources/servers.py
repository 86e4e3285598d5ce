"""Servers: one method an endpoint. What goes beyond one endpoint is in `upcloud_sdk.fleet.servers`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from upcloud_sdk._transport import segment
from upcloud_sdk._wire import many, one
from upcloud_sdk.models.servers import Server, ServerSummary
from upcloud_sdk.resources._base import Labels, Namespace, label_params

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk.models.server_requests import ServerChanges
    from upcloud_sdk.resources.storages import BackupPolicy

SERVER = one(Server, "server")
SERVERS = many(ServerSummary, "servers", "server")

StopType = Literal["soft", "hard"]

START_TIMEOUT = 180.0
"""The API answers a start when the server runs."""
MODIFY_TIMEOUT = 90.0
"""A modify can take its time."""


class ServerEndpoints(Namespace):
    """The endpoints of servers. Chapter "Servers" of the API."""

    async def get(self, uuid: str) -> Server:
        """A server in full."""
        return await self._transport.call("GET", self._path(uuid), SERVER)

    async def modify(self, uuid: str, changes: ServerChanges) -> Server:
        """Change a server; fields that are not given stay as they are.

        Raises:
            IllegalState: a change that a server in this state does not take.
        """
        body = {"server": changes.wire()}
        return await self._transport.call("PUT", self._path(uuid), SERVER, json=body, timeout=MODIFY_TIMEOUT)

    async def delete(self, uuid: str, *, storages: bool = False, backups: BackupPolicy | None = None) -> None:
        """Delete a stopped server, on request with all its storages and their backups. See also `destroy`.

        Raises:
            IllegalState: it is not stopped.
        """
        params = [("storages", "1")] if storages else []
        if backups is not None:
            params.append(("backups", backups))
        await self._transport.send("DELETE", self._path(uuid), params=params)

    async def start(self, uuid: str, *, host: int | None = None, avoid_host: int | None = None) -> Server:
        """Start a stopped server. The API answers when it runs.

        Raises:
            IllegalState: it is not stopped.
        """
        wishes = {"host": host, "avoid_host": avoid_host}
        body = {"server": {key: value for key, value in wishes.items() if value is not None}}
        path = self._path(uuid) + "/start"
        return await self._transport.call("POST", path, SERVER, json=body, timeout=START_TIMEOUT)

    async def stop(self, uuid: str, *, stop_type: StopType = "soft", timeout: float = 60) -> Server:
        """Stop a server. The answer comes at once and still says "started": `wait_for_state` tells when it is stopped.

        `timeout`: seconds after which a soft stop turns into a hard one.

        Raises:
            IllegalState: it is not started.
        """
        body = {"stop_server": {"stop_type": stop_type, "timeout": whole_seconds(timeout)}}
        return await self._transport.call("POST", self._path(uuid) + "/stop", SERVER, json=body)

    async def list(
        self, *, labels: Labels | None = None, tags: Sequence[str] | None = None
    ) -> tuple[ServerSummary, ...]:
        """Servers; with `labels`, those that have all of them; with `tags`, those that have any of them."""
        if isinstance(tags, str):
            raise TypeError("tags is a sequence of names: write tags=['name']")
        names = ",".join(segment(tag, "tag") for tag in tags) if tags else ""
        path = f"/server/tag/{names}" if names else "/server"
        servers = await self._list(path, SERVERS, label_params(labels))
        if names and labels:
            # The API's tag list takes no label filter that is documented.
            servers = tuple(server for server in servers if _has(server, labels))
        return servers

    @staticmethod
    def _path(uuid: str) -> str:
        return f"/server/{segment(uuid, 'uuid')}"


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
