"""Which server gets a build, and how long an idle one stays. Pure: times and prices in, decisions out."""

from __future__ import annotations

from upcloud_sdk.placement.durations import UsualDurations
from upcloud_sdk.placement.idle import IdlePolicy, PaidHour, idle_seconds
from upcloud_sdk.placement.warm import best_fit

__all__ = ["IdlePolicy", "PaidHour", "UsualDurations", "best_fit", "idle_seconds"]
