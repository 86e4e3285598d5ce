"""Plans."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from upcloud_sdk._wire import many
from upcloud_sdk.errors import NoMatch
from upcloud_sdk.models.catalog import Plan
from upcloud_sdk.resources._base import Namespace, endpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLANS = many(Plan, "plans", "plan")


class Plans(Namespace):
    """`cloud.plans`. Chapter "Plans" of the API, <https://developers.upcloud.com/1.3/7-plans/>."""

    @endpoint("GET", "/plan")
    async def list(self) -> tuple[Plan, ...]:
        """All plans, also those that are no longer sold."""
        return await self._list("/plan", _PLANS)


def plan_named(plans: Sequence[Plan], name: str) -> Plan:
    """Find the plan with this name.

    Raises:
        NoMatch: There is none. The error lists the existing plans.
    """
    for each in plans:
        if each.name == name:
            return each
    raise no_match("plan", name, [each.name for each in plans])


def no_match(what: str, name: str, existing: Sequence[str], where: str = "") -> NoMatch:
    """A `NoMatch` that lists existing names, the most similar first."""
    lower = {each.lower(): each for each in existing}
    close = [*(lower[each] for each in get_close_matches(name.lower(), lower, n=5, cutoff=0.3)), *existing]
    ordered = list(dict.fromkeys(close))
    shown = ", ".join(ordered[:5]) + (f" and {len(ordered) - 5} more" if len(ordered) > 5 else "")
    place = f" {where}" if where else ""
    return NoMatch(f"no {what} {name!r}{place}: there are {shown}", candidates=ordered)
