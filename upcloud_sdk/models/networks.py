"""Networks, addresses, and the interfaces that are asked for. Chapters "Networks" and "IP addresses" of the API."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from upcloud_sdk._wire import (
    Address,
    AddressOrText,
    EmptyIsNone,
    Flag,
    FrozenDict,
    Inside,
    Items,
    Labels,
    OpenEnum,
    Request,
    Resource,
    Uuid,
    UuidText,
    Wrapped,
    uuid_of,
)
from upcloud_sdk.models.interfaces import AddressFamily, NetworkType


class InterfaceAddressSpec(Request):
    """An address that an interface is to have."""

    family: Literal["IPv4", "IPv6"] = "IPv4"
    address: Address | None = None
    """A certain address; on private networks only. None: the API chooses."""


class InterfaceSpec(Request):
    """An interface that a server is to have."""

    type: Literal["public", "utility", "private"]
    ip_addresses: Annotated[Sequence[InterfaceAddressSpec], Wrapped("ip_address")] = Field(
        default_factory=lambda: (InterfaceAddressSpec(),)
    )
    network: UuidText | None = None
    """Uuid of the private network; needed for `private`, and only there."""
    index: int | None = None
    """Its place; None: the next."""
    source_ip_filtering: Flag | None = None
    """Whether only packets from its own addresses may leave; may be off on private networks only. API's default: on."""
    bootable: Flag | None = None

    @classmethod
    def public(cls, family: Literal["IPv4", "IPv6"] = "IPv4") -> Self:
        """An interface with one public address."""
        return cls(type="public", ip_addresses=(InterfaceAddressSpec(family=family),))

    @classmethod
    def utility(cls) -> Self:
        """An interface on UpCloud's own network between the servers of a zone."""
        return cls(type="utility")

    @classmethod
    def private(cls, network: Uuid, address: Address | str | None = None) -> Self:
        """An interface on a private network, with the next free address or a certain one."""
        wanted = InterfaceAddressSpec.model_validate({"address": address})
        if isinstance(wanted.address, IPv6Address):
            wanted = wanted.model_copy(update={"family": "IPv6"})
        return cls(type="private", network=uuid_of(network), ip_addresses=(wanted,))

    @model_validator(mode="after")
    def _network_goes_with_private(self) -> Self:
        if self.type == "private" and self.network is None:
            raise ValueError("a private interface needs `network`, the uuid of the private network")
        if self.type != "private" and self.network is not None:
            raise ValueError(f"a {self.type} interface has no `network` of yours: leave it out")
        if self.type != "private" and self.source_ip_filtering is False:
            raise ValueError("source_ip_filtering can be off on private interfaces only")
        return self


class RoutesAutoPopulation(Resource):
    """Which routes a network's DHCP hands out by itself."""

    enabled: bool | None = None
    exclude_by_source: Items[str] = ()
    filter_by_destination: Items[str] = ()
    filter_by_route_type: Items[str] = ()


class DhcpRoutesConfiguration(Resource):
    """How the DHCP of a network makes its routes."""

    effective_routes_auto_population: RoutesAutoPopulation | None = None


class EffectiveRoute(Resource):
    """A route that is in effect; which of its fields there are depends on where it is shown."""

    route: str | None = None
    """The destination in CIDR form."""
    nexthop: AddressOrText | None = None
    """The address that it goes through."""
    source: str | None = None
    """`router-connected-networks` or `static-route`."""
    source_resource_id: str | None = None
    type: str | None = None
    """`user` or `service`."""
    auto_populated: bool | None = None
    """Whether DHCP hands it out without having been told to."""


class IpNetwork(Resource):
    """The addresses of a network."""

    address: str
    """In CIDR form, as it was given: host bits may be set (`192.168.86.1/24`)."""
    family: AddressFamily | None = None
    gateway: Annotated[Address | None, EmptyIsNone] = None
    dhcp: bool = False
    """Whether addresses are handed out by DHCP."""
    dhcp_default_route: bool = False
    """Whether the gateway is handed out as the default route."""
    dhcp_dns: Items[Address] = ()
    dhcp_routes: Items[str] = ()
    dhcp_bootfile_url: str | None = None
    dhcp_routes_configuration: DhcpRoutesConfiguration | None = None
    dhcp_effective_routes: Items[EffectiveRoute] = ()


class NetworkServer(Resource):
    """A server on a network."""

    uuid: str
    title: str = ""


class Network(Resource):
    """A network: UpCloud's own, or a private one of yours."""

    uuid: str
    name: str
    type: NetworkType | None = None
    zone: str | None = None
    router: str | None = None
    """Uuid of the router that it is attached to."""
    ip_networks: Annotated[tuple[IpNetwork, ...], Inside("ip_network")] = ()
    """One, on a private network."""
    labels: Labels = Field(default_factory=FrozenDict[str, str])
    servers: Annotated[tuple[NetworkServer, ...], Inside("server")] = ()
    effective_routes: Items[EffectiveRoute] = ()


class StaticRoute(Resource):
    """A route of a router."""

    route: str | None = None
    """The destination in CIDR form."""
    nexthop: AddressOrText | None = None
    """The address that it goes through."""
    name: str = ""
    type: str | None = None
    """`user` or `service`."""


class AttachedNetwork(Resource):
    """A network on a router, or at an end of a peering."""

    uuid: str


class AttachedGateway(Resource):
    """A network gateway on a router."""

    uuid: str


class Router(Resource):
    """What joins networks."""

    uuid: str
    name: str
    type: str | None = None
    """`normal`; `service` for UpCloud's own."""
    attached_networks: Annotated[tuple[AttachedNetwork, ...], Inside("network")] = ()
    attached_network_gateways: Items[AttachedGateway] = ()
    labels: Labels = Field(default_factory=FrozenDict[str, str])
    static_routes: Items[StaticRoute] = ()


class PeeringState(OpenEnum):
    """Where a peering is in its life."""

    ACTIVE = "active"
    PENDING_PEER = "pending-peer"
    PROVISIONING = "provisioning"
    CONFLICT_SUBNET = "conflict-subnet"
    MISSING_LOCAL_ROUTER = "missing-local-router"
    MISSING_PEER_ROUTER = "missing-peer-router"
    DELETED_PEER_NETWORK = "deleted-peer-network"
    DISABLED = "disabled"
    PEER_DISABLED = "peer-disabled"
    ERROR = "error"


class PeeringNetwork(Resource):
    """A network at one end of a peering."""

    uuid: str
    ip_networks: Annotated[tuple[IpNetwork, ...], Inside("ip_network")] = ()


class NetworkPeering(Resource):
    """Two private networks that reach each other."""

    uuid: str
    name: str
    state: PeeringState
    configured_status: str | None = None
    """`active` or `disabled`: what this side wants."""
    network: PeeringNetwork | None = None
    """This side's."""
    peer_network: PeeringNetwork | None = None
    """The other side's, which may be another account's."""
    labels: Labels = Field(default_factory=FrozenDict[str, str])


class IpAddress(Resource):
    """An address of the account."""

    address: Address
    access: NetworkType | None = None
    family: AddressFamily | None = None
    mac: str | None = None
    """Of the interface that it is on; None for a floating address that is on none."""
    server: str | None = None
    """Uuid of the server that it is on; None if it is on none."""
    zone: str | None = None
    ptr_record: str = ""
    """Its name in the reverse DNS; empty on utility addresses."""
    floating: bool = False
    """Whether it can be moved to another interface."""
    part_of_plan: bool = False
    dhcp_provided: bool | None = None
    release_policy: str | None = None
    """`keep` or `release`: what becomes of it when its server is deleted."""
