"""How much servers may cost, an hour and a month."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What the servers of all workers may cost together, in the main unit of the account's currency (EUR, not cents).

    A server that would exceed it is not made: its build waits until there is room, or a new month. Nothing that runs is
    destroyed to save money.

    Raises:
        ValueError: an amount is not a number above 0, none is given, or `currency` is no code such as EUR.
    """

    per_hour: Decimal | float | None = None
    """What the servers that are up may cost an hour; None: no limit."""
    per_month: Decimal | float | None = None
    """What a month (in UTC) may cost; None: no limit. Counted are the bill of the month so far, and the hour that each
    server which is up, or about to be, has begun."""
    currency: str | None = None
    """The account's currency, such as `EUR`, to be sure of it; None: whichever it has."""

    def __post_init__(self) -> None:
        for name in ("per_hour", "per_month"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _amount(name, value))
        if self.per_hour is None and self.per_month is None:
            raise ValueError("a Budget needs per_hour or per_month: without them nothing is limited")
        currency = cast("object", self.currency)
        if currency is not None and not (
            isinstance(currency, str) and len(currency) == 3 and currency.isascii() and currency.isupper()
        ):
            raise ValueError(f"currency is a code such as 'EUR', not {currency!r}")

    def problem(self, *, currency: str, hourly: Decimal) -> str | None:
        """Why no server at this price could ever be made; None if it can be. In a sentence."""
        if self.currency is not None and self.currency != currency:
            return f"the budget is in {self.currency}, the account in {currency}"
        for name, limit in (("per_hour", self.per_hour), ("per_month", self.per_month)):
            if limit is not None and hourly > limit:
                return f"{name}={limit:f} is less than an hour of one server, {hourly.normalize():f} {currency}"
        return None

    def servers_at_once(self, hourly: Decimal) -> int:
        """How many servers at this price `per_hour` has room for; 0 without it."""
        return int(Decimal(self.per_hour or 0) // hourly)

    def hours_a_month(self, hourly: Decimal) -> int:
        """How many hours at this price `per_month` has room for; 0 without it."""
        return int(Decimal(self.per_month or 0) // hourly)

    def refusal(self, *, up: Iterable[Decimal], hourly: Decimal, spent: Decimal) -> str | None:
        """Why another server must wait now; None if there is room for it. In a sentence.

        Args:
            up: What an hour of each server costs that is up, or for which a place is reserved.
            hourly: What an hour of the server costs that is to be made.
            spent: What this month has cost so far, with the hours that the servers that are up have begun.
        """
        together = sum(up, hourly)
        if self.per_hour is not None and together > self.per_hour:
            return (
                f"the budget of {self.per_hour:f} an hour has no room: with this server it would be {_text(together)}"
            )
        if self.per_month is not None and spent + hourly > self.per_month:
            return f"the budget of {self.per_month:f} a month has no room: {_text(spent)} are spent"
        return None


def _amount(name: str, value: Any) -> Decimal:  # noqa: ANN401 - whatever stands in a master.cfg
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(value, bool) or not amount.is_finite() or amount <= 0:
        raise ValueError(f"{name} is an amount of money above 0, or None for no limit, not {value!r}")
    return amount


def _text(amount: Decimal) -> str:
    return f"{amount:.2f}"
