"""Decides which server gets a build, and how long an idle server is kept. Pure functions of times and prices."""

from __future__ import annotations

from upcloud_sdk.placement.budget import Budget
from upcloud_sdk.placement.costs import ServerCost, ServerTime, cost_of
from upcloud_sdk.placement.durations import UsualDurations
from upcloud_sdk.placement.idle import IdlePolicy, PaidHour, idle_seconds
from upcloud_sdk.placement.standby import Standby
from upcloud_sdk.placement.warm import best_fit

__all__ = [
    "Budget",
    "IdlePolicy",
    "PaidHour",
    "ServerCost",
    "ServerTime",
    "Standby",
    "UsualDurations",
    "best_fit",
    "cost_of",
    "idle_seconds",
]
