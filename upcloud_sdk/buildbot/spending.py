"""Compares the cost of a master's servers with its `Budget`. Used on the reactor's thread only."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from twisted.logger import Logger

from upcloud_sdk.buildbot._buildbot_api import LatentWorkerFailedToSubstantiate

if TYPE_CHECKING:
    from upcloud_sdk.buildbot._buildbot_api import DelayedCall, Master
    from upcloud_sdk.buildbot.server import BuildServer
    from upcloud_sdk.ci import Billed, Costs, Price
    from upcloud_sdk.placement import Budget

_LOOK_AGAIN_AFTER = 60.0
"""Seconds after which a builder checks the budget again, since a new month may have begun."""


class Spending:
    """Keeps the servers of a master within its budget. A server counts from before its create until it is gone."""

    _log = Logger()

    def __init__(self, master: Master, costs: Costs) -> None:
        self._master, self._costs = master, costs
        self._up: dict[Billed, Decimal] = {}
        self._claims: dict[str, Decimal] = {}
        """Prices for workers that have taken a build and not reserved its server yet."""
        self._prices: dict[str, Price] = {}
        self._call: DelayedCall | None = None

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

    def reserve(self, server: BuildServer, price: Price | None, budget: Budget) -> None:
        """Count a server before its create.

        Raises:
            ValueError: it can never fit this budget.
            LatentWorkerFailedToSubstantiate: it does not fit now. The build is tried again later.
        """
        name = server.guest.name
        self.release_claim(name)
        if price is None:
            raise LatentWorkerFailedToSubstantiate(name, "there is a budget, but what its server costs cannot be told")
        self._prices[name] = price
        problem = budget.problem(currency=price.currency, hourly=price.hourly)
        if problem is not None:
            raise ValueError(problem)
        refusal = self._refusal_of_build(price, budget)
        if refusal is not None:
            raise LatentWorkerFailedToSubstantiate(name, f"{refusal} {price.currency}; its build waits")
        self._up[server] = price.hourly

    def release(self, server: BuildServer) -> None:
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
        """Stop counting the server of an image. What it has cost stays counted: it is not in the record."""
        hourly = self._up.pop(server, None)
        if hourly is not None:
            self._costs.add(server, hourly)

    # --- both ---

    def _refusal(self, price: Price, budget: Budget) -> str | None:
        spent, claimed = Decimal(0), self._claims.values()
        if budget.per_month is not None:
            now = datetime.now(UTC)
            recorded = self._costs.spent((now.year, now.month), self._up)
            spent = max(recorded, price.billed) + sum(claimed, Decimal(0))
        return budget.refusal(up=[*self._up.values(), *claimed, price.others], hourly=price.hourly, spent=spent)

    def _refusal_of_build(self, price: Price, budget: Budget) -> str | None:
        refusal = self._refusal(price, budget)
        if refusal is not None and (self._call is None or not self._call.active()):
            self._log.info("{refusal} {currency}; builds wait", refusal=refusal, currency=price.currency)
            look = self._master.botmaster.maybeStartBuildsForAllBuilders
            self._call = self._master.reactor.callLater(_LOOK_AGAIN_AFTER, look)
        return refusal

    def close(self) -> None:
        """Stop the timer: the master stops."""
        if self._call is not None and self._call.active():
            self._call.cancel()
