"""Hosts of private clouds, and available GPUs (chapters 6 and 15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.rules.placement import left_of, taken
from upcloud_sdk.simulator.wire.calls import PLAIN_JSON, Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import fields, text
from upcloud_sdk.simulator.wire.formats import iso

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.account import Host
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

routes = Routes()

_CORES, _MEMORY = 64, 512 * 1024
"""Memory of each host, in MiB."""


def _document(cloud: Cloud, host: Host, *, stats: bool = True) -> Document:
    return {
        "description": host.description,
        "id": host.id,
        "stats": {"stat": _stats(cloud, host) if stats else []},
        "windows_enabled": host.windows_enabled,
        "zone": host.zone,
    }


def _stats(cloud: Cloud, host: Host) -> list[Document]:
    """What the running servers leave free on the host."""
    servers = [server for server in cloud.servers.values() if server.host == host.id]
    idle = 100 - 100 * sum(server.core_number for server in servers) / _CORES
    free = _MEMORY - sum(server.memory_amount for server in servers)
    moment = iso(cloud.clock.now())
    return [
        {"name": "cpu_idle", "timestamp": moment, "value": max(0.0, idle)},
        {"name": "memory_free", "timestamp": moment, "value": max(0, free)},
    ]


def _find(cloud: Cloud, call: Call) -> Host:
    given = call.args["id"]
    host = cloud.hosts.get(int(given)) if given.isascii() and given.isdigit() else None
    if host is None:
        raise ApiFault(404, "HOST_NOT_FOUND", f"The host {given} does not exist.")
    return host


@routes.get("/host")
def list_hosts(cloud: Cloud, _call: Call) -> Answer:
    return Answer(200, {"hosts": {"host": [_document(cloud, each) for each in cloud.hosts.values()]}})


@routes.get("/host/{id}")
def get_host(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"host": _document(cloud, _find(cloud, call))})


@routes.patch("/host/{id}")
def modify_host(cloud: Cloud, call: Call) -> Answer:
    host = _find(cloud, call)
    with fields(call, "host") as f:
        host.description = f.get("description", text(0, 255), host.description)
    return Answer(200, {"host": _document(cloud, host, stats=False)})


# GPUs


@routes.get("/device/availability")
def get_availability(cloud: Cloud, _call: Call) -> Answer:
    """By zone, without an outer object."""
    plans = [name for name, plan in cloud.catalog.plans.items() if plan.get("gpu_amount")]
    zones = [zone["id"] for zone in cloud.catalog.zones.values() if zone["public"] == "yes"]
    held = taken(cloud)
    document = {
        zone: {"gpu_plans": {plan: {"amount": left_of(cloud, held, zone, plan)} for plan in plans}} for zone in zones
    }
    return Answer(200, document, content_type=PLAIN_JSON)
