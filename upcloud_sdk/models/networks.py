"""Networks, addresses, and interfaces of new servers. Chapters "Networks" and "IP addresses" of the API."""

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
    Time,
    Uuid,
    UuidText,
    Words,
    Wrapped,
    uuid_of,
)
from upcloud_sdk.models.interfaces import AddressFamily, NetworkType


class InterfaceAddressSpec(Request):
    """An address of a new interface."""

    family: Literal["IPv4", "IPv6"] = "IPv4"
    address: Address | None = None
    """The address, only for private networks. None: the API chooses."""
    dhcp_provided: Flag | None = None
    """Whether DHCP gives the guest this address. None: the API chooses."""
    release_policy: Annotated[Literal["keep", "release"], Words()] | None = None
    """Only for an interface that is added to a server: what happens to the address when the server is deleted."""


class InterfaceSpec(Request):
    """A network interface to create on a server."""

    type: Literal["public", "utility", "private"]
    ip_addresses: Annotated[Sequence[InterfaceAddressSpec], Wrapped("ip_address")] = Field(
        default_factory=lambda: (InterfaceAddressSpec(),)
    )
    network: UuidText | None = None
    """Uuid of the private network. Required for `private`, not allowed for other types."""
    index: int | None = None
    """Its index. None: the next free one."""
    source_ip_filtering: Flag | None = None
    """Whether only packets from its own addresses may leave. Can be off only on private networks. API's default: on."""
    bootable: Flag | None = None

    @classmethod
    def public(cls, family: Literal["IPv4", "IPv6"] = "IPv4") -> Self:
        """An interface with one public address."""
        return cls(type="public", ip_addresses=(InterfaceAddressSpec(family=family),))

    @classmethod
    def utility(cls) -> Self:
        """An interface on UpCloud's internal network between the servers of a zone."""
        return cls(type="utility")

    @classmethod
    def private(cls, network: Uuid, address: Address | str | None = None) -> Self:
        """An interface on a private network, with this address or the next free one."""
        wanted = InterfaceAddressSpec.model_validate({"address": address})
        if isinstance(wanted.address, IPv6Address):
            wanted = wanted.model_copy(update={"family": "IPv6"})
        return cls(type="private", network=uuid_of(network), ip_addresses=(wanted,))

    @model_validator(mode="after")
    def _network_goes_with_private(self) -> Self:
        if self.type == "private" and self.network is None:
            raise ValueError("a private interface needs `network`, the uuid of the private network")
        if self.type != "private" and self.network is not None:
            raise ValueError(f"a {self.type} interface takes no `network`: leave it out")
        if self.type != "private" and self.source_ip_filtering is False:
            raise ValueError("source_ip_filtering can be off only on private interfaces")
        return self


class RoutesAutoPopulation(Resource):
    """Which routes a network's DHCP sends automatically."""

    enabled: bool | None = None
    exclude_by_source: Items[str] = ()
    filter_by_destination: Items[str] = ()
    filter_by_route_type: Items[str] = ()


class DhcpRoutesConfiguration(Resource):
    """Which routes a network's DHCP sends."""

    effective_routes_auto_population: RoutesAutoPopulation | None = None


class EffectiveRoute(Resource):
    """An effective route. Its fields depend on the answer that contains it."""

    route: str | None = None
    """The destination in CIDR form."""
    nexthop: AddressOrText | None = None
    """Address of the next hop."""
    source: str | None = None
    """`router-connected-networks` or `static-route`."""
    source_resource_id: str | None = None
    type: str | None = None
    """`user` or `service`."""
    auto_populated: bool | None = None
    """Whether DHCP sends it automatically."""


class IpNetwork(Resource):
    """The addresses of a network."""

    address: str
    """CIDR form, as it was given. Host bits may be set (`192.168.86.1/24`)."""
    family: AddressFamily | None = None
    gateway: Annotated[Address | None, EmptyIsNone] = None
    dhcp: bool | None = None
    """Whether DHCP is enabled."""
    dhcp_default_route: bool | None = None
    """Whether DHCP sends the gateway as the default route."""
    dhcp_dns: Items[Address] = ()
    dhcp_routes: Items[str] = ()
    dhcp_bootfile_url: str | None = None
    dhcp_routes_configuration: DhcpRoutesConfiguration | None = None
    dhcp_effective_routes: Items[EffectiveRoute] = ()


class NetworkServer(Resource):
    """A server on a network."""

    uuid: str
    title: str | None = None


class Network(Resource):
    """A network: UpCloud's, or a private network of the account."""

    uuid: str
    name: str
    type: NetworkType | None = None
    zone: str | None = None
    router: str | None = None
    """Uuid of the router that it is attached to."""
    ip_networks: Annotated[tuple[IpNetwork, ...], Inside("ip_network")] = ()
    """A private network has exactly one."""
    labels: Labels = Field(default_factory=FrozenDict[str, str])
    servers: Annotated[tuple[NetworkServer, ...], Inside("server")] = ()
    effective_routes: Items[EffectiveRoute] = ()


class StaticRoute(Resource):
    """A route of a router."""

    route: str | None = None
    """The destination in CIDR form."""
    nexthop: AddressOrText | None = None
    """Address of the next hop."""
    name: str | None = None
    type: str | None = None
    """`user` or `service`."""


class AttachedNetwork(Resource):
    """A network attached to a router or a peering."""

    uuid: str


class AttachedGateway(Resource):
    """A network gateway attached to a router."""

    uuid: str


class Router(Resource):
    """A router between networks."""

    uuid: str
    name: str
    type: str | None = None
    """`normal`, or `service` for UpCloud's routers."""
    attached_networks: Annotated[tuple[AttachedNetwork, ...], Inside("network")] = ()
    attached_network_gateways: Items[AttachedGateway] = ()
    labels: Labels = Field(default_factory=FrozenDict[str, str])
    static_routes: Items[StaticRoute] = ()


class PeeringState(OpenEnum):
    """State of a peering."""

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
    """A connection between two private networks."""

    uuid: str
    name: str
    state: PeeringState
    configured_status: str | None = None
    """`active` or `disabled`, as configured on this side."""
    network: PeeringNetwork | None = None
    """This side's."""
    peer_network: PeeringNetwork | None = None
    """Network on the other side. May belong to another account."""
    labels: Labels = Field(default_factory=FrozenDict[str, str])
    created_at: Time | None = None
    updated_at: Time | None = None


class IpAddress(Resource):
    """An IP address of the account."""

    address: Address
    access: NetworkType | None = None
    family: AddressFamily | None = None
    mac: str | None = None
    """MAC of its interface. None: a floating address without an interface."""
    server: str | None = None
    """Uuid of its server. None: no server."""
    zone: str | None = None
    ptr_record: str | None = None
    """Its reverse DNS name. Empty for utility addresses."""
    floating: bool | None = False
    """Whether it can be moved to another interface."""
    part_of_plan: bool | None = False
    dhcp_provided: bool | None = None
    release_policy: str | None = None
    """`keep` or `release`: what happens to it when its server is deleted."""
    account_id: int | None = None
    """Number of the account that it belongs to."""
    delegated_to_account_id: int | None = None
    """Number of the account that it is lent to. None: nobody."""
