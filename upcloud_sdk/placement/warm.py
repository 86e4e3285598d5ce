"""Chooses a free running server for a build."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


def best_fit(paid_seconds: Mapping[T, float], usual: float | None) -> T | None:
    """Choose the server whose remaining paid time is the shortest that covers the build.

    If none covers it, or the duration is not known: the server with the most paid time left. If equal, the first one.

    Args:
        paid_seconds: The free servers, with the seconds left of their paid hours.
        usual: Usual duration of the build in seconds. None if not known.

    Returns:
        The server. None if no server is free.
    """
    if not paid_seconds:
        return None
    covering = {} if usual is None else {server: left for server, left in paid_seconds.items() if left >= usual}
    if covering:
        return min(covering, key=covering.__getitem__)
    return max(paid_seconds, key=paid_seconds.__getitem__)
