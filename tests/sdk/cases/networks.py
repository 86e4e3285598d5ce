from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from tests.sdk.cases.case import NETWORK, PEERING, ROUTER, SERVER, Case, Json
from upcloud_sdk.models import (
    DhcpRoutesConfigurationSpec,
    FirewallRule,
    FirewallRuleSpec,
    InterfaceChanges,
    InterfaceSpec,
    IpAddressChanges,
    IpAddressSpec,
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
_INTERFACE = {
    "index": 4,
    "mac": "da:45:c4:5c:a5:b7",
    "network": NETWORK,
    "type": "private",
    "bootable": "no",
    "source_ip_filtering": "yes",
    "ip_addresses": {
        "ip_address": [{"address": "172.17.0.2", "family": "IPv4", "floating": "no", "dhcp_provided": "yes"}]
    },
}
_FLOATING = {
    "access": "public",
    "address": "94.237.9.172",
    "family": "IPv4",
    "floating": "yes",
    "ptr_record": "94-237-9-172.fi-hel2.upcloud.host",
    "zone": "fi-hel2",
}
_IPV6 = {
    "access": "public",
    "address": "2a04:3545:1000:720:d845:c4ff:fe5c:2beb",
    "family": "IPv6",
    "mac": "da:45:c4:5c:2b:eb",
    "ptr_record": "",
    "server": SERVER,
    "zone": "fi-hel2",
    "part_of_plan": "yes",
}
_RULE = {
    "action": "accept",
    "comment": "ssh",
    "destination_address_end": "",
    "destination_address_start": "",
    "destination_port_end": "22",
    "destination_port_start": "22",
    "direction": "in",
    "family": "IPv4",
    "icmp_type": "",
    "position": "1",
    "protocol": "tcp",
    "source_address_end": "10.0.0.255",
    "source_address_start": "10.0.0.1",
    "source_port_end": "",
    "source_port_start": "",
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
        body={"network": {"ip_networks": {"ip_network": [{"address": "192.168.86.1/24", "dhcp_dns": []}]}}},
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

_INTERFACES = [
    Case(
        call=lambda c: c.interfaces.list(SERVER),
        sends=f"GET /server/{SERVER}/networking",
        answer={"networking": {"interfaces": {"interface": [_INTERFACE]}}},
        look=lambda interfaces: (interfaces[0].index, interfaces[0].ip_addresses[0].address),
        sees=(4, IPv4Address("172.17.0.2")),
    ),
    Case(
        call=lambda c: c.interfaces.create(SERVER, InterfaceSpec.private(NETWORK, "172.17.0.2")),
        sends=f"POST /server/{SERVER}/networking/interface",
        body={
            "interface": {
                "type": "private",
                "network": NETWORK,
                "ip_addresses": {"ip_address": [{"family": "IPv4", "address": "172.17.0.2"}]},
            }
        },
        status=201,
        answer={"interface": _INTERFACE},
        look=lambda interface: interface.index,
        sees=4,
    ),
    Case(
        call=lambda c: c.interfaces.modify(SERVER, 4, InterfaceChanges(index=5, source_ip_filtering=False)),
        sends=f"PUT /server/{SERVER}/networking/interface/4",
        body={"interface": {"index": 5, "source_ip_filtering": "no"}},
        answer={"interface": {**_INTERFACE, "index": 5}},
        look=lambda interface: interface.index,
        sees=5,
    ),
    Case(
        call=lambda c: c.interfaces.delete(SERVER, 5),
        sends=f"DELETE /server/{SERVER}/networking/interface/5",
        status=204,
        sees=None,
    ),
    Case(
        call=lambda c: c.interfaces.add_ip(SERVER, 4, address="172.17.0.9", force=True),
        sends=f"POST /server/{SERVER}/networking/interface/4/ip-address?force=yes",
        body={"ip_address": {"family": "IPv4", "address": "172.17.0.9"}},
        status=201,
        answer={"ip_address": {"address": "172.17.0.9", "family": "IPv4"}},
        look=lambda address: address.address,
        sees=IPv4Address("172.17.0.9"),
    ),
    Case(
        call=lambda c: c.interfaces.add_ip(SERVER, 3, address="2a04:3545:1000:720::9"),
        sends=f"POST /server/{SERVER}/networking/interface/3/ip-address",
        body={"ip_address": {"family": "IPv6", "address": "2a04:3545:1000:720::9"}},
        answer={"ip_address": {"address": "2a04:3545:1000:720::9", "family": "IPv6"}},
        look=lambda address: address.address,
        sees=IPv6Address("2a04:3545:1000:720::9"),
    ),
    Case(
        call=lambda c: c.interfaces.remove_ip(SERVER, 3, "2a04:3545:1000:720::9"),
        sends=f"DELETE /server/{SERVER}/networking/interface/3/ip-address/2a04:3545:1000:720::9",
        status=204,
        sees=None,
    ),
]

_ADDRESSES = [
    Case(
        call=lambda c: c.ip_addresses.list(),
        sends="GET /ip_address",
        answer={"ip_addresses": {"ip_address": [_FLOATING, _IPV6]}},
        look=lambda addresses: [(each.floating, each.server, each.part_of_plan) for each in addresses],
        sees=[(True, None, False), (False, SERVER, True)],
    ),
    Case(
        call=lambda c: c.ip_addresses.get("2a04:3545:1000:720:d845:c4ff:fe5c:2beb"),
        sends="GET /ip_address/2a04:3545:1000:720:d845:c4ff:fe5c:2beb",
        answer={"ip_address": _IPV6},
        look=lambda address: address.address,
        sees=IPv6Address("2a04:3545:1000:720:d845:c4ff:fe5c:2beb"),
    ),
    Case(
        call=lambda c: c.ip_addresses.assign(IpAddressSpec.for_server(SERVER, family="IPv6")),
        sends="POST /ip_address",
        body={"ip_address": {"family": "IPv6", "access": "public", "server": SERVER}},
        status=201,
        answer={"ip_address": _IPV6},
        look=lambda address: address.server,
        sees=SERVER,
    ),
    Case(
        call=lambda c: c.ip_addresses.assign(IpAddressSpec.floating_ip(mac="da:45:c4:5c:65:6c")),
        sends="POST /ip_address",
        body={"ip_address": {"family": "IPv4", "floating": "yes", "mac": "da:45:c4:5c:65:6c"}},
        status=201,
        answer={"ip_address": {**_FLOATING, "mac": "da:45:c4:5c:65:6c", "server": SERVER}},
        look=lambda address: address.mac,
        sees="da:45:c4:5c:65:6c",
    ),
    Case(
        call=lambda c: c.ip_addresses.modify(IPv4Address("94.237.9.172"), IpAddressChanges(mac=None)),
        sends="PATCH /ip_address/94.237.9.172",
        body={"ip_address": {"mac": None}},
        status=202,
        answer={"ip_address": _FLOATING},
        look=lambda address: (address.mac, address.server),
        sees=(None, None),
    ),
    Case(
        call=lambda c: c.ip_addresses.modify("94.237.9.172", IpAddressChanges(ptr_record="a.example.com")),
        sends="PATCH /ip_address/94.237.9.172",
        body={"ip_address": {"ptr_record": "a.example.com"}},
        status=202,
        answer={"ip_address": {**_FLOATING, "ptr_record": "a.example.com"}},
        look=lambda address: address.ptr_record,
        sees="a.example.com",
    ),
    Case(
        call=lambda c: c.ip_addresses.release("94.237.9.172"),
        sends="DELETE /ip_address/94.237.9.172",
        status=204,
        sees=None,
    ),
]

_SSH = FirewallRuleSpec(
    direction="in",
    action="accept",
    family="IPv4",
    protocol="tcp",
    source_address_start=IPv4Address("10.0.0.1"),
    source_address_end=IPv4Address("10.0.0.255"),
    destination_port_start=22,
    destination_port_end=22,
    comment="ssh",
)
_SSH_SENT = {
    "direction": "in",
    "action": "accept",
    "family": "IPv4",
    "protocol": "tcp",
    "source_address_start": "10.0.0.1",
    "source_address_end": "10.0.0.255",
    "destination_port_start": "22",
    "destination_port_end": "22",
    "comment": "ssh",
}

_FIREWALL = [
    Case(
        call=lambda c: c.firewall_rules.list(SERVER),
        sends=f"GET /server/{SERVER}/firewall_rule",
        answer={"firewall_rules": {"firewall_rule": [_RULE]}},
        look=lambda rules: (rules[0].position, rules[0].destination_port_start, rules[0].source_port_start),
        sees=(1, 22, None),
    ),
    Case(
        call=lambda c: c.firewall_rules.get(SERVER, 1),
        sends=f"GET /server/{SERVER}/firewall_rule/1",
        answer={"firewall_rule": _RULE},
        look=lambda rule: (rule.source_address_end, rule.destination_address_end, rule.icmp_type),
        sees=(IPv4Address("10.0.0.255"), None, None),
    ),
    Case(
        call=lambda c: c.firewall_rules.create(SERVER, _SSH.model_copy(update={"position": 1})),
        sends=f"POST /server/{SERVER}/firewall_rule",
        body={"firewall_rule": {**_SSH_SENT, "position": "1"}},
        status=201,
        answer={"firewall_rule": _RULE},
        look=lambda rule: rule.position,
        sees=1,
    ),
    Case(
        call=lambda c: c.firewall_rules.replace(SERVER, [_SSH, FirewallRuleSpec(direction="in", action="drop")]),
        sends=f"PUT /server/{SERVER}/firewall_rule",
        body={"firewall_rules": {"firewall_rule": [_SSH_SENT, {"direction": "in", "action": "drop"}]}},
        status=204,
        sees=None,
    ),
    Case(
        call=lambda c: c.firewall_rules.replace(
            SERVER, [FirewallRuleSpec.of(FirewallRule.model_validate(_RULE, strict=False))]
        ),
        sends=f"PUT /server/{SERVER}/firewall_rule",
        body={"firewall_rules": {"firewall_rule": [_SSH_SENT]}},
        status=204,
        sees=None,
    ),
    Case(
        call=lambda c: c.firewall_rules.delete(SERVER, 1),
        sends=f"DELETE /server/{SERVER}/firewall_rule/1",
        status=204,
        sees=None,
    ),
]

CASES = [*_NETWORKS, *_INTERFACES, *_ADDRESSES, *_FIREWALL]
