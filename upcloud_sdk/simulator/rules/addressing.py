"""Assigns, moves and releases interfaces and addresses (chapters 7, 11 and 12)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.records.records import Interface, IpAddress, Server
from upcloud_sdk.simulator.rules.interfaces import InterfaceRequest, private_addresses, system_network
from upcloud_sdk.simulator.rules.ip_networks import range_of
from upcloud_sdk.simulator.state import usage
from upcloud_sdk.simulator.state.system_networks import find_network, networks_of
from upcloud_sdk.simulator.wire.calls import ApiFault

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.networks import IpNetwork, Network
    from upcloud_sdk.simulator.state.cloud import Cloud

_TRIES = 20


def add_interface(cloud: Cloud, server: Server, wanted: InterfaceRequest) -> Interface:
    """Add an interface with addresses to a server."""
    taken = {each.index for each in server.interfaces}
    index = wanted.index or next(n for n in range(1, 1000) if n not in taken)
    if index in taken:
        raise ApiFault(409, "INTERFACE_EXISTS", f"The server already has an interface with the index {index}.")
    network = wanted.network or _network_for(cloud, server.zone, wanted).uuid
    interface = Interface(index, wanted.type, new_mac(cloud), network, [], wanted.source_ip_filtering, wanted.bootable)
    for family, address in wanted.addresses:
        add_address(cloud, server, interface, family, address)
    apply_settings(interface, wanted)
    server.interfaces.append(interface)
    return interface


def apply_settings(interface: Interface, wanted: InterfaceRequest) -> None:
    """Set what a request says of the addresses of an interface."""
    for record, settings in zip(interface.ip_addresses, wanted.settings, strict=False):
        record.release_policy = settings.get("release_policy", record.release_policy)
        if "dhcp_provided" in settings:
            record.dhcp_provided = settings["dhcp_provided"] == "yes"


def _network_for(cloud: Cloud, zone: str, wanted: InterfaceRequest) -> Network:
    """The network of UpCloud for an interface: of the requested detached address, or any."""
    family, address = wanted.addresses[0]
    if address is not None:
        for network in networks_of(cloud, zone).values():
            if ipaddress.ip_address(address) in range_of(network.ip_networks[0]):
                return network
    return system_network(cloud, zone, wanted.type, family)


def add_address(cloud: Cloud, server: Server, interface: Interface, family: str, address: str | None) -> IpAddress:
    """Add an address to an interface: the requested one, which is already checked, or a free one."""
    network = find_network(cloud, interface.network)
    if interface.type == "private":
        found = address or _free_private(cloud, network, interface)
        record = IpAddress(found, "private", family, server.zone, interface.mac, server.uuid)
        record.dhcp_provided = bool(network.ip_networks) and network.ip_networks[0].dhcp == "yes"
        interface.ip_addresses.append(record)
        return record
    record = new_address(cloud, network, family, interface.mac) if address is None else cloud.ip_addresses[address]
    attach(record, server, interface)
    return record


def attach(record: IpAddress, server: Server, interface: Interface) -> None:
    """Attach an address to an interface."""
    record.mac, record.server = interface.mac, server.uuid
    interface.ip_addresses.append(record)


def new_address(cloud: Cloud, network: Network, family: str, mac: str | None = None) -> IpAddress:
    """Add a free address of one of UpCloud's networks to the account."""
    ranged = network.ip_networks[0]
    if family == "IPv6":
        address = _free_ipv6(cloud, ranged, mac)
        ptr = "-".join(address.split(":")[4:]) + f".v6.{network.zone}.upcloud.host"
    else:
        address = _free_ipv4(cloud, ranged)
        ptr = "" if network.type == "utility" else address.replace(".", "-") + f".{network.zone}.upcloud.host"
    record = IpAddress(address, network.type, family, network.zone, mac, ptr_record=ptr)
    record.billed_from = cloud.clock.now()
    cloud.ip_addresses[address] = record
    return record


def _free_ipv4(cloud: Cloud, ranged: IpNetwork) -> str:
    own = range_of(ranged)
    for _ in range(_TRIES):
        address = str(own[cloud.random.randrange(2, own.num_addresses - 1)])
        if address not in cloud.ip_addresses:
            return address
    free = (str(host) for host in own.hosts() if str(host) not in cloud.ip_addresses and str(host) != ranged.gateway)
    return _first(next(free, None))


def _free_ipv6(cloud: Cloud, ranged: IpNetwork, mac: str | None) -> str:
    """A free IPv6 address from the MAC. Its groups keep zeros, as in the API."""
    prefix = ranged.address.partition("::")[0]
    for _ in range(_TRIES):
        parts = (mac or new_mac(cloud)).split(":")
        first = f"{int(parts[0], 16) ^ 2:02x}"
        address = f"{prefix}:{first}{parts[1]}:{parts[2]}ff:fe{parts[3]}:{parts[4]}{parts[5]}"
        if address not in cloud.ip_addresses:
            return address
        mac = None
    return _first(None)


def _first(address: str | None) -> str:
    if address is None:
        raise ApiFault(409, "IP_ADDRESS_RESOURCES_UNAVAILABLE", "The network has no free address.")
    return address


def _free_private(cloud: Cloud, network: Network, interface: Interface) -> str:
    """The lowest free address, except the gateway."""
    if not network.ip_networks:
        return _first(None)
    ranged = network.ip_networks[0]
    taken = private_addresses(cloud, network.uuid) | {each.address for each in interface.ip_addresses}
    taken.add(ranged.gateway)
    return _first(next((str(host) for host in range_of(ranged).hosts() if str(host) not in taken), None))


def release(cloud: Cloud, record: IpAddress, *, wholly: bool = False) -> None:
    """Remove an address from its interface. Floating and kept addresses stay in the account, unless `wholly`."""
    for interface in cloud.servers[record.server].interfaces if record.server in cloud.servers else []:
        if record in interface.ip_addresses:
            interface.ip_addresses.remove(record)
    record.mac = record.server = None
    if record.access == "private":
        return
    if wholly or not (record.floating or record.release_policy == "keep"):
        usage.close(cloud, record)
        cloud.ip_addresses.pop(record.address, None)


def release_addresses(cloud: Cloud, server: Server) -> None:
    """Release all addresses of a deleted server."""
    for interface in server.interfaces:
        for address in list(interface.ip_addresses):
            release(cloud, address)


def find_interface(cloud: Cloud, mac: str) -> tuple[Server, Interface] | None:
    """Find the interface with this MAC, and its server."""
    for server in cloud.servers.values():
        for interface in server.interfaces:
            if interface.mac == mac.lower():
                return server, interface
    return None


def find_address(cloud: Cloud, text: str) -> IpAddress:
    """Find an address, in any spelling. Raises `ApiFault`: IP_ADDRESS_INVALID, IP_ADDRESS_NOT_FOUND."""
    found = cloud.ip_addresses.get(text)
    if found is not None:
        return found
    try:
        wanted = ipaddress.ip_address(text)
    except ValueError:
        raise ApiFault(400, "IP_ADDRESS_INVALID", "The IP address is invalid.") from None
    for record in cloud.ip_addresses.values():
        if ipaddress.ip_address(record.address) == wanted:
            return record
    raise ApiFault(404, "IP_ADDRESS_NOT_FOUND", f"The IP address {text} does not exist.")


def new_mac(cloud: Cloud) -> str:
    digits = f"{cloud.random.getrandbits(32):08x}"
    return ":".join(("da", "45", *(digits[n : n + 2] for n in range(0, 8, 2))))
