"""Filters and sort order of lists, as query parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from upcloud_sdk.resources.policies import check_word

if TYPE_CHECKING:
    from collections.abc import Sequence

Direction = Literal["asc", "desc"]

MOST = 5
"""Most values that a filter of the list of servers takes."""


def one_or_several(name: str, value: str | int | Sequence[str] | Sequence[int] | None) -> list[tuple[str, str]]:
    """A query parameter that can be repeated.

    Raises:
        ValueError: There are no values, or too many.
    """
    if value is None:
        return []
    values: Sequence[str | int] = [value] if isinstance(value, str | int) else list(value)
    if not 1 <= len(values) <= MOST:
        raise ValueError(f"{name} has {len(values)} values: the API takes 1 to {MOST}")
    return [(name, str(each)) for each in values]


def words(**values: str | None) -> list[tuple[str, str]]:
    """The query parameters that are not None."""
    return [(name, str(value)) for name, value in values.items() if value is not None]


def sort_params(sort_by: str | None, order_by: Direction | None, fields: object) -> list[tuple[str, str]]:
    """The query parameters for the sort order.

    Raises:
        ValueError: The field or the direction is not known.
    """
    if sort_by is not None:
        check_word(sort_by, fields, "sort_by")
    if order_by is not None:
        check_word(order_by, Direction, "order_by")
    return words(sort_by=sort_by, order_by=order_by)
