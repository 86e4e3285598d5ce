"""Figures of servers over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from upcloud_sdk._transport import segment
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
    """What is measured of servers. Chapter "Servers" of the API."""

    @endpoint("GET", "/server/{uuid}/stats/cpu")
    @endpoint("GET", "/server/{uuid}/stats/cpu/{period}")
    async def cpu_statistics(self, uuid: Uuid, *, period: Period | None = None) -> ServerStatistics:
        """How busy the processors of a server were. `period`: one only; all if None."""
        return await self._statistics(uuid, "cpu", period)

    @endpoint("GET", "/server/{uuid}/stats/disk/{type}")
    @endpoint("GET", "/server/{uuid}/stats/disk/{type}/{period}")
    async def disk_statistics(
        self, uuid: str, type: DiskUnit = "bytes", *, period: Period | None = None
    ) -> ServerStatistics:
        """What a server has read and written. `period`: one only; all if None."""
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
        """What a server has received and sent. `network`, `period`: one only; all if None.

        Raises:
            ValueError: a period without a network, which the API does not know.
        """
        check_word(type, NetworkUnit, "type")
        if network is None and period is not None:
            raise ValueError("a period needs a network: name one of public, utility, private")
        if network is not None:
            check_word(network, NetworkKind, "network")
        return await self._statistics(uuid, f"network/{type}" + ("" if network is None else f"/{network}"), period)

    async def _statistics(self, uuid: Uuid, what: str, period: Period | None) -> ServerStatistics:
        from upcloud_sdk.models.statistics import ServerStatistics  # noqa: PLC0415 - few ask for it

        path = f"/server/{segment(uuid, 'uuid')}/stats/{what}"
        if period is not None:
            check_word(period, Period, "period")
            path += f"/{period}"
        return await self._transport.call("GET", path, one(ServerStatistics, "stats"))
