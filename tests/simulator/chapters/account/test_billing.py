"""Usage, its cost, and credits that run out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulator.documents import Document, network_request, new_storage, os_disk, refusal, running, server_request

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock, Simulator

pytestmark = pytest.mark.anyio

HOUR = 3600.0
DAY = 24 * HOUR
PLAN = 1.3392
"""Price of PREMIUM-1xCPU-1GB in fi-hel1, in cents per hour."""


async def _summary(api: httpx.AsyncClient, month: str = "2026-01", **params: str) -> Document:
    answer = await api.get(f"/account/billing/summary/{month}", params=params)
    assert answer.status_code == 200, answer.text
    summary: Document = answer.json()
    return summary


async def _stop(api: httpx.AsyncClient, clock: ManualClock, server: Document) -> None:
    await api.post(f"/server/{server['uuid']}/stop", json={"stop_server": {"stop_type": "hard"}})
    clock.advance(1)


async def test_each_started_hour_is_billed_in_full(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await running(api, clock)
    clock.advance(HOUR)
    found = (await _summary(api))["servers"]["server"]["resources"]
    assert [(each["resource_id"], each["hours"]) for each in found] == [(server["uuid"], 2)]
    assert found[0]["amount"] == pytest.approx(2 * PLAN / 100, abs=1e-5)


async def test_a_month_costs_672_hours_at_most(api: httpx.AsyncClient, clock: ManualClock) -> None:
    await running(api, clock)
    clock.advance(45 * DAY)
    january, february = await _summary(api), await _summary(api, "2026-02")
    hours = [each["servers"]["server"]["resources"][0]["hours"] for each in (january, february)]
    assert hours == [672, 14 * 24 + 1]
    assert january["servers"]["total_amount"] == pytest.approx(672 * PLAN / 100)


async def test_an_hour_across_the_end_of_a_month_is_billed_once(api: httpx.AsyncClient, clock: ManualClock) -> None:
    clock.advance(31 * DAY - HOUR / 2)
    await running(api, clock)
    clock.advance(HOUR / 2)
    assert (await _summary(api))["servers"]["server"]["resources"][0]["hours"] == 1
    assert (await _summary(api, "2026-02"))["total_amount"] == 0
    clock.advance(HOUR)
    assert (await _summary(api, "2026-02"))["servers"]["server"]["resources"][0]["hours"] == 1


async def test_a_deleted_resource_is_not_billed_any_more(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await running(api, clock)
    await _stop(api, clock, server)
    await api.delete(f"/server/{server['uuid']}", params={"storages": "1"})
    clock.advance(10 * HOUR)
    assert (await _summary(api))["servers"]["server"]["resources"][0]["hours"] == 1


async def test_a_plan_includes_its_disk_and_an_address(api: httpx.AsyncClient, clock: ManualClock) -> None:
    await running(api, clock)
    summary = await _summary(api)
    assert "storages" not in summary
    assert summary["ip_addresses"]["total_amount"] == 0  # IPv6 is free
    assert summary["total_amount"] == summary["servers"]["total_amount"]


async def test_the_total_is_the_sum_of_all_resources(api: httpx.AsyncClient, clock: ManualClock) -> None:
    await new_storage(api, size=100)
    await api.post("/network", json=network_request())
    await api.post("/ip_address", json={"ip_address": {"floating": "yes", "zone": "fi-hel1"}})
    clock.advance(1)
    summary = await _summary(api)
    amounts = {name: summary[name]["total_amount"] for name in ("storages", "networks", "ip_addresses")}
    assert amounts == {"storages": 0.031, "networks": 0.00694, "ip_addresses": 0.00336}
    assert summary["total_amount"] == pytest.approx(sum(amounts.values()))
    assert summary["currency"] == "EUR"


async def test_a_change_of_plan_begins_a_new_billing_period(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await running(api, clock)
    await _stop(api, clock, server)
    clock.advance(5 * HOUR)
    await api.put(f"/server/{server['uuid']}", json={"server": {"plan": "2xCPU-4GB", "firewall": "on"}})
    clock.advance(HOUR)
    details = (await _summary(api))["servers"]["server"]["resources"][0]["details"]
    assert [(each["plan"], each["hours"]) for each in details] == [("PREMIUM-1xCPU-1GB", 6), ("2xCPU-4GB", 1)]
    assert [each["firewall"] > 0 for each in details] == [False, True]


async def test_a_simple_backup_is_billed_with_its_server(api: httpx.AsyncClient, clock: ManualClock) -> None:
    await running(api, clock, simple_backup="0430,dailies")
    detail = (await _summary(api))["servers"]["server"]["resources"][0]["details"][0]
    assert detail["simple_backup"] == pytest.approx(0.2 * PLAN / 100, abs=1e-5)


async def test_cloud_native_plans_cost_nothing_while_stopped(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await running(api, clock, plan="CLOUDNATIVE-1xCPU-4GB")
    await _stop(api, clock, server)
    clock.advance(10 * HOUR)
    await api.post(f"/server/{server['uuid']}/start")
    clock.advance(2 * HOUR)
    assert (await _summary(api))["servers"]["server"]["resources"][0]["hours"] == 1 + 2


async def test_windows_is_billed_a_licence_for_each_core(api: httpx.AsyncClient, clock: ManualClock) -> None:
    windows = "01000000-0000-4000-8000-000010070300"
    devices = {"storage_device": [os_disk(storage=windows, size=80)]}
    await running(api, clock, plan="2xCPU-4GB", storage_devices=devices)
    detail = (await _summary(api))["servers"]["server"]["resources"][0]["details"][0]
    assert detail["licenses"] == pytest.approx(2 * 1.3888 / 100, abs=1e-5)


async def test_the_bill_of_one_resource_can_be_read(api: httpx.AsyncClient, clock: ManualClock) -> None:
    await running(api, clock)
    server = await running(api, clock)
    summary = await _summary(api, resource_id=server["uuid"])
    assert [each["resource_id"] for each in summary["servers"]["server"]["resources"]] == [server["uuid"]]


async def test_the_bill_of_a_month_without_usage_is_empty(api: httpx.AsyncClient) -> None:
    assert await _summary(api, "2025-12") == {"currency": "EUR", "total_amount": 0}
    assert refusal(await api.get("/account/billing/summary/2025-13")) == (400, "INVALID_REQUEST")


async def test_credits_go_down_with_use_until_they_run_out(
    api: httpx.AsyncClient, clock: ManualClock, sim: Simulator
) -> None:
    sim.account.credits = 10
    await running(api, clock)
    clock.advance(3 * HOUR)
    assert (await api.get("/account")).json()["account"]["credits"] == pytest.approx(10 - 4 * PLAN)
    clock.advance(6 * HOUR)
    assert refusal(await api.post("/server", json=server_request())) == (402, "INSUFFICIENT_CREDITS")
    assert (await api.get("/account")).json()["account"]["credits"] < 0


async def test_billing_continues_after_a_save_and_load(
    api: httpx.AsyncClient, clock: ManualClock, sim: Simulator
) -> None:
    await running(api, clock)
    clock.advance(5 * HOUR)
    before = await _summary(api)
    sim.restore(sim.to_json())
    assert await _summary(api) == before
