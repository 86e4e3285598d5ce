"""Chooses hosts by request, server group and chance, and counts free GPUs (chapters 6, 7.4, 8, 15)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.state.catalog import PUBLIC_HOSTS
from upcloud_sdk.simulator.wire.calls import ApiFault
from upcloud_sdk.simulator.wire.fields import whole

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.records import Server
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.fields import Fields

_ID = whole(1, 2**63)

GPUS_A_ZONE = 10
"""Number of servers of each GPU plan per public zone."""


@dataclass(frozen=True, slots=True)
class HostChoice:
    host: int | None = None
    avoid: int | None = None


def read_host_choice(cloud: Cloud, f: Fields, zone: str) -> HostChoice:
    """Read `host` and `avoid_host` of a request. Only private clouds allow `host`."""
    host = f.get("host", _ID, None)
    avoid = f.get("avoid_host", _ID, None)
    if host is not None:
        if cloud.catalog.zones[zone]["public"] == "yes":
            raise ApiFault(403, "ZONE_HOST_FORBIDDEN", "A host can be chosen in a private cloud only.")
        known = cloud.hosts.get(host)
        if known is None:
            raise ApiFault(404, "HOST_NOT_FOUND", f"The host {host} does not exist.")
        if known.zone != zone:
            raise ApiFault(403, "HOST_FORBIDDEN", f"The host {host} is in another zone.")
    return HostChoice(host, avoid)


def choose_host(cloud: Cloud, server: Server, choice: HostChoice, *, windows: bool) -> int:
    """Raises `ApiFault`: WINDOWS_NOT_AVAILABLE, STRICT_ANTI_AFFINITY_NOT_MET, SERVER_RESOURCES_UNAVAILABLE."""
    own = [host.id for host in cloud.hosts.values() if host.zone == server.zone]
    hosts = [host for host in own or PUBLIC_HOSTS if host != choice.avoid and choice.host in {None, host}]
    if own and windows:
        hosts = [host for host in hosts if cloud.hosts[host].windows_enabled == "yes"]
        if not hosts:
            raise ApiFault(409, "WINDOWS_NOT_AVAILABLE", "The host does not run Windows.")
    group = cloud.server_groups.get(server.server_group or "")
    if group is not None and group.anti_affinity != "no":
        others = {
            each.host for each in cloud.servers.values() if each.server_group == group.uuid and each is not server
        }
        free = [host for host in hosts if host not in others]
        if not free and group.anti_affinity == "strict":
            message = f"The server group {group.uuid} has a server on each host already."
            raise ApiFault(409, "STRICT_ANTI_AFFINITY_NOT_MET", message)
        hosts = free or hosts
    if not hosts:
        raise ApiFault(409, "SERVER_RESOURCES_UNAVAILABLE", "There is no host for the server.")
    return cloud.random.choice(hosts)


def runs_windows(cloud: Cloud, server: Server) -> bool:
    storages = (cloud.storages.get(device.storage) for device in server.devices)
    return any(storage is not None and storage.labels.get("_os_type") == "windows" for storage in storages)


def gpus_left(cloud: Cloud, zone: str, plan: str) -> int:
    """How many more servers of a GPU plan are available in a zone."""
    return left_of(cloud, taken(cloud), zone, plan)


def taken(cloud: Cloud) -> Counter[tuple[str, str]]:
    return Counter((server.zone, server.plan) for server in cloud.servers.values())


def left_of(cloud: Cloud, taken: Counter[tuple[str, str]], zone: str, plan: str) -> int:
    return 0 if cloud.is_sold_out(zone, plan) else max(0, GPUS_A_ZONE - taken[(zone, plan)])
