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
        """All plans, those among them that are no longer sold too."""
        return await self._list("/plan", _PLANS)


def plan_named(plans: Sequence[Plan], name: str) -> Plan:
    """The plan of this name.

    Raises:
        NoMatch: there is none; it says which there are.
    """
    for each in plans:
        if each.name == name:
            return each
    raise no_match("plan", name, [each.name for each in plans])


def no_match(what: str, name: str, there_are: Sequence[str], where: str = "") -> NoMatch:
    """An error that says what there is, the closest first."""
    close = [*get_close_matches(name, there_are, n=5, cutoff=0.3), *there_are]
    ordered = list(dict.fromkeys(close))
    shown = ", ".join(ordered[:5]) + (f" and {len(ordered) - 5} more" if len(ordered) > 5 else "")
    place = f" {where}" if where else ""
    return NoMatch(f"no {what} {name!r}{place}: there are {shown}", candidates=ordered)
