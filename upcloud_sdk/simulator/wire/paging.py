"""`limit`, `offset`, sort order and total of lists (chapter 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from upcloud_sdk.simulator.wire.calls import ApiFault, Call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Paging:
    """Page sizes of a list.

    Args:
        default: The default `limit`.
        most: The largest allowed `limit`.
        least: The smallest allowed `limit`.
    """

    default: int
    most: int
    least: int = 1


SERVERS = Paging(25, 1000)
STORAGES = Paging(25, 100)
TOKENS = Paging(20, 100)
RULESETS = Paging(10, 100, least=0)
AUDIT_LOGS = Paging(50, 200)

_MOST_REPEATED = 5
_TRUE, _FALSE = ("1", "true", "yes", "y", "on"), ("0", "false", "no", "n", "off")
_BOOLEANS = dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False)


def page(call: Call, found: Sequence[R], paging: Paging) -> Sequence[R]:
    """The requested page. Raises `ApiFault`: LIMIT_INVALID, OFFSET_INVALID."""
    start = number(call, "offset", 0)
    return found[start : start + limit(call, paging)]


def limit(call: Call, paging: Paging) -> int:
    """The requested number of items."""
    return number(call, "limit", paging.default, paging.least, paging.most)


def total(found: Sequence[object], *, told: bool = True) -> dict[str, str]:
    """The header with the total of a list, if it is enabled."""
    return {"Upcloud-Total-Count": str(len(found))} if told else {}


def number(call: Call, name: str, default: int, low: int = 0, high: int | None = None) -> int:
    """A whole number in the query. Raises `ApiFault`: 400 `<NAME>_INVALID`."""
    given = call.param(name)
    if given is None:
        return default
    if not given.isascii() or not given.isdigit() or int(given) < low or (high is not None and int(given) > high):
        bounds = f"{low} or more" if high is None else f"{low} to {high}"
        raise ApiFault(400, f"{name.upper()}_INVALID", f"The parameter {name} must be a whole number, {bounds}.")
    return int(given)


def choice(call: Call, name: str, allowed: Sequence[str]) -> str | None:
    """A word in the query. Raises `ApiFault`: 400 `<NAME>_INVALID`."""
    given = call.param(name)
    if given is not None and given not in allowed:
        raise ApiFault(400, f"{name.upper()}_INVALID", f"The parameter {name} must be one of {', '.join(allowed)}.")
    return given


def boolean(call: Call, name: str, code: str | None = None) -> bool:
    """A boolean in the query, in any form of the contract. Raises `ApiFault`: 400 `<CODE>_INVALID`."""
    given = (call.param(name) or "no").lower()
    if given not in _BOOLEANS:
        message = f"The parameter {name} must be one of {', '.join(_BOOLEANS)}."
        raise ApiFault(400, f"{code or name.upper()}_INVALID", message)
    return _BOOLEANS[given]


def repeated(call: Call, name: str) -> list[str]:
    """The values of a parameter that can be given up to five times. Raises `ApiFault`: 409 TOO_MANY_VALUES."""
    given = call.params(name)
    if len(given) > _MOST_REPEATED:
        raise ApiFault(409, "TOO_MANY_VALUES", f"The parameter {name} may be given {_MOST_REPEATED} times at most.")
    return given


def in_order(call: Call, found: Sequence[R], keys: Mapping[str, Callable[[R], str | float]]) -> Sequence[R]:
    """Sort by the key `sort_by`, in the direction `order_by`.

    Raises `ApiFault`: SORT_BY_INVALID, ORDER_BY_INVALID.
    """
    field, direction = choice(call, "sort_by", list(keys)), choice(call, "order_by", ("asc", "desc"))
    if field is not None:
        return sorted(found, key=keys[field], reverse=direction == "desc")
    return list(reversed(found)) if direction == "desc" else found


def sorted_as_asked(call: Call, found: Sequence[R], keys: Mapping[str, Callable[[R], str | float]]) -> Sequence[R]:
    """Sort by `sort`, as in the newer services: `+name,-created_at`. Raises `ApiFault`: SORT_INVALID."""
    for part in reversed([each for given in call.params("sort") for each in given.split(",")]):
        name = part.strip().lstrip("+-")  # an unescaped "+" in a query is a space
        if name not in keys:
            raise ApiFault(400, "SORT_INVALID", f"A list can be sorted by {', '.join(keys)}.")
        found = sorted(found, key=keys[name], reverse=part.startswith("-"))
    return found
