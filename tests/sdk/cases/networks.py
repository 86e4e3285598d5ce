from __future__ import annotations

from ipaddress import IPv4Address

from tests.sdk.cases.case import NETWORK, PEERING, ROUTER, SERVER, Case, Json
from upcloud_sdk.models import (
    DhcpRoutesConfigurationSpec,
    IpNetworkSpec,
    NetworkChanges,
    NetworkPeeringChanges,
    NetworkPeeringSpec,
    NetworkSpec,
    PeeringState,
    RouterChanges,
    RouterSpec,
    RoutesAutoPopulationSpec,
    StaticRouteSpec,
)

_RANGE = {
    "address": "192.168.86.1/24",
    "family": "IPv4",
    "gateway": "192.168.86.1",
    "dhcp": "yes",
    "dhcp_default_route": "no",
    "dhcp_dns": ["192.168.86.10"],
    "dhcp_routes": ["192.168.0.0/24", "192.168.100.100/32-nexthop=192.168.86.2"],
    "dhcp_routes_configuration": {"effective_routes_auto_population": {"enabled": "no"}},
    "dhcp_effective_routes": [],
}
_NETWORK = {
    "uuid": NETWORK,
    "name": "office",
    "type": "private",
    "zone": "fi-hel1",
    "router": ROUTER,
    "labels": [{"key": "env", "value": "test"}],
    "servers": {"server": [{"uuid": SERVER, "title": "a"}]},
    "ip_networks": {"ip_network": [_RANGE]},
    "effective_routes": [],
}
_ROUTER = {
    "uuid": ROUTER,
    "name": "joins",
    "type": "normal",
    "attached_networks": {"network": [{"uuid": NETWORK}]},
    "attached_network_gateways": [],
    "labels": [],
    "static_routes": [{"name": "out", "route": "0.0.0.0/0", "nexthop": "10.0.0.100", "type": "user"}],
}
_PEERING: Json = {
    "uuid": PEERING,
    "name": "us",
    "state": "pending-peer",
    "configured_status": "active",
    "network": {"uuid": NETWORK, "ip_networks": {"ip_network": [{"address": "10.0.0.0/24", "family": "IPv4"}]}},
    "peer_network": {"uuid": NETWORK},
    "labels": [],
}
_NETWORKS = [
    Case(
        call=lambda c: c.networks.list(zone="fi-hel1", labels={"env": "test"}),
        sends="GET /network?zone=fi-hel1&label=env%3Dtest",
        answer={"networks": {"network": [_NETWORK, {**_NETWORK, "servers": None, "router": None}]}},
        look=lambda networks: [(bool(each.servers), each.router, each.labels) for each in networks],
        sees=[(True, ROUTER, {"env": "test"}), (False, None, {"env": "test"})],
    ),
    Case(
        call=lambda c: c.networks.get(NETWORK),
        sends=f"GET /network/{NETWORK}",
        answer={"network": _NETWORK},
        look=lambda network: (
            str(network.ip_networks[0].address),
            network.ip_networks[0].gateway,
            network.ip_networks[0].dhcp_default_route,
            network.ip_networks[0].dhcp_routes[1],
        ),
        sees=(
            "192.168.86.1/24",
            IPv4Address("192.168.86.1"),
            False,
            "192.168.100.100/32-nexthop=192.168.86.2",
        ),
    ),
    Case(
        call=lambda c: c.networks.create(
            NetworkSpec(
                name="office",
                zone="fi-hel1",
                ip_networks=[
                    IpNetworkSpec(
                        address="192.168.86.1/24",
                        dhcp_routes_configuration=DhcpRoutesConfigurationSpec(
                            effective_routes_auto_population=RoutesAutoPopulationSpec(
                                enabled=True, filter_by_route_type=["user"]
                            )
                        ),
                    )
                ],
                labels={"env": "test"},
            )
        ),
        sends="POST /network",
        body={
            "network": {
                "name": "office",
                "zone": "fi-hel1",
                "ip_networks": {
                    "ip_network": [
                        {
                            "address": "192.168.86.1/24",
                            "family": "IPv4",
                            "dhcp": "yes",
                            "dhcp_routes_configuration": {
                                "effective_routes_auto_population": {
                                    "enabled": "yes",
                                    "filter_by_route_type": ["user"],
                                }
                            },
                        }
                    ]
                },
                "labels": [{"key": "env", "value": "test"}],
            }
        },
        owned=True,
        status=201,
        answer={"network": _NETWORK},
        look=lambda network: network.uuid,
        sees=NETWORK,
    ),
    Case(
        call=lambda c: c.networks.modify(NETWORK, NetworkChanges(router=None, labels={})),
        sends=f"PUT /network/{NETWORK}",
        body={"network": {"router": None, "labels": []}},
        answer={"network": {key: value for key, value in _NETWORK.items() if key not in {"servers", "router"}}},
        look=lambda network: (network.router, network.servers),
        sees=(None, ()),
    ),
    Case(
        call=lambda c: c.networks.modify(
            NETWORK, NetworkChanges(ip_networks=[IpNetworkSpec(address="192.168.86.1/24", dhcp_dns=[])])
        ),
        sends=f"PUT /network/{NETWORK}",
        body={
            "network": {
                "ip_networks": {"ip_network": [{"address": "192.168.86.1/24", "family": "IPv4", "dhcp_dns": []}]}
            }
        },
        answer={"network": _NETWORK},
        look=lambda network: network.name,
        sees="office",
    ),
    Case(call=lambda c: c.networks.delete(NETWORK), sends=f"DELETE /network/{NETWORK}", status=204, sees=None),
    Case(
        call=lambda c: c.routers.list(labels={"env": None}),
        sends="GET /router?label=env",
        answer={"routers": {"router": [_ROUTER]}},
        look=lambda routers: routers[0].attached_networks[0].uuid,
        sees=NETWORK,
    ),
    Case(
        call=lambda c: c.routers.get(ROUTER),
        sends=f"GET /router/{ROUTER}",
        answer={"router": _ROUTER},
        look=lambda router: (str(router.static_routes[0].route), str(router.static_routes[0].nexthop)),
        sees=("0.0.0.0/0", "10.0.0.100"),
    ),
    Case(
        call=lambda c: c.routers.create(
            RouterSpec(
                name="joins",
                static_routes=[StaticRouteSpec(name="out", route="0.0.0.0/0", nexthop=IPv4Address("10.0.0.100"))],
            )
        ),
        sends="POST /router",
        body={
            "router": {
                "name": "joins",
                "static_routes": [{"name": "out", "route": "0.0.0.0/0", "nexthop": "10.0.0.100"}],
                "labels": [],
            }
        },
        owned=True,
        status=201,
        answer={"router": _ROUTER},
        look=lambda router: router.uuid,
        sees=ROUTER,
    ),
    Case(
        call=lambda c: c.routers.modify(ROUTER, RouterChanges(name="joined", static_routes=[])),
        sends=f"PATCH /router/{ROUTER}",
        body={"router": {"name": "joined", "static_routes": []}},
        answer={"router": {**_ROUTER, "name": "joined", "static_routes": []}},
        look=lambda router: (router.name, router.static_routes),
        sees=("joined", ()),
    ),
    Case(call=lambda c: c.routers.delete(ROUTER), sends=f"DELETE /router/{ROUTER}", status=204, sees=None),
    Case(
        call=lambda c: c.network_peerings.list(),
        sends="GET /network-peering",
        answer={"network_peerings": {"network_peering": [_PEERING]}},
        look=lambda peerings: peerings[0].state,
        sees=PeeringState.PENDING_PEER,
    ),
    Case(
        call=lambda c: c.network_peerings.get(PEERING),
        sends=f"GET /network-peering/{PEERING}",
        answer={"network_peering": _PEERING},
        look=lambda peering: (str(peering.network.ip_networks[0].address), peering.peer_network.ip_networks),
        sees=("10.0.0.0/24", ()),
    ),
    Case(
        call=lambda c: c.network_peerings.create(NetworkPeeringSpec.between(NETWORK, NETWORK, name="us")),
        sends="POST /network-peering",
        body={
            "network_peering": {
                "name": "us",
                "configured_status": "active",
                "network": {"uuid": NETWORK},
                "peer_network": {"uuid": NETWORK},
                "labels": [],
            }
        },
        owned=True,
        status=201,
        answer={"network_peering": _PEERING},
        look=lambda peering: peering.uuid,
        sees=PEERING,
    ),
    Case(
        call=lambda c: c.network_peerings.modify(PEERING, NetworkPeeringChanges(configured_status="disabled")),
        sends=f"PATCH /network-peering/{PEERING}",
        body={"network_peering": {"configured_status": "disabled"}},
        answer={"network_peering": {**_PEERING, "configured_status": "disabled", "state": "disabled"}},
        look=lambda peering: peering.state,
        sees=PeeringState.DISABLED,
    ),
    Case(
        call=lambda c: c.network_peerings.delete(PEERING),
        sends=f"DELETE /network-peering/{PEERING}",
        status=204,
        sees=None,
    ),
]

CASES = _NETWORKS
