"""What a server costs, before it is made or while it is there, and the plan that costs least."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from upcloud_sdk._transport import segment
from upcloud_sdk._wire import Items, Resource, Uuid, one
from upcloud_sdk.billing import HOURS_A_MONTH
from upcloud_sdk.errors import NoMatch, UpCloudError
from upcloud_sdk.models.catalog import ZonePrices
from upcloud_sdk.models.server_requests import ServerSpec
from upcloud_sdk.models.servers import Server
from upcloud_sdk.models.storages import Storage
from upcloud_sdk.resources.account import AccountCalls
from upcloud_sdk.resources.accounts import Accounts
from upcloud_sdk.resources.catalog import PriceLists
from upcloud_sdk.resources.plans import Plans, no_match, plan_named

if TYPE_CHECKING:
    from upcloud_sdk.models.catalog import Plan, Price

_STORAGE = one(Storage, "storage")
_SERVER = one(Server, "server")

_CENTS = Decimal(100)
"""Credits in the account's currency."""


class _PriceList(Resource):
    """All price lists, and the currency that they are in."""

    currency: str | None = None
    zone: Items[ZonePrices] = ()


_PRICE_LIST = one(_PriceList, "prices")


@dataclass(frozen=True, slots=True)
class PricePart:
    """One line of an estimate."""

    item: str
    """The item of the price list, such as `server_plan_1xCPU-1GB` or `storage_maxiops`."""
    quantity: Decimal
    """How much of it: pieces, cores, MiB, GB."""
    hourly: Decimal
    """Price of an hour, in the estimate's currency."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a server costs, in the account's currency and its main unit: euros, and not cents. Traffic is not in it."""

    zone: str
    parts: tuple[PricePart, ...]
    currency: str | None = None
    """Such as `EUR`; None where the API does not tell it."""

    @property
    def hourly(self) -> Decimal:
        """Price of each started hour."""
        return sum((part.hourly for part in self.parts), Decimal(0))

    @property
    def monthly(self) -> Decimal:
        """Price of a month: 672 hours at most are billed."""
        return self.hourly * HOURS_A_MONTH

    def __str__(self) -> str:
        return f"{self.hourly:.4f} {self.currency or ''}".strip() + " an hour"


class Prices(PriceLists):
    """`cloud.prices`. Chapter "Prices" of the API, <https://developers.upcloud.com/1.3/4-pricing/>."""

    _currency: str | None = None

    async def estimate(self, of: ServerSpec | Uuid) -> Estimate:
        """What a server costs an hour and a month, and why: one to be made, or one that exists, with all its disks.

        Counted are the plan (or cores and memory), disks beyond what the plan brings, public addresses beyond the one
        IPv4 address that a plan with storage brings, the firewall, simple backups beyond the one of a day that such a
        plan brings, also those of what is stored beyond the plan, and the operating system's licence.
        Not counted are traffic, backups that a disk's rule makes, and, of a server to be made, disks that are attached,
        which cost what they do anyway.

        Raises:
            NoMatch: the zone, the plan, or something else in it has no price; it says what there is.
        """
        if isinstance(of, ServerSpec):
            zone, plan_name = of.zone, of.plan
        else:
            of = of if isinstance(of, Server) else await self._server(of)
            zone, plan_name = of.zone or "", of.plan or "custom"
        price_list = await self._transport.call("GET", "/price", _PRICE_LIST)
        prices = _zone(price_list.zone, zone)
        plan = None if plan_name == "custom" else plan_named(await Plans(self._core).list(), plan_name)
        billed = _of_server(of) if isinstance(of, Server) else await self._of_spec(of)
        parts = _Sheet(prices, zone, billed, plan).parts()
        return Estimate(zone, parts, price_list.currency or await self._account_currency())

    async def _server(self, uuid: Uuid) -> Server:
        return await self._transport.call("GET", f"/server/{segment(uuid, 'uuid')}", _SERVER)

    async def _account_currency(self) -> str | None:
        if self._currency is None:
            try:
                account = await AccountCalls(self._core).get()
                self._currency = (await Accounts(self._core).get(account.username or "")).currency
            except (UpCloudError, ValueError):
                self._currency = ""  # A sub-account may not see itself.
        return self._currency or None

    async def _of_spec(self, spec: ServerSpec) -> _Billed:
        families = ["IPv4", "IPv6"]  # What the API makes where nothing is said.
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
                continue  # It is there already, and paid for.
            size = device.size
            if device.storage is not None:
                path = f"/storage/{segment(device.storage, 'uuid')}"
                source = await self._transport.call("GET", path, _STORAGE)
                size = size or source.size
                if source.license:
                    billed.licences.append((f"license of {source.title}", source.license))
            billed.disks.append((device.tier, Decimal(size or 0)))
        return billed


def _of_server(server: Server) -> _Billed:
    disks = [device for device in server.storage_devices if device.type != "cdrom"]
    return _Billed(
        cores=server.core_number or 0,
        memory=server.memory_amount or 0,
        families=[str(address.family) for address in server.ip_addresses if address.access == "public"],
        firewall=server.firewall,
        simple_backup=server.simple_backup,
        disks=[(device.storage_tier and str(device.storage_tier), Decimal(device.storage_size)) for device in disks],
        licences=[("license", server.license)] if server.license else [],
    )


@dataclass
class _Billed:
    """What is paid for."""

    cores: int
    """Of a server of a custom size."""
    memory: int
    """Of a server of a custom size, MiB."""
    families: list[str]
    """Of its public addresses."""
    firewall: bool
    simple_backup: str | None
    disks: list[tuple[str | None, Decimal]] = field(default_factory=list[tuple[str | None, Decimal]])
    """Tiers, None for the plan's own, and GB."""
    licences: list[tuple[str, Decimal]] = field(default_factory=list[tuple[str, Decimal]])
    """Names, and credits an hour and core."""


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
        stored = sum((size for _, size in self._billed.disks), Decimal(0))
        beyond = stored
        # A server of a custom size has no price for the whole: what it stores is paid by the GB.
        if self._plan is not None and is_all_in(self._plan):
            beyond = max(Decimal(0), stored - self._plan.storage_size)
            if kind != "daily":  # The plan brings that one.
                self._add(f"simple_backup_{kind}_{self._plan.name}", Decimal(1))
        if beyond:
            self._add(f"simple_backup_extra_{'dailies' if kind == 'daily' else kind}", beyond)

    def _add_disks(self) -> None:
        included = Decimal((self._plan.storage_size if self._plan else None) or 0)
        own_tier = "maxiops" if self._plan is None or self._plan.storage_tier is None else str(self._plan.storage_tier)
        by_tier: dict[str, Decimal] = {}
        for tier, size in self._billed.disks:
            by_tier[tier or own_tier] = by_tier.get(tier or own_tier, Decimal(0)) + size
        for tier, size in by_tier.items():
            beyond = max(Decimal(0), size - included) if tier == own_tier else size
            if beyond:
                self._add(f"storage_{tier}", beyond)

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
                f"{item} has no price in {self._zone}: it may not be sold there",
                candidates=sorted(self._prices.items),
            )
        self._parts.append(PricePart(item, quantity, _of(price, quantity) / _CENTS))


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
    raise no_match("zone", zone, [each.name for each in prices], "in the price list")
