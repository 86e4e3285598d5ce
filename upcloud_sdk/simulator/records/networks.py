"""What the simulated account holds beside its servers' interfaces: networks, routers, peerings."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class IpNetwork:
    """The one address range of a network. `address` is kept as it was sent, host bits included."""

    address: str
    family: str = "IPv4"
    gateway: str = ""
    dhcp: str = "no"
    dhcp_default_route: str = "no"
    dhcp_dns: list[str] = field(default_factory=list[str])
    dhcp_routes: list[str] = field(default_factory=list[str])
    dhcp_bootfile_url: str = ""
    auto_population: str = "no"
    """Whether DHCP also hands out the network's effective routes, those that pass the filters below."""
    exclude_by_source: list[str] = field(default_factory=list[str])
    filter_by_destination: list[str] = field(default_factory=list[str])
    filter_by_route_type: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Network:
    """A private network of the account, or one of UpCloud's own."""

    uuid: str
    name: str
    zone: str
    type: str = "private"
    router: str | None = None
    labels: dict[str, str] = field(default_factory=dict[str, str])
    ip_networks: list[IpNetwork] = field(default_factory=list[IpNetwork])
    billed_from: float = 0


@dataclass(slots=True)
class StaticRoute:
    route: str
    nexthop: str
    name: str = ""
    type: str = "user"


@dataclass(slots=True)
class Router:
    """Its attached networks are the networks whose `router` is its uuid."""

    uuid: str
    name: str
    type: str = "normal"
    labels: dict[str, str] = field(default_factory=dict[str, str])
    static_routes: list[StaticRoute] = field(default_factory=list[StaticRoute])


@dataclass(slots=True)
class Peering:
    """One side of a peering. Its state follows from the networks, and from the other side."""

    uuid: str
    name: str
    network: str
    peer_network: str
    configured_status: str = "active"
    labels: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class DetachedInterface:
    """An interface that is attached to no server."""

    uuid: str
    type: str
    mac: str
    network: str
    source_ip_filtering: str = "yes"
    bootable: str = "no"
    labels: dict[str, str] = field(default_factory=dict[str, str])
