"""Records of networks, routers and peerings."""

from __future__ import annotations

from dataclasses import dataclass, field

from upcloud_sdk.simulator.records.values import (
    Address,
    AddressOrNone,
    Family,
    Mac,
    Moment,
    NetworkType,
    Range,
    RouterType,
    RouteType,
    Uuid,
    YesNo,
    Zone,
)


@dataclass(slots=True)
class IpNetwork:
    """The address range of a network. `address` is stored as it was sent, with host bits."""

    address: Range
    family: Family = "IPv4"
    gateway: AddressOrNone = ""
    dhcp: YesNo = "no"
    dhcp_default_route: YesNo = "no"
    dhcp_dns: list[str] = field(default_factory=list[str])
    dhcp_routes: list[str] = field(default_factory=list[str])
    dhcp_bootfile_url: str = ""
    auto_population: YesNo = "no"
    """Whether DHCP also sends the network's effective routes that pass the filters below."""
    exclude_by_source: list[str] = field(default_factory=list[str])
    filter_by_destination: list[str] = field(default_factory=list[str])
    filter_by_route_type: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Network:
    """A private network of the account, or a network of UpCloud."""

    uuid: Uuid
    name: str
    zone: Zone
    type: NetworkType = "private"
    router: Uuid | None = None
    labels: dict[str, str] = field(default_factory=dict[str, str])
    ip_networks: list[IpNetwork] = field(default_factory=list[IpNetwork])
    billed_from: Moment = 0


@dataclass(slots=True)
class StaticRoute:
    route: Range
    nexthop: Address
    name: str = ""
    type: RouteType = "user"


@dataclass(slots=True)
class Router:
    """A router. Its networks are those with its uuid in `router`."""

    uuid: Uuid
    name: str
    type: RouterType = "normal"
    labels: dict[str, str] = field(default_factory=dict[str, str])
    static_routes: list[StaticRoute] = field(default_factory=list[StaticRoute])


@dataclass(slots=True)
class Peering:
    """One side of a peering. Its state depends on the networks and the other side."""

    uuid: Uuid
    name: str
    network: Uuid
    peer_network: Uuid
    configured_status: str = "active"
    labels: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class DetachedInterface:
    """An interface without a server."""

    uuid: Uuid
    type: NetworkType
    mac: Mac
    network: Uuid
    source_ip_filtering: YesNo = "yes"
    bootable: YesNo = "no"
    labels: dict[str, str] = field(default_factory=dict[str, str])
