"""How long a server stays that has nothing to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, get_args

from upcloud_sdk.billing import HOUR, Anchor, paid_until


@dataclass(frozen=True, slots=True)
class PaidHour:
    """An idle server stays until shortly before the end of the hour that is paid.

    A build that runs across the end of an hour goes on; its server then stays through the hour that it has begun.

    Raises:
        ValueError: `margin` is below 0 or not below an hour; `anchor` is neither `create` nor `clock`.
    """

    margin: float = 120
    """Seconds before the end of the hour at which an idle server is destroyed: what a destroy takes at most."""
    anchor: Anchor = "create"
    """Whether an hour is counted from the create of the server, or by the `clock`."""

    def __post_init__(self) -> None:
        margin = cast("object", self.margin)
        if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 <= margin < HOUR:
            raise ValueError(f"margin is a number of seconds from 0 to below {HOUR:g}, not {margin!r}")
        if self.anchor not in get_args(Anchor):
            raise ValueError(f"anchor is 'create' or 'clock', not {self.anchor!r}")

    def idle_seconds(self, began: float, now: float) -> float:
        """How long a server that was made at `began`, and is idle from `now` on, stays; 0 if it goes at once."""
        return max(0.0, self.paid_seconds(began, now) - self.margin)

    def paid_seconds(self, began: float, now: float) -> float:
        """How much of the hour that is paid is left; always above 0."""
        return paid_until(began, now, anchor=self.anchor) - now


IdlePolicy = PaidHour | float
"""A `PaidHour`, or seconds after which any idle server is destroyed."""


def idle_seconds(policy: IdlePolicy, began: float, now: float) -> float:
    """How long a server that was made at `began`, and is idle from `now` on, stays; 0 if it goes at once."""
    return policy.idle_seconds(began, now) if isinstance(policy, PaidHour) else policy
