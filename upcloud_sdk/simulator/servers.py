"""Servers: listed, read, changed, deleted (chapter 7). Creating is in `server_create`, power in `power`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator import billing, labels, wire
from upcloud_sdk.simulator.addressing import release_addresses
from upcloud_sdk.simulator.backup_rules import read_backup_policy
from upcloud_sdk.simulator.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.fields import Fields, fields, host_name, on_off, one_of, text, whole, yes_no
from upcloud_sdk.simulator.paging import page
from upcloud_sdk.simulator.routing import Routes
from upcloud_sdk.simulator.storages import delete_storage
from upcloud_sdk.simulator.values import NIC_MODEL, VIDEO_MODEL, boot_order, simple_backup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upcloud_sdk.simulator.cloud import Cloud
    from upcloud_sdk.simulator.records import Server

routes = Routes()


def state_illegal(server: Server) -> ApiFault:
    """The refusal of whatever the server's state does not allow."""
    message = f"The operation is not allowed while the server {server.uuid} is in state '{server.state}'."
    return ApiFault(409, "SERVER_STATE_ILLEGAL", message)


def require_state(server: Server, *states: str) -> None:
    if server.state not in states:
        raise state_illegal(server)


def details(cloud: Cloud, server: Server, status: int = 200) -> Answer:
    return Answer(status, {"server": wire.server_details(cloud, server)})


def _listed(cloud: Cloud, call: Call, servers: Iterable[Server]) -> Answer:
    filters, now = labels.wanted(call), cloud.clock.now()
    found = [each for each in servers if each.hidden_until <= now and labels.match(each.labels, filters)]
    shown, headers = page(call, found)
    cloud.polled(shown)
    return Answer(200, {"servers": {"server": [wire.server_summary(each) for each in shown]}}, headers=headers)


@routes.get("/server")
def list_servers(cloud: Cloud, call: Call) -> Answer:
    return _listed(cloud, call, cloud.servers.values())


@routes.get("/server/tag/{tags}")
def list_servers_by_tag(cloud: Cloud, call: Call) -> Answer:
    """`a,b` is any of the tags, `a:b` all of them."""
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
        size = _read_size(cloud, server, f)
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
        billing.close(cloud, server)
    for name, value in changes.items():
        setattr(server, name, value)
    server.plan, server.core_number, server.memory_amount = size
    return details(cloud, server, 202)


def _read_size(cloud: Cloud, server: Server, f: Fields) -> tuple[str, int, int]:
    """Plan, cores and memory after the change."""
    size = read_size(cloud, f, server)
    changed = size != (server.plan, server.core_number, server.memory_amount)
    if changed and server.state != "stopped":
        raise ApiFault(409, "HOT_RESIZE_NOT_ENABLED", f"Hot resize is not enabled for the server {server.uuid}.")
    return size


def read_size(cloud: Cloud, f: Fields, server: Server | None = None) -> tuple[str, int, int]:
    """Plan, cores and MiB of a request; by default as it was, or `custom` with 1 core and 1024 MiB."""
    cores = f.get("core_number", whole(1, 1000), None)
    memory = f.get("memory_amount", whole(1, 100_000_000), None)
    default = "custom" if cores is not None or memory is not None or server is None else server.plan
    name = f.get("plan", text(), default)
    if name != "custom":
        plan = cloud.catalog.plans.get(name)
        if plan is None:
            raise ApiFault(400, "PLAN_INVALID", f"The plan {name} does not exist.")
        own = (plan["core_number"], plan["memory_amount"])
        if server is not None and (cores or own[0], memory or own[1]) == own:  # the official client saves all it read
            cores = memory = None
        if cores is not None:
            raise ApiFault(403, "PLAN_CORE_NUMBER_ILLEGAL", f"The plan {name} determines the number of cores.")
        if memory is not None:
            raise ApiFault(403, "PLAN_MEMORY_AMOUNT_ILLEGAL", f"The plan {name} determines the amount of memory.")
        return name, *own
    cores = cores if cores is not None else (server.core_number if server else 1)
    memory = memory if memory is not None else (server.memory_amount if server else 1024)
    if not cloud.catalog.has_size(cores, memory):
        raise ApiFault(400, "CORE_MEMORY_UNSUPPORTED", f"No server size has {cores} cores and {memory} MiB of memory.")
    return "custom", cores, memory


@routes.delete("/server/{uuid}")
def delete_server(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    policy = call.param("storages") or "0"
    if policy not in {"0", "1", "true", "false"}:
        raise ApiFault(400, "STORAGE_DELETION_POLICY_INVALID", "storages must be 0 or 1.")
    backups = read_backup_policy(call)
    require_state(server, "stopped")
    own = [cloud.storages[device.storage] for device in server.devices if device.storage in cloud.storages]
    cloud.forget(server)
    billing.close(cloud, server)
    cloud.guests.forget(server.uuid)
    del cloud.servers[server.uuid]
    release_addresses(cloud, server)
    for device in server.devices:
        storage = cloud.any_storage(device.storage)
        if storage is not None and server.uuid in storage.servers:
            storage.servers.remove(server.uuid)
    if policy in {"1", "true"}:
        for storage in own:
            delete_storage(cloud, storage, backups)
    return Answer(204)
