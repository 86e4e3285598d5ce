"""Lengths of time that callers give, checked before anything is sent."""

from __future__ import annotations

SHORTEST_LEASE = 60.0
"""Seconds: a shorter lease could end between two tries to renew it."""

LONGEST_LEASE = 10 * 366 * 86400.0
"""Seconds: what is to stay longer is to stay for good."""


def check_seconds(seconds: float, what: str) -> float:
    """A length of time.

    Raises:
        ValueError: it is not above zero.
    """
    if not seconds > 0:
        raise ValueError(f"{what} is {seconds:g}: it must be above 0 seconds")
    return seconds


def check_lease(seconds: float) -> float:
    """A lease's length.

    Raises:
        ValueError: it is shorter than a renewal can keep, or has no end.
    """
    if seconds > LONGEST_LEASE:
        raise ValueError("a lease has an end, give ten years at most: what is to stay for good has no lease (None)")
    if not seconds >= SHORTEST_LEASE:
        raise ValueError(
            f"a lease of {seconds:g} s is shorter than a renewal can keep: give {SHORTEST_LEASE:g} s or more"
        )
    return seconds
