"""Statistics of servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import one
from upcloud_sdk.resources._base import Namespace, endpoint
from upcloud_sdk.resources.policies import check_word

if TYPE_CHECKING:
    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.models.statistics import ServerStatistics

Period = Literal["daily", "weekly", "monthly", "yearly"]
DiskUnit = Literal["bytes", "requests"]
NetworkUnit = Literal["bytes", "packets"]
NetworkKind = Literal["public", "utility", "private"]


class Statistics(Namespace):
    """Statistics of servers. Chapter "Servers" of the API."""

    @endpoint("GET", "/server/{uuid}/stats/cpu")
    @endpoint("GET", "/server/{uuid}/stats/cpu/{period}")
    async def cpu_statistics(self, uuid: Uuid, *, period: Period | None = None) -> ServerStatistics:
        """CPU usage of a server.

        Args:
            uuid: Uuid of the server, or the server itself.
            period: Only this period. None: all periods.
        """
        return await self._statistics(uuid, "cpu", period)

    @endpoint("GET", "/server/{uuid}/stats/disk/{type}")
    @endpoint("GET", "/server/{uuid}/stats/disk/{type}/{period}")
    async def disk_statistics(
        self, uuid: str, type: DiskUnit = "bytes", *, period: Period | None = None
    ) -> ServerStatistics:
        """Disk traffic of a server: reads and writes.

        Args:
            uuid: Uuid of the server, or the server itself.
            type: The unit.
            period: Only this period. None: all periods.
        """
        check_word(type, DiskUnit, "type")
        return await self._statistics(uuid, f"disk/{type}", period)

    @endpoint("GET", "/server/{uuid}/stats/network/{type}")
    @endpoint("GET", "/server/{uuid}/stats/network/{type}/{network}")
    @endpoint("GET", "/server/{uuid}/stats/network/{type}/{network}/{period}")
    async def network_statistics(
        self,
        uuid: str,
        type: NetworkUnit = "bytes",
        *,
        network: NetworkKind | None = None,
        period: Period | None = None,
    ) -> ServerStatistics:
        """Network traffic of a server: in and out.

        Args:
            uuid: Uuid of the server, or the server itself.
            type: The unit.
            network: Only this kind of network. None: all.
            period: Only this period. None: all periods.

        Raises:
            ValueError: A period is given without a network.
        """
        check_word(type, NetworkUnit, "type")
        if network is None and period is not None:
            raise ValueError("a period needs a network: give one of public, utility, private")
        if network is not None:
            check_word(network, NetworkKind, "network")
        return await self._statistics(uuid, f"network/{type}" + ("" if network is None else f"/{network}"), period)

    async def _statistics(self, uuid: Uuid, what: str, period: Period | None) -> ServerStatistics:
        from upcloud_sdk.models.statistics import ServerStatistics  # noqa: PLC0415 - rarely used

        path = f"/server/{path_segment(uuid, 'uuid')}/stats/{what}"
        if period is not None:
            check_word(period, Period, "period")
            path += f"/{period}"
        return await self._transport.call("GET", path, one(ServerStatistics, "stats"))
