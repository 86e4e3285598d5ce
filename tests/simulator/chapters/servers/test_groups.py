"""Server groups, and where their members run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulator.documents import Document, created, refusal, running, server_request, stopped

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock, Simulator

pytestmark = pytest.mark.anyio


async def _group(api: httpx.AsyncClient, *servers: str, **fields: object) -> Document:
    body = {"title": "builders", "servers": {"server": list(servers)}, **fields}
    answer = await api.post("/server-group", json={"server_group": body})
    assert answer.status_code == 200, answer.text
    group: Document = answer.json()["server_group"]
    return group


async def _read(api: httpx.AsyncClient, group: Document) -> Document:
    found: Document = (await api.get(f"/server-group/{group['uuid']}")).json()["server_group"]
    return found


async def test_a_group_shows_one_status_for_each_member(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = (await running(api, clock))["uuid"]
    group = await _group(api, server, anti_affinity="strict", labels={"label": [{"key": "env", "value": "ci"}]})
    assert group == {
        "anti_affinity": "strict",
        "anti_affinity_status": [{"status": "met", "uuid": server}],
        "labels": {"label": [{"key": "env", "value": "ci"}]},
        "servers": {"server": [server]},
        "title": "builders",
        "uuid": group["uuid"],
    }
    assert (await api.get(f"/server/{server}")).json()["server"]["server_group"] == group["uuid"]


async def test_members_on_one_host_are_shown_as_unmet(
    api: httpx.AsyncClient, clock: ManualClock, sim: Simulator
) -> None:
    first, second = (await running(api, clock))["uuid"], (await running(api, clock))["uuid"]
    sim.servers[second].host = sim.servers[first].host
    group = await _group(api, first, second, anti_affinity="yes")
    assert {each["status"] for each in group["anti_affinity_status"]} == {"unmet"}
    await api.post(f"/server/{second}/stop", json={"stop_server": {"stop_type": "hard"}})
    clock.advance(10)
    await api.post(f"/server/{second}/start")
    assert {each["status"] for each in (await _read(api, group))["anti_affinity_status"]} == {"met"}


async def test_a_strict_group_refuses_a_new_server_without_a_free_host(
    api: httpx.AsyncClient, clock: ManualClock, sim: Simulator
) -> None:
    group = await _group(api, anti_affinity="strict")
    servers = [await running(api, clock, server_group=group["uuid"]) for _ in range(10)]
    assert len({server["host"] for server in servers}) == 10
    before = len(sim.storages)
    answer = await api.post("/server", json=server_request(server_group=group["uuid"]))
    assert refusal(answer) == (409, "STRICT_ANTI_AFFINITY_NOT_MET")
    assert len(sim.storages) == before


async def test_servers_can_be_added_to_and_removed_from_a_group(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = (await running(api, clock))["uuid"]
    group = await _group(api)
    path = f"/server-group/{group['uuid']}/servers"
    assert (await api.post(path, json={"server": {"uuid": server}})).status_code == 204
    assert (await _read(api, group))["servers"] == {"server": [server]}
    assert (await api.delete(f"{path}/{server}")).status_code == 204
    assert refusal(await api.delete(f"{path}/{server}")) == (404, "SERVER_NOT_FOUND")
    assert (await _read(api, group))["servers"] == {"server": []}


async def test_an_empty_list_of_servers_empties_the_group_and_changes_nothing_else(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = (await running(api, clock))["uuid"]
    group = await _group(api, server, anti_affinity="strict")
    body: Document = {"server_group": {"servers": {"server": []}, "title": "renamed"}}
    answer = await api.patch(f"/server-group/{group['uuid']}", json=body)
    changed: Document = {"servers": {"server": []}, "anti_affinity_status": [], "title": "renamed"}
    assert (answer.status_code, answer.json()["server_group"]) == (200, group | changed)


async def test_a_server_is_in_one_group_at_most(api: httpx.AsyncClient) -> None:
    server = (await created(api))["uuid"]
    await _group(api, server)
    other = await _group(api)
    body = {"server_group": {"title": "second", "servers": {"server": [server]}}}
    assert refusal(await api.post("/server-group", json=body)) == (409, "ALREADY_IN_SERVER_GROUP")
    answer = await api.post(f"/server-group/{other['uuid']}/servers", json={"server": {"uuid": server}})
    assert refusal(answer) == (409, "ALREADY_IN_SERVER_GROUP")


async def test_the_members_of_a_deleted_group_are_kept(api: httpx.AsyncClient) -> None:
    server = (await created(api))["uuid"]
    group = await _group(api, server)
    assert (await api.delete(f"/server-group/{group['uuid']}")).status_code == 204
    assert (await api.get(f"/server/{server}")).json()["server"]["server_group"] is None
    assert refusal(await api.get(f"/server-group/{group['uuid']}")) == (404, "GROUP_NOT_FOUND")


async def test_groups_are_filtered_by_label(api: httpx.AsyncClient) -> None:
    await _group(api)
    wanted = await _group(api, labels={"label": [{"key": "env", "value": "ci"}]})
    listed = (await api.get("/server-group", params={"label": "env=ci"})).json()["server_groups"]["server_group"]
    assert [each["uuid"] for each in listed] == [wanted["uuid"]]


@pytest.mark.parametrize(
    ("group", "status", "code"),
    [
        ({}, 400, "TITLE_MISSING"),
        ({"title": "x", "anti_affinity": "always"}, 400, "ANTI_AFFINITY_INVALID"),
        ({"title": "x", "servers": {"server": ["003aaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"]}}, 404, "SERVER_NOT_FOUND"),
    ],
)
async def test_a_malformed_group_is_refused(api: httpx.AsyncClient, group: Document, status: int, code: str) -> None:
    assert refusal(await api.post("/server-group", json={"server_group": group})) == (status, code)


async def test_a_deleted_server_leaves_its_group(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = (await stopped(api, clock))["uuid"]
    group = await _group(api, server)
    await api.delete(f"/server/{server}")
    assert (await _read(api, group))["servers"] == {"server": []}
