"""Interfaces and addresses of servers. Chapters "Networks" and "IP addresses" of the API."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Literal, Self

from pydantic import model_validator

from upcloud_sdk._wire import Flag, Items, OpenEnum, Request, Resource, Wrapped, wrapped

Address = IPv4Address | IPv6Address


class AddressFamily(OpenEnum):
    """The version of the Internet Protocol."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"


class NetworkType(OpenEnum):
    """Who can reach a network."""

    PUBLIC = "public"
    UTILITY = "utility"
    """UpCloud's own network between servers."""
    PRIVATE = "private"
    """Yours alone."""


class InterfaceAddress(Resource):
    """An address on an interface."""

    address: Address
    family: AddressFamily
    floating: bool = False
    """Whether it can be moved to another interface."""
    dhcp_provided: bool | None = None
    release_policy: str | None = None
    """`keep` or `release`: what becomes of it when its server is deleted."""


class Interface(Resource):
    """A network interface of a server."""

    index: int
    type: NetworkType
    network: str
    """Uuid of the network."""
    mac: str
    bootable: bool = False
    source_ip_filtering: bool = True
    ip_addresses: Items[InterfaceAddress] = wrapped("ip_addresses", "ip_address")


class InterfaceAddressSpec(Request):
    """An address that an interface is to have."""

    family: Literal["IPv4", "IPv6"] = "IPv4"
    address: Address | None = None
    """A certain address; on private networks only. None: the API chooses."""


class InterfaceSpec(Request):
    """An interface that a server is to have."""

    type: Literal["public", "utility", "private"]
    ip_addresses: Annotated[Sequence[InterfaceAddressSpec], Wrapped("ip_address")] = (InterfaceAddressSpec(),)
    network: str | None = None
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
    def private(cls, network: str, address: Address | str | None = None) -> Self:
        """An interface on a private network, with the next free address or a certain one."""
        wanted = InterfaceAddressSpec.model_validate({"address": address})
        if isinstance(wanted.address, IPv6Address):
            wanted = wanted.model_copy(update={"family": "IPv6"})
        return cls(type="private", network=network, ip_addresses=(wanted,))

    @model_validator(mode="after")
    def _network_goes_with_private(self) -> Self:
        if self.type == "private" and self.network is None:
            raise ValueError("a private interface needs `network`, the uuid of the private network")
        if self.type != "private" and self.network is not None:
            raise ValueError(f"a {self.type} interface has no `network` of yours: leave it out")
        if self.type != "private" and self.source_ip_filtering is False:
            raise ValueError("source_ip_filtering can be off on private interfaces only")
        return self
