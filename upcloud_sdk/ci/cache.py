"""Answers that serve many servers: templates, groups and prices are asked for once, not once a server."""

from __future__ import annotations

import contextlib
import logging
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio

from upcloud_sdk.errors import UpCloudError
from upcloud_sdk.models.ownership import OWNER

if TYPE_CHECKING:
    import re
    from collections.abc import Awaitable, Callable, Hashable

    from upcloud_sdk import ServerSpec, UpCloud
    from upcloud_sdk.models import ServerGroupSpec, StorageSummary

V = TypeVar("V")

log = logging.getLogger("upcloud_sdk")

_TEMPLATES_FOR = 30.0
_GROUPS_FOR = 3600.0
_PRICES_FOR = 3600.0
_BILL_FOR = 600.0
_NO_PRICE_FOR = 300.0
_PLANS_FOR = 3600.0
_PRICE_WITHIN = 5.0


class TimedCache(Generic[V]):
    """Answers that are kept for `seconds`. One caller asks; the others wait for its answer."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._known: dict[Hashable, tuple[float, V]] = {}
        self._asking = anyio.Lock()

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[V]]) -> V:
        """The answer to `key`; `ask` is called if none is known. An error is not kept."""
        async with self._asking:
            if self.has(key):
                return self._known[key][1]
            answer = await ask()
            self.keep(key, answer, self._seconds)
            return answer

    def has(self, key: Hashable) -> bool:
        """Whether an answer to `key` is known."""
        return key in self._known and time.monotonic() < self._known[key][0]

    def known(self, key: Hashable) -> V | None:
        """The answer to `key`, if one is known."""
        return self._known[key][1] if self.has(key) else None

    def keep(self, key: Hashable, answer: V, seconds: float) -> None:
        """Keep an answer for so many seconds."""
        self._known[key] = (time.monotonic() + seconds, answer)


class AccountCache:
    """Templates, server groups and prices of one account."""

    def __init__(self, cloud: UpCloud) -> None:
        self.cloud = cloud
        self._templates: TimedCache[StorageSummary] = TimedCache(_TEMPLATES_FOR)
        self._groups: TimedCache[str] = TimedCache(_GROUPS_FOR)
        self._prices: TimedCache[Decimal] = TimedCache(_PRICES_FOR)
        self._currencies: TimedCache[str] = TimedCache(_PRICES_FOR)
        self._bills: TimedCache[Decimal] = TimedCache(_BILL_FOR)
        self._unpriced: TimedCache[None] = TimedCache(_NO_PRICE_FOR)
        self._plans: TimedCache[str] = TimedCache(_PLANS_FOR)

    async def template(
        self, key: Hashable, image: str | re.Pattern[str] | Callable[[StorageSummary], bool]
    ) -> StorageSummary:
        """The template that `storages.find_template(image)` finds, at most half a minute old; `key` stands for `image`.

        Raises:
            NoMatch, Ambiguous: there is none, or there are several.
        """
        return await self._templates.get(key, lambda: self.cloud.storages.find_template(image))

    async def group(self, spec: ServerGroupSpec) -> str:
        """The uuid of the owner's server group of this title, which is made if there is none."""

        async def find() -> str:
            groups = await self.cloud.server_groups.list(labels={OWNER: self.cloud.owner})
            found = next((group for group in groups if group.title == spec.title), None)
            return (found or await self.cloud.server_groups.create(spec)).uuid

        return await self._groups.get(spec.title, find)

    def forget(self) -> None:
        """Ask again for templates and groups: one of them is gone."""
        self._templates = TimedCache(_TEMPLATES_FOR)
        self._groups = TimedCache(_GROUPS_FOR)

    def successor(self, plan: str, zone: str) -> str | None:
        """What `find_successor` found for a plan; None if that was not asked within the hour."""
        return self._plans.known((plan, zone))

    async def find_successor(self, plan: str, zone: str, *, cores: int, memory: int, storage: int) -> str:
        """The cheapest plan on sale with at least so much (MiB, GB), instead of one that the account does not get.

        Raises:
            NoMatch: there is none.
        """

        async def find() -> str:
            found = await self.cloud.plans.cheapest(cores=cores, memory=memory, storage=storage, zone=zone)
            log.warning("plan %s is not sold to this account any more: %s is taken in %s", plan, found.name, zone)
            return found.name

        return await self._plans.get((plan, zone), find)

    async def price(self, spec: ServerSpec) -> Decimal | None:
        """Credits an hour; None where that cannot be told within five seconds, and then for five minutes."""

        async def ask() -> Decimal:
            return (await self.cloud.prices.estimate(spec)).hourly * 100

        disks = tuple((disk.action, disk.storage, disk.size, disk.tier) for disk in spec.storage_devices)
        key = (spec.zone, spec.plan, spec.core_number, spec.memory_amount, spec.networking, spec.firewall, disks)
        if self._unpriced.has(key):
            return None
        with anyio.move_on_after(_PRICE_WITHIN), contextlib.suppress(UpCloudError):
            return await self._prices.get(key, ask)
        self._unpriced.keep(key, None, _NO_PRICE_FOR)
        return None

    async def currency(self) -> str | None:
        """The account's currency, such as `EUR`; None where that cannot be told within five seconds."""

        async def ask() -> str:
            # An account that may not see itself is not asked again for as long.
            try:
                return (await self.cloud.accounts.get((await self.cloud.account.get()).username or "")).currency
            except UpCloudError:
                return ""

        with anyio.move_on_after(_PRICE_WITHIN):
            return await self._currencies.get("", ask) or None
        return None

    async def billed(self) -> Decimal:
        """What the owner's servers and disks cost this month by the bill, at most ten minutes old; 0 if not told."""
        month = datetime.now(UTC).strftime("%Y-%m")

        async def ask() -> Decimal:
            try:
                bill = await self.cloud.account.billing(month)
            except UpCloudError:
                return Decimal(0)
            details = (
                detail
                for category in bill.categories.values()
                for kind in category.kinds.values()
                for resource in kind.resources
                for detail in resource.details
            )
            ours = (detail.amount for detail in details if detail.labels.get(OWNER) == self.cloud.owner)
            return sum(ours, Decimal(0))

        return await self._bills.get(month, ask)
