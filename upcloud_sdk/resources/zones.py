"""Zones."""

from __future__ import annotations

from upcloud_sdk._wire import many
from upcloud_sdk.models.catalog import Zone
from upcloud_sdk.resources._base import Namespace, endpoint

_ZONES = many(Zone, "zones", "zone")


class Zones(Namespace):
    """`cloud.zones`. Chapter "Zones" of the API, <https://developers.upcloud.com/1.3/5-zones/>."""

    @endpoint("GET", "/zone")
    async def list(self) -> tuple[Zone, ...]:
        """All zones that the account can use, in order of their ids."""
        return await self._list("/zone", _ZONES)
