"""What can be asked of networks and addresses. Chapters "Networks" and "IP addresses" of the API."""

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
        raise ValueError("an address in CIDR form has a prefix, such as 10.0.0.0/24")
    ip_interface(text)
    return text


Cidr = Annotated[str, AfterValidator(_check_cidr)]
"""An address with its prefix, such as `10.0.0.0/24`."""


class RoutesAutoPopulationSpec(Request):
    """Which routes a network's DHCP hands out by itself."""

    enabled: Flag
    exclude_by_source: Annotated[Sequence[str], Wrapped()] | None = None
    filter_by_destination: Annotated[Sequence[str], Wrapped()] | None = None
    filter_by_route_type: Annotated[Sequence[str], Wrapped()] | None = None


class DhcpRoutesConfigurationSpec(Request):
    """How the DHCP of a network makes its routes."""

    effective_routes_auto_population: RoutesAutoPopulationSpec


class IpNetworkSpec(Request):
    """The addresses that a private network is to have."""

    address: Cidr
    """In CIDR form, such as `10.0.0.0/24`."""
    family: Literal["IPv4", "IPv6"] = "IPv4"
    gateway: Address | None = None
    """None: the API chooses the first address."""
    dhcp: Flag = True
    """Whether addresses are handed out by DHCP."""
    dhcp_default_route: Flag | None = None
    """Whether the gateway is handed out as the default route. API's default: no."""
    dhcp_dns: Annotated[Sequence[str], Wrapped()] | None = None
    """Addresses of name servers that are handed out."""
    dhcp_routes: Annotated[Sequence[str], Wrapped()] | None = None
    """Further routes that are handed out, in CIDR form."""
    dhcp_routes_configuration: DhcpRoutesConfigurationSpec | None = None


class NetworkSpec(Request):
    """A private network to be made."""

    name: Name
    zone: str
    """Id of a zone."""
    ip_networks: Annotated[Sequence[IpNetworkSpec], Wrapped("ip_network"), Field(min_length=1, max_length=1)]
    """Exactly one."""
    router: UuidText | None = None
    """Uuid of a router to attach it to."""
    labels: CheckedBareLabels | None = None


class NetworkChanges(Changes):
    """What is to change on a private network."""

    _nullable = frozenset({"router"})

    name: Name | None = None
    router: UuidText | None = None
    """Uuid of a router; None, said in words, detaches the network from its router."""
    ip_networks: Annotated[Sequence[IpNetworkSpec], Wrapped("ip_network"), Field(max_length=1)] | None = None
    labels: CheckedBareLabels | None = None
    """Replaces all labels."""

    def wire(self) -> dict[str, Any]:
        """The JSON document that the API reads; addresses always say their family."""
        document = super().wire()
        networks = document.get("ip_networks", {"ip_network": []})["ip_network"]
        for spec, network in zip(self.ip_networks or (), networks, strict=True):
            network.setdefault("family", spec.family)
        return document


class StaticRouteSpec(Request):
    """A route that a router is to have."""

    route: Cidr
    """The destination in CIDR form."""
    nexthop: Address
    """The address that it goes through."""
    name: Name


class RouterSpec(Request):
    """A router to be made."""

    name: Name
    static_routes: Annotated[Sequence[StaticRouteSpec], Wrapped()] | None = None
    labels: CheckedBareLabels | None = None


class RouterChanges(Changes):
    """What is to change on a router."""

    name: Name | None = None
    static_routes: Annotated[Sequence[StaticRouteSpec], Wrapped()] | None = None
    """Replaces all routes of yours."""
    labels: CheckedBareLabels | None = None
    """Replaces all labels."""


class PeeringEnd(Request):
    """A network at one end of a peering."""

    uuid: UuidText


class NetworkPeeringSpec(Request):
    """A peering to be made."""

    name: Name
    network: PeeringEnd
    """This side's private network."""
    peer_network: PeeringEnd
    """The other side's."""
    configured_status: Annotated[Literal["active", "disabled"], Words()] = "active"
    labels: CheckedBareLabels | None = None

    @classmethod
    def between(cls, network: Uuid, peer_network: Uuid, *, name: str) -> Self:
        """A peering of two private networks, by their uuids."""
        return cls(
            name=name, network=PeeringEnd(uuid=uuid_of(network)), peer_network=PeeringEnd(uuid=uuid_of(peer_network))
        )


class NetworkPeeringChanges(Changes):
    """What is to change on a peering."""

    name: Name | None = None
    configured_status: Annotated[Literal["active", "disabled"], Words()] | None = None
    """`disabled` before it can be deleted."""
    labels: CheckedBareLabels | None = None
    """Replaces all labels."""


class InterfaceChanges(Changes):
    """What is to change on an interface of a stopped server."""

    index: int | None = Field(default=None, ge=1)
    """Its new place."""
    ip_addresses: Annotated[Sequence[InterfaceAddressSpec], Wrapped("ip_address")] | None = None
    source_ip_filtering: Flag | None = None
    """May be off on private interfaces only."""
    bootable: Flag | None = None


class IpAddressSpec(Request):
    """An address to be assigned: a further one for a server, or a floating one; see `for_server` and `floating_ip`."""

    family: Literal["IPv4", "IPv6"] = "IPv4"
    access: Annotated[Literal["public", "utility"], Words()] | None = None
    server: UuidText | None = None
    """Uuid of the server that an ordinary address is for."""
    floating: Flag | None = None
    mac: str | None = None
    """Of the public interface that a floating address is put on."""
    zone: str | None = None
    """Id of the zone of a floating address that is put on no interface yet."""
    release_policy: Annotated[Literal["keep", "release"], Words()] | None = None
    """What becomes of it when its server is deleted."""

    @classmethod
    def for_server(cls, server: Uuid, *, family: Literal["IPv4", "IPv6"] = "IPv4") -> Self:
        """A further public address for a stopped server."""
        return cls(family=family, access="public", server=uuid_of(server))

    @classmethod
    def floating_ip(cls, *, mac: str | None = None, zone: str | None = None) -> Self:
        """A floating IPv4 address, on the interface with this MAC, or in this zone and on none."""
        return cls(floating=True, mac=mac, zone=zone)

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        if self.floating and (self.mac is None) == (self.zone is None):
            raise ValueError("a floating address needs either `mac`, the interface to put it on, or `zone`")
        if not self.floating and self.server is None:
            raise ValueError(
                "an address needs `server`, the uuid of the server it is for; a floating one says floating=True"
            )
        return self


class IpAddressChanges(Changes):
    """What is to change on an address."""

    _nullable = frozenset({"mac"})

    ptr_record: str | None = None
    """Its name in the reverse DNS."""
    mac: str | None = None
    """Of the interface that a floating address is moved to; None, said in words, takes it off its interface."""
    release_policy: Annotated[Literal["keep", "release"], Words()] | None = None
