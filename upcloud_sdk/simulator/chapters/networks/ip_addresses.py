"""IP addresses of the account, including floating ones (chapter 11)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.rules.addressing import (
    add_interface,
    attach,
    find_address,
    find_interface,
    new_address,
    release,
)
from upcloud_sdk.simulator.rules.interfaces import InterfaceRequest, check_account_limit, check_limits, system_network
from upcloud_sdk.simulator.rules.ip_networks import FAMILY
from upcloud_sdk.simulator.rules.servers import require_state
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import (
    Fields,
    fields,
    host_name,
    listing,
    mapping,
    one_of,
    or_null,
    text,
    uuid,
    whole,
    yes_no,
)

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.records import Interface, IpAddress, Server
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

routes = Routes()

_MAC = re.compile(r"(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}")
_POLICY = one_of("keep", "release")


def _mac(value: object) -> str:
    mac = text()(value)
    if not _MAC.fullmatch(mac):
        raise ValueError("A MAC address was expected.")
    return mac.lower()


def _document(address: IpAddress) -> Document:
    """Without `floating` or `server`, these are not in the document."""
    document: Document = {
        "access": address.access,
        "address": address.address,
        "dhcp_provided": "yes" if address.dhcp_provided else "no",
        "family": address.family,
        "ptr_record": address.ptr_record,
        "release_policy": address.release_policy,
        "zone": address.zone,
    }
    optional = {
        "floating": "yes" if address.floating else None,
        "mac": address.mac,
        "part_of_plan": "yes" if address.part_of_plan else None,
        "server": address.server,
    }
    return document | {key: value for key, value in optional.items() if value is not None}


@routes.get("/ip_address")
def list_addresses(cloud: Cloud, _call: Call) -> Answer:
    found = list(cloud.ip_addresses.values())
    return Answer(200, {"ip_addresses": {"ip_address": [_document(each) for each in found]}})


@routes.get("/ip_address/{address}")
def get_address(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"ip_address": _document(find_address(cloud, call.args["address"]))})


@routes.post("/ip_address")
def assign_address(cloud: Cloud, call: Call) -> Answer:
    with fields(call, "ip_address") as f:
        family = f.get("family", FAMILY, "IPv4")
        floating = f.get("floating", yes_no, "no")
        policy = f.get("release_policy", _POLICY, "release")
        access = f.get("access", one_of("public", "utility", "private"), "public")
        make = _floating(cloud, f, family) if floating == "yes" else _ordinary(cloud, f, access, family)
    make.release_policy = policy
    return Answer(201, {"ip_address": _document(make)})


def _ordinary(cloud: Cloud, f: Fields, access: str, family: str) -> IpAddress:
    """Another address for a server, on a new interface."""
    server = cloud.server(f.need("server", uuid))
    zone = f.get("zone", text(1), server.zone)
    f.done()
    if zone != server.zone:
        raise ApiFault(409, "ZONE_MISMATCH", f"The server {server.uuid} is in another zone.")
    require_state(server, "stopped")
    wanted = InterfaceRequest("utility" if access == "private" else access, [(family, None)])
    check_limits(cloud, [wanted], server)
    return add_interface(cloud, server, wanted).ip_addresses[0]


def _floating(cloud: Cloud, f: Fields, family: str) -> IpAddress:
    """A floating address. Without an interface, it needs a zone."""
    mac = f.get("mac", or_null(_mac), None)
    zone = f.get("zone", text(1), None)
    f.get("server", uuid, None)
    f.done()
    if family != "IPv4":
        raise ApiFault(409, "FLOATING_IP_NOT_AVAILABLE", "Only IPv4 addresses can float.")
    if mac is None and zone is None:
        raise ApiFault(400, "ZONE_MISSING", "A floating address needs the MAC of an interface, or a zone.")
    target = None if mac is None else _target(cloud, mac, zone)
    zone = cloud.catalog.zone(zone or (target[0].zone if target else ""))
    check_account_limit(cloud, family, 1)
    if target is None:
        _check_detached(cloud)
    record = new_address(cloud, system_network(cloud, zone, "public", family), family)
    record.floating, record.dhcp_provided = True, False
    if target is not None:
        attach(record, *target)
    return record


def _target(cloud: Cloud, mac: str, zone: str | None) -> tuple[Server, Interface]:
    """The target interface of a floating address."""
    found = find_interface(cloud, mac)
    if found is None:
        raise ApiFault(404, "INTERFACE_NOT_FOUND", f"There is no interface with the MAC address {mac}.")
    server, interface = found
    if zone is not None and server.zone != zone:
        raise ApiFault(409, "ZONE_MISMATCH", f"The server {server.uuid} is in another zone.")
    if interface.type != "public" or all(each.family != "IPv4" for each in interface.ip_addresses):
        raise ApiFault(409, "FLOATING_IP_NOT_AVAILABLE", f"The interface {mac} is not a public IPv4 one.")
    return server, interface


def _check_detached(cloud: Cloud) -> None:
    """Refuse another detached floating address if the limit is reached."""
    detached = sum(each.floating and each.server is None for each in cloud.ip_addresses.values())
    cloud.check_limit("detached_floating_ips", detached, "IP_ADDRESS_LIMIT_REACHED")


@routes.patch("/ip_address/bulk")
def modify_addresses(cloud: Cloud, call: Call) -> Answer:
    """Set the release policy of several addresses: of all or none."""
    with fields(call, None) as f:
        items = f.need("ip_addresses", listing)
    changes: list[tuple[IpAddress, str]] = []
    for item in items:
        try:
            values = mapping(item)
        except ValueError:
            raise ApiFault(400, "IP_ADDRESSES_INVALID", "An address is an object.") from None
        with Fields(values, where="ip_addresses") as inner:
            record = find_address(cloud, inner.need("address", text(1)))
            policy = inner.get("release_policy", _POLICY, record.release_policy)
            inner.get("main_account_id", whole(1, 2**31), None)
            inner.get("delegated_to_account_id", whole(1, 2**31), None)
        changes.append((record, policy))
    for record, policy in changes:
        record.release_policy = policy
    return Answer(204)


@routes.patch("/ip_address/{address}")
@routes.put("/ip_address/{address}")
def modify_address(cloud: Cloud, call: Call) -> Answer:
    record = find_address(cloud, call.args["address"])
    with fields(call, "ip_address") as f:
        f.get("floating", yes_no, None)
        f.get("vlan_id", text(), None)
        ptr = f.get("ptr_record", _ptr, None)
        policy = f.get("release_policy", _POLICY, record.release_policy)
        moves = f.has("mac")
        mac = f.get("mac", or_null(_mac), None)
    if ptr is not None and record.access != "public":
        raise ApiFault(409, "PTR_RECORD_NOT_SUPPORTED", f"The address {record.address} has no PTR record.")
    if moves:
        _move(cloud, record, mac)
    record.release_policy = policy
    record.ptr_record = record.ptr_record if ptr is None else ptr.rstrip(".")
    return Answer(202, {"ip_address": _document(record)})


def _ptr(value: object) -> str:
    name = host_name(value)
    if "." not in name.rstrip("."):
        raise ValueError("A fully qualified host name was expected.")
    return name


def _move(cloud: Cloud, record: IpAddress, mac: str | None) -> None:
    """Move an address to another interface, or detach it."""
    if not record.floating:
        raise ApiFault(409, "FLOATING_IP_NOT_AVAILABLE", f"The address {record.address} is not a floating one.")
    if mac is None:
        if record.server is not None:
            _check_detached(cloud)
        release(cloud, record)
        return
    target = _target(cloud, mac, record.zone)
    release(cloud, record)
    attach(record, *target)


@routes.delete("/ip_address/{address}")
def release_address(cloud: Cloud, call: Call) -> Answer:
    record = find_address(cloud, call.args["address"])
    if record.access == "utility":
        raise ApiFault(403, "CANNOT_DELETE_PRIVATE_ADDRESS", f"The utility address {record.address} cannot be deleted.")
    server = cloud.servers.get(record.server or "")
    if server is not None:
        _check_release(server, record)
    release(cloud, record, wholly=True)
    if server is not None:
        server.interfaces = [each for each in server.interfaces if each.ip_addresses]
    return Answer(204)


def _check_release(server: Server, record: IpAddress) -> None:
    if record.floating:
        raise ApiFault(409, "ADDRESS_ATTACHED", f"The floating address {record.address} must be detached first.")
    require_state(server, "stopped")
    if sum(len(interface.ip_addresses) for interface in server.interfaces) == 1:
        raise ApiFault(403, "IP_ADDRESS_FORBIDDEN", "A server needs at least one address.")
