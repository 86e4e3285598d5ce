"""Compares the cost of servers with a `Budget`."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk.ci.money.costs import Billed, Costs
    from upcloud_sdk.ci.money.price import Price
    from upcloud_sdk.placement import Budget


class Spending:
    """Keeps the servers of a process within its budget. Use it in the thread of `costs` only.

    A server counts from before its create until it is gone.

    Args:
        costs: What servers have cost.
        refused: Called with a reason when the server of a build does not fit now. The build should be tried again after
            some time, since a new month may have begun.
    """

    def __init__(self, costs: Costs, refused: Callable[[str], object] = lambda _: None) -> None:
        self._costs, self._refused = costs, refused
        self._up: dict[Billed, Decimal] = {}
        self._claims: dict[str, Decimal] = {}
        """Prices for workers that have taken a build and not reserved its server yet."""
        self._prices: dict[str, Price] = {}

    def has_room(self, worker: str, budget: Budget | None) -> bool:
        """Whether another server of this worker fits the budget, if its price is known."""
        price = self._prices.get(worker)
        if budget is None or price is None or budget.problem(currency=price.currency, hourly=price.hourly):
            return True
        return self._refusal_of_build(price.known(), budget) is None

    def claim(self, worker: str) -> None:
        """Count the next server of a worker that takes a build, as far as its price is known."""
        if worker in self._prices:
            self._claims[worker] = self._prices[worker].hourly

    def release_claim(self, worker: str) -> None:
        """Remove the claim of a worker whose build did not start."""
        self._claims.pop(worker, None)

    def reserve(self, worker: str, server: Billed, price: Price | None, budget: Budget) -> str | None:
        """Count a server before its create. If it does not fit now, it is not counted, and the reason is returned.

        Raises:
            ValueError: It can never fit this budget.
        """
        self.release_claim(worker)
        if price is None:
            return "there is a budget, but the price of its server is not known"
        self._prices[worker] = price
        problem = budget.problem(currency=price.currency, hourly=price.hourly)
        if problem is not None:
            raise ValueError(problem)
        refusal = self._refusal_of_build(price, budget)
        if refusal is not None:
            return f"{refusal}; its build waits"
        self._up[server] = price.hourly
        return None

    def release(self, server: Billed) -> None:
        """Stop counting a server."""
        self._up.pop(server, None)

    # --- the servers that make images ---

    def has_room_for_image(self, price: Price | None, budget: Budget | None) -> bool:
        """Whether the server of an image fits the budget."""
        return budget is None or (price is not None and self._refusal(price.known(), budget) is None)

    def count_image(self, server: Billed, price: Price) -> None:
        """Count the server of an image before its create."""
        self._up[server] = price.hourly

    def release_image(self, server: Billed) -> None:
        """Stop counting the server of an image. Its cost so far still counts, since it is not in the record."""
        hourly = self._up.pop(server, None)
        if hourly is not None:
            self._costs.add(server, hourly)

    # --- servers of builds and of images ---

    def _refusal(self, price: Price, budget: Budget) -> str | None:
        spent, claimed = Decimal(0), self._claims.values()
        if budget.per_month is not None:
            now = datetime.now(UTC)
            recorded = self._costs.spent((now.year, now.month), self._up)
            spent = max(recorded, price.billed) + sum(claimed, Decimal(0))
        refusal = budget.refusal(up=[*self._up.values(), *claimed, price.others], hourly=price.hourly, spent=spent)
        return None if refusal is None else f"{refusal} {price.currency}"

    def _refusal_of_build(self, price: Price, budget: Budget) -> str | None:
        refusal = self._refusal(price, budget)
        if refusal is not None:
            self._refused(refusal)
        return refusal
