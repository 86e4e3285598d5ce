"""Usage of the account and its cost: per started hour, at most 672 hours per month (chapters 5 and 6)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.state.prices import HOURS_A_MONTH
from upcloud_sdk.simulator.state.usage import (
    cents_an_hour,
    started_hours,
    usages,
)
from upcloud_sdk.simulator.wire.calls import PLAIN_JSON, Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.formats import label_list

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.account import Usage
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

routes = Routes()


_DAY = 86_400.0
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_CENT = Decimal("0.00001")


# Periods


# Money


@routes.get("/account/billing/summary/{month}")
def get_billing_summary(cloud: Cloud, call: Call) -> Answer:
    start, end = _month(call.args["month"])
    resource, user = call.param("resource_id"), call.param("username")
    if user is not None and user != cloud.account.username:
        raise ApiFault(404, "USER_NOT_FOUND", f"The user {user} does not exist.")
    found: dict[str, dict[str, list[Usage]]] = {}
    for usage in usages(cloud):
        if resource in {None, usage.resource_id} and started_hours(usage, start, end):
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
    """Bill of one resource in a month. Hours beyond 672 are free."""
    left, total = HOURS_A_MONTH, Decimal(0)
    details: list[Document] = []
    for usage in periods:
        hours = min(left, started_hours(usage, start, end))
        left -= hours
        amounts = {item: (cents_an_hour(cloud, usage, item) * hours / 100).quantize(_CENT) for item in usage.items}
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


@routes.get("/account/billing_summary/{month}")
def get_total(cloud: Cloud, call: Call) -> Answer:
    """The total of a month."""
    start, end = _month(call.args["month"])
    by_resource: dict[str, list[Usage]] = {}
    for usage in usages(cloud):
        if started_hours(usage, start, end):
            by_resource.setdefault(usage.resource_id, []).append(usage)
    amounts = [_resource(cloud, uuid, periods, start, end)[1] for uuid, periods in by_resource.items()]
    document = {"currency": cloud.account.person.currency, "total_amount": float(sum(amounts, Decimal(0)))}
    return Answer(200, {"billing": document}, content_type=PLAIN_JSON)


@routes.get("/account/resource_billing_summary/{resource}/{month}")
def get_bill_of_resource(cloud: Cloud, call: Call) -> Answer:
    """Bill of one resource in a month, with the cost of each day."""
    start, end = _month(call.args["month"])
    resource = call.args["resource"]
    periods = [each for each in usages(cloud) if each.resource_id == resource and started_hours(each, start, end)]
    document, amount = _resource(cloud, resource, periods, start, end)
    sums: dict[str, float] = {}
    day = start
    while day < min(end, cloud.clock.now()):
        cost = _resource(cloud, resource, periods, day, day + _DAY)[1]
        if cost:
            sums[datetime.fromtimestamp(day, UTC).strftime("%Y-%m-%d")] = float(cost)
        day += _DAY
    billing = {
        "currency": cloud.account.person.currency,
        "daily_sums": sums,
        "details": {"details": document["details"], "hours": document["hours"]},
        "total_amount": float(amount),
    }
    return Answer(200, {"billing": billing}, content_type=PLAIN_JSON)
