"""Records of networks, routers and peerings."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class IpNetwork:
    """The address range of a network. `address` is stored as it was sent, with host bits."""

    address: str
    family: str = "IPv4"
    gateway: str = ""
    dhcp: str = "no"
    dhcp_default_route: str = "no"
    dhcp_dns: list[str] = field(default_factory=list[str])
    dhcp_routes: list[str] = field(default_factory=list[str])
    dhcp_bootfile_url: str = ""
    auto_population: str = "no"
    """Whether DHCP also sends the network's effective routes that pass the filters below."""
    exclude_by_source: list[str] = field(default_factory=list[str])
    filter_by_destination: list[str] = field(default_factory=list[str])
    filter_by_route_type: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Network:
    """A private network of the account, or a network of UpCloud."""

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
    """A router. Its networks are those with its uuid in `router`."""

    uuid: str
    name: str
    type: str = "normal"
    labels: dict[str, str] = field(default_factory=dict[str, str])
    static_routes: list[StaticRoute] = field(default_factory=list[StaticRoute])


@dataclass(slots=True)
class Peering:
    """One side of a peering. Its state depends on the networks and the other side."""

    uuid: str
    name: str
    network: str
    peer_network: str
    configured_status: str = "active"
    labels: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class DetachedInterface:
    """An interface without a server."""

    uuid: str
    type: str
    mac: str
    network: str
    source_ip_filtering: str = "yes"
    bootable: str = "no"
    labels: dict[str, str] = field(default_factory=dict[str, str])
