"""IP addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import Address, many, one
from upcloud_sdk.models.networks import IpAddress
from upcloud_sdk.resources._base import Namespace, body_of, endpoint

if TYPE_CHECKING:
    from upcloud_sdk.models.network_interfaces import AddressDelegation
    from upcloud_sdk.models.network_requests import IpAddressChanges, IpAddressSpec

_ADDRESS = one(IpAddress, "ip_address")
_ADDRESSES = many(IpAddress, "ip_addresses", "ip_address")


class IpAddresses(Namespace):
    """`cloud.ip_addresses`. Chapter "IP addresses" of the API, <https://developers.upcloud.com/1.3/10-ip-addresses/>."""

    @endpoint("GET", "/ip_address/{address}")
    async def get(self, address: Address | str) -> IpAddress:
        """An address of the account."""
        return await self._transport.call("GET", _path(address), _ADDRESS)

    @endpoint("POST", "/ip_address")
    async def assign(self, spec: IpAddressSpec) -> IpAddress:
        """Assign a new address: to a stopped server, or a floating one. It costs money until it is released.

        Raises:
            OutcomeUnknown: No answer came. Addresses have no labels, so check `list()` before you try again.
            LimitReached, NoCapacity: No address is available.
        """
        return await self._transport.call("POST", "/ip_address", _ADDRESS, json={"ip_address": body_of(spec)})

    @endpoint("PATCH", "/ip_address/{address}")
    async def modify(self, address: Address | str, changes: IpAddressChanges) -> IpAddress:
        """Change an address.

        Args:
            address: The IP address.
            changes: What to change. `mac` moves a floating address to another interface, also of a running server;
                None removes it.
        """
        return await self._transport.call("PATCH", _path(address), _ADDRESS, json={"ip_address": body_of(changes)})

    @endpoint("PUT", "/ip_address/{address}")
    async def replace(
        self,
        address: Address | str,
        ptr_record: str,
        *,
        floating: bool | None = None,
        vlan_id: str | None = None,
    ) -> IpAddress:
        """Change the reverse DNS name of an address, with the older of two API calls. Prefer `modify`.

        Args:
            address: The IP address.
            ptr_record: The reverse DNS name.
            floating: Passed to the API.
            vlan_id: Passed to the API.
        """
        document = {"ptr_record": ptr_record}
        if floating is not None:
            document["floating"] = "yes" if floating else "no"
        if vlan_id is not None:
            document["vlan_id"] = vlan_id
        return await self._transport.call("PUT", _path(address), _ADDRESS, json={"ip_address": document})

    @endpoint("PATCH", "/ip_address/bulk")
    async def delegate(self, *addresses: AddressDelegation) -> None:
        """Set the accounts and release policies of several addresses in one request.

        Raises:
            ValueError: No address is given.
        """
        if not addresses:
            raise ValueError("give at least one address")
        document = {"ip_addresses": [body_of(each) for each in addresses]}
        await self._transport.send("PATCH", "/ip_address/bulk", json=document)

    @endpoint("DELETE", "/ip_address/{address}")
    async def release(self, address: Address | str) -> None:
        """Release an address. Detach a floating address first: `modify` with `mac=None`.

        Raises:
            Conflict: It is a floating address on an interface.
            Forbidden: It is a utility address.
        """
        await self._transport.send("DELETE", _path(address))

    @endpoint("GET", "/ip_address")
    async def list(self) -> tuple[IpAddress, ...]:
        """All addresses of the account."""
        return await self._list("/ip_address", _ADDRESSES)


def _path(address: Address | str) -> str:
    return f"/ip_address/{path_segment(str(address), 'address')}"
