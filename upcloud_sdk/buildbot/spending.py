"""What the servers of a master cost now and this month, held against a `Budget`. Used on the reactor's thread only."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from twisted.logger import Logger

from upcloud_sdk.buildbot._buildbot_api import LatentWorkerFailedToSubstantiate

if TYPE_CHECKING:
    from upcloud_sdk.buildbot._buildbot_api import DelayedCall, Master
    from upcloud_sdk.buildbot.costs import Costs
    from upcloud_sdk.buildbot.server import BuildServer
    from upcloud_sdk.placement import Budget

_LOOK_AGAIN_AFTER = 60.0
"""Seconds after which a builder looks again whether there is room: a new month tells nobody that it has come."""


class Price(NamedTuple):
    """What the next server of a worker costs at most, and what its owner's servers have cost this month by the bill."""

    hourly: Decimal
    """In the main unit of the currency."""
    currency: str
    billed: Decimal


class Spending:
    """Keeps the servers of a master within its budget. A server counts from before its create until it is gone."""

    _log = Logger()

    def __init__(self, master: Master, costs: Costs) -> None:
        self._master, self._costs = master, costs
        self._up: dict[BuildServer, Decimal] = {}
        self._claims: dict[str, Decimal] = {}
        """Of workers that have taken a build, whose server is not reserved yet."""
        self._prices: dict[str, Price] = {}
        self._call: DelayedCall | None = None

    def has_room(self, worker: str, budget: Budget | None) -> bool:
        """Whether another server of this worker is within the budget, as far as its price is known."""
        price = self._prices.get(worker)
        if budget is None or price is None or budget.problem(currency=price.currency, hourly=price.hourly):
            return True
        return self._refusal(price, budget) is None

    def claim(self, worker: str) -> None:
        """Count the next server of a worker that takes a build, as far as its price is known."""
        if worker in self._prices:
            self._claims[worker] = self._prices[worker].hourly

    def release_claim(self, worker: str) -> None:
        """A worker has taken no build after all."""
        self._claims.pop(worker, None)

    def reserve(self, server: BuildServer, price: Price | None, budget: Budget) -> None:
        """Count a server that is to be made.

        Raises:
            ValueError: this budget has never room for it.
            LatentWorkerFailedToSubstantiate: it has none now. The build is tried again, when there is room.
        """
        name = server.guest.name
        self.release_claim(name)
        if price is None:
            raise LatentWorkerFailedToSubstantiate(name, "there is a budget, but what its server costs cannot be told")
        self._prices[name] = price
        problem = budget.problem(currency=price.currency, hourly=price.hourly)
        if problem is not None:
            raise ValueError(problem)
        refusal = self._refusal(price, budget)
        if refusal is not None:
            raise LatentWorkerFailedToSubstantiate(name, f"{refusal} {price.currency}; its build waits")
        self._up[server] = price.hourly

    def release(self, server: BuildServer) -> None:
        """Count a server no more."""
        self._up.pop(server, None)

    def _refusal(self, price: Price, budget: Budget) -> str | None:
        spent, claimed = Decimal(0), self._claims.values()
        if budget.per_month is not None:
            now = datetime.now(UTC)
            recorded = self._costs.spent((now.year, now.month), self._up)
            spent = max(recorded, price.billed) + sum(claimed, Decimal(0))
        refusal = budget.refusal(up=[*self._up.values(), *claimed], hourly=price.hourly, spent=spent)
        if refusal is not None and (self._call is None or not self._call.active()):
            self._log.info("{refusal} {currency}; builds wait", refusal=refusal, currency=price.currency)
            look = self._master.botmaster.maybeStartBuildsForAllBuilders
            self._call = self._master.reactor.callLater(_LOOK_AGAIN_AFTER, look)
        return refusal

    def close(self) -> None:
        """Look again no more: the master stops."""
        if self._call is not None and self._call.active():
            self._call.cancel()
