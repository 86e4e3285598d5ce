"""Operations on servers that are in UpCloud's contract but not in the older reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulator.documents import DEBIAN_11, DEBIAN_12, created, new_storage, refusal, running, stopped

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock, Simulator


async def test_a_rebuild_replaces_the_disk_and_boots(
    api: httpx.AsyncClient, clock: ManualClock, sim: Simulator
) -> None:
    server = await stopped(api, clock)
    [old] = sim.storages
    body = {"clone_source": DEBIAN_11, "delete_detached_disk": "yes", "storage_title": "new", "user_data": "#!/bin/sh"}
    answer = await api.post(f"/server/{server['uuid']}/rebuild", json={"server_rebuild": body})
    assert (answer.status_code, answer.json()["server"]["state"]) == (202, "maintenance")
    clock.advance(10)
    found = (await api.get(f"/server/{server['uuid']}")).json()["server"]
    [disk] = found["storage_devices"]["storage_device"]
    assert (found["state"], disk["storage_title"], disk["storage_size"]) == ("started", "new", 25)
    assert old not in sim.storages
    assert sim.servers[server["uuid"]].user_data == "#!/bin/sh"


async def test_a_rebuild_keeps_the_old_disk_unless_told_otherwise(
    api: httpx.AsyncClient, clock: ManualClock, sim: Simulator
) -> None:
    server = await stopped(api, clock)
    [old] = sim.storages
    login = {"username": "admin", "ssh_keys": {"ssh_key": ["ssh-ed25519 AAAA"]}, "create_password": "yes"}
    body = {"clone_source": DEBIAN_12, "detach_disk": old, "login_user": login}
    answer = await api.post(f"/server/{server['uuid']}/rebuild", json={"server_rebuild": body})
    assert answer.json()["server"]["password"]
    assert sim.storages[old].servers == []
    assert sim.servers[server["uuid"]].username == "admin"


async def test_a_rebuild_that_is_not_possible_is_refused(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await running(api, clock)
    path = f"/server/{server['uuid']}/rebuild"
    assert refusal(await api.post(path, json={"server_rebuild": {"clone_source": DEBIAN_12}})) == (
        409, "SERVER_STATE_ILLEGAL",
    )  # fmt: skip
    halted, own = await stopped(api, clock), await new_storage(api)
    path = f"/server/{halted['uuid']}/rebuild"
    assert refusal(await api.post(path, json={"server_rebuild": {"clone_source": own["uuid"]}})) == (
        409, "STORAGE_TYPE_ILLEGAL",
    )  # fmt: skip
    body = {"clone_source": DEBIAN_12, "detach_disk": own["uuid"]}
    assert refusal(await api.post(path, json={"server_rebuild": body})) == (409, "STORAGE_NOT_ATTACHED")
    assert refusal(await api.post(path, json={"server_rebuild": {}})) == (400, "CLONE_SOURCE_MISSING")


async def test_a_creation_can_be_cancelled(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await created(api)
    path = f"/server/{server['uuid']}"
    assert (await api.post(f"{path}/cancel")).status_code == 204
    assert (await api.get(path)).json()["server"]["state"] == "stopped"
    clock.advance(60)
    assert (await api.get(path)).json()["server"]["state"] == "stopped"
    assert refusal(await api.post(f"{path}/cancel")) == (409, "UNABLE_TO_CANCEL")
    assert (await api.delete(path, params={"storages": "1"})).status_code == 204


async def test_the_events_of_a_server_are_listed_newest_first(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await running(api, clock)
    path = f"/server/{server['uuid']}"
    await api.put(path, json={"server": {"title": "other"}})
    await api.post(f"{path}/stop", json={"stop_server": {"stop_type": "hard"}})
    clock.advance(10)
    await api.post(f"{path}/start")
    events = (await api.get(f"/events/{server['uuid']}/0,100")).json()["events"]["event"]
    assert [each["type"] for each in events] == [
        "server_start", "server_start_init", "server_stop", "server_shutdown", "server_modify", "server_start",
        "server_create",
    ]  # fmt: skip
    assert (await api.get(f"/events/{server['uuid']}/5,1")).json()["events"]["event"] == events[5:6]


@pytest.mark.parametrize(
    ("range_", "code"), [("0", "OFFSET_INVALID"), ("0,0", "COUNT_INVALID"), ("a,1", "OFFSET_INVALID")]
)
async def test_a_malformed_range_of_events_is_refused(api: httpx.AsyncClient, range_: str, code: str) -> None:
    server = await created(api)
    assert refusal(await api.get(f"/events/{server['uuid']}/{range_}")) == (400, code)


@pytest.mark.parametrize(
    ("path", "titles"),
    [
        ("cpu", ["CPU usage %"]), ("disk/bytes", ["Read", "Write"]), ("disk/requests", ["Read", "Write"]),
        ("network/bytes", ["In", "Out"]), ("network/packets/public", ["In", "Out"]),
    ],
)  # fmt: skip
async def test_statistics_have_four_periods(
    api: httpx.AsyncClient, clock: ManualClock, path: str, titles: list[str]
) -> None:
    server = await running(api, clock)
    stats = (await api.get(f"/server/{server['uuid']}/stats/{path}")).json()["stats"]
    assert set(stats) == {"daily", "weekly", "monthly", "yearly"}
    variables = stats["daily"]["summary"]["variable"]
    assert [each["title"] for each in variables] == titles
    assert all(float(each["maximum"]) >= float(each["average"]) >= 0 for each in variables)


async def test_one_period_of_statistics_can_be_requested(api: httpx.AsyncClient, clock: ManualClock) -> None:
    path = f"/server/{(await running(api, clock))['uuid']}/stats"
    for each in ("cpu/weekly", "disk/bytes/weekly", "network/bytes/private/weekly"):
        assert set((await api.get(f"{path}/{each}")).json()["stats"]) == {"weekly"}
    assert refusal(await api.get(f"{path}/cpu/hourly")) == (400, "PERIOD_INVALID")
    assert refusal(await api.get(f"{path}/disk/colours")) == (400, "TYPE_INVALID")
    assert refusal(await api.get(f"{path}/network/bytes/home")) == (400, "NETWORK_INVALID")


async def test_remote_access_shows_host_and_port_while_it_is_enabled(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = await running(api, clock)
    path = f"/server/{server['uuid']}"
    off = (await api.get(f"{path}/remote_access_details")).json()["server"]
    assert (off["vnc_host"], off["vnc_port"]) == ("", "")
    await api.put(path, json={"server": {"remote_access_enabled": "yes"}})
    on = (await api.get(f"{path}/vnc_details")).json()["server"]
    assert (on["vnc_host"], on["state"]) == ("fi-hel1.vnc.upcloud.com", "started")
    assert isinstance(on["vnc_port"], int)


async def test_a_server_has_the_gpus_of_its_plan(api: httpx.AsyncClient) -> None:
    server = await created(api, plan="GPU-12xCPU-128GB-2xL4")
    gpus = (await api.get(f"/server/{server['uuid']}/gpus")).json()["gpus"]
    assert [(each["model"], each["memory_gib"]) for each in gpus] == [("NVIDIA L4", 24)] * 2
    assert (await api.get(f"/server/{(await created(api))['uuid']}/gpus")).json() == {"gpus": []}


async def test_a_label_of_several_servers_is_listed_once(api: httpx.AsyncClient) -> None:
    team = {"key": "team", "value": "a"}
    for _ in range(2):
        await created(api, labels={"label": [team]})
    assert (await api.get("/server/labels")).json() == [team]


async def test_a_groups_members_are_listed(api: httpx.AsyncClient) -> None:
    server = await created(api)
    body = {"server_group": {"title": "builds", "servers": {"server": [server["uuid"]]}}}
    group = (await api.post("/server-group", json=body)).json()["server_group"]["uuid"]
    assert (await api.get(f"/server-group/{group}/servers")).json() == {"servers": [server["uuid"]]}


async def test_an_address_can_also_be_added_through_the_path_with_an_underscore(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = await stopped(api, clock)
    path = f"/server/{server['uuid']}/networking/interface/1/ip_address"
    answer = await api.post(path, json={"ip_address": {"family": "IPv4"}})
    assert answer.status_code == 201
    assert (await api.delete(f"{path}/{answer.json()['ip_address']['address']}")).status_code == 204


async def test_newer_settings_are_shown_only_if_they_are_set(api: httpx.AsyncClient) -> None:
    server = await created(api, firewall_private="on")
    path = f"/server/{server['uuid']}"
    assert server["firewall_private"] == "on"
    assert "firewall_public_default_incoming_action" not in server
    await api.post(f"{path}/cancel")
    answer = await api.put(path, json={"server": {"firewall_public_default_incoming_action": "drop"}})
    found = answer.json()["server"]
    assert (found["firewall_private"], found["firewall_public_default_incoming_action"]) == ("on", "drop")
    wrong = {"server": {"firewall_public_default_incoming_action": "reject"}}
    assert refusal(await api.put(path, json=wrong)) == (400, "FIREWALL_PUBLIC_DEFAULT_INCOMING_ACTION_INVALID")
