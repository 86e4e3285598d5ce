"""Reads and checks interfaces of requests, before anything is created (chapters 7.1 and 12)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.rules.ip_networks import FAMILY, ip_address, range_of
from upcloud_sdk.simulator.state.system_networks import find_network, networks_of
from upcloud_sdk.simulator.wire.calls import ApiFault
from upcloud_sdk.simulator.wire.fields import Fields, one_of, text, uuid, whole, yes_no

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.networks import Network
    from upcloud_sdk.simulator.records.records import Server
    from upcloud_sdk.simulator.state.cloud import Cloud

MOST_PUBLIC, MOST_UTILITY, MOST_PRIVATE = 5, 1, 32
_DEFAULTS = (("public", "IPv4"), ("public", "IPv6"), ("utility", "IPv4"))


@dataclass(slots=True)
class InterfaceRequest:
    """A requested interface. Addresses: family, and optionally the address."""

    type: str
    addresses: list[tuple[str, str | None]]
    network: str | None = None
    index: int | None = None
    source_ip_filtering: str = "yes"
    bootable: str = "no"
    settings: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """`dhcp_provided` and `release_policy` of each address, where they are given."""


def read_interfaces(cloud: Cloud, f: Fields, zone: str) -> list[InterfaceRequest]:
    """Read the interfaces of a create request: from `networking`, from the older `ip_addresses`, or defaults."""
    networking = f.object("networking")
    older = f.items("ip_addresses", "ip_address")
    if networking is not None:
        with networking:
            items = networking.items("interfaces", "interface", code="NETWORKING") or []
        wanted = [read_interface(cloud, item, zone) for item in items]
        chosen = [address for each in wanted for _, address in each.addresses if address is not None]
        if len(set(chosen)) != len(chosen):
            raise ApiFault(409, "ADDRESS_ATTACHED", "An address is given twice.")
        return wanted
    if older is not None:
        return [_read_older(item) for item in older]
    return [InterfaceRequest(access, [(family, None)]) for access, family in _DEFAULTS]


def _read_older(f: Fields) -> InterfaceRequest:
    with f:
        access = f.get("access", one_of("public", "utility", "private"), "public")
        family = f.get("family", FAMILY, "IPv4")
        f.get("address", ip_address, None)
        f.get("prefix", text(0, 100), None)
    return InterfaceRequest("utility" if access == "private" else access, [(family, None)])


def read_interface(cloud: Cloud, f: Fields, zone: str, current: InterfaceRequest | None = None) -> InterfaceRequest:
    """Read and check an interface. Missing fields are taken from `current`."""
    with f:
        if current is None:
            kind = f.need("type", one_of("public", "utility", "private"))
            current = InterfaceRequest(kind, [])
        else:
            kind = f.get("type", one_of("public", "utility", "private"), current.type)
        wanted = InterfaceRequest(
            kind,
            current.addresses,
            f.get("network", uuid, current.network),
            f.get("index", whole(1, 255), current.index),
            f.get("source_ip_filtering", yes_no, current.source_ip_filtering),
            f.get("bootable", yes_no, current.bootable),
        )
        items = f.items("ip_addresses", "ip_address")
    network = _check_network(cloud, wanted, zone)
    if items is not None:
        read = [_read_address(item) for item in items]
        wanted.addresses = [address for address, _ in read]
        wanted.settings = [settings for _, settings in read]
    if not wanted.addresses:
        ranged = network.ip_networks[0].family if network is not None and network.ip_networks else "IPv4"
        wanted.addresses = [(ranged, None)]
    if {family for family, _ in wanted.addresses} == {"IPv4", "IPv6"}:
        raise ApiFault(400, "DUAL_STACK_INTERFACE", "An interface has addresses of one family.")
    if network is not None and network.ip_networks:
        ranged = network.ip_networks[0].family
        if {family for family, _ in wanted.addresses} != {ranged}:
            raise ApiFault(400, "FAMILY_INVALID", f"The network {network.uuid} has {ranged} addresses.")
    held = [address for _, address in current.addresses]
    for family, address in wanted.addresses:
        if address is not None and address not in held:
            check_choice(cloud, wanted.type, network, zone, (family, address))
    return wanted


def _read_address(f: Fields) -> tuple[tuple[str, str | None], dict[str, str]]:
    with f:
        address = f.get("address", ip_address, None)
        default = "IPv4" if address is None else f"IPv{ipaddress.ip_address(address).version}"
        family = f.get("family", FAMILY, default)
        dhcp = f.get("dhcp_provided", yes_no, None)
        policy = f.get("release_policy", one_of("release", "keep"), None)
    return (family, address), {
        name: value for name, value in (("dhcp_provided", dhcp), ("release_policy", policy)) if value is not None
    }


def _check_network(cloud: Cloud, wanted: InterfaceRequest, zone: str) -> Network | None:
    """The requested network. Only private interfaces need one."""
    if wanted.type != "private" and wanted.source_ip_filtering == "no":
        raise ApiFault(400, "SOURCE_IP_FILTERING_INVALID", "Only a private interface may have no source IP filtering.")
    if wanted.network is None:
        if wanted.type == "private":
            raise ApiFault(400, "NETWORK_MISSING", "A private interface needs a network.")
        return None
    network = find_network(cloud, wanted.network)
    if network.zone != zone:
        raise ApiFault(409, "ZONE_MISMATCH", f"The network {network.uuid} is in another zone.")
    if network.type != wanted.type:
        raise ApiFault(403, "NETWORK_FORBIDDEN", f"The network {network.uuid} is not {wanted.type}.")
    return network


def check_choice(cloud: Cloud, kind: str, network: Network | None, zone: str, choice: tuple[str, str]) -> None:
    """Refuse an explicit address (family, address) that is not available."""
    family, address = choice
    if kind != "private" or network is None:
        held = cloud.ip_addresses.get(address)
        if held is None or held.server is not None or (held.zone, held.access, held.family) != (zone, kind, family):
            message = "The address of a public or utility interface cannot be chosen, unless it is a detached one."
            raise ApiFault(403, "IP_ADDRESS_FORBIDDEN", message)
        return
    wanted = ipaddress.ip_address(address)
    ranged = next((each for each in network.ip_networks if wanted in range_of(each)), None)
    if ranged is None or ranged.family != family:
        raise ApiFault(400, "ADDRESS_INVALID", f"The address {address} is not in the network {network.uuid}.")
    own = range_of(ranged)
    if wanted in {own.network_address, own.broadcast_address} or address == ranged.gateway:
        raise ApiFault(400, "ADDRESS_INVALID", f"The address {address} cannot be given to a server.")
    if address in private_addresses(cloud, network.uuid):
        raise ApiFault(409, "ADDRESS_ATTACHED", f"The address {address} is in use.")


def private_addresses(cloud: Cloud, network: str) -> set[str]:
    """The addresses in use in a private network."""
    return {
        address.address
        for server in cloud.servers.values()
        for interface in server.interfaces
        if interface.network == network
        for address in interface.ip_addresses
    }


def system_network(cloud: Cloud, zone: str, kind: str, family: str) -> Network:
    """A network of UpCloud for a new public or utility interface."""
    fitting = [
        network
        for network in networks_of(cloud, zone).values()
        if network.type == kind and network.ip_networks[0].family == family
        if kind == "public" or network.router is not None  # the oldest utility networks take no new servers
    ]
    if not fitting:
        raise ApiFault(400, "FAMILY_INVALID", f"There is no {kind} network of the family {family}.")
    return cloud.random.choice(fitting)


def check_limits(cloud: Cloud, wanted: list[InterfaceRequest], server: Server | None = None) -> None:
    """Refuse more addresses than a server or the account may have."""
    held = [each for interface in (server.interfaces if server else []) for each in interface.ip_addresses]
    for family in ("IPv4", "IPv6"):
        asked = _count(wanted, "public", family)
        own = sum((each.access, each.family, each.floating) == ("public", family, False) for each in held)
        if own + asked > MOST_PUBLIC:
            message = f"A server has at most {MOST_PUBLIC} public {family} addresses."
            raise ApiFault(403, "SERVER_IP_LIMIT_REACHED", message)
        check_account_limit(cloud, family, asked)
    if _count(wanted, "utility", None) + sum(each.access == "utility" for each in held) > MOST_UTILITY:
        raise ApiFault(403, "SERVER_IP_LIMIT_REACHED", "A server has one utility address at most.")
    if any(each.type == "private" and len(each.addresses) > MOST_PRIVATE for each in wanted):
        raise ApiFault(403, "SERVER_IP_LIMIT_REACHED", f"A private interface has at most {MOST_PRIVATE} addresses.")


def _count(wanted: list[InterfaceRequest], kind: str, family: str | None) -> int:
    """Number of new addresses in a request, without existing detached ones."""
    return sum(
        address is None and family in {None, each}
        for request in wanted
        if request.type == kind
        for each, address in request.addresses
    )


def check_account_limit(cloud: Cloud, family: str, asked: int) -> None:
    """Refuse more public addresses than the account may have."""
    limit = cloud.account.resource_limits.get(f"public_{family.lower()}")
    held = sum((each.access, each.family) == ("public", family) for each in cloud.ip_addresses.values())
    if limit is not None and asked and held + asked > limit:
        raise ApiFault(403, "IP_ADDRESS_LIMIT_REACHED", f"The account may have {limit} public {family} addresses.")
