"""Estimates the cost of new and existing servers, and finds the cheapest plan."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import Items, Resource, Uuid, one
from upcloud_sdk.billing import HOURS_A_MONTH
from upcloud_sdk.errors import InvalidRequest, NoMatch, UnexpectedAnswer, UpCloudError
from upcloud_sdk.models.catalog import ZonePrices
from upcloud_sdk.models.server_requests import ServerSpec
from upcloud_sdk.models.servers import Server
from upcloud_sdk.resources.account import AccountCalls
from upcloud_sdk.resources.accounts import Accounts
from upcloud_sdk.resources.catalog import PriceLists
from upcloud_sdk.resources.plans import Plans, no_match, plan_named
from upcloud_sdk.resources.server_storages import SERVER
from upcloud_sdk.resources.storages import STORAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk._transport import Transport
    from upcloud_sdk.models.catalog import Plan, Price

_CENTS = Decimal(100)
"""Credits per unit of the account's currency."""


class _PriceList(Resource):
    """All price lists and their currency."""

    currency: str | None = None
    zone: Items[ZonePrices] = ()


_PRICE_LIST = one(_PriceList, "prices")


async def _price_list(transport: Transport, *zones: str) -> _PriceList:
    """Read a single zone alone: all of them have thousands of items, and take seven times as long."""
    if len(zones) == 1:
        with suppress(InvalidRequest):
            found = await transport.call("GET", "/price", _PRICE_LIST, params=[("zone", zones[0])])
            if any(each.name == zones[0] for each in found.zone):
                return found
    return await transport.call("GET", "/price", _PRICE_LIST)


@dataclass(frozen=True, slots=True)
class PricePart:
    """One line of an estimate."""

    item: str
    """The item of the price list, such as `server_plan_1xCPU-1GB` or `storage_maxiops`."""
    quantity: Decimal
    """Quantity, in pieces, cores, MiB or GB."""
    hourly: Decimal
    """Price per hour, in the estimate's currency."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Cost of a server in the main unit of the account's currency (euros, not cents), without traffic."""

    zone: str
    parts: tuple[PricePart, ...]
    currency: str | None = None
    """Such as `EUR`. None if not known."""

    @property
    def hourly(self) -> Decimal:
        """Price per started hour."""
        return sum((part.hourly for part in self.parts), Decimal(0))

    @property
    def monthly(self) -> Decimal:
        """Price per month. At most 672 hours are billed."""
        return self.hourly * HOURS_A_MONTH

    def __str__(self) -> str:
        return f"{self.hourly:.4f} {self.currency or ''}".strip() + " an hour"


class Prices(PriceLists):
    """`cloud.prices`. Chapter "Prices" of the API, <https://developers.upcloud.com/1.3/4-pricing/>."""

    _currency: str | None = None

    async def estimate(self, of: ServerSpec | Uuid) -> Estimate:
        """Estimate what a server costs per hour and per month, item by item.

        Included: the plan (or cores and memory), disks, public addresses, the firewall, simple backups, and the
        licence of the operating system. Not included: traffic, backups by a disk's backup rule, and existing disks that
        a new server attaches, since these cost the same without it.

        A plan with storage includes one disk of its tier, up to the plan's size, one public IPv4 address, and a daily
        simple backup. A smaller disk costs the same. For a larger disk you pay each GB beyond the plan's size. A second
        disk is paid in full.

        Args:
            of: The spec of a new server, or an existing server or its uuid, with all its disks.

        Raises:
            NoMatch: The zone, the plan, or another item has no price. The error lists those that have one.
            UnexpectedAnswer: A value that the price depends on, such as the size of a disk, cannot be read.
        """
        [estimate] = await self.estimate_all([of])
        return estimate

    async def estimate_all(self, of: Sequence[ServerSpec | Uuid]) -> list[Estimate]:
        """As `estimate`, for several servers. The price list and the plans are read once."""
        known = [each if isinstance(each, ServerSpec | Server) else await self._server(each) for each in of]
        if not known:
            return []
        lists, currency = await self.with_currency(*{each.zone or "" for each in known})
        is_planned = any((each.plan or "custom") != "custom" for each in known)
        plans = await Plans(self._core).list() if is_planned else ()
        estimates: list[Estimate] = []
        for each in known:
            zone, plan = each.zone or "", each.plan or "custom"
            prices = _zone(lists, zone)
            planned = None if plan == "custom" else plan_named(plans, plan)
            billed = _of_server(each) if isinstance(each, Server) else await self._of_spec(each)
            estimates.append(Estimate(zone, _Sheet(prices, zone, billed, planned).parts(), currency))
        return estimates

    async def of_templates(self) -> tuple[dict[str, Decimal], str | None]:
        """Price per GB and hour of private templates, by zone, if known; and the currency."""
        lists, currency = await self.with_currency()
        found = {zone.name: zone.items.get("storage_template") for zone in lists}
        hourly = {zone: _of(price, Decimal(1)) / _CENTS for zone, price in found.items() if price and price.price}
        return hourly, currency

    async def with_currency(self, *zones: str) -> tuple[tuple[ZonePrices, ...], str | None]:
        """The price lists of these zones, or of more, with their currency, if known. No zone: of all zones."""
        price_list = await _price_list(self._transport, *zones)
        return price_list.zone, price_list.currency or await self._account_currency()

    async def _server(self, uuid: Uuid) -> Server:
        return await self._transport.call("GET", f"/server/{path_segment(uuid, 'uuid')}", SERVER)

    async def _account_currency(self) -> str | None:
        if self._currency is None:
            try:
                account = await AccountCalls(self._core).get()
                self._currency = (await Accounts(self._core).get(account.username or "")).currency
            except (UpCloudError, ValueError):
                self._currency = ""  # A sub-account may not be allowed to read itself.
        return self._currency or None

    async def _of_spec(self, spec: ServerSpec) -> _Billed:
        families = ["IPv4", "IPv6"]  # The API's default.
        if spec.networking is not None:
            public = [interface for interface in spec.networking if interface.type == "public"]
            families = [address.family for interface in public for address in interface.ip_addresses]
        billed = _Billed(
            cores=spec.core_number or 0,
            memory=spec.memory_amount or 0,
            families=families,
            firewall=spec.firewall,
            simple_backup=spec.simple_backup,
        )
        for device in spec.storage_devices:
            if device.action == "attach":
                continue  # It exists, so its cost does not change.
            size = device.size
            if device.storage is not None:
                path = f"/storage/{path_segment(device.storage, 'uuid')}"
                source = await self._transport.call("GET", path, STORAGE)
                size = size or source.size
                if size is None or source.license is None:
                    unknown = "size" if size is None else "license"
                    raise _unpriced(f"GET {path}", "Storage", unknown, source.uuid)
                if source.license:
                    billed.licences.append((f"license of {source.title}", source.license))
            billed.disks.append(_Disk(device.tier, Decimal(size or 0)))
        return billed


def _of_server(server: Server) -> _Billed:
    disks = [device for device in server.storage_devices if device.type != "cdrom"]
    needed = ["firewall", "license"]
    if server.plan in {None, "custom"}:
        needed += ["core_number", "memory_amount"]
    unknown = ["storage_size" for device in disks if device.storage_size is None]
    unknown += [name for name in needed if getattr(server, name) is None]
    if unknown:
        raise _unpriced(f"estimate of {server.uuid}", "Server", unknown[0], server.uuid)
    return _Billed(
        cores=server.core_number or 0,
        memory=server.memory_amount or 0,
        families=[str(address.family) for address in server.ip_addresses if address.access == "public"],
        firewall=bool(server.firewall),
        simple_backup=server.simple_backup,
        disks=[
            _Disk(
                device.storage_tier and str(device.storage_tier),
                Decimal(device.storage_size or 0),
                bool(device.part_of_plan),
            )
            for device in disks
        ],
        licences=[("license", server.license)] if server.license else [],
    )


def _unpriced(call: str, model: str, path: str, uuid: str) -> UnexpectedAnswer:
    """The error for a value that is not known. It must not count as zero: budgets rely on estimates."""
    return UnexpectedAnswer(call, model, path, "it is not known, and without it there is no price", uuid=uuid)


@dataclass(frozen=True, slots=True)
class _Disk:
    """A disk to pay for."""

    tier: str | None
    """None: the tier of the plan."""
    size: Decimal
    """GB."""
    part_of_plan: bool = False
    """Whether the API says that the plan includes it."""


@dataclass
class _Billed:
    """The billed parts of a server."""

    cores: int
    """For custom sizes."""
    memory: int
    """For custom sizes, in MiB."""
    families: list[str]
    """Families of its public addresses."""
    firewall: bool
    simple_backup: str | None
    disks: list[_Disk] = field(default_factory=list["_Disk"])
    licences: list[tuple[str, Decimal]] = field(default_factory=list[tuple[str, Decimal]])
    """Names, and credits per hour and core."""


class PlansAndPrices(Plans):
    """`cloud.plans`. Chapter "Plans" of the API, <https://developers.upcloud.com/1.3/7-plans/>."""

    async def cheapest(self, *, cores: int = 1, memory: int = 1024, zone: str, storage: int = 0) -> Plan:
        """Find the plan with which a server costs least in a zone.

        It compares the cost with `storage` GB of disk and one public IPv4 address, which only some plans include.
        Plans that are no longer on sale are left out.

        Args:
            cores: At least this many cores.
            memory: At least this much memory, in MiB.
            zone: The zone, such as `fi-hel1`.
            storage: Size of the disk in GB. 0: no disk.

        Raises:
            NoMatch: No plan on sale is this large and has a price in the zone. `candidates` are the largest plans.
        """
        prices = _zone((await _price_list(self._transport, zone)).zone, zone)
        plans = [plan for plan in await self.list() if plan.current_offering is not False]
        found = _by_cost(plans, prices, zone, cores=cores, memory=memory, storage=storage)
        if not found:
            largest = sorted(plans, key=lambda plan: (plan.core_number or 0, plan.memory_amount or 0), reverse=True)
            wish = f"{cores} cores, {memory} MiB of memory and {storage} GB of storage"
            raise NoMatch(f"no plan with a price in {zone} has {wish}", candidates=[plan.name for plan in largest[:10]])
        return found[0][0]

    async def by_cost(
        self, *, cores: int = 1, memory: int = 0, zone: str, storage: int = 10, discontinued: bool = False
    ) -> tuple[tuple[Plan, Estimate], ...]:
        """List plans with what a server costs with them in a zone, the cheapest first. Compares as `cheapest` does.

        Args:
            cores: At least this many cores.
            memory: At least this much memory, in MiB.
            zone: The zone, such as `fi-hel1`.
            storage: Size of the disk in GB. 0: no disk.
            discontinued: Also plans that are no longer on sale.

        Raises:
            NoMatch: There is no such zone.
        """
        lists, currency = await Prices(self._core).with_currency(zone)
        plans = [plan for plan in await self.list() if discontinued or plan.current_offering is not False]
        found = _by_cost(plans, _zone(lists, zone), zone, cores=cores, memory=memory, storage=storage)
        return tuple((plan, replace(cost, currency=currency)) for plan, cost in found)


class _Sheet:
    """Computes one estimate."""

    def __init__(self, prices: ZonePrices, zone: str, billed: _Billed, plan: Plan | None) -> None:
        self._prices, self._zone, self._billed, self._plan = prices, zone, billed, plan
        self._parts: list[PricePart] = []

    def parts(self) -> tuple[PricePart, ...]:
        billed, plan = self._billed, self._plan
        if plan is not None:
            self._add(f"server_plan_{plan.name}", Decimal(1))
        else:
            self._add("server_core", Decimal(billed.cores))
            self._add("server_memory", Decimal(billed.memory))
        for name, credits_a_core in billed.licences:
            cores = Decimal((plan.core_number if plan else billed.cores) or 1)
            self._parts.append(PricePart(name, cores, credits_a_core * cores / _CENTS))
        self._add_disks()
        self._add_addresses()
        if billed.firewall:
            self._add("firewall", Decimal(1))
        if billed.simple_backup and billed.simple_backup != "no":
            self._add_simple_backup(billed.simple_backup.partition(",")[2])
        return tuple(self._parts)

    def _add_simple_backup(self, kind: str) -> None:
        stored = sum((disk.size for disk in self._billed.disks), Decimal(0))
        beyond = stored
        # Custom sizes have no backup price per server: stored data is paid by the GB.
        if self._plan is not None and is_all_in(self._plan):
            beyond = max(Decimal(0), stored - (self._plan.storage_size or 0))
            if kind != "daily":  # Included in the plan.
                self._add(f"simple_backup_{kind}_{self._plan.name}", Decimal(1))
        if beyond:
            self._add(f"simple_backup_extra_{'dailies' if kind == 'daily' else kind}", beyond)

    def _add_disks(self) -> None:
        included = Decimal((self._plan.storage_size if self._plan else None) or 0)
        own_tier = "maxiops" if self._plan is None or self._plan.storage_tier is None else str(self._plan.storage_tier)
        disks = self._billed.disks
        alike = [disk for disk in disks if (disk.tier or own_tier) == own_tier]
        brought = next((disk for disk in disks if disk.part_of_plan), alike[0] if alike else None)
        by_tier: dict[str, Decimal] = {}
        for disk in disks:
            tier = disk.tier or own_tier
            paid = max(Decimal(0), disk.size - included) if disk is brought else disk.size
            by_tier[tier] = by_tier.get(tier, Decimal(0)) + paid
        for tier, size in by_tier.items():
            if size:
                self._add(f"storage_{tier}", size)

    def _add_addresses(self) -> None:
        all_in = self._plan is not None and is_all_in(self._plan)
        for family in ("IPv4", "IPv6"):
            brought = 1 if all_in and family == "IPv4" else 0
            beyond = self._billed.families.count(family) - brought
            if beyond > 0:
                self._add(f"{family.lower()}_address", Decimal(beyond))

    def _add(self, item: str, quantity: Decimal) -> None:
        price = self._prices.items.get(item)
        if price is None or price.price is None:
            raise NoMatch(
                f"{item} has no price in {self._zone}: it may not be available there",
                candidates=sorted(self._prices.items),
            )
        self._parts.append(PricePart(item, quantity, _of(price, quantity) / _CENTS))


def is_all_in(plan: Plan) -> bool:
    """Whether a plan includes a disk, a public IPv4 address and a daily backup. Cloud native and GPU plans do not."""
    return plan.family not in {"cloud_native", "gpu"} and bool(plan.storage_size)


def _by_cost(
    plans: Sequence[Plan], prices: ZonePrices, zone: str, *, cores: int, memory: int, storage: int
) -> list[tuple[Plan, Estimate]]:
    """The plans that are large enough and have a price, the cheapest first."""
    large = [plan for plan in plans if (plan.core_number or 0) >= cores and (plan.memory_amount or 0) >= memory]
    costs = [(plan, Estimate(zone, parts)) for plan in large if (parts := _parts(plan, prices, storage)) is not None]
    return sorted(
        costs, key=lambda row: (row[1].hourly, row[0].core_number or 0, row[0].memory_amount or 0, row[0].name)
    )


def _parts(plan: Plan, prices: ZonePrices, storage: int) -> tuple[PricePart, ...] | None:
    """A server of a plan with this disk and a public IPv4 address. None if a part has no price."""
    wanted: dict[str, int] = {f"server_plan_{plan.name}": 1}
    beyond = storage - (plan.storage_size or 0)
    if beyond > 0:
        wanted[f"storage_{plan.storage_tier or 'maxiops'}"] = beyond
    if not is_all_in(plan):
        wanted["ipv4_address"] = 1
    found = {item: prices.items.get(item) for item in wanted}
    parts = [
        PricePart(item, Decimal(wanted[item]), _of(price, Decimal(wanted[item])) / _CENTS)
        for item, price in found.items()
        if price is not None and price.price is not None
    ]
    return tuple(parts) if len(parts) == len(wanted) else None


def _of(price: Price, quantity: Decimal) -> Decimal:
    return (price.price or Decimal(0)) * quantity / (price.amount or 1)


def _zone(prices: tuple[ZonePrices, ...], zone: str) -> ZonePrices:
    for each in prices:
        if each.name == zone:
            return each
    raise no_match("zone", zone, [each.name for each in prices], "in the price list")
