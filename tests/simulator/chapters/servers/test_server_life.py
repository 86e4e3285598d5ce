"""A server from create to delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulator.documents import created, refusal, running, server_request, stopped

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock, Simulator

pytestmark = pytest.mark.anyio


async def test_a_new_server_starts_automatically(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await created(api)
    assert (server["state"], server["progress"]) == ("maintenance", "0")
    clock.advance(1.9)
    assert (await api.get(f"/server/{server['uuid']}")).json()["server"]["state"] == "maintenance"
    clock.advance(0.1)
    assert (await api.get(f"/server/{server['uuid']}")).json()["server"]["state"] == "started"


async def test_only_the_answer_to_a_create_has_the_root_password(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await created(api)
    assert server["username"] == "root"
    assert len(server["password"]) >= 8
    clock.advance(10)
    later = (await api.get(f"/server/{server['uuid']}")).json()["server"]
    assert "password" not in later
    assert "username" not in later
    assert later["remote_access_password"]


async def test_a_disk_is_in_maintenance_until_its_new_server_runs(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await created(api)
    disk = server["storage_devices"]["storage_device"][0]["storage"]
    assert (await api.get(f"/storage/{disk}")).json()["storage"]["state"] == "maintenance"
    clock.advance(2)
    found = (await api.get(f"/storage/{disk}")).json()["storage"]
    assert (found["state"], found["servers"]) == ("online", {"server": [server["uuid"]]})


async def test_a_stopping_server_is_first_started_then_in_maintenance(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = await running(api, clock)
    seen: list[str] = []
    answer = await api.post(f"/server/{server['uuid']}/stop", json={"stop_server": {"stop_type": "hard"}})
    for _ in range(4):
        seen.append(answer.json()["server"]["state"])
        clock.advance(0.4)
        answer = await api.get(f"/server/{server['uuid']}")
    assert seen == ["started", "maintenance", "maintenance", "stopped"]
    assert "host" not in answer.json()["server"]


async def test_a_soft_stop_that_the_guest_ignores_becomes_hard_at_its_timeout(
    api: httpx.AsyncClient, clock: ManualClock, sim: Simulator
) -> None:
    server = await running(api, clock)
    sim.servers[server["uuid"]].acpi = False
    await api.post(f"/server/{server['uuid']}/stop", json={"stop_server": {"stop_type": "soft", "timeout": "60"}})
    clock.advance(59)
    assert (await api.get(f"/server/{server['uuid']}")).json()["server"]["state"] == "maintenance"
    clock.advance(1)
    assert (await api.get(f"/server/{server['uuid']}")).json()["server"]["state"] == "stopped"


async def test_the_answer_to_a_start_comes_when_the_server_runs(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await stopped(api, clock)
    answer = await api.post(f"/server/{server['uuid']}/start")
    assert answer.status_code == 200
    assert answer.json()["server"]["state"] == "started"
    assert answer.json()["server"]["host"]


async def test_a_restarted_server_is_started_again(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await running(api, clock)
    body = {"restart_server": {"stop_type": "hard", "timeout": "60", "timeout_action": "ignore"}}
    answer = await api.post(f"/server/{server['uuid']}/restart", json=body)
    assert answer.json()["server"]["state"] == "started"
    clock.advance(0.5)
    assert (await api.get(f"/server/{server['uuid']}")).json()["server"]["state"] == "maintenance"
    clock.advance(1)  # it has stopped, and boots
    assert (await api.get(f"/server/{server['uuid']}")).json()["server"]["state"] == "maintenance"
    clock.advance(2)
    assert (await api.get(f"/server/{server['uuid']}")).json()["server"]["state"] == "started"


@pytest.mark.parametrize("call", ["start", "restart", "delete", "stop"])
async def test_nothing_is_allowed_in_maintenance(api: httpx.AsyncClient, call: str) -> None:
    server = await created(api)
    path = f"/server/{server['uuid']}"
    answer = await (api.delete(path) if call == "delete" else api.post(f"{path}/{call}"))
    assert refusal(answer) == (409, "SERVER_STATE_ILLEGAL")
    message = answer.json()["error"]["error_message"]
    assert message == (f"The operation is not allowed while the server {server['uuid']} is in state 'maintenance'.")


async def test_a_server_can_be_deleted_with_its_disks(
    api: httpx.AsyncClient, clock: ManualClock, sim: Simulator
) -> None:
    server = await stopped(api, clock)
    answer = await api.delete(f"/server/{server['uuid']}", params={"storages": "1", "backups": "delete"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert (sim.servers, sim.storages, sim.ip_addresses) == ({}, {}, {})
    assert refusal(await api.get(f"/server/{server['uuid']}")) == (404, "SERVER_NOT_FOUND")


async def test_the_disks_of_a_deleted_server_are_kept_by_default(
    api: httpx.AsyncClient, clock: ManualClock, sim: Simulator
) -> None:
    server = await stopped(api, clock)
    await api.delete(f"/server/{server['uuid']}")
    assert [(disk.title, disk.servers) for disk in sim.storages.values()] == [("build-1-os", [])]


async def test_a_refused_create_has_no_effect(api: httpx.AsyncClient, sim: Simulator) -> None:
    body = server_request(hostname="a_b")
    assert refusal(await api.post("/server", json=body)) == (400, "HOSTNAME_INVALID")
    assert (sim.servers, sim.storages, sim.ip_addresses) == ({}, {}, {})
