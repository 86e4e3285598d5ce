"""Hosts of a private cloud, placement on them, and GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulator.documents import os_disk, refusal, running, server_request

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock, Simulator

pytestmark = pytest.mark.anyio

GPU = "GPU-8xCPU-64GB-1xL40S"
WINDOWS = "01000000-0000-4000-8000-000010070300"


async def test_the_hosts_of_the_private_zone_are_listed(api: httpx.AsyncClient, sim: Simulator) -> None:
    hosts = (await api.get("/host")).json()["hosts"]["host"]
    assert [host["id"] for host in hosts] == list(sim.hosts)
    assert hosts[0]["id"] > 2**32
    assert {stat["name"] for stat in hosts[0]["stats"]["stat"]} == {"cpu_idle", "memory_free"}
    assert (await api.get(f"/host/{hosts[0]['id']}")).json()["host"] == hosts[0]


async def test_a_changed_host_has_no_stats_in_its_answer(api: httpx.AsyncClient, sim: Simulator) -> None:
    host = next(iter(sim.hosts))
    answer = await api.patch(f"/host/{host}", json={"host": {"description": "rack 7"}})
    assert answer.status_code == 200
    assert (answer.json()["host"]["description"], answer.json()["host"]["stats"]) == ("rack 7", {"stat": []})
    assert refusal(await api.get("/host/17")) == (404, "HOST_NOT_FOUND")


async def test_a_server_of_a_private_cloud_runs_on_the_requested_host(
    api: httpx.AsyncClient, clock: ManualClock, sim: Simulator
) -> None:
    first, second = sim.hosts
    there = await running(api, clock, zone="fi-tst1", host=second)
    elsewhere = await running(api, clock, zone="fi-tst1", avoid_host=second)
    assert (there["host"], elsewhere["host"]) == (second, first)
    free = (await api.get(f"/host/{second}")).json()["host"]["stats"]["stat"][1]["value"]
    assert free == 512 * 1024 - 1024


@pytest.mark.parametrize(
    ("zone", "host", "refused"),
    [
        ("fi-hel1", 7_653_311_107, (403, "ZONE_HOST_FORBIDDEN")),
        ("fi-tst1", 17, (404, "HOST_NOT_FOUND")),
        ("uk-tst1", 7_653_311_107, (403, "HOST_FORBIDDEN")),
    ],
)
async def test_a_host_that_is_not_available_is_refused(
    api: httpx.AsyncClient, sim: Simulator, zone: str, host: int, refused: tuple[int, str]
) -> None:
    assert refusal(await api.post("/server", json=server_request(zone=zone, host=host))) == refused
    assert sim.storages == {}


async def test_windows_runs_only_on_hosts_that_support_it(
    api: httpx.AsyncClient, clock: ManualClock, sim: Simulator
) -> None:
    windows, plain = sim.hosts
    devices = {"storage_device": [os_disk(storage=WINDOWS, size=25)]}
    answer = await api.post("/server", json=server_request(zone="fi-tst1", host=plain, storage_devices=devices))
    assert refusal(answer) == (409, "WINDOWS_NOT_AVAILABLE")
    assert (await running(api, clock, zone="fi-tst1", storage_devices=devices))["host"] == windows


async def test_available_gpus_are_counted_by_zone(api: httpx.AsyncClient, clock: ManualClock) -> None:
    await running(api, clock, zone="fi-hel2", plan=GPU)
    document = (await api.get("/device/availability")).json()
    assert document["fi-hel2"]["gpu_plans"][GPU] == {"amount": 9}
    assert document["fi-hel1"]["gpu_plans"][GPU] == {"amount": 10}


async def test_a_zone_without_a_free_gpu_refuses_the_plan(api: httpx.AsyncClient, sim: Simulator) -> None:
    sim.sell_out(zone="fi-hel2", plan=GPU)
    assert (await api.get("/device/availability")).json()["fi-hel2"]["gpu_plans"][GPU] == {"amount": 0}
    answer = await api.post("/server", json=server_request(zone="fi-hel2", plan=GPU))
    assert refusal(answer) == (409, "SERVER_RESOURCES_UNAVAILABLE")


async def test_a_trial_account_has_no_gpu_plans(api: httpx.AsyncClient, sim: Simulator) -> None:
    sim.account.trial = True
    assert refusal(await api.post("/server", json=server_request(plan=GPU))) == (403, "TRIAL_PLAN")
