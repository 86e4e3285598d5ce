"""Network interfaces of servers."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import Address, Envelope, one, uuid_of
from upcloud_sdk.errors import UnexpectedAnswer
from upcloud_sdk.models.interfaces import Interface, InterfaceAddress
from upcloud_sdk.resources._base import Namespace, body_of, endpoint

if TYPE_CHECKING:
    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.models.network_requests import InterfaceChanges
    from upcloud_sdk.models.networks import InterfaceSpec

_INTERFACE = one(Interface, "interface")
_INTERFACES: Envelope[tuple[Interface, ...]] = Envelope(tuple[Interface, ...], "networking", "interfaces", "interface")
_ADDRESS = one(InterfaceAddress, "ip_address")


class Interfaces(Namespace):
    """`cloud.interfaces`. Chapter "Networks" of the API, <https://developers.upcloud.com/1.3/13-networks/>.

    Stop the server before you change its interfaces: UpCloud documents it only for stopped servers.
    """

    @endpoint("POST", "/server/{server}/networking/interface")
    async def create(self, server: Uuid, spec: InterfaceSpec) -> Interface:
        """Create an interface. Without an `index` in the spec: at the first free index.

        Args:
            server: Uuid of the server, or the server itself.
            spec: What to create.
        """
        path = f"{_path(server)}/interface"
        return await self._transport.call("POST", path, _INTERFACE, json={"interface": body_of(spec)})

    @endpoint("PUT", "/server/{server}/networking/interface/{index}")
    async def modify(self, server: Uuid, index: int, changes: InterfaceChanges) -> Interface:
        """Change an interface. `index` in the changes moves it.

        Args:
            server: Uuid of the server, or the server itself.
            index: Index of the interface on the server, from 1.
            changes: What to change. Fields that are not given stay as they are.
        """
        path = f"{_path(server)}/interface/{index:d}"
        body = {"interface": body_of(changes)}
        # A move is not repeated: the old index may be empty then, or have another interface.
        answer = await self._transport.send("PUT", path, json=body, idempotent=changes.index is None)
        return self._transport.decode(f"PUT {path}", answer, _INTERFACE)

    @endpoint("DELETE", "/server/{server}/networking/interface/{index}")
    async def delete(self, server: Uuid, index: int) -> None:
        """Delete an interface with its addresses.

        Args:
            server: Uuid of the server, or the server itself.
            index: Index of the interface on the server, from 1.
        """
        await self._transport.send("DELETE", f"{_path(server)}/interface/{index:d}")

    @endpoint("POST", "/server/{server}/networking/interface/{index}/ip-address")
    async def add_ip(
        self,
        server: Uuid,
        index: int,
        *,
        family: Literal["IPv4", "IPv6"] = "IPv4",
        address: Address | str | None = None,
        force: bool = False,
    ) -> InterfaceAddress:
        """Add an address to an interface.

        Args:
            server: Uuid of the server, or the server itself.
            index: Index of the interface on the server, from 1.
            family: "IPv4" or "IPv6".
            address: On a private network: the address. None: the API chooses.
            force: Passed to the API, which documents it for calls that it would refuse otherwise.
        """
        server = uuid_of(server)
        wanted = ip_address(address) if isinstance(address, str) else address
        document: dict[str, str] = {"family": family if wanted is None else f"IPv{wanted.version}"}
        if wanted is not None:
            document["address"] = str(wanted)
        params = [("force", "yes")] if force else []
        path = f"{_path(server)}/interface/{index:d}/ip-address"
        answer = await self._transport.send("POST", path, params=params, json={"ip_address": document})
        if not answer.content:
            # The answer may not contain the address.
            return await self._added(server, index, wanted)
        return self._transport.decode(f"POST {path}", answer, _ADDRESS)

    async def _added(self, server: str, index: int, wanted: Address | None) -> InterfaceAddress:
        for interface in await self.list(server):
            found = [each for each in interface.ip_addresses if wanted in {None, each.address}]
            if interface.index == index and found:
                return found[-1]
        raise UnexpectedAnswer(f"POST {_path(server)}/interface/{index:d}/ip-address", "InterfaceAddress", "", "empty")

    @endpoint("DELETE", "/server/{server}/networking/interface/{index}/ip-address/{address}")
    async def remove_ip(self, server: Uuid, index: int, address: Address | str) -> None:
        """Remove an address from an interface.

        Args:
            server: Uuid of the server, or the server itself.
            index: Index of the interface on the server, from 1.
            address: The IP address.
        """
        which = path_segment(str(address), "address")
        await self._transport.send("DELETE", f"{_path(server)}/interface/{index:d}/ip-address/{which}")

    @endpoint("GET", "/server/{server}/networking")
    async def list(self, server: Uuid) -> tuple[Interface, ...]:
        """The interfaces of a server."""
        return await self._transport.call("GET", _path(server), _INTERFACES)


def _path(server: Uuid) -> str:
    return f"/server/{path_segment(server, 'uuid of the server')}/networking"
