"""Decides how long an idle server is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, get_args

from upcloud_sdk.billing import HOUR, Anchor, paid_until


@dataclass(frozen=True, slots=True)
class PaidHour:
    """Keeps an idle server until shortly before the end of its paid hour.

    If a build runs past the end of an hour, its server can then be kept for the next hour.

    Raises:
        ValueError: `margin` is not from 0 to below 3600, or `anchor` is neither `create` nor `clock`.
    """

    margin: float = 120
    """Destroy the server this many seconds before the end of the hour. Must be longer than a destroy takes."""
    anchor: Anchor = "create"
    """Whether a paid hour begins at the create of the server, or at the full hour (`clock`)."""

    def __post_init__(self) -> None:
        margin = cast("object", self.margin)
        if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 <= margin < HOUR:
            raise ValueError(f"margin is a number of seconds from 0 to below {HOUR:g}, not {margin!r}")
        if self.anchor not in get_args(Anchor):
            raise ValueError(f"anchor is 'create' or 'clock', not {self.anchor!r}")

    def idle_seconds(self, began: float, now: float) -> float:
        """How long to keep a server created at `began` and idle since `now`, in seconds. 0: destroy it now."""
        return max(0.0, self.paid_seconds(began, now) - self.margin)

    def paid_seconds(self, began: float, now: float) -> float:
        """Seconds left of the paid hour. Always above 0."""
        return paid_until(began, now, anchor=self.anchor) - now


IdlePolicy = PaidHour | float
"""A `PaidHour`, or the seconds after which an idle server is destroyed."""


def idle_seconds(policy: IdlePolicy, began: float, now: float) -> float:
    """How long to keep a server created at `began` and idle since `now`, in seconds. 0: destroy it now."""
    return policy.idle_seconds(began, now) if isinstance(policy, PaidHour) else policy
