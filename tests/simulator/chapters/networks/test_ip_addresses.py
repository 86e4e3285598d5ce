"""IP addresses, floating ones among them."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import pytest

from tests.simulator.documents import Document, refusal, running, stopped

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock, Simulator

pytestmark = pytest.mark.anyio


def _mac(server: Document, kind: str = "public") -> str:
    interfaces = server["networking"]["interfaces"]["interface"]
    mac: str = next(each["mac"] for each in interfaces if each["type"] == kind)
    return mac


def _address(server: Document, access: str, family: str = "IPv4") -> str:
    found: str = next(
        each["address"]
        for each in server["ip_addresses"]["ip_address"]
        if (each["access"], each["family"]) == (access, family)
    )
    return found


async def _floating(api: httpx.AsyncClient, **fields: object) -> Document:
    answer = await api.post("/ip_address", json={"ip_address": {"family": "IPv4", "floating": "yes", **fields}})
    assert answer.status_code == 201, answer.text
    address: Document = answer.json()["ip_address"]
    return address


async def test_each_address_of_a_server_can_be_read(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await running(api, clock)
    listed = (await api.get("/ip_address")).json()["ip_addresses"]["ip_address"]
    assert {each["address"] for each in listed} == {each["address"] for each in server["ip_addresses"]["ip_address"]}
    for each in listed:
        assert (await api.get(f"/ip_address/{each['address']}")).json()["ip_address"] == each
        assert each["server"] == server["uuid"]
        assert "floating" not in each


async def test_an_ipv6_address_is_found_by_its_short_form(api: httpx.AsyncClient, clock: ManualClock) -> None:
    shown = _address(await running(api, clock), "public", "IPv6")
    short = ipaddress.ip_address(shown).compressed
    assert (await api.get(f"/ip_address/{short}")).json()["ip_address"]["address"] == shown


async def test_addresses_have_default_ptr_records(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await running(api, clock)
    v4, v6, utility = _address(server, "public"), _address(server, "public", "IPv6"), _address(server, "utility")
    records = [(await api.get(f"/ip_address/{each}")).json()["ip_address"]["ptr_record"] for each in (v4, v6, utility)]
    host = "-".join(v6.split(":")[4:])
    assert records == [f"{v4.replace('.', '-')}.fi-hel1.upcloud.host", f"{host}.v6.fi-hel1.upcloud.host", ""]


async def test_a_ptr_record_can_be_set_on_public_addresses_only(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await running(api, clock)
    body = {"ip_address": {"ptr_record": "www.example.com"}}
    answer = await api.patch(f"/ip_address/{_address(server, 'public')}", json=body)
    assert (answer.status_code, answer.json()["ip_address"]["ptr_record"]) == (202, "www.example.com")
    utility = await api.patch(f"/ip_address/{_address(server, 'utility')}", json=body)
    assert refusal(utility) == (409, "PTR_RECORD_NOT_SUPPORTED")


async def test_put_does_what_patch_does(api: httpx.AsyncClient, clock: ManualClock) -> None:
    address = _address(await running(api, clock), "public")
    answer = await api.put(f"/ip_address/{address}", json={"ip_address": {"ptr_record": "www.example.com"}})
    assert (answer.status_code, answer.json()["ip_address"]["ptr_record"]) == (202, "www.example.com")


async def test_a_floating_address_moves_between_running_servers(api: httpx.AsyncClient, clock: ManualClock) -> None:
    first, second = await running(api, clock), await running(api, clock)
    address = await _floating(api, mac=_mac(first))
    assert (address["server"], address["floating"]) == (first["uuid"], "yes")
    path = f"/ip_address/{address['address']}"
    moved = await api.patch(path, json={"ip_address": {"mac": _mac(second)}})
    assert (moved.status_code, moved.json()["ip_address"]["server"]) == (202, second["uuid"])
    shown = [
        address["address"] in str((await api.get(f"/server/{server['uuid']}")).json()["server"])
        for server in (first, second)
    ]
    assert shown == [False, True]


async def test_null_detaches_a_floating_address(api: httpx.AsyncClient, clock: ManualClock) -> None:
    address = await _floating(api, mac=_mac(await running(api, clock)))
    path = f"/ip_address/{address['address']}"
    assert refusal(await api.delete(path)) == (409, "ADDRESS_ATTACHED")
    detached = (await api.patch(path, json={"ip_address": {"mac": None}})).json()["ip_address"]
    assert {"mac", "server"}.isdisjoint(detached)
    assert (await api.delete(path)).status_code == 204
    assert refusal(await api.get(path)) == (404, "IP_ADDRESS_NOT_FOUND")


async def test_a_floating_address_can_be_created_for_a_zone(api: httpx.AsyncClient) -> None:
    address = await _floating(api, zone="de-fra1")
    assert address["zone"] == "de-fra1"
    assert "server" not in address


async def test_a_floating_address_outlives_its_server(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await stopped(api, clock)
    address = await _floating(api, mac=_mac(server))
    await api.delete(f"/server/{server['uuid']}")
    left = (await api.get("/ip_address")).json()["ip_addresses"]["ip_address"]
    assert [each["address"] for each in left] == [address["address"]]


async def test_a_kept_address_outlives_its_server_and_can_be_used_again(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = await stopped(api, clock)
    address = _address(server, "public")
    body = {"ip_address": {"release_policy": "keep"}}
    assert (await api.patch(f"/ip_address/{address}", json=body)).json()["ip_address"]["release_policy"] == "keep"
    await api.delete(f"/server/{server['uuid']}")
    wanted = {"type": "public", "ip_addresses": {"ip_address": [{"family": "IPv4", "address": address}]}}
    other = await running(api, clock, networking={"interfaces": {"interface": [wanted]}})
    assert _address(other, "public") == address
    network = (await api.get(f"/network/{other['networking']['interfaces']['interface'][0]['network']}")).json()
    ranged = network["network"]["ip_networks"]["ip_network"][0]["address"]
    assert ipaddress.ip_address(address) in ipaddress.ip_network(ranged)


async def test_an_additional_address_gets_its_own_interface(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await stopped(api, clock)
    body = {"ip_address": {"access": "public", "family": "IPv4", "server": server["uuid"]}}
    address = (await api.post("/ip_address", json=body)).json()["ip_address"]
    interfaces = (await api.get(f"/server/{server['uuid']}")).json()["server"]["networking"]["interfaces"]["interface"]
    assert (len(interfaces), interfaces[-1]["mac"]) == (4, address["mac"])
    assert (await api.delete(f"/ip_address/{address['address']}")).status_code == 204
    left = (await api.get(f"/server/{server['uuid']}")).json()["server"]["networking"]["interfaces"]["interface"]
    assert len(left) == 3


async def test_ordinary_addresses_are_added_and_removed_only_while_the_server_is_stopped(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = await running(api, clock)
    body = {"ip_address": {"access": "public", "family": "IPv4", "server": server["uuid"]}}
    assert refusal(await api.post("/ip_address", json=body)) == (409, "SERVER_STATE_ILLEGAL")
    assert refusal(await api.delete(f"/ip_address/{_address(server, 'public')}")) == (409, "SERVER_STATE_ILLEGAL")


async def test_a_server_keeps_its_utility_address_and_its_last_one(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await stopped(api, clock)
    utility = await api.delete(f"/ip_address/{_address(server, 'utility')}")
    assert refusal(utility) == (403, "CANNOT_DELETE_PRIVATE_ADDRESS")
    public = {"type": "public", "ip_addresses": {"ip_address": [{"family": "IPv4"}]}}
    alone = await stopped(api, clock, networking={"interfaces": {"interface": [public]}})
    assert refusal(await api.delete(f"/ip_address/{_address(alone, 'public')}")) == (403, "IP_ADDRESS_FORBIDDEN")


async def test_a_server_has_five_public_addresses_of_a_family_at_most(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = await stopped(api, clock)
    body = {"ip_address": {"access": "public", "family": "IPv4", "server": server["uuid"]}}
    statuses = [(await api.post("/ip_address", json=body)).status_code for _ in range(4)]
    assert statuses == [201] * 4
    assert refusal(await api.post("/ip_address", json=body)) == (403, "SERVER_IP_LIMIT_REACHED")


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({}, 400, "ZONE_MISSING"),
        ({"mac": "somewhere"}, 400, "MAC_INVALID"),
        ({"mac": "aa:aa:aa:aa:aa:01"}, 404, "INTERFACE_NOT_FOUND"),
        ({"zone": "fi-hel9"}, 404, "ZONE_NOT_FOUND"),
        ({"family": "IPv6", "zone": "fi-hel1"}, 409, "FLOATING_IP_NOT_AVAILABLE"),
    ],
)
async def test_a_malformed_floating_address_is_refused(
    api: httpx.AsyncClient, fields: Document, status: int, code: str
) -> None:
    answer = await api.post("/ip_address", json={"ip_address": {"floating": "yes", **fields}})
    assert refusal(answer) == (status, code)


async def test_a_floating_address_goes_to_public_interfaces_of_its_zone_only(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = await running(api, clock)
    address = await _floating(api, zone="de-fra1")
    path = f"/ip_address/{address['address']}"
    assert refusal(await api.patch(path, json={"ip_address": {"mac": _mac(server)}})) == (409, "ZONE_MISMATCH")
    body = {"ip_address": {"floating": "yes", "mac": _mac(server, "utility")}}
    assert refusal(await api.post("/ip_address", json=body)) == (409, "FLOATING_IP_NOT_AVAILABLE")


async def test_the_number_of_detached_floating_addresses_is_limited(api: httpx.AsyncClient, sim: Simulator) -> None:
    sim.account.resource_limits["detached_floating_ips"] = 1
    await _floating(api, zone="fi-hel1")
    answer = await api.post("/ip_address", json={"ip_address": {"floating": "yes", "zone": "fi-hel1"}})
    assert refusal(answer) == (403, "IP_ADDRESS_LIMIT_REACHED")


async def test_the_addresses_of_a_network_run_out(api: httpx.AsyncClient, clock: ManualClock, sim: Simulator) -> None:
    ranged = {"address": "10.0.0.0/30", "dhcp": "yes", "family": "IPv4"}
    body = {"network": {"name": "tiny", "zone": "fi-hel1", "ip_networks": {"ip_network": [ranged]}}}
    network = (await api.post("/network", json=body)).json()["network"]["uuid"]
    first, second = await stopped(api, clock), await stopped(api, clock)
    interface = {"interface": {"type": "private", "network": network}}
    assert (await api.post(f"/server/{first['uuid']}/networking/interface", json=interface)).status_code == 201
    answer = await api.post(f"/server/{second['uuid']}/networking/interface", json=interface)
    assert refusal(answer) == (409, "IP_ADDRESS_RESOURCES_UNAVAILABLE")
    assert len(sim.servers[second["uuid"]].interfaces) == 3
