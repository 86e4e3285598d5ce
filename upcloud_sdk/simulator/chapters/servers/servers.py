"""List, get, modify and delete servers (chapter 7). See also `create` and `power`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.rules import documents
from upcloud_sdk.simulator.rules.addressing import release_addresses
from upcloud_sdk.simulator.rules.backup_rules import read_backup_policy
from upcloud_sdk.simulator.rules.server_values import NIC_MODEL, VIDEO_MODEL, boot_order, read_newer, simple_backup
from upcloud_sdk.simulator.rules.servers import details, read_new_size, require_state, state_illegal
from upcloud_sdk.simulator.rules.storages import delete_storage
from upcloud_sdk.simulator.state import usage
from upcloud_sdk.simulator.wire import labels
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import fields, host_name, is_uuid, on_off, one_of, text, yes_no
from upcloud_sdk.simulator.wire.paging import SERVERS, boolean, choice, in_order, number, page, repeated, total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from upcloud_sdk.simulator.records.records import Server
    from upcloud_sdk.simulator.state.cloud import Cloud

routes = Routes()

_STATES = ("started", "stopped", "maintenance", "error")
_KEYS: dict[str, Callable[[Server], str | float]] = {
    "title": lambda server: server.title,
    "zone": lambda server: server.zone,
    "size": lambda server: server.core_number * 10**9 + server.memory_amount,
    "cores": lambda server: server.core_number,
    "memory": lambda server: server.memory_amount,
    "popularity": lambda _server: 0,
}
"""Sort keys of servers. The simulator does not know popularity, which gives the default order."""


def _filtered(call: Call, servers: list[Server]) -> list[Server]:
    """Apply all filters of the query."""
    uuids, hosts, devices = (repeated(call, name) for name in ("uuid", "host", "device"))
    if any(not is_uuid(uuid) for uuid in uuids):
        raise ApiFault(400, "UUID_INVALID", "The parameter uuid must be a UUID.")
    number(call, "host", 1, 1)
    state, tags = choice(call, "state", _STATES), {tag.lower() for tag in (call.param("tag") or "").split(",") if tag}
    search = (call.param("search") or "").lower()
    wanted = {uuid.lower() for uuid in uuids}
    return [
        server
        for server in servers
        if (not wanted or server.uuid in wanted)
        and (not hosts or str(server.host) in hosts)
        and (not devices or any(device.storage in devices for device in server.devices))
        and state in {None, server.state}
        and (not tags or tags & {tag.lower() for tag in server.tags})
        and search in _searched(server)
    ]


def _searched(server: Server) -> str:
    """The text that a search looks in."""
    addresses = (address.address for interface in server.interfaces for address in interface.ip_addresses)
    return "\n".join((server.title, server.hostname, server.uuid, *addresses)).lower()


def _listed(cloud: Cloud, call: Call, servers: Iterable[Server]) -> Answer:
    filters, now = labels.wanted(call), cloud.clock.now()
    shown_at_all = (each for each in servers if each.hidden_until <= now and labels.match(each.labels, filters))
    found = in_order(call, _filtered(call, list(shown_at_all)), _KEYS)
    shown = page(call, found, SERVERS)
    headers = total(found, told=cloud.total_count)
    cloud.polled(shown)
    return Answer(200, {"servers": {"server": [documents.server_summary(each) for each in shown]}}, headers=headers)


@routes.get("/server")
def list_servers(cloud: Cloud, call: Call) -> Answer:
    return _listed(cloud, call, cloud.servers.values())


@routes.get("/server/labels")
def list_labels(cloud: Cloud, _call: Call) -> Answer:
    """All labels of servers, without duplicates."""
    pairs = {pair: None for server in cloud.servers.values() for pair in server.labels.items()}
    return Answer(200, [{"key": key, "value": value} for key, value in pairs])


@routes.get("/server/tag/{tags}")
def list_servers_by_tag(cloud: Cloud, call: Call) -> Answer:
    """`a,b`: any of the tags. `a:b`: all of them."""
    given = call.args["tags"].lower()
    every = ":" in given
    names = given.split(":" if every else ",")
    quantifier = all if every else any

    def has(server: Server) -> bool:
        own = {tag.lower() for tag in server.tags}
        return quantifier(name in own for name in names)

    return _listed(cloud, call, [each for each in cloud.servers.values() if has(each)])


@routes.get("/server/{uuid}")
def get_server(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    cloud.polled([server])
    return details(cloud, server)


@routes.put("/server/{uuid}")
def modify_server(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    require_state(server, "started", "stopped")
    with fields(call, "server") as f:
        size = read_new_size(cloud, server, f)
        stopped_only: dict[str, object] = {
            "nic_model": f.get("nic_model", NIC_MODEL, server.nic_model),
            "video_model": f.get("video_model", VIDEO_MODEL, server.video_model),
            "timezone": f.get("timezone", one_of(*cloud.catalog.timezones), server.timezone),
        }
        if server.state != "stopped" and any(getattr(server, name) != value for name, value in stopped_only.items()):
            raise state_illegal(server)
        changes: dict[str, object] = stopped_only | {
            "title": f.get("title", text(1, 255), server.title, code="SERVER_TITLE"),
            "hostname": f.get("hostname", host_name, server.hostname),
            "firewall": f.get("firewall", on_off, server.firewall),
            "boot_order": f.get("boot_order", boot_order, server.boot_order),
            "metadata": f.get("metadata", yes_no, server.metadata),
            "simple_backup": f.get("simple_backup", simple_backup, server.simple_backup),
            "remote_access_enabled": f.get("remote_access_enabled", yes_no, server.remote_access_enabled),
            "remote_access_type": f.get("remote_access_type", one_of("vnc"), server.remote_access_type, code="VNC"),
            "remote_access_password": f.get(
                "remote_access_password", text(1, 32), server.remote_access_password, code="VNC_PASSWORD"
            ),
            "labels": labels.read_wrapped(f),
            "newer_settings": server.newer_settings | read_newer(f),
        }
        zone = f.get("zone", text(), server.zone)
    if cloud.account.trial and changes["firewall"] == "off":
        raise ApiFault(403, "TRIAL_FIREWALL", "Trial mode firewall cannot be modified.")
    if zone != server.zone:
        raise ApiFault(400, "ZONE_INVALID", "The zone cannot be changed; relocate the server.")
    if changes["simple_backup"] != "no" and any(
        storage.backup_rule for storage in cloud.storages.values() if server.uuid in storage.servers
    ):
        raise ApiFault(409, "BACKUP_RULE_CONFLICT", "A storage of the server has a backup rule of its own.")
    if changes["labels"] is None:
        del changes["labels"]
    billed = ("firewall", "simple_backup")
    if size != (server.plan, server.core_number, server.memory_amount) or any(
        changes[name] != getattr(server, name) for name in billed
    ):
        usage.close(cloud, server)
    for name, value in changes.items():
        setattr(server, name, value)
    server.plan, server.core_number, server.memory_amount = size
    usage.share_plan(cloud, server)
    cloud.note_event(server, "server_modify")
    return details(cloud, server, 202)


@routes.delete("/server/{uuid}")
def delete_server(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    with_storages = boolean(call, "storages", "STORAGE_DELETION_POLICY")
    backups = read_backup_policy(call)
    require_state(server, "stopped")
    own = [cloud.storages[device.storage] for device in server.devices if device.storage in cloud.storages]
    deleted = own if with_storages else []
    cloud.forget(server)
    usage.close(cloud, server)
    cloud.guests.forget(server.uuid)
    del cloud.servers[server.uuid]
    cloud.ruleset_attachments[:] = [each for each in cloud.ruleset_attachments if each.server != server.uuid]
    release_addresses(cloud, server)
    for device in server.devices:
        storage = cloud.any_storage(device.storage)
        if storage is not None and server.uuid in storage.servers:
            storage.servers.remove(server.uuid)
            if storage not in deleted:
                usage.leave_plan(cloud, storage)
    for storage in deleted:
        delete_storage(cloud, storage, backups)
    return Answer(204)
