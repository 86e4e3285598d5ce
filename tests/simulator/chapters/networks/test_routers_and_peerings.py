"""Routers, and peerings between networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulator.documents import Document, network_request, network_with_router, refusal

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import Simulator

pytestmark = pytest.mark.anyio


async def test_a_router_lists_its_networks(api: httpx.AsyncClient) -> None:
    network, router = await network_with_router(api, "10.0.0.0/24")
    found = (await api.get(f"/router/{router}")).json()["router"]
    assert found["attached_networks"] == {"network": [{"uuid": network}]}
    assert (found["type"], found["static_routes"], found["attached_network_gateways"]) == ("normal", [], [])


async def test_the_list_has_the_service_routers_of_upcloud(api: httpx.AsyncClient) -> None:
    _, own = await network_with_router(api, "10.0.0.0/24")
    routers = (await api.get("/router")).json()["routers"]["router"]
    assert {router["type"] for router in routers if router["uuid"] != own} == {"service"}
    service = next(router for router in routers if router["name"] == "Utility network router for zone fi-hel2")
    assert service["attached_networks"]["network"]
    assert refusal(await api.delete(f"/router/{service['uuid']}")) == (403, "ROUTER_FORBIDDEN")


async def test_a_change_replaces_static_routes_or_keeps_them_if_it_has_none(api: httpx.AsyncClient) -> None:
    route = {"name": "static_route_0", "route": "0.0.0.0/0", "nexthop": "10.0.0.100"}
    body = {"router": {"name": "edge", "static_routes": [route], "labels": [{"key": "env", "value": "ci"}]}}
    router = (await api.post("/router", json=body)).json()["router"]
    assert router["static_routes"] == [route | {"type": "user"}]
    path = f"/router/{router['uuid']}"
    renamed = (await api.patch(path, json={"router": {"name": "border"}})).json()["router"]
    assert (renamed["name"], renamed["static_routes"]) == ("border", router["static_routes"])
    emptied = (await api.patch(path, json={"router": {"static_routes": []}})).json()["router"]
    assert (emptied["static_routes"], emptied["labels"]) == ([], [{"key": "env", "value": "ci"}])


@pytest.mark.parametrize(
    ("routes", "status", "code"),
    [
        ([{"route": "10.0.0.0", "nexthop": "10.0.0.1"}], 400, "INVALID_ROUTE"),
        ([{"route": "10.0.0.0/8", "nexthop": "somewhere"}], 400, "NEXTHOP_INVALID"),
        ([{"route": "10.0.0.0/8"}], 400, "NEXTHOP_MISSING"),
        ([{"route": "10.0.0.0/8", "nexthop": "fd00::1"}], 400, "INVALID_ROUTE_FAMILY"),
        ([{"route": "10.0.0.0/8", "nexthop": "10.0.0.1"}] * 2, 409, "DUPLICATE_ROUTE"),
        ([{"route": f"10.{n}.0.0/16", "nexthop": "10.0.0.1"} for n in range(101)], 403, "STATIC_ROUTE_LIMIT_REACHED"),
        (["10.0.0.0/8"], 400, "INVALID_ROUTE"),
    ],
)
async def test_a_malformed_route_is_refused(
    api: httpx.AsyncClient, sim: Simulator, routes: list[object], status: int, code: str
) -> None:
    answer = await api.post("/router", json={"router": {"name": "edge", "static_routes": routes}})
    assert refusal(answer) == (status, code)
    assert sim.routers == {}


async def test_a_router_needs_a_name(api: httpx.AsyncClient) -> None:
    assert refusal(await api.post("/router", json={"router": {}})) == (400, "ROUTER_NAME_MISSING")


async def _peer(api: httpx.AsyncClient, network: str, other: str) -> Document:
    body = {
        "name": "peer",
        "configured_status": "active",
        "network": {"uuid": network},
        "peer_network": {"uuid": other},
    }
    answer = await api.post("/network-peering", json={"network_peering": body})
    assert answer.status_code == 201, answer.text
    peering: Document = answer.json()["network_peering"]
    return peering


async def _state(api: httpx.AsyncClient, peering: Document) -> str:
    found: str = (await api.get(f"/network-peering/{peering['uuid']}")).json()["network_peering"]["state"]
    return found


async def test_a_peering_is_active_when_both_sides_have_created_it(api: httpx.AsyncClient) -> None:
    here, _ = await network_with_router(api, "10.0.0.0/24")
    there, _ = await network_with_router(api, "10.1.0.0/24")
    one = await _peer(api, here, there)
    assert one["state"] == "pending-peer"
    assert one["network"]["ip_networks"] == {"ip_network": [{"address": "10.0.0.0/24", "family": "IPv4"}]}
    other = await _peer(api, there, here)
    assert (await _state(api, one), other["state"]) == ("active", "active")


async def test_a_peering_that_is_disabled_on_one_side_shows_it_on_both(api: httpx.AsyncClient) -> None:
    here, _ = await network_with_router(api, "10.0.0.0/24")
    there, _ = await network_with_router(api, "10.1.0.0/24")
    one, other = await _peer(api, here, there), await _peer(api, there, here)
    path = f"/network-peering/{one['uuid']}"
    assert refusal(await api.delete(path)) == (409, "PEERING_NOT_DISABLED")
    await api.patch(path, json={"network_peering": {"configured_status": "disabled"}})
    assert (await _state(api, one), await _state(api, other)) == ("disabled", "peer-disabled")
    assert (await api.delete(path)).status_code == 204
    assert await _state(api, other) == "pending-peer"


async def test_networks_that_overlap_conflict(api: httpx.AsyncClient) -> None:
    here, _ = await network_with_router(api, "10.0.0.0/24")
    there, _ = await network_with_router(api, "10.0.0.0/16")
    one = await _peer(api, here, there)
    await _peer(api, there, here)
    assert await _state(api, one) == "conflict-subnet"


async def test_the_state_of_a_peering_shows_a_lost_router_or_network(api: httpx.AsyncClient) -> None:
    here, _ = await network_with_router(api, "10.0.0.0/24")
    there, _ = await network_with_router(api, "10.1.0.0/24")
    one, other = await _peer(api, here, there), await _peer(api, there, here)
    await api.put(f"/network/{there}", json={"network": {"router": None}})
    assert (await _state(api, one), await _state(api, other)) == ("missing-peer-router", "missing-local-router")
    assert refusal(await api.delete(f"/network/{there}")) == (409, "NETWORK_NOT_EMPTY")
    await api.patch(f"/network-peering/{other['uuid']}", json={"network_peering": {"configured_status": "disabled"}})
    await api.delete(f"/network-peering/{other['uuid']}")
    await api.delete(f"/network/{there}")
    assert await _state(api, one) == "deleted-peer-network"


async def test_peerings_are_filtered_by_label(api: httpx.AsyncClient) -> None:
    here, _ = await network_with_router(api, "10.0.0.0/24")
    there, _ = await network_with_router(api, "10.1.0.0/24")
    one = await _peer(api, here, there)
    await _peer(api, there, here)
    labels = [{"key": "env", "value": "ci"}]
    await api.patch(f"/network-peering/{one['uuid']}", json={"network_peering": {"labels": labels}})
    listed = (await api.get("/network-peering", params={"label": "env"})).json()["network_peerings"]["network_peering"]
    assert [each["uuid"] for each in listed] == [one["uuid"]]


async def test_an_impossible_peering_is_refused(api: httpx.AsyncClient) -> None:
    here, _ = await network_with_router(api, "10.0.0.0/24")
    there, _ = await network_with_router(api, "10.1.0.0/24")
    lone = (await api.post("/network", json=network_request())).json()["network"]["uuid"]
    await _peer(api, here, there)
    unknown = "03aaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"

    async def refused(network: str, peer: str) -> tuple[int, str]:
        body = {"name": "peer", "network": {"uuid": network}, "peer_network": {"uuid": peer}}
        return refusal(await api.post("/network-peering", json={"network_peering": body}))

    assert await refused(here, there) == (409, "PEERING_CONFLICT")
    assert await refused(lone, there) == (409, "LOCAL_NETWORK_NO_ROUTER")
    assert await refused(here, unknown) == (404, "PEER_NETWORK_NOT_FOUND")
    assert await refused(unknown, there) == (404, "NETWORK_NOT_FOUND")
    assert await refused(here, here) == (400, "PEER_NETWORK_INVALID")
