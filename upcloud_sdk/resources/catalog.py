"""Sizes, timezones, price lists and devices."""

from __future__ import annotations

from upcloud_sdk._wire import Envelope, many
from upcloud_sdk.models.catalog import ServerSize, ZoneDevices, ZonePrices
from upcloud_sdk.resources._base import Namespace, endpoint

_SIZES = many(ServerSize, "server_sizes", "server_size")
_TIMEZONES = many(str, "timezones", "timezone")
_PRICES = many(ZonePrices, "prices", "zone")
_DEVICES: Envelope[dict[str, ZoneDevices]] = Envelope(dict[str, ZoneDevices])


class ServerSizes(Namespace):
    """`cloud.server_sizes`. Chapter "Server sizes" of the API, <https://developers.upcloud.com/1.3/8-servers/>."""

    @endpoint("GET", "/server_size")
    async def list(self) -> tuple[ServerSize, ...]:
        """Cores and memory that go together on a server of the plan `custom`."""
        return await self._list("/server_size", _SIZES)


class Timezones(Namespace):
    """`cloud.timezones`. Chapter "Timezones" of the API, <https://developers.upcloud.com/1.3/6-timezones/>."""

    @endpoint("GET", "/timezone")
    async def list(self) -> tuple[str, ...]:
        """Names that a server's `timezone` can have, such as `Europe/Helsinki`."""
        return await self._list("/timezone", _TIMEZONES)


class PriceLists(Namespace):
    """The endpoint of price lists. Chapter "Prices" of the API."""

    @endpoint("GET", "/price")
    async def list(self) -> tuple[ZonePrices, ...]:
        """The price lists of all zones."""
        return await self._list("/price", _PRICES)


class Devices(Namespace):
    """`cloud.devices`. Chapter "Devices" of the API, <https://developers.upcloud.com/1.3/>."""

    @endpoint("GET", "/device/availability")
    async def availability(self) -> dict[str, ZoneDevices]:
        """How many servers of each GPU plan can be had, by zone."""
        return await self._transport.call("GET", "/device/availability", _DEVICES)
