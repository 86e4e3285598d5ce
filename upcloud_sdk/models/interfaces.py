"""Network interfaces of servers. Chapter "Networks" of the API."""

from __future__ import annotations

from typing import Annotated

from upcloud_sdk._wire import Address, Inside, OpenEnum, Resource


class AddressFamily(OpenEnum):
    """IP version."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"


class NetworkType(OpenEnum):
    """Type of a network."""

    PUBLIC = "public"
    UTILITY = "utility"
    """UpCloud's internal network between servers."""
    PRIVATE = "private"
    """Yours alone."""


class InterfaceAddress(Resource):
    """An address on an interface."""

    address: Address
    family: AddressFamily | None = None
    floating: bool | None = False
    """Whether it can be moved to another interface."""
    dhcp_provided: bool | None = None
    release_policy: str | None = None
    """`keep` or `release`: what happens to it when its server is deleted."""


class Interface(Resource):
    """A network interface of a server."""

    index: int | None = None
    type: NetworkType | None = None
    network: str | None = None
    """Uuid of the network."""
    mac: str | None = None
    bootable: bool | None = None
    source_ip_filtering: bool | None = None
    ip_addresses: Annotated[tuple[InterfaceAddress, ...], Inside("ip_address")] = ()
