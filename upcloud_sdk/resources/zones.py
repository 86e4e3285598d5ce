"""Zones."""

from __future__ import annotations

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import many
from upcloud_sdk.models.catalog import Vlan, Zone
from upcloud_sdk.resources._base import Namespace, endpoint

_VLANS = many(Vlan, "zone_vlans", "vlan")
_ZONES = many(Zone, "zones", "zone")


class Zones(Namespace):
    """`cloud.zones`. Chapter "Zones" of the API, <https://developers.upcloud.com/1.3/5-zones/>."""

    @endpoint("GET", "/zone/{zone}/vlans")
    async def vlans(self, zone: str) -> tuple[Vlan, ...]:
        """The VLANs of a private cloud's zone."""
        return await self._list(f"/zone/{path_segment(zone, 'id of the zone')}/vlans", _VLANS)

    @endpoint("GET", "/zone")
    async def list(self) -> tuple[Zone, ...]:
        """All zones that the account can use, sorted by id."""
        return await self._list("/zone", _ZONES)
