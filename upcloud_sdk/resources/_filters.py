"""What a list can be asked for, as query parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from upcloud_sdk.resources.policies import check_word

if TYPE_CHECKING:
    from collections.abc import Sequence

Direction = Literal["asc", "desc"]

MOST = 5
"""How many of a thing a list of servers can be asked for."""


def one_or_several(name: str, value: str | int | Sequence[str] | Sequence[int] | None) -> list[tuple[str, str]]:
    """A parameter that may be repeated.

    Raises:
        ValueError: there are too many, or none.
    """
    if value is None:
        return []
    values: Sequence[str | int] = [value] if isinstance(value, str | int) else list(value)
    if not 1 <= len(values) <= MOST:
        raise ValueError(f"{name} has {len(values)} values: the API takes 1 to {MOST}")
    return [(name, str(each)) for each in values]


def words(**values: str | None) -> list[tuple[str, str]]:
    """Parameters that are given."""
    return [(name, str(value)) for name, value in values.items() if value is not None]


def order(sort_by: str | None, order_by: Direction | None, fields: object) -> list[tuple[str, str]]:
    """By which field a list is sorted, and which end comes first.

    Raises:
        ValueError: a word is none of them.
    """
    if sort_by is not None:
        check_word(sort_by, fields, "sort_by")
    if order_by is not None:
        check_word(order_by, Direction, "order_by")
    return words(sort_by=sort_by, order_by=order_by)
