"""Network interfaces without a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import Envelope
from upcloud_sdk.models.network_interfaces import NetworkInterface
from upcloud_sdk.resources._base import Namespace, body_of, endpoint

if TYPE_CHECKING:
    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.models.network_interfaces import NetworkInterfaceSpec

_INTERFACE = Envelope(NetworkInterface)
# By the contract, this answer can be one object instead of a list.
_INTERFACES = Envelope(
    cast("type[tuple[NetworkInterface, ...] | NetworkInterface]", tuple[NetworkInterface, ...] | NetworkInterface),
    "interfaces",
    "interface",
)


class NetworkInterfaces(Namespace):
    """`cloud.network_interfaces`. Chapter "Networks" of the API, <https://developers.upcloud.com/1.3/13-networks/>.

    Interfaces that are created without a server. Those of a server are in `cloud.interfaces`.
    """

    @endpoint("GET", "/network/interface/{uuid}")
    async def get(self, uuid: Uuid) -> NetworkInterface:
        """An interface."""
        return await self._transport.call("GET", _path(uuid), _INTERFACE)

    @endpoint("POST", "/network/interface")
    async def create(self, spec: NetworkInterfaceSpec, *, main_account_id: int | None = None) -> NetworkInterface:
        """Create an interface on a network, without a server.

        Args:
            spec: What to create.
            main_account_id: For partners: the account of the customer.

        Raises:
            OutcomeUnknown: No answer came. Check `list()` before you try again.
        """
        document: dict[str, object] = {"interface": body_of(spec)}
        if main_account_id is not None:
            document["main_account_id"] = main_account_id
        return await self._transport.call("POST", "/network/interface", _INTERFACE, json=document)

    @endpoint("DELETE", "/network/interface/{uuid}")
    async def delete(self, uuid: Uuid) -> None:
        """Delete an interface that is attached to no server."""
        await self._transport.send("DELETE", _path(uuid))

    @endpoint("GET", "/network/interface")
    async def list(self) -> tuple[NetworkInterface, ...]:
        """All interfaces that were created without a server."""
        found = await self._transport.call("GET", "/network/interface", _INTERFACES)
        return (found,) if isinstance(found, NetworkInterface) else found


def _path(uuid: Uuid) -> str:
    return f"/network/interface/{path_segment(uuid, 'uuid')}"
