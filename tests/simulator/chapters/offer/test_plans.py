"""Plans on sale, and what they include."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.simulator.documents import created, os_disk, refusal, server_request
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def today() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a simulator with the plans that UpCloud sells."""
    async with httpx.AsyncClient(
        transport=Simulator(discontinued_plans="refused").transport(),
        base_url="https://api.upcloud.com/1.3",
        auth=("user", "password"),
    ) as client:
        yield client


async def test_a_plan_shows_its_family_and_whether_it_is_sold(api: httpx.AsyncClient) -> None:
    plans = (await api.get("/plan")).json()["plans"]["plan"]
    families = {(plan["family"], plan["current_offering"]) for plan in plans}
    assert families == {
        ("starter", "yes"), ("premium", "yes"), ("cloud_native", "yes"), ("gpu", "yes"),
        ("general_purpose", "no"), ("developer", "no"),
    }  # fmt: skip


@pytest.mark.parametrize("plan", ["1xCPU-1GB", "DEV-1xCPU-2GB", "HICPU-8xCPU-12GB", "HIMEM-2xCPU-8GB", "custom", None])
async def test_a_discontinued_plan_is_refused(today: httpx.AsyncClient, plan: str | None) -> None:
    disk = os_disk(tier="standard")
    answer = await today.post("/server", json=server_request(plan=plan, storage_devices={"storage_device": [disk]}))
    assert refusal(answer) == (403, "PLAN_FORBIDDEN")


@pytest.mark.parametrize("plan", ["STARTER-1xCPU-2GB", "PREMIUM-1xCPU-1GB", "CLOUDNATIVE-1xCPU-4GB"])
async def test_a_plan_on_sale_is_sold(today: httpx.AsyncClient, plan: str) -> None:
    assert (await created(today, plan=plan))["plan"] == plan


async def test_discontinued_plans_are_sold_by_default_with_one_warning_each(
    api: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    for plan in ("1xCPU-1GB", "1xCPU-1GB", "1xCPU-2GB", "PREMIUM-1xCPU-1GB"):
        assert (await created(api, plan=plan))["plan"] == plan
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warned == [
        f"UpCloud has discontinued the plan {plan}, and may refuse new servers of it"
        for plan in ("1xCPU-1GB", "1xCPU-2GB")
    ]


async def test_an_account_can_have_five_servers_of_the_smallest_plan(today: httpx.AsyncClient) -> None:
    for _ in range(5):
        await created(today, plan="STARTER-1xCPU-1GB")
    answer = await today.post("/server", json=server_request(plan="STARTER-1xCPU-1GB"))
    assert refusal(answer) == (403, "SERVER_PLAN_LIMIT_REACHED")


@pytest.mark.parametrize(
    ("plan", "brings"), [("PREMIUM-1xCPU-1GB", True), ("CLOUDNATIVE-1xCPU-4GB", False), ("1xCPU-1GB", True)]
)
async def test_starter_and_premium_plans_include_a_disk_and_an_address(
    sim: Simulator, api: httpx.AsyncClient, plan: str, brings: bool
) -> None:
    server = await created(api, plan=plan)
    [storage] = sim.storages.values()
    first = next(each for each in sim.ip_addresses.values() if (each.access, each.family) == ("public", "IPv4"))
    assert (storage.part_of_plan, first.part_of_plan) == (brings, brings)
    assert server["plan"] == plan
