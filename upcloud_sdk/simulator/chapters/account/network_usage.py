"""Network traffic of the account. The simulator sends nothing, so all numbers are 0."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.wire.calls import PLAIN_JSON, Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.formats import iso
from upcloud_sdk.simulator.wire.paging import choice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

routes = Routes()

_LENGTHS = {"hour": 3600, "day": 86_400}
_MOST_DAYS = 31
_SERVICES = (
    "load_balancer_private", "load_balancer_private_vlan", "load_balancer_public", "network_gateway_private",
    "network_gateway_private_vlan", "network_gateway_public", "object_storage_v2_private", "object_storage_v2_public",
    "server_private", "server_private_vlan", "server_public",
)  # fmt: skip
_SUMS = (
    "sent_bytes", "total_sent_bytes", "accumulated_quota_bytes", "projected_monthly_quota_bytes",
    "quota_increase_bytes",
)  # fmt: skip


def _moment(call: Call, name: str) -> float:
    given = call.param(name)
    try:
        moment = datetime.fromisoformat(given or "")
    except ValueError:
        raise ApiFault(400, f"{name.upper()}_INVALID", f"{name} must be a moment: 2026-01-01T00:00:00Z.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _starts(call: Call) -> Iterator[str]:
    """Starts of all hours or days between `from` and `to`. Raises `ApiFault`."""
    start, end = _moment(call, "from"), _moment(call, "to")
    if end < start or end - start > _MOST_DAYS * 86_400:
        raise ApiFault(400, "TO_INVALID", f"to must be after from, and {_MOST_DAYS} days after it at most.")
    length = _LENGTHS[choice(call, "accumulate", tuple(_LENGTHS)) or "hour"]
    number = start // length * length
    while number < end:
        yield iso(number)
        number += length


@routes.get("/account/current_network_usage")
def get_current_usage(cloud: Cloud, _call: Call) -> Answer:
    document = {
        "updated": iso(cloud.clock.now()),
        "accumulated_quota_bytes": 0,
        "total_sent_bytes": 0,
        "hourly_quota_increase_bytes": 0,
        "projected_monthly_quota_bytes": 0,
    }
    return Answer(200, {"stats": {"current_network_usage": document}}, PLAIN_JSON)


@routes.get("/account/network_usage")
def get_usage(_cloud: Cloud, call: Call) -> Answer:
    stats: list[Document] = [{"start_time": start, **dict.fromkeys(_SUMS, 0)} for start in _starts(call)]
    return Answer(200, {"stats": {"stat": stats}}, PLAIN_JSON)


@routes.get("/account/network_top_usage")
@routes.get("/account/resource_network_usage")
def get_usage_of_resources(cloud: Cloud, call: Call) -> Answer:
    """One row per server and hour or day."""
    service, zone = choice(call, "service", _SERVICES), call.param("zone")
    resource = call.param("resource_id")
    starts = list(_starts(call))
    stats: list[Document] = [
        {
            "resource_id": server.uuid,
            "service": "server_public",
            "zone": server.zone,
            "start_time": start,
            "sent_bytes": 0,
        }
        for server in cloud.servers.values()
        if service in {None, "server_public"} and zone in {None, server.zone} and resource in {None, server.uuid}
        for start in starts
    ]
    return Answer(200, {"stats": {"stat": stats}}, PLAIN_JSON)
