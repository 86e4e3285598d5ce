"""Rebuild a server from a template, or cancel a creation (chapter 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.records import Device, Storage
from upcloud_sdk.simulator.rules import documents
from upcloud_sdk.simulator.rules.devices import free_address
from upcloud_sdk.simulator.rules.servers import require_state
from upcloud_sdk.simulator.rules.storages import check_room, delete_storage
from upcloud_sdk.simulator.state import usage
from upcloud_sdk.simulator.state.guest_backend import boot_device
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import fields, list_of, one_of, text

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.records import Server
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.fields import Fields

routes = Routes()

_YES = ("1", "true", "yes", "y", "on")
_FLAG = one_of("0", "1", "false", "true", "no", "yes", "n", "y", "off", "on")


@routes.post("/server/{uuid}/rebuild")
def rebuild_server(cloud: Cloud, call: Call) -> Answer:
    """Replace the boot disk with a clone of a public template, and boot."""
    server = cloud.server(call.args["uuid"])
    with fields(call, "server_rebuild") as f:
        source = cloud.storage(f.need("clone_source", text(1)))
        delete = f.get("delete_detached_disk", _FLAG, "no") in _YES
        wanted = f.get("detach_disk", text(1), None)
        encrypted = "yes" if f.get("encrypted", _FLAG, "no") in _YES else "no"
        title = f.get("storage_title", text(1, 255), f"{server.title} rebuilt"[:255])
        user_data = f.get("user_data", text(0, 65_536), server.user_data)
        f.get("password_delivery", one_of("email", "sms", "none"), "none")
        password = _read_login(f, server)
    require_state(server, "stopped")
    if source.type != "template" or source.access != "public":
        raise ApiFault(409, "STORAGE_TYPE_ILLEGAL", "A server is rebuilt of a public template.")
    old = _old_disk(server, wanted)
    replaced = cloud.storages.get(old.storage)
    size, tier = (replaced.size, replaced.tier or "maxiops") if replaced else (source.size, "maxiops")
    size = max(size, source.size)
    check_room(cloud, server.zone, tier, size)
    new = Storage(cloud.new_uuid("storage"), title, size, state="maintenance", zone=server.zone, tier=tier)
    new.created, new.encrypted = cloud.clock.now(), encrypted
    new.license, new.labels = source.license, cloud.template_labels(source)
    _replace(cloud, server, old, new, delete=delete)
    server.user_data, server.license, server.being_created = user_data, source.license, True
    cloud.start_boot(server)
    document = documents.server_details(cloud, server)
    return Answer(202, {"server": document | ({"password": cloud.new_password(16)} if password else {})})


def _read_login(f: Fields, server: Server) -> bool:
    """Read the user. Returns whether a password is wanted."""
    user = f.object("login_user")
    if user is None:
        return False
    with user:
        server.username = user.get("username", text(1, 32), server.username)
        wanted = user.get("create_password", _FLAG, "no") in _YES
        keys = user.object("ssh_keys")
        if keys is not None:
            with keys:
                server.ssh_keys = keys.get("ssh_key", list_of(text(1)), list[str](), code="SSH_KEYS")
    return wanted


def _old_disk(server: Server, wanted: str | None) -> Device:
    found = boot_device(each for each in server.devices if wanted in {None, each.storage})
    if found is None:
        raise ApiFault(409, "STORAGE_NOT_ATTACHED", "The server has no such disk.")
    return found


def _replace(cloud: Cloud, server: Server, old: Device, new: Storage, *, delete: bool) -> None:
    """Put the new disk in the place of the old one."""
    server.devices.remove(old)
    address = free_address(server.devices, old.address)
    server.devices.insert(0, Device(address, "disk", new.uuid, old.boot_disk))
    new.servers.append(server.uuid)
    cloud.storages[new.uuid] = new
    replaced = cloud.storages.get(old.storage)
    if replaced is not None:
        replaced.servers.remove(server.uuid)
        usage.leave_plan(cloud, replaced)
        if delete:
            delete_storage(cloud, replaced, "keep")
    usage.share_plan(cloud, server)


@routes.post("/server/{uuid}/cancel")
def cancel_creation(cloud: Cloud, call: Call) -> Answer:
    """Cancel a running creation: the server is then stopped, and its disks can be deleted."""
    server = cloud.server(call.args["uuid"])
    if not server.being_created or server.state != "maintenance":
        raise ApiFault(409, "UNABLE_TO_CANCEL", f"The server {server.uuid} is not being created.")
    cloud.cancel_boot(server)
    return Answer(204)
