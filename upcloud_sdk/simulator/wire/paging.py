"""`limit` and `offset` of lists, and the header that tells how many there are (chapter 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from upcloud_sdk.simulator.wire.calls import ApiFault, Call

if TYPE_CHECKING:
    from collections.abc import Sequence

R = TypeVar("R")


def page(call: Call, found: Sequence[R]) -> tuple[Sequence[R], dict[str, str]]:
    """The items that the query asks for, and the headers of the answer."""
    headers = {"Upcloud-Total-Count": str(len(found))}
    if not call.query:
        return found, headers
    start = _number(call, "offset", 0)
    limit = _number(call, "limit", len(found))
    return found[start : start + limit], headers


def _number(call: Call, name: str, default: int) -> int:
    given = call.param(name)
    if given is None:
        return default
    if not given.isascii() or not given.isdigit():
        raise ApiFault(400, f"{name.upper()}_INVALID", f"The parameter {name} must be a whole number, 0 or more.")
    return int(given)
