"""Interfaces and addresses of a server: read, handed out, released (chapters 7, 11 and 12)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from upcloud_sdk.simulator.calls import ApiFault
from upcloud_sdk.simulator.fields import Fields, one_of, text, uuid, whole, yes_no
from upcloud_sdk.simulator.records import Interface, IpAddress, Server

if TYPE_CHECKING:
    from upcloud_sdk.simulator.cloud import Cloud

_FAMILY = one_of("IPv4", "IPv6")
_UTILITY_NET = (
    "fi-hel1", "uk-lon1", "us-chi1", "de-fra1", "nl-ams1", "fi-hel2", "es-mad1", "us-sjo1",
    "us-nyc1", "sg-sin1", "pl-waw1", "au-syd1", "se-sto1", "dk-cph1", "no-svg1",
)  # fmt: skip
"""The zones in the order of their utility networks, 10.1.0.0/16 and on."""


@dataclass(slots=True)
class InterfaceRequest:
    """An interface as the caller wants it. Addresses: family, and perhaps which."""

    type: str
    addresses: list[tuple[str, str | None]]
    network: str | None = None
    index: int | None = None
    source_ip_filtering: str = "yes"
    bootable: str = "no"


def zone_number(cloud: Cloud, zone: str) -> int:
    """The second byte of the zone's utility network."""
    if zone in _UTILITY_NET:
        return _UTILITY_NET.index(zone) + 1
    return 200 + sorted(cloud.catalog.zones).index(zone)


def system_network(cloud: Cloud, zone: str, access: str, family: str) -> str:
    """The uuid of UpCloud's own public or utility network of a zone."""
    kind = {("utility", "IPv4"): 0, ("public", "IPv4"): 1, ("public", "IPv6"): 2}[(access, family)]
    return f"03000000-0000-4000-{0x8000 + zone_number(cloud, zone) * 4 + kind:04x}-000000000000"


DEFAULT_INTERFACES = (("public", "IPv4"), ("public", "IPv6"), ("utility", "IPv4"))


def read_interfaces(cloud: Cloud, f: Fields, zone: str) -> list[InterfaceRequest]:
    """The interfaces of a create request: in `networking`, in the older `ip_addresses`, or the defaults."""
    networking = f.object("networking")
    older = f.items("ip_addresses", "ip_address")
    if networking is not None:
        with networking:
            items = networking.items("interfaces", "interface", code="NETWORKING") or []
        return [read_interface(cloud, item, zone) for item in items]
    if older is not None:
        wanted: list[InterfaceRequest] = []
        for item in older:
            with item:
                access = item.get("access", one_of("public", "utility", "private"), "public")
                family = item.get("family", _FAMILY, "IPv4")
            wanted.append(InterfaceRequest("utility" if access == "private" else access, [(family, None)]))
        return wanted
    return [InterfaceRequest(access, [(family, None)]) for access, family in DEFAULT_INTERFACES]


def read_interface(cloud: Cloud, f: Fields, zone: str) -> InterfaceRequest:
    """One interface of a request, checked."""
    with f:
        kind = f.need("type", one_of("public", "utility", "private"))
        network = f.get("network", uuid, None)
        index = f.get("index", whole(1, 24), None)
        filtering = f.get("source_ip_filtering", yes_no, "yes")
        bootable = f.get("bootable", yes_no, "no")
        addresses: list[tuple[str, str | None]] = []
        for item in f.items("ip_addresses", "ip_address") or []:
            with item:
                addresses.append((item.get("family", _FAMILY, "IPv4"), item.get("address", text(), None)))
    if kind == "private":
        if network is None:
            raise ApiFault(400, "NETWORK_MISSING", "A private interface needs a network.")
        if cloud.find(cloud.networks, network, "network").zone != zone:
            raise ApiFault(409, "ZONE_MISMATCH", f"The network {network} is in another zone.")
    elif filtering == "no":
        raise ApiFault(400, "SOURCE_IP_FILTERING_INVALID", "Only a private interface may have no source IP filtering.")
    if {family for family, _ in addresses} == {"IPv4", "IPv6"}:
        raise ApiFault(400, "DUAL_STACK_INTERFACE", "An interface has addresses of one family.")
    return InterfaceRequest(kind, addresses or [("IPv4", None)], network, index, filtering, bootable)


def check_limits(cloud: Cloud, wanted: list[InterfaceRequest]) -> None:
    """Refuse more public addresses than a server or the account may have."""
    if sum(len(each.addresses) for each in wanted if each.type == "utility") > 1:
        raise ApiFault(403, "SERVER_IP_LIMIT_REACHED", "A server has one utility address.")
    for family in ("IPv4", "IPv6"):
        asked = sum(each == family for r in wanted if r.type == "public" for each, _ in r.addresses)
        if asked > 5:
            raise ApiFault(403, "SERVER_IP_LIMIT_REACHED", f"A server has at most 5 public {family} addresses.")
        limit = cloud.account.resource_limits.get(f"public_{family.lower()}")
        held = sum(each.family == family and each.access == "public" for each in cloud.ip_addresses.values())
        if limit is not None and held + asked > limit:
            raise ApiFault(403, "IP_ADDRESS_LIMIT_REACHED", f"The account may have {limit} public {family} addresses.")


def add_interface(cloud: Cloud, server: Server, wanted: InterfaceRequest) -> Interface:
    """Give the server an interface with its addresses."""
    taken = {each.index for each in server.interfaces}
    index = wanted.index or next(n for n in range(1, 1000) if n not in taken)
    if index in taken:
        raise ApiFault(409, "INTERFACE_EXISTS", f"The server already has an interface with the index {index}.")
    family = wanted.addresses[0][0]
    network = wanted.network or system_network(cloud, server.zone, wanted.type, family)
    interface = Interface(index, wanted.type, _new_mac(cloud), network, [], wanted.source_ip_filtering, wanted.bootable)
    for each, address in wanted.addresses:
        add_address(cloud, server, interface, each, address)
    server.interfaces.append(interface)
    return interface


def add_address(cloud: Cloud, server: Server, interface: Interface, family: str, address: str | None) -> IpAddress:
    """Give an interface one address more: the wanted one, or a free one."""
    if interface.type == "private":
        found = address or _free_private(cloud, interface)
        private = IpAddress(found, "private", family, server.zone, interface.mac, server.uuid)
        interface.ip_addresses.append(private)
        return private
    if address is not None:
        raise ApiFault(403, "IP_ADDRESS_FORBIDDEN", "The address of a public or utility interface cannot be chosen.")
    record = new_address(cloud, server.zone, interface.type, family, interface.mac)
    record.server = server.uuid
    interface.ip_addresses.append(record)
    return record


def new_address(cloud: Cloud, zone: str, access: str, family: str, mac: str | None) -> IpAddress:
    """A free public or utility address, in the account from now on."""
    number = zone_number(cloud, zone)
    source = mac or _new_mac(cloud)
    while True:
        low = cloud.random.randrange(256, 65_000)
        ptr = ""
        if family == "IPv6":
            address = _from_mac(source, number)
            ptr = "-".join(address.split(":")[4:]) + f".v6.{zone}.upcloud.host"
        elif access == "utility":
            address = f"10.{number}.{low >> 8}.{low & 255}"
        else:
            address = f"94.{237 - number % 16}.{low >> 8}.{low & 255}"
            ptr = address.replace(".", "-") + f".{zone}.upcloud.host"
        if address not in cloud.ip_addresses:
            break
        source = _new_mac(cloud)
    record = IpAddress(address, access, family, zone, mac, ptr_record=ptr)
    cloud.ip_addresses[address] = record
    return record


def release_addresses(cloud: Cloud, server: Server) -> None:
    """The server is deleted: its addresses go, its floating ones stay in the account."""
    for interface in server.interfaces:
        for address in interface.ip_addresses:
            if address.floating:
                address.mac = address.server = None
            else:
                cloud.ip_addresses.pop(address.address, None)


def _new_mac(cloud: Cloud) -> str:
    digits = f"{cloud.random.getrandbits(32):08x}"
    return ":".join(("da", "45", *(digits[n : n + 2] for n in range(0, 8, 2))))


def _from_mac(mac: str, number: int) -> str:
    """An address made of the MAC; the groups keep their zeros, as recorded."""
    parts = mac.split(":")
    parts[0] = f"{int(parts[0], 16) ^ 2:02x}"
    host = f"{parts[0]}{parts[1]}:{parts[2]}ff:fe{parts[3]}:{parts[4]}{parts[5]}"
    return f"2a04:3545:1000:{0x700 + number:x}:{host}"


def _free_private(cloud: Cloud, interface: Interface) -> str:
    network = cloud.networks[interface.network]
    address = str(network.ip_networks[0]["address"]) if network.ip_networks else "10.0.0.0/24"
    taken = {
        each.address
        for server in cloud.servers.values()
        for other in server.interfaces
        if other.network == interface.network
        for each in other.ip_addresses
    } | {each.address for each in interface.ip_addresses}
    gateway = cast("str | None", network.ip_networks[0].get("gateway")) if network.ip_networks else None
    for host in ipaddress.ip_network(address, strict=False).hosts():
        if str(host) not in taken and str(host) != gateway:
            return str(host)
    raise ApiFault(409, "IP_ADDRESS_RESOURCES_UNAVAILABLE", "The network has no free address.")
