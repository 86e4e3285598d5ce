"""The usage of the account: billing periods, per started hour (chapters 5 and 6)."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.records.account import Usage
from upcloud_sdk.simulator.records.networks import Network
from upcloud_sdk.simulator.records.records import IpAddress, Server, Storage
from upcloud_sdk.simulator.state.prices import price_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from upcloud_sdk.simulator.state.account_state import AccountState


Billed = Server | Storage | IpAddress | Network


_ON_DEMAND = ("CLOUDNATIVE-", "GPU-")
"""Plans that are not billed while the server is stopped."""


_DAILIES = {"daily": "dailies"}
"""The daily backup has a different name in the price list."""


_ONE_REQUEST = 1.0
"""The clock may run during a request: a disk can be slightly older than its share of the server's plan."""


_OFTEN = 60.0
"""Credits are updated after this many seconds of the clock."""


def is_on_demand(server: Server) -> bool:
    return server.plan.startswith(_ON_DEMAND)


def close(cloud: AccountState, record: Billed, when: float | None = None, *, longer_than: float = 0.0) -> None:
    """End the billing period of a deleted or changed record, and begin a new one."""
    now = cloud.clock.now() if when is None else when
    usage = _usage(record, now)
    if usage is not None and usage.ended - usage.began > longer_than:
        cloud.usages.append(usage)
    record.billed_from = now


def _usage(record: Billed, now: float) -> Usage | None:
    """The billing period of a record until now. None if it is free."""
    if isinstance(record, Server):
        return _server_usage(record, now)
    if isinstance(record, Storage):
        if (beyond := record.size - record.included) <= 0:
            return None
        item = f"storage_{record.type}" if record.type in {"backup", "template"} else f"storage_{record.tier}"
        began = record.created if record.billed_from is None else record.billed_from
        details: dict[str, int | str] = {"size": record.size, "zone": record.zone or ""}
        items: dict[str, float] = {item: beyond}
        return Usage("storage", record.uuid, record.zone or "", began or now, now, items, details, dict(record.labels))
    if isinstance(record, IpAddress):
        if record.access != "public" or record.part_of_plan:
            return None
        items = {f"{record.family.lower()}_address": 1}
        return Usage("ip_address", record.address, record.zone, record.billed_from, now, items, {"zone": record.zone})
    items, details = {"network_private_vlan": 1}, {"zone": record.zone}
    return Usage("network", record.uuid, record.zone, record.billed_from, now, items, details, dict(record.labels))


def _server_usage(server: Server, now: float) -> Usage | None:
    if server.state == "stopped" and is_on_demand(server):
        return None
    items: dict[str, float] = {f"server_plan_{server.plan}": 1}
    if server.plan == "custom":
        items = {"server_core": server.core_number, "server_memory": server.memory_amount}
    if server.firewall == "on":
        items["firewall"] = 1
    if server.simple_backup != "no":
        items |= _simple_backup(server)
    if server.license:
        items["license"] = server.license * server.core_number
    details: dict[str, int | str] = {
        "plan": server.plan,
        "zone": server.zone,
        "cores": server.core_number,
        "memory": server.memory_amount,
    }
    began = server.created if server.billed_from is None else server.billed_from
    return Usage("server", server.uuid, server.zone, began, now, items, details, dict(server.labels))


def _simple_backup(server: Server) -> dict[str, float]:
    """Items of simple backups. Plans with a disk include a daily backup. Data beyond the plan is paid by the GB."""
    kind = server.simple_backup.partition(",")[2]
    items: dict[str, float] = {f"simple_backup_extra_{_DAILIES.get(kind, kind)}": server.stored_beyond_plan}
    if kind != "daily" and server.plan != "custom" and not is_on_demand(server):
        items[f"simple_backup_{kind}_{server.plan}"] = 1
    return items


def usages(cloud: AccountState) -> Iterator[Usage]:
    """All periods, also current ones."""
    yield from cloud.usages
    kinds: tuple[Iterable[Billed], ...] = (
        cloud.servers.values(),
        cloud.storages.values(),
        cloud.ip_addresses.values(),
        cloud.networks.values(),
    )
    for records in kinds:
        for record in records:
            usage = _usage(record, cloud.clock.now())
            if usage is not None:
                yield usage


def started_hours(usage: Usage, start: float = 0, end: float = math.inf) -> int:
    """Hours of a period that begin between `start` and `end`. Each counts in full, and in one month only."""
    before_start, before_end = ((min(moment, usage.ended) - usage.began) / 3600 for moment in (start, end))
    return max(0, math.ceil(before_end)) - max(0, math.ceil(before_start))


def cents_an_hour(cloud: AccountState, usage: Usage, item: str) -> Decimal:
    """Price of an item of a period, in cents per hour."""
    count = Decimal(str(usage.items.get(item, 0)))
    if item == "license":
        return count
    amount, cents = price_of(cloud.catalog, usage.zone, item)
    return count * cents / amount


def charge(cloud: AccountState) -> None:
    """Take the cost since the last call from the account's credits."""
    now, account = cloud.clock.now(), cloud.account
    if account.charged_at is not None and now < account.charged_at + _OFTEN:
        return
    account.charged_at = now
    total = sum(
        started_hours(usage) * cents_an_hour(cloud, usage, item) for usage in usages(cloud) for item in usage.items
    )
    account.credits -= float(total) - account.charged
    account.charged = float(total)


def share_plan(cloud: AccountState, server: Server) -> None:
    """Update what the server's plan includes: one disk up to its size, and one public IPv4 address (chapter 6).

    Call this after changes of plan or disks. Neither the contract nor a recording shows which of several disks is
    included, or what a smaller or larger one costs. Here it is one disk of the plan's tier, of any size. Each GB beyond
    the plan's size is paid.
    """
    plan = cloud.catalog.plans.get(server.plan)
    size, tier = (plan["storage_size"], plan["storage_tier"]) if plan is not None else (0, None)
    disks = [
        (device, cloud.storages[device.storage])
        for device in server.devices
        if device.type == "disk" and device.storage in cloud.storages
    ]
    alike = [storage for _, storage in disks if size and storage.tier == tier]
    own = next((each for each in alike if each.part_of_plan), alike[0] if alike else None)
    for device, storage in disks:
        device.part_of_plan = storage is own
        _include(cloud, storage, size if storage is own else 0)
    public = [
        address
        for interface in server.interfaces
        for address in interface.ip_addresses
        if (address.access, address.family, address.floating) == ("public", "IPv4", False)
    ]
    first = next((each for each in public if each.part_of_plan), public[0] if public and size else None)
    for address in public:
        _set_included(cloud, address, is_included=bool(size) and address is first)
    stored = sum(storage.size for _, storage in disks)
    beyond = max(0, stored - size)
    if beyond != server.stored_beyond_plan:
        if server.simple_backup != "no":
            close(cloud, server)
        server.stored_beyond_plan = beyond


def leave_plan(cloud: AccountState, storage: Storage) -> None:
    """The disk is detached: bill it in full from now on."""
    _include(cloud, storage, 0)


def _include(cloud: AccountState, storage: Storage, size: int) -> None:
    if storage.included != size:
        close(cloud, storage, longer_than=_ONE_REQUEST)
    storage.included, storage.part_of_plan = size, size > 0


def _set_included(cloud: AccountState, address: IpAddress, *, is_included: bool) -> None:
    if address.part_of_plan != is_included:
        close(cloud, address, longer_than=_ONE_REQUEST)
        address.part_of_plan = is_included
