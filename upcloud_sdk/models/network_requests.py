"""Requests for networks and addresses. Chapters "Networks" and "IP addresses" of the API."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_interface
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from upcloud_sdk._wire import Address, Changes, Flag, Request, Uuid, UuidText, Words, Wrapped, uuid_of
from upcloud_sdk.models.fields import CheckedBareLabels
from upcloud_sdk.models.networks import InterfaceAddressSpec

Name = Annotated[str, Field(min_length=1, max_length=255)]


def _check_cidr(text: str) -> str:
    if "/" not in text:
        raise ValueError("give the address with its prefix, such as 10.0.0.0/24")
    ip_interface(text)
    return text


Cidr = Annotated[str, AfterValidator(_check_cidr)]
"""An address with its prefix, such as `10.0.0.0/24`."""


class RoutesAutoPopulationSpec(Request):
    """Which routes a network's DHCP sends automatically."""

    enabled: Flag
    exclude_by_source: Annotated[Sequence[str], Wrapped()] | None = None
    filter_by_destination: Annotated[Sequence[str], Wrapped()] | None = None
    filter_by_route_type: Annotated[Sequence[str], Wrapped()] | None = None


class DhcpRoutesConfigurationSpec(Request):
    """Which routes a network's DHCP sends."""

    effective_routes_auto_population: RoutesAutoPopulationSpec


class IpNetworkSpec(Request):
    """The addresses of a private network."""

    address: Cidr
    """In CIDR form, such as `10.0.0.0/24`."""
    family: Literal["IPv4", "IPv6"] = "IPv4"
    gateway: Address | None = None
    """None: the API chooses the first address."""
    dhcp: Flag = True
    """Whether DHCP is enabled."""
    dhcp_default_route: Flag | None = None
    """Whether DHCP sends the gateway as the default route. API's default: no."""
    dhcp_dns: Annotated[Sequence[str], Wrapped()] | None = None
    """Name servers that DHCP sends."""
    dhcp_bootfile_url: str | None = None
    """URL of a boot file that DHCP sends."""
    dhcp_routes: Annotated[Sequence[str], Wrapped()] | None = None
    """Additional routes that DHCP sends, in CIDR form."""
    dhcp_routes_configuration: DhcpRoutesConfigurationSpec | None = None


class NetworkSpec(Request):
    """A private network to create."""

    name: Name
    zone: str
    """Id of a zone."""
    ip_networks: Annotated[Sequence[IpNetworkSpec], Wrapped("ip_network"), Field(min_length=1, max_length=1)]
    """Exactly one."""
    router: UuidText | None = None
    """Uuid of a router to attach it to."""
    labels: CheckedBareLabels | None = None


class NetworkChanges(Changes):
    """Changes to a private network."""

    _nullable = frozenset({"router"})

    name: Name | None = None
    router: UuidText | None = None
    """Uuid of a router. `router=None` detaches the network from its router."""
    ip_networks: Annotated[Sequence[IpNetworkSpec], Wrapped("ip_network"), Field(max_length=1)] | None = None
    labels: CheckedBareLabels | None = None
    """Replaces all labels."""

    def wire(self) -> dict[str, Any]:
        """The JSON document for the API. Addresses always include their family."""
        document = super().wire()
        networks = document.get("ip_networks", {"ip_network": []})["ip_network"]
        for spec, network in zip(self.ip_networks or (), networks, strict=True):
            network.setdefault("family", spec.family)
        return document


class StaticRouteSpec(Request):
    """A static route of a router."""

    route: Cidr
    """The destination in CIDR form."""
    nexthop: Address
    """Address of the next hop."""
    name: Name


class RouterSpec(Request):
    """A router to create."""

    name: Name
    static_routes: Annotated[Sequence[StaticRouteSpec], Wrapped()] | None = None
    labels: CheckedBareLabels | None = None


class RouterChanges(Changes):
    """Changes to a router."""

    name: Name | None = None
    static_routes: Annotated[Sequence[StaticRouteSpec], Wrapped()] | None = None
    """Replaces all user-defined routes."""
    labels: CheckedBareLabels | None = None
    """Replaces all labels."""


class PeeringEnd(Request):
    """A network at one end of a peering."""

    uuid: UuidText


class NetworkPeeringSpec(Request):
    """A peering to create."""

    name: Name
    network: PeeringEnd
    """Your private network."""
    peer_network: PeeringEnd
    """The other private network."""
    configured_status: Annotated[Literal["active", "disabled"], Words()] = "active"
    labels: CheckedBareLabels | None = None

    @classmethod
    def between(cls, network: Uuid, peer_network: Uuid, *, name: str) -> Self:
        """A peering of two private networks, by their uuids."""
        return cls(
            name=name, network=PeeringEnd(uuid=uuid_of(network)), peer_network=PeeringEnd(uuid=uuid_of(peer_network))
        )


class NetworkPeeringChanges(Changes):
    """Changes to a peering."""

    name: Name | None = None
    configured_status: Annotated[Literal["active", "disabled"], Words()] | None = None
    """Set `disabled` before you delete it."""
    labels: CheckedBareLabels | None = None
    """Replaces all labels."""


class InterfaceChanges(Changes):
    """Changes to an interface of a stopped server."""

    index: int | None = Field(default=None, ge=1)
    """Its new index."""
    ip_addresses: Annotated[Sequence[InterfaceAddressSpec], Wrapped("ip_address")] | None = None
    source_ip_filtering: Flag | None = None
    """Can be off only on private interfaces."""
    bootable: Flag | None = None


class IpAddressSpec(Request):
    """An address to assign: an additional or a floating one. See `for_server` and `floating_ip`."""

    family: Literal["IPv4", "IPv6"] = "IPv4"
    access: Annotated[Literal["public", "utility"], Words()] | None = None
    server: UuidText | None = None
    """Uuid of the server, for an ordinary address."""
    floating: Flag | None = None
    mac: str | None = None
    """MAC of the public interface, for a floating address."""
    zone: str | None = None
    """Id of the zone, for a floating address without an interface."""
    release_policy: Annotated[Literal["keep", "release"], Words()] | None = None
    """`keep` or `release`: what happens to it when its server is deleted."""

    @classmethod
    def for_server(cls, server: Uuid, *, family: Literal["IPv4", "IPv6"] = "IPv4") -> Self:
        """An additional public address for a stopped server."""
        return cls(family=family, access="public", server=uuid_of(server))

    @classmethod
    def floating_ip(cls, *, mac: str | None = None, zone: str | None = None) -> Self:
        """A floating IPv4 address: on the interface with this MAC, or in this zone without an interface."""
        return cls(floating=True, mac=mac, zone=zone)

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        if self.floating and (self.mac is None) == (self.zone is None):
            raise ValueError("a floating address needs either `mac`, the MAC of an interface, or `zone`")
        if not self.floating and self.server is None:
            raise ValueError(
                "an address needs `server`, the uuid of its server; for a floating address write floating=True"
            )
        return self


class IpAddressChanges(Changes):
    """Changes to an address."""

    _nullable = frozenset({"mac"})

    ptr_record: str | None = None
    """Its reverse DNS name."""
    mac: str | None = None
    """MAC of the interface to move a floating address to. `mac=None` detaches it from its interface."""
    release_policy: Annotated[Literal["keep", "release"], Words()] | None = None
