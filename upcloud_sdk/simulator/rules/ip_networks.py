"""Address ranges of networks: reads requests, writes answers (chapter 12)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.records.networks import IpNetwork
from upcloud_sdk.simulator.wire.calls import ApiFault
from upcloud_sdk.simulator.wire.fields import Check, Fields, listing, one_of, text, texts, yes_no

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upcloud_sdk.simulator.records.networks import Network
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

FAMILY = one_of("IPv4", "IPv6")
_SOURCES = ("router-connected-networks", "static-route")
Range = ipaddress.IPv4Network | ipaddress.IPv6Network


def ip_address(value: object) -> str:
    """An IPv4 or IPv6 address."""
    given = text(0, 45)(value)
    ipaddress.ip_address(given)
    return given


def ip_range(value: object) -> str:
    """An IPv4 or IPv6 range in CIDR form. Host bits are allowed."""
    given = text(0, 50)(value)
    if "/" not in given:
        raise ValueError("A range such as 10.0.0.0/24 was expected.")
    ipaddress.ip_network(given, strict=False)
    return given


def family_of(address: str) -> str:
    return f"IPv{ipaddress.ip_network(address, strict=False).version}"


def range_of(ip_network: IpNetwork) -> Range:
    return ipaddress.ip_network(ip_network.address, strict=False)


def read_ip_networks(f: Fields, current: list[IpNetwork] | None = None) -> list[IpNetwork] | None:
    """Read the range of a private network. None if the request has none. Missing fields keep their values."""
    items = f.items("ip_networks", "ip_network")
    if items is None:
        return None
    if len(items) != 1:
        raise ApiFault(400, "IP_NETWORKS_INVALID", "A private network has exactly one IP network.")
    return [_read(items[0], current[0] if current else None)]


def _read(f: Fields, current: IpNetwork | None) -> IpNetwork:
    with f:
        if current is None:
            address = f.need("address", ip_range)
        else:
            address = f.get("address", ip_range, current.address)
            if address != current.address:
                raise ApiFault(400, "ADDRESS_INVALID", "The address range of a network cannot be changed.")
        given = current or IpNetwork(address, family_of(address))
        made = IpNetwork(
            address,
            f.get("family", FAMILY, given.family),
            f.get("gateway", ip_address, given.gateway),
            f.get("dhcp", yes_no, given.dhcp),
            f.get("dhcp_default_route", yes_no, given.dhcp_default_route),
            f.get("dhcp_dns", _addresses, given.dhcp_dns),
            f.get("dhcp_routes", _routes, given.dhcp_routes),
            f.get("dhcp_bootfile_url", text(0, 255), given.dhcp_bootfile_url),
            given.auto_population,
            given.exclude_by_source,
            given.filter_by_destination,
            given.filter_by_route_type,
        )
        _read_auto_population(f, made)
    own = range_of(made)
    if made.family != family_of(address):
        raise ApiFault(400, "FAMILY_INVALID", f"The range {address} is not of the family {made.family}.")
    if not made.gateway:
        made.gateway = str(next(iter(own.hosts())))  # for a single address, hosts() is a list
    elif ipaddress.ip_address(made.gateway) not in own:
        raise ApiFault(400, "GATEWAY_INVALID", f"The gateway {made.gateway} is not in {address}.")
    return made


def _addresses(value: object) -> list[str]:
    return [ip_address(item) for item in listing(value)]


def _routes(value: object) -> list[str]:
    """Ranges, optionally with options such as `10.0.0.0/8-nexthop=10.0.0.1`."""
    routes = texts(value)
    for route in routes:
        ip_range(route.partition("-")[0])
    return routes


def _read_auto_population(f: Fields, ip_network: IpNetwork) -> None:
    configuration = f.object("dhcp_routes_configuration")
    if configuration is None:
        return
    with configuration:
        population = configuration.object("effective_routes_auto_population")
    if population is None:
        return
    with population as p:
        ip_network.auto_population = p.get("enabled", yes_no, ip_network.auto_population)
        for name in ("exclude_by_source", "filter_by_destination", "filter_by_route_type"):
            setattr(ip_network, name, p.get(name, _FILTERS[name], getattr(ip_network, name)))


_FILTERS: dict[str, Check[list[str]]] = {
    "exclude_by_source": lambda value: [one_of(*_SOURCES)(item) for item in listing(value)],
    "filter_by_destination": lambda value: [ip_range(item) for item in listing(value)],
    "filter_by_route_type": lambda value: [one_of("user", "service")(item) for item in listing(value)],
}


# In answers


def ip_network_document(ip_network: IpNetwork, effective: Iterable[Document]) -> Document:
    """The range as in an answer, without empty fields."""
    population: Document = {"enabled": ip_network.auto_population}
    for name in _FILTERS:
        population |= {name: list(values)} if (values := getattr(ip_network, name)) else {}
    document: Document = {
        "address": ip_network.address,
        "dhcp": ip_network.dhcp,
        "dhcp_default_route": ip_network.dhcp_default_route,
        "dhcp_effective_routes": _dhcp_routes(ip_network, effective),
        "dhcp_routes_configuration": {"effective_routes_auto_population": population},
        "family": ip_network.family,
        "gateway": ip_network.gateway,
    }
    for name in ("dhcp_dns", "dhcp_routes"):
        document |= {name: list(values)} if (values := getattr(ip_network, name)) else {}
    if ip_network.dhcp_bootfile_url:
        document["dhcp_bootfile_url"] = ip_network.dhcp_bootfile_url
    return document


def effective_routes(cloud: Cloud, network: Network) -> list[Document]:
    """A network's routes from its router: the router's other networks and static routes."""
    router = cloud.routers.get(network.router or "")
    if router is None:
        return []
    routes: list[Document] = [
        {
            "route": str(range_of(ip_network)),
            "nexthop": network.ip_networks[0].gateway,
            "source": "router-connected-networks",
            "source_resource_id": other.uuid,
            "type": "service",
        }
        for other in cloud.networks.values()
        if other.router == router.uuid and other is not network
        for ip_network in other.ip_networks
    ]
    statics: list[Document] = [
        {
            "route": static.route,
            "nexthop": static.nexthop,
            "source": "static-route",
            "source_resource_id": router.uuid,
            "type": static.type,
        }
        for static in router.static_routes
    ]
    return routes + statics


def _dhcp_routes(ip_network: IpNetwork, effective: Iterable[Document]) -> list[Document]:
    """The routes that DHCP sends: the user's, and effective ones that pass the filters."""
    routes: list[Document] = []
    for given in ip_network.dhcp_routes:
        route, _, hop = given.partition("-nexthop=")
        routes.append({"route": route, "nexthop": hop or ip_network.gateway, "auto_populated": "no"})
    if ip_network.auto_population == "no":
        return routes
    wanted = [ipaddress.ip_network(each, strict=False) for each in ip_network.filter_by_destination]
    for each in effective:
        destination = ipaddress.ip_network(str(each["route"]), strict=False)
        if each["source"] in ip_network.exclude_by_source:
            continue
        if ip_network.filter_by_route_type and each["type"] not in ip_network.filter_by_route_type:
            continue
        if wanted and not any(_within(destination, outer) for outer in wanted):
            continue
        routes.append({"route": each["route"], "nexthop": each["nexthop"], "auto_populated": "yes"})
    return routes


def _within(inner: Range, outer: Range) -> bool:
    first, last = inner.network_address, inner.broadcast_address
    return first in outer and last in outer
