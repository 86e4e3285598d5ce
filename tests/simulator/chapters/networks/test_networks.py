"""Networks of the account, and UpCloud's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulator.documents import Document, network_request, network_with_router, refusal, stopped

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock, Simulator

pytestmark = pytest.mark.anyio


async def test_a_network_is_shown_as_it_was_sent(api: httpx.AsyncClient, sim: Simulator) -> None:
    ranged = {
        "address": "192.168.86.1/24",
        "dhcp": "yes",
        "dhcp_default_route": "no",
        "dhcp_dns": ["172.17.0.10"],
        "dhcp_routes": ["10.0.0.0/8"],
        "family": "IPv4",
        "gateway": "192.168.86.1",
    }
    body = network_request(ip_networks={"ip_network": [ranged]}, labels=[{"key": "env", "value": "test"}])
    answer = await api.post("/network/", json=body)
    assert answer.status_code == 201
    network: Document = answer.json()["network"]
    assert network["type"] == "private"
    assert network["labels"] == [{"key": "env", "value": "test"}]
    assert ranged.items() <= network["ip_networks"]["ip_network"][0].items()
    assert {"router", "servers"}.isdisjoint(network)
    assert sim.networks[network["uuid"]].name == "builds"


async def test_a_network_without_a_gateway_gets_the_first_address(api: httpx.AsyncClient) -> None:
    network = (await api.post("/network", json=network_request())).json()["network"]
    assert network["ip_networks"]["ip_network"][0]["gateway"] == "10.0.0.1"


async def test_the_list_has_the_public_and_utility_networks_of_every_zone(api: httpx.AsyncClient) -> None:
    networks = (await api.get("/network")).json()["networks"]["network"]
    assert len(networks) > 200
    assert {network["type"] for network in networks} == {"public", "utility"}


async def test_a_zone_shows_its_own_networks_only(api: httpx.AsyncClient) -> None:
    await api.post("/network", json=network_request())
    networks = (await api.get("/network/", params={"zone": "fi-hel1"})).json()["networks"]["network"]
    assert {network["zone"] for network in networks} == {"fi-hel1"}
    assert "builds" in {network["name"] for network in networks}


async def test_labels_and_zone_filter_together(api: httpx.AsyncClient) -> None:
    for zone in ("fi-hel1", "de-fra1"):
        await api.post("/network", json=network_request(zone=zone, labels=[{"key": "env", "value": "ci"}]))
    answer = await api.get("/network", params={"zone": "de-fra1", "label": "env=ci"})
    assert [network["zone"] for network in answer.json()["networks"]["network"]] == ["de-fra1"]


async def test_a_network_lists_the_servers_in_it(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await stopped(api, clock)
    network = (await api.post("/network", json=network_request())).json()["network"]
    interface = {"interface": {"type": "private", "network": network["uuid"]}}
    await api.post(f"/server/{server['uuid']}/networking/interface", json=interface)
    found = (await api.get(f"/network/{network['uuid']}")).json()["network"]
    assert found["servers"] == {"server": [{"uuid": server["uuid"], "title": server["title"]}]}
    modified = (await api.put(f"/network/{network['uuid']}", json={"network": {"name": "other"}})).json()["network"]
    assert "servers" not in modified
    assert refusal(await api.delete(f"/network/{network['uuid']}")) == (409, "NETWORK_NOT_EMPTY")


async def test_every_interface_is_in_a_network_that_can_be_read(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await stopped(api, clock)
    for interface in server["networking"]["interfaces"]["interface"]:
        network = (await api.get(f"/network/{interface['network']}")).json()["network"]
        assert (network["type"], network["zone"]) == (interface["type"], server["zone"])


async def test_a_change_keeps_the_fields_that_it_leaves_out(api: httpx.AsyncClient) -> None:
    population = {"enabled": "yes", "filter_by_destination": ["10.9.0.0/16"], "exclude_by_source": ["static-route"]}
    ranged: Document = {"address": "10.0.0.0/24", "dhcp": "yes", "family": "IPv4", "dhcp_routes_configuration": {}}
    ranged["dhcp_routes_configuration"] = {"effective_routes_auto_population": population}
    body = network_request(ip_networks={"ip_network": [ranged]})
    network = (await api.post("/network", json=body)).json()["network"]
    change: Document = {"dhcp_routes_configuration": {"effective_routes_auto_population": {"exclude_by_source": []}}}
    answer = await api.put(f"/network/{network['uuid']}", json={"network": {"ip_networks": {"ip_network": [change]}}})
    kept = answer.json()["network"]["ip_networks"]["ip_network"][0]
    assert kept["dhcp"] == "yes"
    assert kept["dhcp_routes_configuration"]["effective_routes_auto_population"] == {
        "enabled": "yes",
        "filter_by_destination": ["10.9.0.0/16"],
    }


async def test_a_router_adds_routes_to_its_networks(api: httpx.AsyncClient) -> None:
    network, router = await network_with_router(api, "10.0.0.0/24")
    other, _ = await network_with_router(api, "10.9.0.0/24", router=router)
    route = {"name": "out", "route": "172.16.0.0/12", "nexthop": "10.0.0.7"}
    await api.patch(f"/router/{router}", json={"router": {"static_routes": [route]}})
    found = (await api.get(f"/network/{network}")).json()["network"]["effective_routes"]
    assert [(each["route"], each["source"], each["source_resource_id"]) for each in found] == [
        ("10.9.0.0/24", "router-connected-networks", other),
        ("172.16.0.0/12", "static-route", router),
    ]


async def test_dhcp_sends_the_routes_that_pass_the_filters(api: httpx.AsyncClient) -> None:
    network, router = await network_with_router(api, "10.0.0.0/24")
    await network_with_router(api, "10.9.0.0/24", router=router)
    await network_with_router(api, "10.8.0.0/24", router=router)
    population = {"enabled": "yes", "filter_by_destination": ["10.9.0.0/16"]}
    change = {"dhcp_routes_configuration": {"effective_routes_auto_population": population}}
    body = {"network": {"ip_networks": {"ip_network": [change]}}}
    answer = (await api.put(f"/network/{network}", json=body)).json()["network"]
    routes = answer["ip_networks"]["ip_network"][0]["dhcp_effective_routes"]
    assert routes == [{"route": "10.9.0.0/24", "nexthop": "10.0.0.1", "auto_populated": "yes"}]


async def test_null_detaches_a_router(api: httpx.AsyncClient) -> None:
    network, router = await network_with_router(api, "10.0.0.0/24")
    assert refusal(await api.delete(f"/router/{router}")) == (409, "ROUTER_ATTACHED")
    answer = await api.put(f"/network/{network}", json={"network": {"router": None}})
    assert answer.status_code == 200
    assert "router" not in answer.json()["network"]
    assert (await api.delete(f"/router/{router}")).status_code == 204


async def test_an_empty_network_can_be_deleted(api: httpx.AsyncClient, sim: Simulator) -> None:
    network = (await api.post("/network", json=network_request())).json()["network"]
    assert (await api.delete(f"/network/{network['uuid']}")).status_code == 204
    assert sim.networks == {}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": None}, "NETWORK_NAME_MISSING"),
        ({"name": ""}, "NETWORK_NAME_INVALID"),
        ({"zone": None}, "ZONE_MISSING"),
        ({"ip_networks": None}, "IP_NETWORKS_MISSING"),
        ({"ip_networks": {"ip_network": []}}, "IP_NETWORKS_INVALID"),
        ({"ip_networks": {"ip_network": [{"family": "IPv4"}]}}, "ADDRESS_MISSING"),
        ({"ip_networks": {"ip_network": [{"address": "10.0.0.300/24"}]}}, "ADDRESS_INVALID"),
        ({"ip_networks": {"ip_network": [{"address": "10.0.0.0/24", "gateway": "10.1.0.1"}]}}, "GATEWAY_INVALID"),
        ({"ip_networks": {"ip_network": [{"address": "10.0.0.0/24", "family": "IPv6"}]}}, "FAMILY_INVALID"),
        ({"ip_networks": {"ip_network": [{"address": "10.0.0.0/24", "dhcp": True}]}}, "DHCP_INVALID"),
        ({"dhcp": "yes"}, "UNKNOWN_ATTRIBUTE"),
    ],
)
async def test_a_malformed_network_is_refused(api: httpx.AsyncClient, change: Document, code: str) -> None:
    assert refusal(await api.post("/network", json=network_request(**change))) == (400, code)


async def test_the_networks_of_upcloud_cannot_be_changed(api: httpx.AsyncClient) -> None:
    networks = (await api.get("/network", params={"zone": "fi-hel1"})).json()["networks"]["network"]
    path = f"/network/{networks[0]['uuid']}"
    assert refusal(await api.put(path, json={"network": {"name": "mine"}})) == (403, "NETWORK_FORBIDDEN")
    assert refusal(await api.delete(path)) == (403, "NETWORK_FORBIDDEN")
