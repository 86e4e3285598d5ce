"""Interfaces of a server (chapter 12). Changes need a stopped server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.rules.addressing import add_address, add_interface, apply_settings, new_mac, release
from upcloud_sdk.simulator.rules.documents import interface_address, interface_details
from upcloud_sdk.simulator.rules.interfaces import (
    MOST_PRIVATE,
    InterfaceRequest,
    check_choice,
    check_limits,
    read_interface,
    system_network,
)
from upcloud_sdk.simulator.rules.ip_networks import FAMILY, ip_address
from upcloud_sdk.simulator.rules.servers import require_state
from upcloud_sdk.simulator.state.system_networks import find_network
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import fields, one_of, yes_no
from upcloud_sdk.simulator.wire.paging import boolean

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.networks import Network
    from upcloud_sdk.simulator.records.records import Interface, IpAddress, Server
    from upcloud_sdk.simulator.state.cloud import Cloud

routes = Routes()

_MOST_DEVICES = 24


@routes.get("/server/{uuid}/networking")
def list_interfaces(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    documents = [interface_details(each) for each in server.interfaces]
    return Answer(200, {"networking": {"interfaces": {"interface": documents}}})


@routes.post("/server/{uuid}/networking/interface")
def create_interface(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    with fields(call, "interface") as f:
        wanted = read_interface(cloud, f, server.zone)
    require_state(server, "stopped")
    if len(server.devices) + len(server.interfaces) >= _MOST_DEVICES:
        raise ApiFault(403, "INTERFACE_LIMIT_REACHED", "The server cannot have more interfaces.")
    check_limits(cloud, [wanted], server)
    return Answer(201, {"interface": interface_details(add_interface(cloud, server, wanted))})


def _find(server: Server, index: str) -> Interface:
    for interface in server.interfaces:
        if str(interface.index) == index:
            return interface
    raise ApiFault(404, "INTERFACE_NOT_FOUND", f"The server {server.uuid} has no interface with the index {index}.")


@routes.put("/server/{uuid}/networking/interface/{index}")
def modify_interface(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    interface = _find(server, call.args["index"])
    own = [each for each in interface.ip_addresses if not each.floating]
    current = InterfaceRequest(
        interface.type,
        [(each.family, each.address) for each in own],
        interface.network,
        interface.index,
        interface.source_ip_filtering,
        interface.bootable,
    )
    with fields(call, "interface") as f:
        if f.has("type") and not f.has("network"):
            current.network = None
        if f.has("type") or f.has("network"):
            current.addresses = []
        wanted = read_interface(cloud, f, server.zone, current)
    require_state(server, "stopped")
    if wanted.index != interface.index and any(each.index == wanted.index for each in server.interfaces):
        message = f"The server already has an interface with the index {wanted.index}."
        raise ApiFault(409, "INTERFACE_EXISTS", message)
    _apply(cloud, server, interface, wanted)
    return Answer(200, {"interface": interface_details(interface)})


def _apply(cloud: Cloud, server: Server, interface: Interface, wanted: InterfaceRequest) -> None:
    """Change the interface. With a new network, all addresses change. Otherwise, requested addresses are kept."""
    network = wanted.network or system_network(cloud, server.zone, wanted.type, wanted.addresses[0][0]).uuid
    held = [] if network != interface.network else [each for each in interface.ip_addresses if not each.floating]
    keep: list[IpAddress] = []
    missing: list[tuple[str, str | None]] = []
    for family, address in wanted.addresses:
        fitting = [each for each in held if each not in keep and address in {None, each.address}]
        fitting = [each for each in fitting if each.family == family]
        if fitting:
            keep.append(fitting[0])
        else:
            missing.append((family, address))
    if missing:
        check_limits(cloud, [InterfaceRequest(wanted.type, missing)])
    for each in list(interface.ip_addresses):
        if each not in keep and (not each.floating or network != interface.network):
            release(cloud, each)
    if network != interface.network:
        interface.mac = new_mac(cloud)
    interface.type, interface.network = wanted.type, network
    interface.index = wanted.index or interface.index
    interface.source_ip_filtering, interface.bootable = wanted.source_ip_filtering, wanted.bootable
    for family, address in missing:
        add_address(cloud, server, interface, family, address)
    apply_settings(interface, wanted)


@routes.delete("/server/{uuid}/networking/interface/{index}")
def delete_interface(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    interface = _find(server, call.args["index"])
    require_state(server, "stopped")
    for address in list(interface.ip_addresses):
        release(cloud, address)
    server.interfaces.remove(interface)
    return Answer(204)


@routes.post("/server/{uuid}/networking/interface/{index}/ip-address")
@routes.post("/server/{uuid}/networking/interface/{index}/ip_address")
def add_interface_address(cloud: Cloud, call: Call) -> Answer:
    """Add an address. `force=yes` takes it from another server."""
    server = cloud.server(call.args["uuid"])
    interface = _find(server, call.args["index"])
    network = find_network(cloud, interface.network)
    with fields(call, "ip_address") as f:
        family = f.get("family", FAMILY, network.ip_networks[0].family)
        address = f.get("address", ip_address, None)
        dhcp = f.get("dhcp_provided", yes_no, None)
        policy = f.get("release_policy", one_of("release", "keep"), "release")
    if family != network.ip_networks[0].family:
        raise ApiFault(400, "DUAL_STACK_INTERFACE", "An interface has addresses of one family.")
    require_state(server, "started", "stopped")
    if interface.type != "private":
        check_limits(cloud, [InterfaceRequest(interface.type, [(family, address)])], server)
    elif len(interface.ip_addresses) >= MOST_PRIVATE:
        raise ApiFault(403, "SERVER_IP_LIMIT_REACHED", f"A private interface has at most {MOST_PRIVATE} addresses.")
    if address is not None:
        if boolean(call, "force"):
            _take_away(cloud, network, address)
        check_choice(cloud, interface.type, network, server.zone, (family, address))
    record = add_address(cloud, server, interface, family, address)
    record.release_policy = policy
    if dhcp is not None:
        record.dhcp_provided = dhcp == "yes"
    return Answer(201, {"ip_address": interface_address(record)})


def _take_away(cloud: Cloud, network: Network, address: str) -> None:
    for server in cloud.servers.values():
        for interface in server.interfaces:
            for held in list(interface.ip_addresses):
                if (interface.network, held.address) == (network.uuid, address):
                    release(cloud, held)


@routes.delete("/server/{uuid}/networking/interface/{index}/ip-address/{address}")
@routes.delete("/server/{uuid}/networking/interface/{index}/ip_address/{address}")
def remove_interface_address(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    interface = _find(server, call.args["index"])
    held = next((each for each in interface.ip_addresses if each.address == call.args["address"]), None)
    if held is None:
        raise ApiFault(404, "IP_ADDRESS_NOT_FOUND", f"The interface has no address {call.args['address']}.")
    require_state(server, "started", "stopped")
    if len(interface.ip_addresses) == 1:
        raise ApiFault(403, "IP_ADDRESS_FORBIDDEN", "An interface keeps one address; delete the interface.")
    release(cloud, held)
    return Answer(204)
