from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from tests.sdk.cases.case import NETWORK, SERVER, Case
from upcloud_sdk.models import (
    InterfaceChanges,
    InterfaceSpec,
    IpAddressChanges,
    IpAddressSpec,
)

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

CASES = [*_INTERFACES, *_ADDRESSES]
