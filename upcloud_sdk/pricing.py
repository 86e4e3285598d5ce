"""What a server costs before it is made, and the plan that costs least."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from upcloud_sdk._transport import segment
from upcloud_sdk._wire import one
from upcloud_sdk.billing import HOURS_A_MONTH
from upcloud_sdk.errors import NoMatch
from upcloud_sdk.models.storages import Storage
from upcloud_sdk.resources.catalog import PriceLists
from upcloud_sdk.resources.plans import Plans

if TYPE_CHECKING:
    from upcloud_sdk.models.catalog import Plan, Price, ZonePrices
    from upcloud_sdk.models.server_requests import ServerSpec, StorageDeviceSpec
    from upcloud_sdk.resources._base import Core

_STORAGE = one(Storage, "storage")


@dataclass(frozen=True, slots=True)
class PricePart:
    """One line of an estimate."""

    item: str
    """The item of the price list, such as `server_plan_1xCPU-1GB` or `storage_maxiops`."""
    quantity: Decimal
    """How much of it: pieces, cores, MiB, GB."""
    hourly: Decimal
    """Credits an hour."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a server will cost, in credits: cents of the account's currency. Traffic is not in it."""

    zone: str
    parts: tuple[PricePart, ...]

    @property
    def hourly(self) -> Decimal:
        """Credits for each started hour."""
        return sum((part.hourly for part in self.parts), Decimal(0))

    @property
    def monthly(self) -> Decimal:
        """Credits for a month: 672 hours at most are billed."""
        return self.hourly * HOURS_A_MONTH


class Prices(PriceLists):
    """`cloud.prices`. Chapter "Prices" of the API, <https://developers.upcloud.com/1.3/4-pricing/>."""

    async def estimate(self, spec: ServerSpec) -> Estimate:
        """What a server like this will cost an hour and a month, and why.

        Counted are the plan (or cores and memory), disks beyond what the plan brings, public addresses beyond the one
        IPv4 address that a plan with storage brings, the firewall, simple backups beyond the one of a day that such a
        plan brings, also those of what is stored beyond the plan, and the operating system's licence.
        Not counted are traffic, backups that a disk's rule makes, and disks that are attached, which cost what they do
        anyway.

        Raises:
            NoMatch: the zone, the plan, or something else in the spec has no price.
        """
        prices = _zone(await self.list(), spec.zone)
        plan = None
        if spec.plan != "custom":
            plan = _plan(await Plans(self._core).list(), spec.plan)
        sheet = _Sheet(self._core, prices, spec, plan)
        return Estimate(spec.zone, await sheet.parts())


class PlansAndPrices(Plans):
    """`cloud.plans`. Chapter "Plans" of the API, <https://developers.upcloud.com/1.3/7-plans/>."""

    async def cheapest(self, *, cores: int = 1, memory: int = 1024, zone: str, storage: int = 0) -> Plan:
        """The plan by which a server costs least in a zone, with at least so many cores and so much memory (MiB).

        Compared is what the server costs with `storage` GB of disk and one public IPv4 address, which some plans bring
        and others do not. Plans that are no longer on sale are left out.

        Raises:
            NoMatch: no plan on sale is that large, or none has a price in the zone; `candidates` are the largest.
        """
        prices = _zone(await PriceLists(self._core).list(), zone)
        plans = [plan for plan in await self.list() if plan.current_offering is not False]
        costs = [
            (cost, plan.core_number or 0, plan.memory_amount or 0, plan.name, plan)
            for plan in plans
            if (plan.core_number or 0) >= cores
            and (plan.memory_amount or 0) >= memory
            and (cost := _cost(plan, prices, storage)) is not None
        ]
        if not costs:
            largest = sorted(plans, key=lambda plan: (plan.core_number or 0, plan.memory_amount or 0), reverse=True)
            wish = f"{cores} cores, {memory} MiB of memory and {storage} GB of storage"
            raise NoMatch(f"no plan with a price in {zone} has {wish}", candidates=[plan.name for plan in largest[:10]])
        return min(costs, key=lambda row: row[:4])[4]


class _Sheet:
    """Adds up one estimate."""

    def __init__(self, core: Core, prices: ZonePrices, spec: ServerSpec, plan: Plan | None) -> None:
        self._core, self._prices, self._spec, self._plan = core, prices, spec, plan
        self._parts: list[PricePart] = []
        self._stored = Decimal(0)

    async def parts(self) -> tuple[PricePart, ...]:
        spec = self._spec
        if self._plan is not None:
            self._add(f"server_plan_{spec.plan}", Decimal(1))
        else:
            self._add("server_core", Decimal(spec.core_number or 0))
            self._add("server_memory", Decimal(spec.memory_amount or 0))
        await self._add_storages()
        self._add_addresses()
        if spec.firewall:
            self._add("firewall", Decimal(1))
        if spec.simple_backup and spec.simple_backup != "no":
            self._add_simple_backup(spec.simple_backup.partition(",")[2])
        return tuple(self._parts)

    def _add_simple_backup(self, kind: str) -> None:
        beyond = self._stored
        # A server of a custom size has no price for the whole: what it stores is paid by the GB.
        if self._plan is not None and is_all_in(self._plan):
            beyond = max(Decimal(0), self._stored - self._plan.storage_size)
            if kind != "daily":  # The plan brings that one.
                self._add(f"simple_backup_{kind}_{self._plan.name}", Decimal(1))
        if beyond:
            self._add(f"simple_backup_extra_{'dailies' if kind == 'daily' else kind}", beyond)

    async def _add_storages(self) -> None:
        included = Decimal((self._plan.storage_size if self._plan else None) or 0)
        own_tier = "maxiops" if self._plan is None or self._plan.storage_tier is None else str(self._plan.storage_tier)
        by_tier: dict[str, Decimal] = {}
        for device in self._spec.storage_devices:
            if device.action == "attach":
                continue  # It is there already, and paid for.
            tier = device.tier or own_tier
            size = await self._size(device)
            by_tier[tier] = by_tier.get(tier, Decimal(0)) + size
            self._stored += size
        for tier, size in by_tier.items():
            billed = max(Decimal(0), size - included) if tier == own_tier else size
            if billed:
                self._add(f"storage_{tier}", billed)

    async def _size(self, device: StorageDeviceSpec) -> Decimal:
        if device.storage is None:
            return Decimal(device.size or 0)
        path = f"/storage/{segment(device.storage, 'uuid')}"
        source = await self._core.transport.call("GET", path, _STORAGE)
        if source.license:
            cores = Decimal((self._plan.core_number if self._plan else self._spec.core_number) or 1)
            self._parts.append(PricePart(f"license of {source.title}", cores, source.license * cores))
        return Decimal(device.size or source.size or 0)

    def _add_addresses(self) -> None:
        interfaces = self._spec.networking
        families = ["IPv4", "IPv6"]  # What the API makes where nothing is said.
        if interfaces is not None:
            public = [interface for interface in interfaces if interface.type == "public"]
            families = [address.family for interface in public for address in interface.ip_addresses]
        all_in = self._plan is not None and is_all_in(self._plan)
        for family in ("IPv4", "IPv6"):
            brought = 1 if all_in and family == "IPv4" else 0
            billed = families.count(family) - brought
            if billed > 0:
                self._add(f"{family.lower()}_address", Decimal(billed))

    def _add(self, item: str, quantity: Decimal) -> None:
        price = self._prices.items.get(item)
        if price is None or price.price is None:
            raise NoMatch(
                f"{item} has no price in {self._spec.zone}: it may not be sold there",
                candidates=sorted(self._prices.items),
            )
        self._parts.append(PricePart(item, quantity, _of(price, quantity)))


def is_all_in(plan: Plan) -> bool:
    """Whether a plan brings a disk, a public IPv4 address and a day's backup: cloud native and GPU plans do not."""
    return plan.family not in {"cloud_native", "gpu"} and plan.storage_size > 0


def _cost(plan: Plan, prices: ZonePrices, storage: int) -> Decimal | None:
    """Credits an hour of a server with so many GB and a public IPv4 address; None if a part has no price."""
    wanted: dict[str, int] = {f"server_plan_{plan.name}": 1}
    if storage > plan.storage_size:
        wanted[f"storage_{plan.storage_tier or 'maxiops'}"] = storage - plan.storage_size
    if not is_all_in(plan):
        wanted["ipv4_address"] = 1
    found = {item: prices.items.get(item) for item in wanted}
    costs = [
        _of(price, Decimal(wanted[item]))
        for item, price in found.items()
        if price is not None and price.price is not None
    ]
    return sum(costs, Decimal(0)) if len(costs) == len(wanted) else None


def _of(price: Price, quantity: Decimal) -> Decimal:
    return (price.price or Decimal(0)) * quantity / (price.amount or 1)


def _zone(prices: tuple[ZonePrices, ...], zone: str) -> ZonePrices:
    for each in prices:
        if each.name == zone:
            return each
    raise NoMatch(f"no zone {zone!r} in the price list", candidates=[each.name for each in prices])


def _plan(plans: tuple[Plan, ...], name: str) -> Plan:
    for each in plans:
        if each.name == name:
            return each
    raise NoMatch(f"no plan {name!r}", candidates=[each.name for each in plans])
