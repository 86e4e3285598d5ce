"""Credits, limits and capacity: refusals of valid requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulator.documents import created, refusal, server_request

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock, Simulator

pytestmark = pytest.mark.anyio


async def create(api: httpx.AsyncClient, **changes: object) -> tuple[int, str]:
    answer = await api.post("/server", json=server_request(**changes))
    return (answer.status_code, "") if answer.status_code == 202 else refusal(answer)


async def test_nothing_can_be_created_without_credits(api: httpx.AsyncClient, sim: Simulator) -> None:
    sim.account.credits = 0
    assert await create(api) == (402, "INSUFFICIENT_CREDITS")
    storage = {"storage": {"size": 10, "title": "data", "zone": "fi-hel1"}}
    assert refusal(await api.post("/storage", json=storage)) == (402, "INSUFFICIENT_CREDITS")
    assert (sim.servers, sim.storages) == ({}, {})


async def test_servers_beyond_the_limit_of_cores_are_refused(api: httpx.AsyncClient, sim: Simulator) -> None:
    sim.account.resource_limits["cores"] = 1
    await created(api)
    assert await create(api) == (403, "SERVER_CORE_LIMIT_REACHED")


async def test_servers_beyond_the_limit_of_memory_are_refused(api: httpx.AsyncClient, sim: Simulator) -> None:
    sim.account.resource_limits["memory"] = 1023
    assert await create(api) == (403, "SERVER_MEMORY_LIMIT_REACHED")


async def test_servers_beyond_the_limit_of_addresses_are_refused(api: httpx.AsyncClient, sim: Simulator) -> None:
    sim.account.resource_limits["public_ipv6"] = 1
    await created(api)
    assert await create(api) == (403, "IP_ADDRESS_LIMIT_REACHED")


async def test_servers_beyond_the_limit_of_storage_are_refused(api: httpx.AsyncClient, sim: Simulator) -> None:
    sim.account.resource_limits["storage_maxiops"] = 40
    await created(api)
    assert await create(api) == (403, "MAXIOPS_STORAGE_LIMIT_REACHED")
    assert len(sim.servers) == 1


async def test_a_limit_of_none_means_unlimited(api: httpx.AsyncClient, sim: Simulator) -> None:
    sim.account.resource_limits = dict.fromkeys(sim.account.resource_limits)
    assert await create(api, plan="80xCPU-512GB") == (202, "")


async def test_the_number_of_servers_in_creation_is_limited(
    api: httpx.AsyncClient, sim: Simulator, clock: ManualClock
) -> None:
    sim.account.servers_creating = 2
    await created(api)
    await created(api)
    assert await create(api) == (403, "SERVER_CREATING_LIMIT_REACHED")
    clock.advance(10)
    assert await create(api) == (202, "")


@pytest.mark.parametrize(
    ("sold", "wanted", "status"),
    [
        ({"zone": "fi-hel1"}, {}, 409),
        ({"plan": "PREMIUM-1xCPU-1GB"}, {}, 409),
        ({"zone": "fi-hel1", "plan": "PREMIUM-1xCPU-1GB"}, {}, 409),
        ({}, {}, 409),
        ({"zone": "fi-hel1"}, {"zone": "fi-hel2"}, 202),
        ({"zone": "fi-hel1", "plan": "PREMIUM-1xCPU-1GB"}, {"plan": "1xCPU-2GB"}, 202),
    ],
)
async def test_a_zone_and_a_plan_can_be_sold_out(
    api: httpx.AsyncClient, sim: Simulator, sold: dict[str, str], wanted: dict[str, str], status: int
) -> None:
    sim.sell_out(**sold)
    answer = await create(api, **wanted)
    assert answer == ((409, "SERVER_RESOURCES_UNAVAILABLE") if status == 409 else (202, ""))
    assert len(sim.servers) == (status == 202)


async def test_a_sold_out_plan_can_be_restocked(api: httpx.AsyncClient, sim: Simulator) -> None:
    sim.sell_out()
    sim.restock()
    assert await create(api) == (202, "")


async def test_the_account_shows_its_credits_and_limits(api: httpx.AsyncClient, sim: Simulator) -> None:
    sim.account.credits = 12.5
    account = (await api.get("/account")).json()["account"]
    assert (account["credits"], account["username"]) == (12.5, "simulator")
    assert account["resource_limits"]["cores"] == 200
