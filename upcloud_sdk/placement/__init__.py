"""Which server gets a build, and how long an idle one stays. Pure: times and prices in, decisions out."""

from __future__ import annotations

from upcloud_sdk.placement.budget import Budget
from upcloud_sdk.placement.costs import ServerCost, ServerTime, cost_of
from upcloud_sdk.placement.durations import UsualDurations
from upcloud_sdk.placement.idle import IdlePolicy, PaidHour, idle_seconds
from upcloud_sdk.placement.warm import best_fit

__all__ = [
    "Budget",
    "IdlePolicy",
    "PaidHour",
    "ServerCost",
    "ServerTime",
    "UsualDurations",
    "best_fit",
    "cost_of",
    "idle_seconds",
]
