"""Sizes, timezones, price lists and devices."""

from __future__ import annotations

from upcloud_sdk._wire import Envelope, many, one
from upcloud_sdk.models.catalog import Currency, ServerSize, ServerSizeLimits, ZoneDevices, ZonePrices
from upcloud_sdk.resources._base import Namespace, endpoint

_SIZES = many(ServerSize, "server_sizes", "server_size")
_LIMITS = one(ServerSizeLimits, "server_size_limits")
_KEYMAPS = many(str, "keymaps", "keymap")
_CURRENCIES = many(Currency, "currencies", "currency")
_TIMEZONES = many(str, "timezones", "timezone")
_PRICES = many(ZonePrices, "prices", "zone")
_DEVICES: Envelope[dict[str, ZoneDevices]] = Envelope(dict[str, ZoneDevices])


class ServerSizes(Namespace):
    """`cloud.server_sizes`. Chapter "Server sizes" of the API, <https://developers.upcloud.com/1.3/8-servers/>."""

    @endpoint("GET", "/server_size")
    async def list(self) -> tuple[ServerSize, ...]:
        """The combinations of cores and memory that a server of the plan `custom` can have."""
        return await self._list("/server_size", _SIZES)

    @endpoint("GET", "/server_size/limits")
    async def limits(self) -> ServerSizeLimits:
        """Minimum and maximum size of a server of the plan `custom`."""
        return await self._transport.call("GET", "/server_size/limits", _LIMITS)


class Timezones(Namespace):
    """`cloud.timezones`. Chapter "Timezones" of the API, <https://developers.upcloud.com/1.3/6-timezones/>."""

    @endpoint("GET", "/timezone")
    async def list(self) -> tuple[str, ...]:
        """The names that a server's `timezone` can have, such as `Europe/Helsinki`."""
        return await self._list("/timezone", _TIMEZONES)


class VncKeymaps(Namespace):
    """`cloud.vnc_keymaps`. Chapter "Servers" of the API, <https://developers.upcloud.com/1.3/8-servers/>."""

    @endpoint("GET", "/vnc_keymap")
    async def list(self) -> tuple[str, ...]:
        """The values that a server's `vnc_keymap` can have, such as `en-us`."""
        return await self._list("/vnc_keymap", _KEYMAPS)


class Currencies(Namespace):
    """`cloud.currencies`. Chapter "Accounts" of the API, <https://developers.upcloud.com/1.3/3-accounts/>."""

    @endpoint("GET", "/currency")
    async def list(self) -> tuple[Currency, ...]:
        """Currencies that accounts can have, with their rates."""
        return await self._list("/currency", _CURRENCIES)


class PriceLists(Namespace):
    """The endpoint of price lists. Chapter "Prices" of the API."""

    @endpoint("GET", "/price")
    async def list(self, *, zone: str | None = None) -> tuple[ZonePrices, ...]:
        """The price lists of all zones, or of one.

        Args:
            zone: Only this zone, such as `fi-hel1`.
        """
        prices = await self._list("/price", _PRICES, [] if zone is None else [("zone", zone)])
        # If the API does not know the filter, it sends all zones.
        return prices if zone is None else tuple(each for each in prices if each.name == zone)


class Devices(Namespace):
    """`cloud.devices`. Chapter "Devices" of the API, <https://developers.upcloud.com/1.3/>."""

    @endpoint("GET", "/device/availability")
    async def availability(self, *, zone: str | None = None) -> dict[str, ZoneDevices]:
        """How many servers of each GPU plan are available, by zone.

        Args:
            zone: Only this zone, such as `fi-hel1`.
        """
        params = [] if zone is None else [("zone", zone)]
        return await self._transport.call("GET", "/device/availability", _DEVICES, params=params)
