"""What the account uses: periods of billing, by the started hour (chapters 5 and 6)."""

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
"""Plans that cost nothing while the server is stopped."""


_OFTEN = 60.0
"""Credits are brought up to date once in so many seconds of the clock."""


def is_on_demand(server: Server) -> bool:
    return server.plan.startswith(_ON_DEMAND)


def close(cloud: AccountState, record: Billed, when: float | None = None) -> None:
    """The record is deleted or changes: what it has cost so far is kept, and a new period begins."""
    now = cloud.clock.now() if when is None else when
    usage = _usage(record, now)
    if usage is not None:
        cloud.usages.append(usage)
    record.billed_from = now


def _usage(record: Billed, now: float) -> Usage | None:
    """The period of a record until now; None if it costs nothing."""
    if isinstance(record, Server):
        return _server_usage(record, now)
    if isinstance(record, Storage):
        if record.part_of_plan:
            return None
        item = f"storage_{record.type}" if record.type in {"backup", "template"} else f"storage_{record.tier}"
        began = record.created if record.billed_from is None else record.billed_from
        details: dict[str, int | str] = {"size": record.size, "zone": record.zone or ""}
        items: dict[str, float] = {item: record.size}
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
    if server.simple_backup != "no" and server.plan != "custom":
        kind = server.simple_backup.partition(",")[2]
        items[f"simple_backup_{'dailies' if kind == 'daily' else kind}_{server.plan}"] = 1
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


def usages(cloud: AccountState) -> Iterator[Usage]:
    """All periods, those that go on among them."""
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
    """The hours of a period that begin from `start` on and before `end`; each counts whole, and in one month only."""
    before_start, before_end = ((min(moment, usage.ended) - usage.began) / 3600 for moment in (start, end))
    return max(0, math.ceil(before_end)) - max(0, math.ceil(before_start))


def cents_an_hour(cloud: AccountState, usage: Usage, item: str) -> Decimal:
    """What an item of a period costs an hour."""
    count = Decimal(str(usage.items.get(item, 0)))
    if item == "license":
        return count
    amount, cents = price_of(cloud.catalog, usage.zone, item)
    return count * cents / amount


def charge(cloud: AccountState) -> None:
    """Take what has been used since the last time from the account's credits."""
    now, account = cloud.clock.now(), cloud.account
    if account.charged_at is not None and now < account.charged_at + _OFTEN:
        return
    account.charged_at = now
    total = sum(
        started_hours(usage) * cents_an_hour(cloud, usage, item) for usage in usages(cloud) for item in usage.items
    )
    account.credits -= float(total) - account.charged
    account.charged = float(total)
