"""Which of the servers that are up and free gets a build."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


def best_fit(paid_seconds: Mapping[T, float], usual: float | None) -> T | None:
    """The server for a build that usually takes so long: the one whose paid time just covers it.

    Where none covers it, or its usual duration is not known, the one with most paid time left. Of equal ones the first.

    Args:
        paid_seconds: The free servers, each with what is left of the hour that is paid.
        usual: Seconds; None if not known.

    Returns:
        None if no server is free.
    """
    if not paid_seconds:
        return None
    covering = {} if usual is None else {server: left for server, left in paid_seconds.items() if left >= usual}
    if covering:
        return min(covering, key=covering.__getitem__)
    return max(paid_seconds, key=paid_seconds.__getitem__)
