"""Interfaces of servers, as a server shows them. Chapter "Networks" of the API."""

from __future__ import annotations

from typing import Annotated

from upcloud_sdk._wire import Address, Inside, OpenEnum, Resource


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
    family: AddressFamily | None = None
    floating: bool = False
    """Whether it can be moved to another interface."""
    dhcp_provided: bool | None = None
    release_policy: str | None = None
    """`keep` or `release`: what becomes of it when its server is deleted."""


class Interface(Resource):
    """A network interface of a server."""

    index: int | None = None
    type: NetworkType | None = None
    network: str | None = None
    """Uuid of the network."""
    mac: str | None = None
    bootable: bool = False
    source_ip_filtering: bool = True
    ip_addresses: Annotated[tuple[InterfaceAddress, ...], Inside("ip_address")] = ()
