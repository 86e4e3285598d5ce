"""A refused request for each error code of the simulator, in an account with one resource of each kind.

`{name}` in a path or a body is the id of what the account has; see `test_refusals.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.simulator.documents import DEBIAN_11, DEBIAN_12, os_disk, server_request
from upcloud_sdk import errors

if TYPE_CHECKING:
    from upcloud_sdk.simulator import Simulator

DISC = "01000000-0000-4000-8000-000020060101"
WINDOWS = "01000000-0000-4000-8000-000010070300"
NOWHERE = "ffffff-ffff-4fff-8fff-ffffffffffff"
"""The rest of an unknown id, after its two letters."""


Change = Callable[["Simulator"], object]
"""Changes the account so that a call is refused."""


class Refusal(NamedTuple):
    """A call that is refused with `code` after `before` has changed the account."""

    code: str
    call: str
    """Method and path."""
    body: Any = None
    before: Change | None = None


def server(**changes: object) -> dict[str, Any]:
    return server_request(**changes)


def disks(*given: dict[str, Any]) -> dict[str, Any]:
    return {"storage_device": list(given)}


def new_disk(**changes: object) -> dict[str, Any]:
    return {key: value for key, value in ({"action": "create", "title": "d", "size": 10} | changes).items() if value}


def interfaces(*given: dict[str, Any]) -> dict[str, Any]:
    return {"interfaces": {"interface": list(given)}}


def modify(**changes: object) -> dict[str, Any]:
    return {"server": changes}


def rule(**changes: object) -> dict[str, Any]:
    fields = {"direction": "in", "action": "accept"} | changes
    return {"firewall_rule": {key: value for key, value in fields.items() if value is not None}}


def storage(**changes: object) -> dict[str, Any]:
    fields = {"size": 10, "tier": "maxiops", "title": "more", "zone": "fi-hel1"} | changes
    return {"storage": {key: value for key, value in fields.items() if value is not None}}


def device(**fields: object) -> dict[str, Any]:
    return {"storage_device": fields}


def interface(**fields: object) -> dict[str, Any]:
    return {"interface": fields}


def private(address: str) -> dict[str, Any]:
    wanted = {"ip_address": [{"family": "IPv4", "address": address}]}
    return interface(type="private", network="{network}", ip_addresses=wanted)


def routes(*given: dict[str, Any]) -> dict[str, Any]:
    return {"router": {"static_routes": list(given)}}


def floating(**fields: object) -> dict[str, Any]:
    return {"ip_address": {"floating": "yes", **fields}}


def permission(**changes: object) -> dict[str, Any]:
    fields = {"target_type": "server", "target_identifier": "*", "user": "helper"}
    return {"permission": fields | changes}


def limit(name: str, most: int) -> Change:
    return lambda sim: sim.account.resource_limits.update({name: most})


def account(**fields: object) -> Change:
    return lambda sim: _set_all([sim.account], fields)


def each_server(**fields: object) -> Change:
    return lambda sim: _set_all(list(sim.servers.values()), fields)


def attached_storages(**fields: object) -> Change:
    return lambda sim: _set_all([each for each in sim.storages.values() if each.servers], fields)


def without_api(sim: Simulator) -> None:
    sim.sub_accounts["helper"].person.allow_api = "no"


def sold_out(**what: str) -> Change:
    return lambda sim: sim.sell_out(**what)


def full_group(sim: Simulator) -> None:
    """The group has a server on each host of the private cloud."""
    group = next(iter(sim.server_groups))
    for each, host in zip(sim.servers.values(), sim.hosts, strict=True):
        each.host, each.server_group = host, group


def _set_all(records: Sequence[object], fields: dict[str, object]) -> None:
    for record in records:
        for name, value in fields.items():
            setattr(record, name, value)


CREATE, MODIFY, STOP = "POST /server", "PUT /server/{stopped}", "POST /server/{started}/stop"
RULES, ATTACH = "POST /server/{started}/firewall_rule", "POST /server/{stopped}/storage/attach"
ADD, RESTART = "POST /server/{stopped}/networking/interface", "POST /server/{started}/restart"
DAILY = {"interval": "daily", "time": "0430", "retention": 3}
IMPORT = {"storage_import": {"source": "direct_upload"}}

INVALID = [
    Refusal("ACTION_INVALID", RULES, rule(action="reject")),
    Refusal("ACTION_MISSING", RULES, rule(action=None)),
    Refusal("ADDRESS_INVALID", ADD, private("10.9.9.9")),
    Refusal("ADDRESS_MISSING", "POST /server/{started}/storage/detach", device()),
    Refusal("BACKUP_DELETION_POLICY_INVALID", "DELETE /storage/{storage}?backups=some"),
    Refusal("BACKUP_RULE_INVALID", "POST /storage", storage(backup_rule="daily")),
    Refusal("BOOT_ORDER_INVALID", CREATE, server(boot_order="tape")),
    Refusal("COMMENT_INVALID", RULES, rule(comment="x" * 251)),
    Refusal("CORE_MEMORY_UNSUPPORTED", CREATE, server(plan=None, core_number=1, memory_amount=1000)),
    Refusal("CORE_NUMBER_INVALID", CREATE, server(plan=None, core_number="two")),
    Refusal("CREATE_PASSWORD_INVALID", CREATE, server(login_user={"create_password": True})),
    Refusal("DIRECTION_INVALID", RULES, rule(direction="up")),
    Refusal("DIRECTION_MISSING", RULES, rule(direction=None)),
    Refusal("DUAL_STACK_INTERFACE", "POST /server/{stopped}/networking/interface/1/ip-address",
            {"ip_address": {"family": "IPv6"}}),
    Refusal("DUPLICATE_LABEL_KEYS", CREATE, server(labels={"label": [{"key": "env", "value": "a"}] * 2})),
    Refusal("FIREWALL_INVALID", CREATE, server(firewall="yes")),
    Refusal("GROUP_INVALID", "GET /server-group/none"),
    Refusal("HOSTNAME_INVALID", CREATE, server(hostname="a_b")),
    Refusal("HOSTNAME_MISSING", CREATE, server(hostname=None)),
    Refusal("HOUR_INVALID", "POST /storage", storage(backup_rule=DAILY | {"time": "2500"})),
    Refusal("HOUR_MISSING", "POST /storage", storage(backup_rule={"interval": "daily", "retention": 3})),
    Refusal("ICMP_TYPE_INVALID", RULES, rule(protocol="icmp", icmp_type=256)),
    Refusal("INTERVAL_INVALID", "POST /storage", storage(backup_rule=DAILY | {"interval": "hourly"})),
    Refusal("INTERVAL_MISSING", "POST /storage", storage(backup_rule={"time": "0430", "retention": 3})),
    Refusal("INVALID_LABEL_KEY", CREATE, server(labels={"label": [{"key": "_x", "value": "a"}]})),
    Refusal("INVALID_LABEL_VALUE", CREATE, server(labels={"label": [{"key": "env", "value": "x" * 256}]})),
    Refusal("INVALID_REQUEST", CREATE),
    Refusal("INVALID_ROUTE", "PATCH /router/{router}", routes({"route": "10.0.0.1", "nexthop": "10.0.0.1"})),
    Refusal("INVALID_ROUTE_FAMILY", "PATCH /router/{router}", routes({"route": "10.0.0.0/8", "nexthop": "::1"})),
    Refusal("IP_ADDRESS_INVALID", "GET /ip_address/somewhere"),
    Refusal("MAC_INVALID", "POST /ip_address", floating(mac="none")),
    Refusal("MEMORY_AMOUNT_INVALID", CREATE, server(plan=None, core_number=1, memory_amount="much")),
    Refusal("METADATA_INVALID", CREATE, server(metadata="true")),
    Refusal("NETWORK_INVALID", "GET /network/none"),
    Refusal("NETWORK_NAME_INVALID", "PUT /network/{network}", {"network": {"name": ""}}),
    Refusal("NETWORK_NAME_MISSING", "POST /network", {"network": {"zone": "fi-hel1"}}),
    Refusal("NEXTHOP_INVALID", "PATCH /router/{router}", routes({"route": "10.0.0.0/8", "nexthop": "there"})),
    Refusal("NIC_MODEL_INVALID", CREATE, server(nic_model="fast")),
    Refusal("PASSWORD_DELIVERY_INVALID", CREATE, server(password_delivery="pigeon")),
    Refusal("POSITION_INVALID", RULES, rule(position=0)),
    Refusal("PROTOCOL_INVALID", RULES, rule(protocol="sctp")),
    Refusal("PTR_RECORD_INVALID", "PATCH /ip_address/{public}", {"ip_address": {"ptr_record": "a b"}}),
    Refusal("REQUEST_INVALID", CREATE, {"server": "one"}),
    Refusal("RETENTION_INVALID", "POST /storage", storage(backup_rule=DAILY | {"retention": 1096})),
    Refusal("RETENTION_MISSING", "POST /storage", storage(backup_rule={"interval": "daily", "time": "0430"})),
    Refusal("ROUTER_NAME_MISSING", "POST /router", {"router": {}}),
    Refusal("SERVER_INVALID", "POST /server/invalid/start"),
    Refusal("SERVER_TITLE_INVALID", MODIFY, modify(title="")),
    Refusal("SERVER_TITLE_MISSING", CREATE, server(title=None)),
    Refusal("SIMPLE_BACKUP_INVALID", CREATE, server(simple_backup="0430,hourlies")),
    Refusal("SIZE_INVALID", "PUT /storage/{storage}", {"storage": {"size": 1}}),
    Refusal("SIZE_MISSING", "POST /storage", storage(size=None)),
    Refusal("STOP_TYPE_INVALID", STOP, {"stop_server": {"stop_type": "gently"}}),
    Refusal("STORAGE_DELETION_POLICY_INVALID", "DELETE /server/{stopped}?storages=some"),
    Refusal("STORAGE_DEVICES_INVALID", CREATE, server(storage_devices="one")),
    Refusal("STORAGE_DEVICES_MISSING", CREATE, server(storage_devices=None)),
    Refusal("STORAGE_DEVICE_INVALID", ATTACH, device(storage="{storage}", boot_disk="yes")),
    Refusal("STORAGE_DEVICE_MISSING", CREATE, server(storage_devices=disks())),
    Refusal("STORAGE_INVALID", "GET /storage/none"),
    Refusal("STORAGE_MISSING", ATTACH, device(type="disk")),
    Refusal("STORAGE_TITLE_INVALID", "POST /storage", storage(title="")),
    Refusal("STORAGE_TITLE_MISSING", "POST /storage", storage(title=None)),
    Refusal("TAG_INVALID", "POST /tag", {"tag": {"name": "a b"}}),
    Refusal("TARGET_IDENTIFIER_INVALID", "POST /permission/grant", permission(target_identifier=f"00{NOWHERE}")),
    Refusal("TARGET_TYPE_INVALID", "POST /permission/grant", permission(target_type="planet")),
    Refusal("TIER_INVALID", CREATE, server(plan="DEV-1xCPU-1GB", storage_devices=disks(os_disk(tier="maxiops")))),
    Refusal("TIMEOUT_ACTION_INVALID", RESTART, {"restart_server": {"timeout": 60, "timeout_action": "pray"}}),
    Refusal("TIMEOUT_INVALID", STOP, {"stop_server": {"timeout": "soon"}}),
    Refusal("TIMEOUT_MISSING", RESTART, {"restart_server": {"timeout_action": "ignore"}}),
    Refusal("TIMEZONE_INVALID", CREATE, server(timezone="Mars/Olympus")),
    Refusal("TITLE_INVALID", "POST /server-group", {"server_group": {"title": ""}}),
    Refusal("TITLE_MISSING", "POST /server-group", {"server_group": {}}),
    Refusal("TOO_MANY_BOOT_DISKS", CREATE,
            server(storage_devices=disks(os_disk(boot_disk="1"), new_disk(boot_disk="1")))),
    Refusal("TYPE_INVALID", ADD, interface(type="tunnel")),
    Refusal("UNKNOWN_ATTRIBUTE", STOP, {"server": {}}),
    Refusal("USER_DATA_INVALID", CREATE, server(user_data=7)),
    Refusal("VIDEO_MODEL_INVALID", CREATE, server(video_model="8k")),
    Refusal("VNC_INVALID", CREATE, server(remote_access_type="spice")),
    Refusal("VNC_PASSWORD_INVALID", CREATE, server(remote_access_password="")),
    Refusal("ZONE_INVALID", MODIFY, modify(zone="de-fra1")),
    Refusal("ZONE_MISSING", CREATE, server(zone=None)),
] + [
    Refusal(f"{side}_{what}_{end}_INVALID", RULES,
            rule(protocol="tcp", **{f"{side}_{what}_{end}".lower(): "x", f"{side}_{what}_{other}".lower(): good}))
    for side in ("SOURCE", "DESTINATION")
    for what, good in (("ADDRESS", "10.0.0.1"), ("PORT", "22"))
    for end, other in (("START", "END"), ("END", "START"))
]  # fmt: skip

FORBIDDEN = [
    Refusal("ACCOUNT_FORBIDDEN", "GET /account", before=without_api),
    Refusal("ACTION_FORBIDDEN", "GET /account/list"),
]  # fmt: skip
"""Refusals of calls by the sub-account."""

DENIED = [
    Refusal("CANNOT_DELETE_PRIVATE_ADDRESS", "DELETE /ip_address/{utility}"),
    Refusal("HOST_FORBIDDEN", CREATE, server(zone="uk-tst1", host=7_653_311_107)),
    Refusal("IP_ADDRESS_FORBIDDEN", "DELETE /server/{stopped}/networking/interface/4/ip-address/10.0.0.2"),
    Refusal("NETWORK_FORBIDDEN", "DELETE /network/{system_network}"),
    Refusal("PLAN_CORE_NUMBER_ILLEGAL", CREATE, server(core_number=2)),
    Refusal("PLAN_MEMORY_AMOUNT_ILLEGAL", CREATE, server(memory_amount=2048)),
    Refusal("STORAGE_FORBIDDEN", f"DELETE /storage/{DEBIAN_12}"),
    Refusal("TRIAL_FIREWALL", RULES, rule(), account(trial=True)),
    Refusal("TRIAL_PLAN", CREATE, server(plan="GPU-8xCPU-64GB-1xL40S"), account(trial=True)),
    Refusal("ZONE_HOST_FORBIDDEN", CREATE, server(host=7_653_311_107)),
]  # fmt: skip

LIMITS = [
    Refusal("FIREWALL_RULE_LIMIT_REACHED", RULES, rule(), limit("firewall_rules", 0)),
    Refusal("IP_ADDRESS_LIMIT_REACHED", CREATE, server(), limit("public_ipv4", 1)),
    Refusal("MAXIOPS_STORAGE_LIMIT_REACHED", "POST /storage", storage(), limit("storage_maxiops", 20)),
    Refusal("SERVER_CORE_LIMIT_REACHED", CREATE, server(), limit("cores", 2)),
    Refusal("SERVER_CREATING_LIMIT_REACHED", CREATE, server(), account(servers_creating=0)),
    Refusal("SERVER_IP_LIMIT_REACHED", ADD, interface(type="utility")),
    Refusal("SERVER_MEMORY_LIMIT_REACHED", CREATE, server(), limit("memory", 2048)),
    Refusal("STATIC_ROUTE_LIMIT_REACHED", "PATCH /router/{router}",
            routes(*({"route": f"10.{n}.0.0/16", "nexthop": "10.0.0.1"} for n in range(101)))),
]  # fmt: skip

MISSING = [
    Refusal("FIREWALL_RULE_NOT_FOUND", "GET /server/{started}/firewall_rule/9"),
    Refusal("GROUP_NOT_FOUND", f"GET /server-group/0b{NOWHERE}"),
    Refusal("HOST_NOT_FOUND", "GET /host/17"),
    Refusal("INTERFACE_NOT_FOUND", "DELETE /server/{stopped}/networking/interface/9"),
    Refusal("IP_ADDRESS_NOT_FOUND", "GET /ip_address/192.0.2.1"),
    Refusal("NETWORK_NOT_FOUND", f"GET /network/03{NOWHERE}"),
    Refusal("NOT_FOUND", "GET /nothing"),
    Refusal("PEERING_NOT_FOUND", f"GET /network-peering/0f{NOWHERE}"),
    Refusal("PEER_NETWORK_NOT_FOUND", "POST /network-peering", {"network_peering": {
        "name": "p", "network": {"uuid": "{routed}"}, "peer_network": {"uuid": f"03{NOWHERE}"}}}),
    Refusal("RESOURCE_NOT_FOUND", "GET /audit-logs/01FY8RP81GDE07BAVYY7V4DKRY"),
    Refusal("ROUTER_NOT_FOUND", f"GET /router/04{NOWHERE}"),
    Refusal("SERVER_NOT_FOUND", f"GET /server/00{NOWHERE}"),
    Refusal("STORAGE_IMPORT_NOT_FOUND", "GET /storage/{storage}/import"),
    Refusal("STORAGE_NOT_FOUND", f"GET /storage/01{NOWHERE}"),
    Refusal("TAG_NOT_FOUND", "GET /tag/none"),
    Refusal("USER_NOT_FOUND", "GET /account/details/nobody"),
    Refusal("ZONE_NOT_FOUND", CREATE, server(zone="mars-oly1")),
]  # fmt: skip

CONFLICTS = [
    Refusal("ADDRESS_ATTACHED", ADD, private("10.0.0.2")),
    Refusal("ALREADY_IN_SERVER_GROUP", "POST /server-group",
            {"server_group": {"title": "g", "servers": {"server": ["{stopped}"]}}}),
    Refusal("BACKUP_RULE_CONFLICT", "PUT /storage/{used}", {"storage": {"backup_rule": DAILY}},
            each_server(simple_backup="0430,dailies")),
    Refusal("CAN_NOT_CREATE_PASSWORD_FOR_THE_SELECTED_DISTRIBUTION", CREATE,
            server(login_user={"create_password": "yes"})),
    Refusal("CDROM_DEVICE_IN_USE", ATTACH, device(type="cdrom")),
    Refusal("CDROM_EJECT_FAILED", "POST /server/{stopped}/cdrom/eject"),
    Refusal("CDROM_HOTPLUG_UNSUPPORTED", "POST /server/{started}/storage/attach", device(type="cdrom")),
    Refusal("DEVICE_ADDRESS_IN_USE", ATTACH, device(storage="{storage}", address="virtio:0")),
    Refusal("DEVICE_ADDRESS_NOT_IN_USE", "POST /server/{stopped}/storage/detach", device(address="virtio:9")),
    Refusal("DUPLICATE_ROUTE", "PATCH /router/{router}",
            routes(*[{"route": "10.1.0.0/16", "nexthop": "10.0.0.1"}] * 2)),
    Refusal("FLOATING_IP_NOT_AVAILABLE", "POST /ip_address", floating(family="IPv6", zone="fi-hel1")),
    Refusal("HOT_RESIZE_NOT_ENABLED", "PUT /server/{started}", modify(plan="2xCPU-4GB")),
    Refusal("ICMP_TYPE_PROTOCOL_MISMATCH", RULES, rule(protocol="tcp", icmp_type=8)),
    Refusal("IDE_HOTPLUG_UNSUPPORTED", "POST /server/{started}/storage/attach",
            device(storage="{storage}", address="ide:0:0")),
    Refusal("IMPORT_UNAVAILABLE", "POST /storage/{importing}/import", IMPORT),
    Refusal("INTERFACE_EXISTS", "PUT /server/{stopped}/networking/interface/4", interface(index=1)),
    Refusal("LOCAL_NETWORK_NO_ROUTER", "POST /network-peering", {"network_peering": {
        "name": "p", "network": {"uuid": "{network}"}, "peer_network": {"uuid": "{routed}"}}}),
    Refusal("METADATA_DISABLED_ON_CLOUD-INIT", CREATE, server(metadata="no")),
    Refusal("MULTIPLE_TEMPLATES", CREATE, server(storage_devices=disks(os_disk(), os_disk(storage=DEBIAN_11)))),
    Refusal("NETWORK_NOT_EMPTY", "DELETE /network/{network}"),
    Refusal("NO_CDROM_DEVICE", "POST /server/{started}/cdrom/load", device(storage=DISC)),
    Refusal("PEERING_CONFLICT", "POST /network-peering", {"network_peering": {
        "name": "p", "network": {"uuid": "{routed}"}, "peer_network": {"uuid": "{peer}"}}}),
    Refusal("PEERING_NOT_DISABLED", "DELETE /network-peering/{peering}"),
    Refusal("PORT_PROTOCOL_MISMATCH", RULES, rule(source_port_start=1, source_port_end=2)),
    Refusal("PTR_RECORD_NOT_SUPPORTED", "PATCH /ip_address/{utility}", {"ip_address": {"ptr_record": "a.example"}}),
    Refusal("PUBLIC_STORAGE_ATTACH", ATTACH, device(storage=DEBIAN_11)),
    Refusal("RESOURCE_ALREADY_EXISTS", "POST /account/sub", {"sub_account": {"username": "helper", "password": "x"}}),
    Refusal("ROUTER_ATTACHED", "DELETE /router/{router}"),
    Refusal("STORAGE_ATTACHED", "DELETE /storage/{used}"),
    Refusal("STORAGE_ATTACHED_AS_CDROM", "POST /server/{started}/storage/attach", device(storage="{used}"),
            attached_storages(type="cdrom")),
    Refusal("STORAGE_ATTACHED_AS_DISK", ATTACH, device(storage="{used}")),
    Refusal("STORAGE_IMPORT_NOT_IN_PROGRESS", "POST /storage/{imported}/import/cancel"),
    Refusal("STORAGE_TYPE_ILLEGAL", "POST /storage/{storage}/restore"),
    Refusal("STRICT_ANTI_AFFINITY_NOT_MET", CREATE, server(zone="fi-tst1", server_group="{group}"),
            full_group),
    Refusal("TAG_EXISTS", "POST /tag", {"tag": {"name": "DEV"}}),
    Refusal("UNABLE_TO_CANCEL", "POST /storage/{storage}/cancel"),
    Refusal("WINDOWS_NOT_AVAILABLE", CREATE, server(zone="fi-tst1", host=7_653_311_235,
            storage_devices=disks(os_disk(storage=WINDOWS, size=25)))),
    Refusal("ZONE_MISMATCH", "POST /server/{stopped}/relocate", {"zone": "de-fra1"}),
] + [
    Refusal(f"{side}_{what}_ORDER_ILLEGAL", RULES,
            rule(protocol="tcp", **{f"{side}_{what}_start".lower(): second, f"{side}_{what}_end".lower(): first}))
    for side in ("SOURCE", "DESTINATION")
    for what, first, second in (("ADDRESS", "10.0.0.1", "10.0.0.2"), ("PORT", "1", "2"))
]  # fmt: skip

DEVICES = [
    Refusal("STORAGE_DEVICE_LIMIT_REACHED", CREATE,
            server(storage_devices=disks(os_disk(), *[new_disk()] * 16))),
]  # fmt: skip

STATES = [
    Refusal("SERVER_STATE_ILLEGAL", "POST /server/{started}/start"),
    Refusal("STORAGE_STATE_ILLEGAL", "POST /storage/{importing}/clone", storage(size=None)),
]

CAPACITY = [
    Refusal("IP_ADDRESS_RESOURCES_UNAVAILABLE", "POST /server/{stopped}/networking/interface",
            interface(type="private", network="{tiny}")),
    Refusal("SERVER_RESOURCES_UNAVAILABLE", CREATE, server(), sold_out(plan="PREMIUM-1xCPU-1GB")),
    Refusal("STORAGE_RESOURCES_UNAVAILABLE", "POST /storage", storage(), sold_out(tier="maxiops")),
]  # fmt: skip

REFUSALS: list[tuple[int, type[errors.ApiError], list[Refusal]]] = [
    (400, errors.InvalidRequest, INVALID),
    (402, errors.PaymentRequired, [Refusal("INSUFFICIENT_CREDITS", CREATE, server(), account(credits=0))]),
    (403, errors.Forbidden, DENIED),
    (403, errors.LimitReached, LIMITS),
    (404, errors.NotFound, MISSING),
    (405, errors.ApiError, [Refusal("METHOD_NOT_ALLOWED", "DELETE /zone")]),
    (409, errors.Conflict, CONFLICTS),
    (409, errors.LimitReached, DEVICES),
    (409, errors.IllegalState, STATES),
    (409, errors.NoCapacity, CAPACITY),
]

NEVER: dict[str, list[str]] = {
    "of other products": [
        "ACCESS_KEY_INVALID", "ACCESS_KEY_MISSING", "CONNECTION_POOL_NOT_FOUND", "DB_EXISTS", "DB_NOT_FOUND",
        "NAME_INVALID", "OBJECT_STORAGE_FORBIDDEN", "OBJECT_STORAGE_NOT_FOUND", "SECRET_KEY_INVALID",
        "SECRET_KEY_MISSING", "SERVICE_EXISTS", "SERVICE_NOT_FOUND",
    ],
    "about what is another account's: the simulator has one": [
        "GROUP_FORBIDDEN", "INTERFACE_FORBIDDEN", "PEERING_ACCOUNT_INVALID", "SERVER_FORBIDDEN", "TAG_FORBIDDEN",
    ],
    "of tags, for which the contract has four codes only": ["DESCRIPTION_INVALID"],
    "of hot resize, which is never enabled": [
        "FAILED_TO_ADD_MEMORY", "HOT_RESIZE_UNAVAILABLE", "NO_AVAILABLE_MEMORY_SLOTS",
    ],
    "of failures inside UpCloud": ["HOTPLUG_FAILED", "RESIZE_FAILED", "SERVICE_ERROR", "STORAGE_INCONSISTENT"],
    "whose occasion the reference does not tell": [
        "ADDRESS_OR_UUID_REQUIRED", "DUPLICATE_RESOURCE", "FIREWALL_RULE_EXISTS", "INVALID_OPTIONS",
        "INVALID_USERNAME", "MS_LMA_REQUIRED", "NETWORK_TYPE_INVALID", "NETWORK_TYPE_MISSING", "NO_STORAGES_ATTACHED",
        "STATIC_ROUTE_TARGET_INVALID", "STORAGE_IN_USE", "STORAGE_TIER_ILLEGAL", "USER_INVALID", "VALIDATION_ERROR",
    ],
}  # fmt: skip
"""The codes of the reference that the simulator does not produce, and why."""
