"""What the account uses, and what that costs: by the started hour, 672 hours a month at most (chapters 5 and 6)."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.account_records import Usage
from upcloud_sdk.simulator.calls import PLAIN_JSON, Answer, ApiFault, Call
from upcloud_sdk.simulator.network_records import Network
from upcloud_sdk.simulator.prices import HOURS_A_MONTH, price_of
from upcloud_sdk.simulator.records import IpAddress, Server, Storage
from upcloud_sdk.simulator.routing import Routes
from upcloud_sdk.simulator.wire import label_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from upcloud_sdk.simulator.calls import Document
    from upcloud_sdk.simulator.cloud import Cloud

routes = Routes()

Billed = Server | Storage | IpAddress | Network

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_ON_DEMAND = ("CLOUDNATIVE-", "GPU-")
"""Plans that cost nothing while the server is stopped."""
_OFTEN = 60.0
"""Credits are brought up to date once in so many seconds of the clock."""
_CENT = Decimal("0.00001")


# Periods


def is_on_demand(server: Server) -> bool:
    return server.plan.startswith(_ON_DEMAND)


def close(cloud: Cloud, record: Billed, when: float | None = None) -> None:
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


def usages(cloud: Cloud) -> Iterator[Usage]:
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


# Money


def _hours(usage: Usage, start: float = 0, end: float = math.inf) -> int:
    """The started hours of a period that are within `start` and `end`."""
    seconds = min(usage.ended, end) - max(usage.began, start)
    return max(0, math.ceil(seconds / 3600))


def _cents(cloud: Cloud, usage: Usage, item: str) -> Decimal:
    """What an item of a period costs an hour."""
    count = Decimal(str(usage.items.get(item, 0)))
    if item == "license":
        return count
    amount, cents = price_of(cloud, usage.zone, item)
    return count * cents / amount


def charge(cloud: Cloud) -> None:
    """Take what has been used since the last time from the account's credits."""
    now, account = cloud.clock.now(), cloud.account
    if account.charged_at is not None and now < account.charged_at + _OFTEN:
        return
    account.charged_at = now
    total = sum(_hours(usage) * _cents(cloud, usage, item) for usage in usages(cloud) for item in usage.items)
    account.credits -= float(total) - account.charged
    account.charged = float(total)


@routes.get("/account/billing/summary/{month}")
def get_billing_summary(cloud: Cloud, call: Call) -> Answer:
    start, end = _month(call.args["month"])
    resource, user = call.param("resource_id"), call.param("username")
    if user is not None and user != cloud.account.username:
        raise ApiFault(404, "USER_NOT_FOUND", f"The user {user} does not exist.")
    found: dict[str, dict[str, list[Usage]]] = {}
    for usage in usages(cloud):
        if resource in {None, usage.resource_id} and _hours(usage, start, end):
            found.setdefault(usage.category, {}).setdefault(usage.resource_id, []).append(usage)
    document: Document = {}
    total = Decimal(0)
    for category, resources in found.items():
        documents: list[Document] = []
        amounts: list[Decimal] = []
        for uuid, periods in resources.items():
            one, amount = _resource(cloud, uuid, periods, start, end)
            documents.append(one)
            amounts.append(amount)
        amount = sum(amounts, Decimal(0))
        group = {"resources": documents, "total_amount": float(amount)}
        plural = "ip_addresses" if category == "ip_address" else f"{category}s"
        document[plural] = {category: group, "total_amount": float(amount)}
        total += amount
    head: Document = {"currency": cloud.account.person.currency, "total_amount": float(total)}
    return Answer(200, head | document, content_type=PLAIN_JSON)


def _month(given: str) -> tuple[float, float]:
    match = _MONTH.fullmatch(given)
    if match is None:
        raise ApiFault(400, "INVALID_REQUEST", "A month such as 2026-01 was expected.")
    year, month = int(match[1]), int(match[2])
    following = (year + 1, 1) if month == 12 else (year, month + 1)
    start, end = (datetime(*each, 1, tzinfo=UTC).timestamp() for each in ((year, month), following))
    return start, end


def _resource(cloud: Cloud, uuid: str, periods: list[Usage], start: float, end: float) -> tuple[Document, Decimal]:
    """The month of one resource; hours beyond the month's 672 are free."""
    left, total = HOURS_A_MONTH, Decimal(0)
    details: list[Document] = []
    for usage in periods:
        hours = min(left, _hours(usage, start, end))
        left -= hours
        amounts = {item: (_cents(cloud, usage, item) * hours / 100).quantize(_CENT) for item in usage.items}
        amount = sum(amounts.values(), Decimal(0))
        total += amount
        detail: Document = {
            **usage.details,
            "amount": float(amount),
            "hours": hours,
            "labels": label_list(usage.labels),
        }
        if usage.category == "server":
            backup = sum((each for item, each in amounts.items() if item.startswith("simple_backup")), Decimal(0))
            detail["firewall"] = float(amounts.get("firewall", 0))
            detail["licenses"] = float(amounts.get("license", 0))
            detail["simple_backup"] = float(backup)
        details.append(detail)
    document: Document = {
        "amount": float(total),
        "details": details,
        "hours": HOURS_A_MONTH - left,
        "resource_id": uuid,
    }
    return document, total
