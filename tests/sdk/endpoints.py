"""The call of the client for each request: one row per endpoint.

The row of a recorded request repeats it. Method, path and query must be the recorded ones.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from upcloud_sdk import InterfaceSpec, ServerChanges, ServerSpec, StorageDeviceSpec
from upcloud_sdk.models import (
    ApiTokenSpec,
    FirewallRuleSpec,
    HostChanges,
    InterfaceChanges,
    IpAddressChanges,
    IpAddressSpec,
    IpNetworkSpec,
    NetworkChanges,
    NetworkPeeringChanges,
    NetworkPeeringSpec,
    NetworkSpec,
    PermissionSpec,
    RouterChanges,
    RouterSpec,
    ServerGroupChanges,
    ServerGroupSpec,
    StorageChanges,
    StorageCloneSpec,
    StorageSpec,
    SubAccountChanges,
    SubAccountSpec,
    TagChanges,
    TagSpec,
)

if TYPE_CHECKING:
    from upcloud_sdk import UpCloud

Query = Mapping[str, list[str]]
Call = Callable[["UpCloud", re.Match[str], Query], Awaitable[object]]

UUID = r"(?P<id>[0-9a-f-]{36}|invalid)"

NUMBER = r"(?P<number>\d+)"
ADDRESS = r"(?P<address>[0-9a-f.:]+)"
DISK = "01a1b2c3-d4e5-4f60-8a7b-0123456789a1"
RULE = FirewallRuleSpec(direction="in", action="drop")
TOKEN = ApiTokenSpec(name="a", expires_at=datetime(2027, 1, 1, tzinfo=UTC))
PERMISSION = PermissionSpec(user="a", target_type="server")
NETWORK = NetworkSpec(name="a", zone="fi-hel2", ip_networks=[IpNetworkSpec(address="10.0.0.0/24")])
SUB_ACCOUNT = SubAccountSpec(
    username="a",
    password=SecretStr("correct horse"),
    first_name="A",
    last_name="B",
    email="a@example.com",
    phone="+358.1",
    country="FIN",
    currency="EUR",
)

SPEC = ServerSpec(
    zone="fi-hel2",
    plan="1xCPU-1GB",
    hostname="a",
    title="a",
    storage_devices=(StorageDeviceSpec.clone("01000000-0000-4000-8000-000020060100"),),
)


def _labels(query: Query) -> dict[str, str | None] | None:
    pairs = (label.partition("=") for label in query.get("label", []))
    return {key: value if mark else None for key, mark, value in pairs} or None


def _one(query: Query, name: str) -> Any:  # noqa: ANN401 - one of the words that the API knows
    return query.get(name, [None])[0]


@dataclass(frozen=True, slots=True)
class Row:
    """An endpoint, and the call for it."""

    method: str
    path: str
    """A regular expression for the path below /1.3, without query and final slash."""
    call: Call


ROWS = [
    Row("GET", r"/account", lambda c, m, q: c.account.get()),
    Row("GET", r"/plan", lambda c, m, q: c.plans.list()),
    Row("GET", r"/zone", lambda c, m, q: c.zones.list()),
    Row("GET", r"/server", lambda c, m, q: c.servers.list(labels=_labels(q))),
    Row("GET", rf"/server/{UUID}", lambda c, m, q: c.servers.get(m["id"])),
    Row("POST", r"/server", lambda c, m, q: c.servers.create(SPEC)),
    Row("PUT", rf"/server/{UUID}", lambda c, m, q: c.servers.modify(m["id"], ServerChanges(title="b"))),
    Row("DELETE", rf"/server/{UUID}", lambda c, m, q: c.servers.delete(m["id"], storages="storages" in q)),
    Row("POST", rf"/server/{UUID}/start", lambda c, m, q: c.servers.start(m["id"])),
    Row("POST", rf"/server/{UUID}/stop", lambda c, m, q: c.servers.stop(m["id"])),
    Row(
        "GET",
        r"/storage(/(?P<kind>public|private|normal|backup|cdrom|template|favorite))?",
        lambda c, m, q: c.storages.list(m["kind"], labels=_labels(q)),  # type: ignore[arg-type]  # one of the kinds
    ),
    Row("GET", rf"/storage/{UUID}", lambda c, m, q: c.storages.get(m["id"])),
    Row("DELETE", rf"/storage/{UUID}", lambda c, m, q: c.storages.delete(m["id"], backups=_one(q, "backups"))),
    Row("POST", rf"/server/{UUID}/restart", lambda c, m, q: c.servers.restart(m["id"])),
    Row("POST", rf"/server/{UUID}/relocate", lambda c, m, q: c.servers.relocate(m["id"], "fi-tst1")),
    Row("POST", rf"/server/{UUID}/tag/(?P<tags>[^/]+)", lambda c, m, q: c.servers.tag(m["id"], *m["tags"].split(","))),
    Row(
        "POST",
        rf"/server/{UUID}/untag/(?P<tags>[^/]+)",
        lambda c, m, q: c.servers.untag(m["id"], *m["tags"].split(",")),
    ),
    Row("POST", rf"/server/{UUID}/storage/attach", lambda c, m, q: c.servers.attach_storage(m["id"], type="cdrom")),
    Row("POST", rf"/server/{UUID}/storage/detach", lambda c, m, q: c.servers.detach_storage(m["id"], "ide:0:0")),
    Row("POST", rf"/server/{UUID}/cdrom/load", lambda c, m, q: c.servers.load_cdrom(m["id"], DISK)),
    Row("POST", rf"/server/{UUID}/cdrom/eject", lambda c, m, q: c.servers.eject_cdrom(m["id"])),
    Row("GET", rf"/server/{UUID}/networking", lambda c, m, q: c.interfaces.list(m["id"])),
    Row(
        "POST",
        rf"/server/{UUID}/networking/interface",
        lambda c, m, q: c.interfaces.create(m["id"], InterfaceSpec.utility()),
    ),
    Row(
        "PUT",
        rf"/server/{UUID}/networking/interface/{NUMBER}",
        lambda c, m, q: c.interfaces.modify(m["id"], int(m["number"]), InterfaceChanges(bootable=True)),
    ),
    Row(
        "DELETE",
        rf"/server/{UUID}/networking/interface/{NUMBER}",
        lambda c, m, q: c.interfaces.delete(m["id"], int(m["number"])),
    ),
    Row("GET", rf"/server/{UUID}/firewall_rule", lambda c, m, q: c.firewall_rules.list(m["id"])),
    Row(
        "GET",
        rf"/server/{UUID}/firewall_rule/{NUMBER}",
        lambda c, m, q: c.firewall_rules.get(m["id"], int(m["number"])),
    ),
    Row("POST", rf"/server/{UUID}/firewall_rule", lambda c, m, q: c.firewall_rules.create(m["id"], RULE)),
    Row("PUT", rf"/server/{UUID}/firewall_rule", lambda c, m, q: c.firewall_rules.replace(m["id"], [RULE])),
    Row(
        "DELETE",
        rf"/server/{UUID}/firewall_rule/{NUMBER}",
        lambda c, m, q: c.firewall_rules.delete(m["id"], int(m["number"])),
    ),
    Row("POST", r"/storage", lambda c, m, q: c.storages.create(StorageSpec(zone="fi-hel2", title="a", size=10))),
    Row("PUT", rf"/storage/{UUID}", lambda c, m, q: c.storages.modify(m["id"], StorageChanges(title="b"))),
    Row(
        "POST",
        rf"/storage/{UUID}/clone",
        lambda c, m, q: c.storages.clone(m["id"], StorageCloneSpec(zone="fi-hel2", title="b")),
    ),
    Row("POST", rf"/storage/{UUID}/templatize", lambda c, m, q: c.storages.templatize(m["id"], "b")),
    Row("POST", rf"/storage/{UUID}/backup", lambda c, m, q: c.storages.backup(m["id"], "b")),
    Row("POST", rf"/storage/{UUID}/restore", lambda c, m, q: c.storages.restore(m["id"])),
    Row("POST", rf"/storage/{UUID}/cancel", lambda c, m, q: c.storages.cancel(m["id"])),
    Row("POST", rf"/storage/{UUID}/resize", lambda c, m, q: c.storages.resize_filesystem(m["id"])),
    Row(
        "POST",
        rf"/storage/{UUID}/import",
        # The public methods also wait.
        lambda c, m, q: c.storages._start_import(m["id"], {}),  # pyright: ignore[reportPrivateUsage]
    ),
    Row("GET", rf"/storage/{UUID}/import", lambda c, m, q: c.storages.get_import(m["id"])),
    Row("POST", rf"/storage/{UUID}/import/cancel", lambda c, m, q: c.storages.cancel_import(m["id"])),
    Row("POST", rf"/storage/{UUID}/favorite", lambda c, m, q: c.storages.favorite(m["id"])),
    Row("DELETE", rf"/storage/{UUID}/favorite", lambda c, m, q: c.storages.unfavorite(m["id"])),
    Row("GET", r"/price", lambda c, m, q: c.prices.list()),
    Row("GET", r"/server_size", lambda c, m, q: c.server_sizes.list()),
    Row("GET", r"/timezone", lambda c, m, q: c.timezones.list()),
    Row("GET", r"/device/availability", lambda c, m, q: c.devices.availability()),
    Row("GET", r"/account/list", lambda c, m, q: c.accounts.list()),
    Row("GET", r"/account/details/(?P<name>\w+)", lambda c, m, q: c.accounts.get(m["name"])),
    Row("POST", r"/account/sub", lambda c, m, q: c.accounts.create_sub(SUB_ACCOUNT)),
    Row(
        "PUT",
        r"/account/sub/(?P<name>\w+)",
        lambda c, m, q: c.accounts.modify_sub(m["name"], SubAccountChanges(city="Helsinki")),
    ),
    Row("DELETE", r"/account/sub/(?P<name>\w+)", lambda c, m, q: c.accounts.delete_sub(m["name"])),
    Row(
        "GET",
        r"/account/billing/summary/(?P<month>[\d-]+)",
        lambda c, m, q: c.account.billing(m["month"], resource_id=_one(q, "resource_id"), username=_one(q, "username")),
    ),
    Row("GET", r"/account/tokens", lambda c, m, q: c.tokens.list()),
    Row("POST", r"/account/tokens", lambda c, m, q: c.tokens.create(TOKEN)),
    Row("GET", rf"/account/tokens/{UUID}", lambda c, m, q: c.tokens.get(m["id"])),
    Row("DELETE", rf"/account/tokens/{UUID}", lambda c, m, q: c.tokens.delete(m["id"])),
    Row("GET", r"/permission", lambda c, m, q: c.permissions.list()),
    Row("POST", r"/permission/grant", lambda c, m, q: c.permissions.grant(PERMISSION)),
    Row("POST", r"/permission/revoke", lambda c, m, q: c.permissions.revoke(PERMISSION)),
    Row("GET", r"/tag", lambda c, m, q: c.tags.list()),
    Row("GET", r"/tag/(?P<name>\w+)", lambda c, m, q: c.tags.get(m["name"])),
    Row("POST", r"/tag", lambda c, m, q: c.tags.create(TagSpec(name="a"))),
    Row("PUT", r"/tag/(?P<name>\w+)", lambda c, m, q: c.tags.modify(m["name"], TagChanges(name="b"))),
    Row("DELETE", r"/tag/(?P<name>\w+)", lambda c, m, q: c.tags.delete(m["name"])),
    Row("GET", r"/server-group", lambda c, m, q: c.server_groups.list(labels=_labels(q))),
    Row("GET", rf"/server-group/{UUID}", lambda c, m, q: c.server_groups.get(m["id"])),
    Row("POST", r"/server-group", lambda c, m, q: c.server_groups.create(ServerGroupSpec(title="a"))),
    Row(
        "PATCH",
        rf"/server-group/{UUID}",
        lambda c, m, q: c.server_groups.modify(m["id"], ServerGroupChanges(title="b")),
    ),
    Row("DELETE", rf"/server-group/{UUID}", lambda c, m, q: c.server_groups.delete(m["id"])),
    Row("GET", r"/ip_address", lambda c, m, q: c.ip_addresses.list()),
    Row("POST", r"/ip_address", lambda c, m, q: c.ip_addresses.assign(IpAddressSpec.floating_ip(zone="fi-hel2"))),
    Row("GET", rf"/ip_address/{ADDRESS}", lambda c, m, q: c.ip_addresses.get(m["address"])),
    Row(
        "PATCH",
        rf"/ip_address/{ADDRESS}",
        lambda c, m, q: c.ip_addresses.modify(m["address"], IpAddressChanges(mac=None)),
    ),
    Row("DELETE", rf"/ip_address/{ADDRESS}", lambda c, m, q: c.ip_addresses.release(m["address"])),
    Row("GET", r"/network", lambda c, m, q: c.networks.list(zone=_one(q, "zone"), labels=_labels(q))),
    Row("GET", rf"/network/{UUID}", lambda c, m, q: c.networks.get(m["id"])),
    Row("POST", r"/network", lambda c, m, q: c.networks.create(NETWORK)),
    Row("PUT", rf"/network/{UUID}", lambda c, m, q: c.networks.modify(m["id"], NetworkChanges(router=None))),
    Row("DELETE", rf"/network/{UUID}", lambda c, m, q: c.networks.delete(m["id"])),
    Row("GET", r"/router", lambda c, m, q: c.routers.list(labels=_labels(q))),
    Row("GET", rf"/router/{UUID}", lambda c, m, q: c.routers.get(m["id"])),
    Row("POST", r"/router", lambda c, m, q: c.routers.create(RouterSpec(name="a"))),
    Row("PATCH", rf"/router/{UUID}", lambda c, m, q: c.routers.modify(m["id"], RouterChanges(name="b"))),
    Row("DELETE", rf"/router/{UUID}", lambda c, m, q: c.routers.delete(m["id"])),
    Row("GET", r"/network-peering", lambda c, m, q: c.network_peerings.list(labels=_labels(q))),
    Row("GET", rf"/network-peering/{UUID}", lambda c, m, q: c.network_peerings.get(m["id"])),
    Row(
        "POST",
        r"/network-peering",
        lambda c, m, q: c.network_peerings.create(NetworkPeeringSpec.between(DISK, DISK, name="a")),
    ),
    Row(
        "PATCH",
        rf"/network-peering/{UUID}",
        lambda c, m, q: c.network_peerings.modify(m["id"], NetworkPeeringChanges(name="b")),
    ),
    Row("DELETE", rf"/network-peering/{UUID}", lambda c, m, q: c.network_peerings.delete(m["id"])),
    Row("GET", r"/host", lambda c, m, q: c.hosts.list()),
    Row("GET", rf"/host/{NUMBER}", lambda c, m, q: c.hosts.get(int(m["number"]))),
    Row("PATCH", rf"/host/{NUMBER}", lambda c, m, q: c.hosts.modify(int(m["number"]), HostChanges(description="b"))),
]


def find(method: str, path: str) -> tuple[Row, re.Match[str]] | None:
    """The row of a request. `path` is without query."""
    for row in ROWS:
        match = re.fullmatch(row.path, path.rstrip("/"))
        if row.method == method and match:
            return row, match
    return None
