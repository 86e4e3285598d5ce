"""Plans."""

from __future__ import annotations

from upcloud_sdk._wire import many
from upcloud_sdk.models.catalog import Plan
from upcloud_sdk.resources._base import Namespace, endpoint

_PLANS = many(Plan, "plans", "plan")


class Plans(Namespace):
    """`cloud.plans`. Chapter "Plans" of the API, <https://developers.upcloud.com/1.3/7-plans/>."""

    @endpoint("GET", "/plan")
    async def list(self) -> tuple[Plan, ...]:
        """All plans, those among them that are no longer sold too."""
        return await self._list("/plan", _PLANS)
