"""Interfaces of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulator.documents import Document, network_request, refusal, running, stopped

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock, Simulator

pytestmark = pytest.mark.anyio


async def _network(api: httpx.AsyncClient, **changes: object) -> str:
    ranged: Document = {"address": "172.17.0.0/22", "dhcp": "yes", "family": "IPv4", "gateway": "172.17.0.1"}
    ranged |= changes
    answer = await api.post("/network", json=network_request(ip_networks={"ip_network": [ranged]}))
    uuid: str = answer.json()["network"]["uuid"]
    return uuid


async def _add(api: httpx.AsyncClient, server: Document, **interface: object) -> httpx.Response:
    return await api.post(f"/server/{server['uuid']}/networking/interface", json={"interface": interface})


def _addresses(interface: Document) -> list[str]:
    return [each["address"] for each in interface["ip_addresses"]["ip_address"]]


async def test_the_first_server_of_a_private_network_gets_the_address_after_the_gateway(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    network = await _network(api)
    found: list[Document] = []
    for _ in range(2):
        server = await stopped(api, clock)
        answer = await _add(api, server, type="private", network=network)
        assert answer.status_code == 201
        found.append(answer.json()["interface"])
    assert [_addresses(each) for each in found] == [["172.17.0.2"], ["172.17.0.3"]]
    assert [each["index"] for each in found] == [4, 4]


async def test_an_interface_can_get_another_index_and_be_deleted(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await stopped(api, clock)
    made = (await _add(api, server, type="private", network=await _network(api))).json()["interface"]
    path = f"/server/{server['uuid']}/networking/interface"
    answer = await api.put(f"{path}/4", json={"interface": {"index": 5}})
    assert (answer.status_code, answer.json()["interface"]) == (200, made | {"index": 5})
    assert refusal(await api.put(f"{path}/5", json={"interface": {"index": 1}})) == (409, "INTERFACE_EXISTS")
    assert (await api.delete(f"{path}/5")).status_code == 204
    assert refusal(await api.delete(f"{path}/5")) == (404, "INTERFACE_NOT_FOUND")


async def test_the_list_of_interfaces_is_the_one_in_the_servers_details(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = await running(api, clock)
    answer = await api.get(f"/server/{server['uuid']}/networking")
    assert answer.json() == {"networking": server["networking"]}


async def test_an_interface_gets_the_requested_address(api: httpx.AsyncClient, clock: ManualClock) -> None:
    network = await _network(api)
    server = await stopped(api, clock)
    wanted = {"ip_address": [{"family": "IPv4", "address": "172.17.1.9"}, {"family": "IPv4"}]}
    answer = await _add(api, server, type="private", network=network, ip_addresses=wanted)
    assert _addresses(answer.json()["interface"]) == ["172.17.1.9", "172.17.0.2"]


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("172.18.0.9", 400, "ADDRESS_INVALID"),
        ("172.17.0.1", 400, "ADDRESS_INVALID"),
        ("172.17.0.0", 400, "ADDRESS_INVALID"),
        ("nowhere", 400, "ADDRESS_INVALID"),
        ("172.17.0.2", 409, "ADDRESS_ATTACHED"),
    ],
)
async def test_an_address_that_is_not_available_is_refused(
    api: httpx.AsyncClient, clock: ManualClock, address: str, status: int, code: str
) -> None:
    network = await _network(api)
    server = await stopped(api, clock)
    await _add(api, server, type="private", network=network)
    wanted = {"ip_address": [{"family": "IPv4", "address": address}]}
    assert refusal(await _add(api, server, type="private", network=network, ip_addresses=wanted)) == (status, code)


async def test_a_server_can_be_created_in_a_private_network(api: httpx.AsyncClient, clock: ManualClock) -> None:
    network = await _network(api)
    private = {"type": "private", "network": network, "source_ip_filtering": "no"}
    public = {"type": "public", "ip_addresses": {"ip_address": [{"family": "IPv4"}]}}
    server = await running(api, clock, networking={"interfaces": {"interface": [public, private]}})
    interfaces = server["networking"]["interfaces"]["interface"]
    assert [(each["index"], each["type"]) for each in interfaces] == [(1, "public"), (2, "private")]
    assert interfaces[1]["source_ip_filtering"] == "no"
    assert _addresses(interfaces[1]) == ["172.17.0.2"]
    assert [each["access"] for each in server["ip_addresses"]["ip_address"]] == ["public"]


async def test_a_network_without_dhcp_says_so_with_its_addresses(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await stopped(api, clock)
    answer = await _add(api, server, type="private", network=await _network(api, dhcp="no"))
    assert answer.json()["interface"]["ip_addresses"]["ip_address"][0]["dhcp_provided"] == "no"


async def test_addresses_can_be_added_to_and_removed_from_an_interface(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = await stopped(api, clock)
    await _add(api, server, type="private", network=await _network(api))
    path = f"/server/{server['uuid']}/networking/interface/4/ip-address"
    answer = await api.post(path, json={"ip_address": {"family": "IPv4", "address": "172.17.2.1"}})
    assert (answer.status_code, answer.json()["ip_address"]["address"]) == (201, "172.17.2.1")
    assert (await api.delete(f"{path}/172.17.2.1")).status_code == 204
    assert refusal(await api.delete(f"{path}/172.17.2.1")) == (404, "IP_ADDRESS_NOT_FOUND")
    assert refusal(await api.delete(f"{path}/172.17.0.2")) == (403, "IP_ADDRESS_FORBIDDEN")


async def test_an_address_is_taken_from_another_server_only_by_force(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    network = await _network(api)
    first, second = await stopped(api, clock), await stopped(api, clock)
    wanted = {"ip_address": [{"family": "IPv4"}, {"family": "IPv4", "address": "172.17.0.9"}]}
    await _add(api, first, type="private", network=network, ip_addresses=wanted)
    await _add(api, second, type="private", network=network)
    path = f"/server/{second['uuid']}/networking/interface/4/ip-address"
    body = {"ip_address": {"family": "IPv4", "address": "172.17.0.9"}}
    assert refusal(await api.post(path, json=body)) == (409, "ADDRESS_ATTACHED")
    assert (await api.post(path, json=body, params={"force": "yes"})).status_code == 201
    left = (await api.get(f"/server/{first['uuid']}/networking")).json()["networking"]["interfaces"]["interface"]
    assert _addresses(left[3]) == ["172.17.0.2"]


async def test_a_move_to_another_network_changes_address_and_mac(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await stopped(api, clock)
    made = (await _add(api, server, type="private", network=await _network(api))).json()["interface"]
    other = await _network(api, address="10.7.0.0/24", gateway="10.7.0.1")
    path = f"/server/{server['uuid']}/networking/interface/4"
    changed = (await api.put(path, json={"interface": {"type": "private", "network": other}})).json()["interface"]
    assert (changed["network"], _addresses(changed)) == (other, ["10.7.0.2"])
    assert changed["mac"] != made["mac"]


async def test_addresses_that_a_change_names_again_are_kept(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await stopped(api, clock)
    await _add(api, server, type="private", network=await _network(api))
    path = f"/server/{server['uuid']}/networking/interface/4"
    wanted = {"ip_address": [{"family": "IPv4", "address": "172.17.0.2"}, {"family": "IPv4", "address": "172.17.0.7"}]}
    changed = (await api.put(path, json={"interface": {"ip_addresses": wanted}})).json()["interface"]
    assert _addresses(changed) == ["172.17.0.2", "172.17.0.7"]


async def test_interfaces_can_be_changed_only_while_the_server_is_stopped(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = await running(api, clock)
    network = await _network(api)
    path = f"/server/{server['uuid']}/networking/interface"
    assert refusal(await _add(api, server, type="private", network=network)) == (409, "SERVER_STATE_ILLEGAL")
    assert refusal(await api.put(f"{path}/1", json={"interface": {"index": 9}})) == (409, "SERVER_STATE_ILLEGAL")
    assert refusal(await api.delete(f"{path}/1")) == (409, "SERVER_STATE_ILLEGAL")


async def test_deleting_a_public_interface_releases_its_address(
    api: httpx.AsyncClient, clock: ManualClock, sim: Simulator
) -> None:
    server = await stopped(api, clock)
    public = server["networking"]["interfaces"]["interface"][0]
    assert (await api.delete(f"/server/{server['uuid']}/networking/interface/{public['index']}")).status_code == 204
    assert _addresses(public)[0] not in sim.ip_addresses


@pytest.mark.parametrize(
    ("interface", "status", "code"),
    [
        ({"type": "private"}, 400, "NETWORK_MISSING"),
        ({"type": "tunnel"}, 400, "TYPE_INVALID"),
        ({}, 400, "TYPE_MISSING"),
        ({"type": "private", "network": "03000000-0000-4000-9000-000000000000"}, 404, "NETWORK_NOT_FOUND"),
        ({"type": "public", "source_ip_filtering": "no"}, 400, "SOURCE_IP_FILTERING_INVALID"),
        ({"type": "utility"}, 403, "SERVER_IP_LIMIT_REACHED"),
        (
            {"type": "public", "ip_addresses": {"ip_address": [{"family": "IPv4"}, {"family": "IPv6"}]}},
            400,
            "DUAL_STACK_INTERFACE",
        ),
        (
            {"type": "public", "ip_addresses": {"ip_address": [{"family": "IPv4", "address": "94.237.1.1"}]}},
            403,
            "IP_ADDRESS_FORBIDDEN",
        ),
        ({"type": "public", "index": 1}, 409, "INTERFACE_EXISTS"),
    ],
)
async def test_a_malformed_interface_is_refused(
    api: httpx.AsyncClient, clock: ManualClock, interface: Document, status: int, code: str
) -> None:
    server = await stopped(api, clock)
    assert refusal(await _add(api, server, **interface)) == (status, code)


async def test_a_private_network_of_another_zone_is_refused(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await stopped(api, clock, zone="de-fra1")
    answer = await _add(api, server, type="private", network=await _network(api))
    assert refusal(answer) == (409, "ZONE_MISMATCH")
