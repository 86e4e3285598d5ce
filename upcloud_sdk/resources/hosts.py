"""Hosts of private clouds."""

from __future__ import annotations

from upcloud_sdk._wire import many, one
from upcloud_sdk.models.groups import Host, HostChanges
from upcloud_sdk.resources._base import Namespace, body_of, endpoint

_HOST = one(Host, "host")
_HOSTS = many(Host, "hosts", "host")


class Hosts(Namespace):
    """`cloud.hosts`. Chapter "Hosts" of the API, <https://developers.upcloud.com/1.3/14-hosts/>.

    Empty without a private cloud.
    """

    @endpoint("GET", "/host/{id}")
    async def get(self, id: int) -> Host:
        """A host with its statistics."""
        return await self._transport.call("GET", f"/host/{id:d}", _HOST)

    @endpoint("PATCH", "/host/{id}")
    async def modify(self, id: int, changes: HostChanges) -> Host:
        """Change the description of a host.

        Args:
            id: The id of the host.
            changes: What to change. Fields that are not given stay as they are.
        """
        return await self._transport.call("PATCH", f"/host/{id:d}", _HOST, json={"host": body_of(changes)})

    @endpoint("GET", "/host")
    async def list(self) -> tuple[Host, ...]:
        """All hosts."""
        return await self._list("/host", _HOSTS)
