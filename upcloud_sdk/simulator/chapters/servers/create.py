"""Create a server: checks everything before it creates anything (chapter 7.1)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.records import Server
from upcloud_sdk.simulator.rules import documents
from upcloud_sdk.simulator.rules.addressing import add_interface
from upcloud_sdk.simulator.rules.devices import DeviceRequest, place_devices, read_devices
from upcloud_sdk.simulator.rules.interfaces import check_limits, read_interfaces
from upcloud_sdk.simulator.rules.placement import choose_host, gpus_left, read_host_choice
from upcloud_sdk.simulator.rules.server_values import NIC_MODEL, VIDEO_MODEL, boot_order, read_newer, simple_backup
from upcloud_sdk.simulator.rules.servers import read_size
from upcloud_sdk.simulator.rules.storages import check_room
from upcloud_sdk.simulator.state import usage
from upcloud_sdk.simulator.state.guest_backend import boot_device
from upcloud_sdk.simulator.wire import labels
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import fields, host_name, list_of, on_off, one_of, text, uuid, yes_no

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.fields import Fields

routes = Routes()

_log = logging.getLogger("upcloud_sdk.simulator")

_FEW, _MOST_OF_FEW = "STARTER-1xCPU-1GB", 5
"""The plan with a limited number of servers per account."""


@dataclass(slots=True)
class _Login:
    username: str = "root"
    create_password: str | None = None
    ssh_keys: tuple[str, ...] = ()


@routes.post("/server")
def create_server(cloud: Cloud, call: Call) -> Answer:
    with fields(call, "server") as f:
        zone = cloud.catalog.zone(f.need("zone", text(1)))
        title = f.need("title", text(1, 255), code="SERVER_TITLE")
        hostname = f.need("hostname", host_name)
        plan, cores, memory = read_size(cloud, f)
        server = Server(cloud.new_uuid("server"), title, hostname, zone, plan, cores, memory, cloud.clock.now())
        _read_settings(cloud, server, f)
        login = _read_login(f)
        f.get("password_delivery", one_of("none", "email", "sms"), "email")
        _read_gpus(f)
        devices = read_devices(cloud, server, f)
        interfaces = read_interfaces(cloud, f, zone)
        choice = read_host_choice(cloud, f, zone)
    _check_template(server, devices, login)
    _check_account(cloud, server)
    for tier in {each.tier for each in devices}:
        check_room(cloud, zone, tier, sum(each.size for each in devices if each.tier == tier))
    check_limits(cloud, interfaces)
    server.host = choose_host(cloud, server, choice, windows=_is_windows(cloud, devices))
    boots = boot_device(devices)
    cloud.admit_guest(server, boots.source if boots is not None else None)
    place_devices(cloud, server, devices)
    for wanted in interfaces:
        add_interface(cloud, server, wanted)
    usage.share_plan(cloud, server)
    server.username, server.ssh_keys = login.username, list(login.ssh_keys)
    server.hidden_until = cloud.clock.now() + cloud.list_lag
    cloud.servers[server.uuid] = server
    cloud.note_event(server, "server_create")
    cloud.start_boot(server)
    document = documents.server_details(cloud, server) | {"username": server.username}
    if login.create_password != "no":  # noqa: S105 - not a password
        document["password"] = cloud.new_password(16)
    return Answer(202, {"server": document})


def _read_settings(cloud: Cloud, server: Server, f: Fields) -> None:
    server.metadata = f.get("metadata", yes_no, "no")
    server.user_data = f.get("user_data", text(0, 65_536), "")
    firewall = f.get("firewall", on_off, "off")
    server.firewall = "on" if cloud.account.trial else firewall
    server.boot_order = f.get("boot_order", boot_order, "disk")
    server.nic_model = f.get("nic_model", NIC_MODEL, "virtio")
    server.video_model = f.get("video_model", VIDEO_MODEL, "cirrus")
    server.timezone = f.get("timezone", one_of(*cloud.catalog.timezones), "UTC")
    server.simple_backup = f.get("simple_backup", simple_backup, "no")
    server.labels = labels.read_wrapped(f) or {}
    server.remote_access_enabled = f.get("remote_access_enabled", yes_no, "no")
    server.remote_access_type = f.get("remote_access_type", one_of("vnc"), "vnc", code="VNC")
    password = f.get("remote_access_password", text(1, 32), None, code="VNC_PASSWORD")
    server.remote_access_password = password or cloud.new_password(8)
    server.newer_settings = read_newer(f)
    group = f.get("server_group", uuid, None, code="GROUP")
    if group is not None:
        cloud.find(cloud.server_groups, group, "group")
        server.server_group = group


def _read_login(f: Fields) -> _Login:
    user = f.object("login_user")
    if user is None:
        return _Login()
    with user:
        name = user.get("username", text(1, 32), "root")
        create = user.get("create_password", yes_no, None)
        keys: list[str] = []
        wrapped = user.object("ssh_keys")
        if wrapped is not None:
            with wrapped:
                keys = wrapped.get("ssh_key", list_of(text(1)), keys, code="SSH_KEYS")
    return _Login(name, create, tuple(keys))


def _read_gpus(f: Fields) -> None:
    """Read the wanted GPUs, which a plan brings anyway. An empty list is taken too."""
    if f.get("devices", lambda value: value, None) == []:
        return
    for item in f.items("devices", "device") or ():
        with item:
            item.need("serial", text())
            item.need("type", text())


def _is_windows(cloud: Cloud, devices: list[DeviceRequest]) -> bool:
    sources = [each.source for each in devices if each.source is not None]
    return any(cloud.template_labels(source).get("_os_type") == "windows" for source in sources)


def _check_template(server: Server, devices: list[DeviceRequest], login: _Login) -> None:
    templates = [each.source for each in devices if each.source is not None and each.source.type == "template"]
    if len(templates) > 1:
        raise ApiFault(409, "MULTIPLE_TEMPLATES", "A server can be made of one template only.")
    if not templates:
        return
    server.license = templates[0].license
    if templates[0].template_type == "cloud-init":
        if server.metadata != "yes":
            message = "Metadata must be enabled when cloning a cloud-init template"
            raise ApiFault(409, "METADATA_DISABLED_ON_CLOUD-INIT", message)
        if login.create_password == "yes":  # noqa: S105 - not a password
            code = "CAN_NOT_CREATE_PASSWORD_FOR_THE_SELECTED_DISTRIBUTION"
            raise ApiFault(409, code, "The template accepts SSH keys only.")


def _check_account(cloud: Cloud, server: Server) -> None:
    """Check credits, limits and capacity."""
    account, limits = cloud.account, cloud.account.resource_limits
    cloud.check_credits()
    creating = sum(each.being_created for each in cloud.servers.values())
    if account.servers_creating is not None and creating >= account.servers_creating:
        raise ApiFault(403, "SERVER_CREATING_LIMIT_REACHED", "Too many servers are being created.")
    for name, code in (("core_number", "CORE"), ("memory_amount", "MEMORY")):
        limit = limits.get("cores" if name == "core_number" else "memory")
        used = sum(int(getattr(each, name)) for each in cloud.servers.values())
        if limit is not None and used + int(getattr(server, name)) > limit:
            raise ApiFault(403, f"SERVER_{code}_LIMIT_REACHED", f"The account's limit of {limit} would be exceeded.")
    plan = cloud.catalog.plans.get(server.plan)
    _check_plan(cloud, server)
    needs_gpu = plan is not None and "gpu_amount" in plan
    if account.trial and needs_gpu:
        raise ApiFault(403, "TRIAL_PLAN", f"The plan {server.plan} is not for trial accounts.")
    if cloud.is_sold_out(server.zone, server.plan) or (needs_gpu and not gpus_left(cloud, server.zone, server.plan)):
        message = f"There is no room for the plan {server.plan} in the zone {server.zone} at the moment."
        raise ApiFault(409, "SERVER_RESOURCES_UNAVAILABLE", message)


def _check_plan(cloud: Cloud, server: Server) -> None:
    """Refuse plans that UpCloud limits, and those that it no longer sells, or warn of them once."""
    if not cloud.catalog.is_on_sale(server.plan):
        if cloud.discontinued_plans == "refused":
            raise ApiFault(403, "PLAN_FORBIDDEN", f"The plan {server.plan} is not sold any more.")
        if server.plan not in cloud.warned_of:
            cloud.warned_of.add(server.plan)
            _log.warning("UpCloud has discontinued the plan %s, and may refuse new servers of it", server.plan)
    held = sum(each.plan == server.plan for each in cloud.servers.values())
    if server.plan == _FEW and held >= _MOST_OF_FEW:
        raise ApiFault(403, "SERVER_PLAN_LIMIT_REACHED", f"The account may have {_MOST_OF_FEW} servers of the plan.")
