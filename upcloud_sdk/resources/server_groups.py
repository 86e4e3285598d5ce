"""Server groups."""

from __future__ import annotations

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import Envelope, Uuid, many, one, uuid_of
from upcloud_sdk.models.groups import ServerGroup, ServerGroupChanges, ServerGroupSpec
from upcloud_sdk.resources._base import Labels, Namespace, ResourceKind, body_of, endpoint, label_params
from upcloud_sdk.resources._one_create import create_labelled

_GROUP = one(ServerGroup, "server_group")
_MEMBERS: Envelope[tuple[str, ...]] = Envelope(tuple[str, ...], "servers")
_GROUPS = many(ServerGroup, "server_groups", "server_group")


class ServerGroups(Namespace):
    """`cloud.server_groups`. Chapter "Server groups" of the API, <https://developers.upcloud.com/1.3/>."""

    @endpoint("GET", "/server-group/{uuid}")
    async def get(self, uuid: Uuid) -> ServerGroup:
        """A group with the uuids of its members, and whether each has its own host."""
        return await self._transport.call("GET", _path(uuid), _GROUP)

    @endpoint("POST", "/server-group")
    async def create(self, spec: ServerGroupSpec) -> ServerGroup:
        """Create a group. If the answer is lost, it is found by its label."""
        kind = ResourceKind("/server-group", "server_group", "server_groups", wraps_labels=True)
        return await create_labelled(self._core, kind, body_of(spec), _GROUP)

    @endpoint("PATCH", "/server-group/{uuid}")
    async def modify(self, uuid: Uuid, changes: ServerGroupChanges) -> ServerGroup:
        """Change a group.

        Args:
            uuid: Uuid of the group, or the group itself.
            changes: What to change. Fields that are not given stay as they are.
        """
        return await self._transport.call("PATCH", _path(uuid), _GROUP, json={"server_group": body_of(changes)})

    @endpoint("DELETE", "/server-group/{uuid}")
    async def delete(self, uuid: Uuid) -> None:
        """Delete a group. Its members stay."""
        await self._transport.send("DELETE", _path(uuid))

    @endpoint("GET", "/server-group/{uuid}/servers")
    async def servers(self, uuid: Uuid) -> tuple[str, ...]:
        """The uuids of the members of a group."""
        return await self._transport.call("GET", f"{_path(uuid)}/servers", _MEMBERS)

    @endpoint("POST", "/server-group/{uuid}/servers")
    async def add_server(self, uuid: Uuid, server: Uuid) -> None:
        """Add a server to a group.

        Args:
            uuid: Uuid of the group, or the group itself.
            server: Uuid of the server, or the server itself.

        Raises:
            Conflict: It is in another group.
        """
        await self._transport.send("POST", f"{_path(uuid)}/servers", json={"server": {"uuid": uuid_of(server)}})

    @endpoint("DELETE", "/server-group/{uuid}/servers/{server}")
    async def remove_server(self, uuid: Uuid, server: Uuid) -> None:
        """Remove a server from a group.

        Args:
            uuid: Uuid of the group, or the group itself.
            server: Uuid of the server, or the server itself.
        """
        await self._transport.send("DELETE", f"{_path(uuid)}/servers/{path_segment(server, 'uuid of the server')}")

    @endpoint("GET", "/server-group")
    async def list(self, *, labels: Labels | None = None) -> tuple[ServerGroup, ...]:
        """List groups.

        Args:
            labels: Only those that have all of these labels.
        """
        return await self._list("/server-group", _GROUPS, label_params(labels))


def _path(uuid: Uuid) -> str:
    return f"/server-group/{path_segment(uuid, 'uuid')}"
