"""Checks the arguments of calls before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from upcloud_sdk.waiting import check_number

if TYPE_CHECKING:
    from upcloud_sdk.models.server_requests import ServerSpec

SHORTEST_LEASE = 60.0
"""In seconds. A shorter lease could end between two attempts to renew it."""

LONGEST_LEASE = 10 * 366 * 86400.0
"""In seconds. A server that stays longer needs no lease."""


def check_seconds(seconds: float, what: str) -> float:
    """Check a duration.

    Raises:
        ValueError: It is not above zero.
        TypeError: It is not a number.
    """
    check_number(seconds, what)
    if not seconds > 0:
        raise ValueError(f"{what} is {seconds:g}: it must be above 0 seconds")
    return seconds


def check_lease(seconds: float) -> float:
    """Check the length of a lease.

    Raises:
        ValueError: It is too short to renew, or longer than ten years.
        TypeError: It is not a number.
    """
    check_number(seconds, "lease")
    if seconds > LONGEST_LEASE:
        raise ValueError("a lease is at most ten years; for a server that stays forever, give no lease (None)")
    if not seconds >= SHORTEST_LEASE:
        raise ValueError(f"a lease of {seconds:g} s is too short to renew: give {SHORTEST_LEASE:g} s or more")
    return seconds


def checked_specs(specs: object) -> tuple[ServerSpec, ...]:
    """The specs to be tried, in order.

    Raises:
        ValueError: There are none.
        TypeError: It is not a spec or a sequence of specs.
    """
    # Loaded here, since a program that only reads servers does not need it.
    from upcloud_sdk.models.server_requests import ServerSpec  # noqa: PLC0415 - see above

    given = tuple(cast("Sequence[object]", specs)) if isinstance(specs, Sequence) else (specs,)
    if not given:
        raise ValueError("the sequence of specs is empty: give at least one")
    chosen: list[ServerSpec] = []
    for spec in given:
        if not isinstance(spec, ServerSpec):
            raise TypeError("this is not a ServerSpec: give one, or a list or tuple of them")
        chosen.append(spec)
    return tuple(chosen)
