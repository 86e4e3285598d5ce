"""Limits what servers may cost per hour and per month."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What all workers' servers together may cost, in the main unit of the account's currency (EUR, not cents).

    A server that would exceed the budget is not created: its build waits until a server is gone or a new month begins.
    Running servers are not destroyed to save money.

    Raises:
        ValueError: An amount is not a number above 0, no amount is given, or `currency` is not a code such as EUR.
    """

    per_hour: Decimal | float | None = None
    """What the running servers may cost per hour. None: no limit."""
    per_month: Decimal | float | None = None
    """What a month (in UTC) may cost. None: no limit. This month's bill counts, and the current hour of each
    running or starting server."""
    currency: str | None = None
    """Expected currency of the account, such as `EUR`. None: any."""

    def __post_init__(self) -> None:
        for name in ("per_hour", "per_month"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _amount(name, value))
        if self.per_hour is None and self.per_month is None:
            raise ValueError("a Budget needs per_hour or per_month")
        currency = cast("object", self.currency)
        if currency is not None and not (
            isinstance(currency, str) and len(currency) == 3 and currency.isascii() and currency.isupper()
        ):
            raise ValueError(f"currency is a code such as 'EUR', not {currency!r}")

    def problem(self, *, currency: str, hourly: Decimal) -> str | None:
        """Why the budget never allows a server at this price, as a sentence. None if it does."""
        if self.currency is not None and self.currency != currency:
            return f"the budget is in {self.currency}, the account in {currency}"
        for name, limit in (("per_hour", self.per_hour), ("per_month", self.per_month)):
            if limit is not None and hourly > limit:
                return f"{name}={limit:f} is less than an hour of one server, {hourly.normalize():f} {currency}"
        return None

    def servers_at_once(self, hourly: Decimal) -> int:
        """How many servers at this price `per_hour` allows. 0 if it is not set."""
        return int(Decimal(self.per_hour or 0) // hourly)

    def hours_a_month(self, hourly: Decimal) -> int:
        """How many hours at this price `per_month` allows. 0 if it is not set."""
        return int(Decimal(self.per_month or 0) // hourly)

    def refusal(self, *, up: Iterable[Decimal], hourly: Decimal, spent: Decimal) -> str | None:
        """Why a new server must wait, as a sentence. None if the budget allows it now.

        Args:
            up: Price per hour of each running or reserved server.
            hourly: Price per hour of the new server.
            spent: Cost of this month so far, including the current hours of running servers.
        """
        together = sum(up, hourly)
        if self.per_hour is not None and together > self.per_hour:
            return (
                f"the budget of {self.per_hour:f} an hour has no room: with this server it would be {_text(together)}"
            )
        if self.per_month is not None and spent + hourly > self.per_month:
            return f"the budget of {self.per_month:f} a month has no room: {_text(spent)} are spent"
        return None


def _amount(name: str, value: Any) -> Decimal:  # noqa: ANN401 - any value from a master.cfg
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(value, bool) or not amount.is_finite() or amount <= 0:
        raise ValueError(f"{name} is an amount of money above 0, or None for no limit, not {value!r}")
    return amount


def _text(amount: Decimal) -> str:
    return f"{amount:.2f}"
