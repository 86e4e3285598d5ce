"""A cache of templates, groups and prices, which are read once instead of once per server."""

from __future__ import annotations

import logging
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import anyio

from upcloud_sdk._identity import run_id
from upcloud_sdk.errors import Forbidden, NotFound, UnexpectedAnswer, UpCloudError
from upcloud_sdk.models import StorageType
from upcloud_sdk.models.ownership import ATTEMPT, LEASE, OWNER, RUN, Ownership

if TYPE_CHECKING:
    import re
    from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
    from datetime import datetime

    from upcloud_sdk import ServerSpec, UpCloud
    from upcloud_sdk.models import BillingSummary, ServerGroupSpec, ServerSummary, StorageSummary
    from upcloud_sdk.pricing import Estimate

V = TypeVar("V")

log = logging.getLogger("upcloud_sdk")

_TEMPLATES_FOR = 30.0
_GROUPS_FOR = 3600.0
_PRICES_FOR = 3600.0
_BILL_FOR = 600.0
_NO_PRICE_FOR = 300.0
_PLANS_FOR = 3600.0
_PRICE_WITHIN = 5.0
_SERVERS_WITHIN = 2.0
_SERVERS_FOR = 30.0
_DISKS_FOR = 30.0
_MOST_DISKS = 50
"""How many disks are read to learn whether they are attached to another server. Further disks are left out."""


class Seen(NamedTuple):
    """A list of servers, and its time by the API's clock."""

    servers: tuple[ServerSummary, ...]
    at: datetime


class TimedCache(Generic[V]):
    """Answers that are kept for `seconds`. One caller sends the request, and the others wait for its answer."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._known: dict[Hashable, tuple[float, V]] = {}
        self._asking = anyio.Lock()

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[V]], *, within: float | None = None) -> V:
        """The answer for `key`. If there is none, or none of the last `within` seconds, `ask` is called.

        Errors are not kept.
        """
        async with self._asking:
            if self.has(key) and (within is None or self._seconds - self.left(key) < within):
                return self._known[key][1]
            answer = await ask()
            self.keep(key, answer, self._seconds)
            return answer

    def has(self, key: Hashable) -> bool:
        """Whether there is an answer for `key`."""
        return self.left(key) > 0

    def left(self, key: Hashable) -> float:
        """For how many seconds the answer for `key` is kept."""
        return self._known[key][0] - time.monotonic() if key in self._known else 0.0

    def known(self, key: Hashable) -> V | None:
        """The answer for `key`, if there is one."""
        return self._known[key][1] if self.has(key) else None

    def keep(self, key: Hashable, answer: V, seconds: float) -> None:
        """Keep an answer for this many seconds."""
        self._known[key] = (time.monotonic() + seconds, answer)


class AccountCache:
    """Templates, server groups and prices of one account."""

    def __init__(self, cloud: UpCloud) -> None:
        self.cloud = cloud
        self._templates: TimedCache[StorageSummary] = TimedCache(_TEMPLATES_FOR)
        self._groups: TimedCache[str] = TimedCache(_GROUPS_FOR)
        self._prices: TimedCache[Estimate] = TimedCache(_PRICES_FOR)
        self._pricing = anyio.Lock()
        self._bills: TimedCache[Decimal] = TimedCache(_BILL_FOR)
        self._last_bill: tuple[str, Decimal] | None = None
        """The last bill that was read: its month, and what it says."""
        self._may_read_no_bill = False
        self._unpriced: TimedCache[str] = TimedCache(_NO_PRICE_FOR)
        self.last_leased: Seen | None = None
        """The last answer of `leased`, however old."""
        self.last_orphaned: tuple[StorageSummary, ...] = ()
        """The last answer of `orphaned_disks`, however old."""
        self._leased: TimedCache[Seen] = TimedCache(_SERVERS_FOR)
        self._orphaned: TimedCache[tuple[StorageSummary, ...]] = TimedCache(_DISKS_FOR)
        self._plans: TimedCache[str] = TimedCache(_PLANS_FOR)

    async def template(
        self, key: Hashable, image: str | re.Pattern[str] | Callable[[StorageSummary], bool]
    ) -> StorageSummary:
        """The result of `storages.find_template(image)`, cached by `key` for half a minute.

        Raises:
            NoMatch, Ambiguous: There is no template, or more than one.
        """
        return await self._templates.get(key, lambda: self.cloud.storages.find_template(image))

    async def group(self, spec: ServerGroupSpec) -> str:
        """The uuid of the owner's server group with this title. Creates the group if there is none."""

        async def find() -> str:
            groups = await self.cloud.server_groups.list(labels={OWNER: self.cloud.owner})
            found = next((group for group in groups if group.title == spec.title), None)
            return (found or await self.cloud.server_groups.create(spec)).uuid

        return await self._groups.get(spec.title, find)

    def forget(self) -> None:
        """Clear templates and groups. Call this when one of them is gone."""
        self._templates = TimedCache(_TEMPLATES_FOR)
        self._groups = TimedCache(_GROUPS_FOR)

    def successor(self, plan: str, zone: str) -> str | None:
        """The result of `find_successor` for a plan in the last hour. None if it was not called."""
        return self._plans.known((plan, zone))

    async def find_successor(self, plan: str, zone: str, *, cores: int, memory: int, storage: int) -> str:
        """Find a replacement for a plan that the account cannot use: the cheapest plan of at least this size.

        Args:
            plan: The plan to replace.
            zone: The zone.
            cores: Minimum number of cores.
            memory: Minimum memory in MiB.
            storage: Size of the disk in GB.

        Raises:
            NoMatch: There is none.
        """

        async def find() -> str:
            found = await self.cloud.plans.cheapest(cores=cores, memory=memory, storage=storage, zone=zone)
            log.warning("plan %s is no longer sold to this account: using %s in %s", plan, found.name, zone)
            return found.name

        return await self._plans.get((plan, zone), find)

    async def estimates(self, specs: Sequence[ServerSpec]) -> list[Estimate]:
        """What servers of these specs cost, as it was an hour ago at most. One price list is read for all.

        Raises:
            UpCloudError: A price could not be read in 5 seconds, or in the last 5 minutes.
        """
        keys = [_price_key(spec) for spec in specs]
        for key in keys:
            if (problem := self._unpriced.known(key)) is not None:
                raise UpCloudError(problem)
        by_key = dict(zip(keys, specs, strict=True))
        is_read = all(self._prices.has(key) for key in keys)
        problem = f"the prices could not be read in {_PRICE_WITHIN:g} s"
        if not is_read:
            with anyio.move_on_after(_PRICE_WITHIN):
                async with self._pricing:
                    missing = {key: spec for key, spec in by_key.items() if not self._prices.has(key)}
                    try:
                        found = await self.cloud.prices.estimate_all(list(missing.values()))
                    except UpCloudError as error:
                        problem = str(error)
                    else:
                        for key, estimate in zip(missing, found, strict=True):
                            self._prices.keep(key, estimate, _PRICES_FOR)
        estimates = [self._prices.known(key) for key in keys]
        known = [estimate for estimate in estimates if estimate is not None]
        if len(known) == len(keys):
            return known
        for key in keys:
            if not self._prices.has(key):
                self._unpriced.keep(key, problem, _NO_PRICE_FOR)
        raise UpCloudError(problem)

    async def leased(self, *, within: float = _SERVERS_WITHIN) -> Seen:
        """All servers of the account with an owner and a lease, and the time of the list: at most 2 seconds ago.

        `within`: another limit, of 30 seconds at most.

        Raises:
            UpCloudError: The servers cannot be listed.
        """

        async def ask() -> Seen:
            servers = await self.cloud.servers.list(labels={OWNER: None, LEASE: None})
            self.last_leased = Seen(servers, await self.cloud.leases.now())
            return self.last_leased

        return await self._leased.get("", ask, within=within)

    async def orphaned_disks(self) -> tuple[StorageSummary, ...]:
        """The account's detached disks with an owner and a lease, whose servers are gone: at most 30 seconds ago.

        Disks that this process is still creating are left out.

        Raises:
            UpCloudError: The disks cannot be listed.
        """

        async def ask() -> tuple[StorageSummary, ...]:
            disks = await self.cloud.storages.list(labels={OWNER: None, LEASE: None})
            if not disks:
                self.last_orphaned = ()
                return ()
            # After the disks: a server that was just made has its disks already.
            servers = await self.cloud.servers.list(labels={OWNER: None})
            attempts = {server.labels[ATTEMPT] for server in servers if ATTEMPT in server.labels}
            now = await self.cloud.leases.now()
            orphans = [disk for disk in disks if disk.labels.get(ATTEMPT) not in attempts and _may_be_left(disk, now)]
            self.last_orphaned = tuple([disk for disk in orphans[:_MOST_DISKS] if await self._is_orphaned(disk)])
            return self.last_orphaned

        return await self._orphaned.get("", ask)

    async def _is_orphaned(self, disk: StorageSummary) -> bool:
        try:
            return not (await self.cloud.storages.get(disk.uuid)).servers
        except NotFound:
            return False

    async def of_other_runs(
        self, known: Collection[str] = (), *, within: float = _SERVERS_WITHIN, with_prices: bool = True
    ) -> dict[str, Decimal | None]:
        """The owner's leased servers that other processes created, with their price per hour, if it can be read.

        Args:
            known: Servers that are left out.
            within: As for `leased`.
            with_prices: Whether to ask for prices that are not known.

        Raises:
            UpCloudError: The servers cannot be listed.
        """
        others: list[str] = []
        for server in (await self.leased(within=within)).servers:
            labels = server.labels
            # All that are listed have an owner: one that cannot be read may be ours.
            is_ours = labels.get(OWNER, self.cloud.owner) == self.cloud.owner
            if is_ours and labels.get(RUN) != run_id() and server.uuid not in known:
                others.append(server.uuid)
        missing = [uuid for uuid in others if with_prices and not self._prices.has(uuid)]
        try:
            for uuid, estimate in zip(missing, await self.cloud.prices.estimate_all(missing), strict=True):
                self._prices.keep(uuid, estimate, _PRICES_FOR)
        except NotFound:
            # One of them is gone. The others are asked next time.
            self._leased = TimedCache(_SERVERS_FOR)
        except UpCloudError as error:
            log.warning("the prices of servers of other processes cannot be read: %s", error)
        prices = {uuid: self._prices.known(uuid) for uuid in others}
        return {uuid: None if price is None else price.hourly for uuid, price in prices.items()}

    async def billed(self) -> Decimal:
        """This month's bill for the owner's servers and disks, at most 10 minutes old.

        If it cannot be read, the last one of the month is returned. Returns 0 if the API shows this user no bill, and
        logs that once.

        Raises:
            UpCloudError: The bill cannot be read, or an amount in it, and there is no earlier one.
        """
        month = (await self.cloud.leases.now()).strftime("%Y-%m")

        async def ask() -> Decimal:
            try:
                self._last_bill = (month, self._ours(month, await self.cloud.account.billing(month)))
            except UpCloudError as error:
                if self._last_bill is None or self._last_bill[0] != month:
                    if not isinstance(error, Forbidden | NotFound):
                        raise
                    self._warn_of_no_bill(error)
                    return Decimal(0)
            return self._last_bill[1]

        return await self._bills.get(month, ask)

    def _warn_of_no_bill(self, error: UpCloudError) -> None:
        if not self._may_read_no_bill:
            log.warning("the API shows this user no bill, so a monthly budget does not count it: %s", error)
        self._may_read_no_bill = True

    def _ours(self, month: str, bill: BillingSummary) -> Decimal:
        """The part of a bill that is the owner's."""
        total = Decimal(0)
        for category in bill.categories.values():
            for kind in category.kinds.values():
                for resource in kind.resources:
                    ours = [each.amount for each in resource.details if each.labels.get(OWNER) == self.cloud.owner]
                    if None not in ours:
                        total += sum(filter(None, ours), Decimal(0))
                    elif resource.amount is not None:
                        total += resource.amount
                    else:
                        call, path = f"GET /account/billing/summary/{month}", "details.amount"
                        problem = "without it a budget cannot be kept"
                        raise UnexpectedAnswer(call, "BilledResource", path, problem, uuid=resource.resource_id)
        return total


def _price_key(spec: ServerSpec) -> Hashable:
    disks = tuple((disk.action, disk.storage, disk.size, disk.tier) for disk in spec.storage_devices)
    return (spec.zone, spec.plan, spec.core_number, spec.memory_amount, spec.networking, spec.firewall, disks)


def _may_be_left(disk: StorageSummary, now: datetime) -> bool:
    owned = Ownership.read(disk.labels)
    is_disk = disk.type in {None, StorageType.NORMAL}
    return is_disk and LEASE in disk.labels and (owned.run != run_id() or owned.lease is None or owned.lease <= now)
