"""IP addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk._transport import segment
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
        """A new address: a further one for a stopped server, or a floating one. It costs money until it is released.

        Raises:
            OutcomeUnknown: no answer came. Addresses have no labels: look through `list()` before you try again.
            LimitReached, NoCapacity: there is none to be had.
        """
        return await self._transport.call("POST", "/ip_address", _ADDRESS, json={"ip_address": body_of(spec)})

    @endpoint("PATCH", "/ip_address/{address}")
    async def modify(self, address: Address | str, changes: IpAddressChanges) -> IpAddress:
        """Change an address.

        `mac` moves a floating one to another interface, also of a started server; None takes it off.
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
        """Give an address another name (`ptr_record`), by the older of the API's two ways. See `modify`."""
        document = {"ptr_record": ptr_record}
        if floating is not None:
            document["floating"] = "yes" if floating else "no"
        if vlan_id is not None:
            document["vlan_id"] = vlan_id
        return await self._transport.call("PUT", _path(address), _ADDRESS, json={"ip_address": document})

    @endpoint("PATCH", "/ip_address/bulk")
    async def delegate(self, *addresses: AddressDelegation) -> None:
        """Say of many addresses at once which accounts they belong to, and what becomes of them with their servers.

        Raises:
            ValueError: there is none.
        """
        if not addresses:
            raise ValueError("name at least one address")
        document = {"ip_addresses": [body_of(each) for each in addresses]}
        await self._transport.send("PATCH", "/ip_address/bulk", json=document)

    @endpoint("DELETE", "/ip_address/{address}")
    async def release(self, address: Address | str) -> None:
        """Give an address back. A floating one is taken off its interface first, by `modify` with `mac=None`.

        Raises:
            Conflict: it is a floating address on an interface.
            Forbidden: it is a utility address.
        """
        await self._transport.send("DELETE", _path(address))

    @endpoint("GET", "/ip_address")
    async def list(self) -> tuple[IpAddress, ...]:
        """All addresses of the account."""
        return await self._list("/ip_address", _ADDRESSES)


def _path(address: Address | str) -> str:
    return f"/ip_address/{segment(str(address), 'address')}"
