"""UpCloud's networks and routers: public and utility networks in each zone (chapter 12)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.records.networks import IpNetwork, Network, Router

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upcloud_sdk.simulator.state.account_state import AccountState

_ZONES = (
    "fi-hel1", "uk-lon1", "us-chi1", "de-fra1", "nl-ams1", "fi-hel2", "es-mad1", "us-sjo1",
    "us-nyc1", "sg-sin1", "pl-waw1", "au-syd1", "se-sto1", "dk-cph1", "no-svg1",
)  # fmt: skip
"""Zones in the order of their utility networks, from 10.1.0.0/16."""
_PUBLIC, _UTILITY, _UNROUTED = 9, 6, 2
"""Number of IPv4 networks per zone; with the IPv6 one, 16. The oldest utility networks have no router."""
_DNS = ["94.237.127.9", "94.237.40.9"]
_DNS_IPV6 = ["2a04:3540:53::1", "2a04:3544:53::1"]


def zone_number(cloud: AccountState, zone: str) -> int:
    """The second byte of the addresses of the zone's utility networks."""
    if zone in _ZONES:
        return _ZONES.index(zone) + 1
    return 200 + sorted(cloud.catalog.zones).index(zone)


@cache
def _of_zone(zone: str, number: int) -> dict[str, Network]:
    """Shared by all simulators, since nobody can change UpCloud's networks."""
    networks: dict[str, Network] = {}

    def add(kind: str, name: str, ip_network: IpNetwork, router: str | None = None) -> None:
        uuid = f"03000000-0000-4000-{0x8000 + number * 16 + len(networks):04x}-000000000000"
        networks[uuid] = Network(uuid, name, zone, kind, router, ip_networks=[ip_network])

    for n in range(_PUBLIC):
        start = f"94.{237 - number % 16}.{4 * n}"
        ranged = IpNetwork(f"{start}.0/22", "IPv4", f"{start}.1", "yes", "yes", list(_DNS))
        add("public", f"Public {ranged.address}", ranged)
    for n in range(_UTILITY):
        start = f"10.{number}.{4 * n}"
        ranged = IpNetwork(f"{start}.0/22", "IPv4", f"{start}.1", "yes", dhcp_routes=["10.0.0.0/8"])
        add("utility", f"Private {ranged.address}", ranged, _router_uuid(number) if n >= _UNROUTED else None)
    start = f"2a04:3545:1000:{0x700 + number:x}::"
    ranged = IpNetwork(f"{start}/64", "IPv6", f"{start}1", "yes", "yes", list(_DNS_IPV6))
    add("public", f"Public {ranged.address}", ranged)
    return networks


def _router_uuid(number: int) -> str:
    return f"04000000-0000-4000-{0x8000 + number:04x}-000000000000"


def networks_of(cloud: AccountState, zone: str) -> dict[str, Network]:
    """UpCloud's networks of a zone, by uuid."""
    return _of_zone(zone, zone_number(cloud, zone))


def system_networks(cloud: AccountState) -> Iterator[Network]:
    """UpCloud's networks of all zones."""
    for zone in cloud.catalog.zones:
        yield from networks_of(cloud, zone).values()


def find_network(cloud: AccountState, uuid: str) -> Network:
    """A network of the account or of UpCloud. Raises `ApiFault`: NETWORK_INVALID, NETWORK_NOT_FOUND."""
    if uuid.startswith("03000000-"):
        for zone in cloud.catalog.zones:
            network = networks_of(cloud, zone).get(uuid)
            if network is not None:
                return network
    return cloud.find(cloud.networks, uuid, "network")


def system_routers(cloud: AccountState) -> dict[str, Router]:
    """The routers between the utility networks of each zone, by uuid."""
    routers = (
        Router(_router_uuid(zone_number(cloud, zone)), f"Utility network router for zone {zone}", "service")
        for zone in cloud.catalog.zones
    )
    return {router.uuid: router for router in routers}
