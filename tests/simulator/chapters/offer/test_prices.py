"""The price list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import Simulator

pytestmark = pytest.mark.anyio


async def test_every_zone_has_prices_of_every_plan_and_its_backups(api: httpx.AsyncClient, sim: Simulator) -> None:
    zones = (await api.get("/price")).json()["prices"]["zone"]
    assert [zone["name"] for zone in zones] == list(sim.catalog.zones)
    wanted = {f"server_plan_{plan}" for plan in sim.catalog.plans}
    wanted |= {f"simple_backup_{kind}_1xCPU-1GB" for kind in ("dailies", "weeklies", "monthlies")}
    wanted |= {"server_core", "server_memory", "storage_maxiops", "storage_standard", "ipv4_address", "firewall"}
    for zone in zones:
        assert wanted <= zone.keys()


async def test_prices_are_in_cents_per_hour_for_an_amount(api: httpx.AsyncClient) -> None:
    zones = (await api.get("/price")).json()["prices"]["zone"]
    frankfurt = next(zone for zone in zones if zone["name"] == "de-fra1")
    assert frankfurt["server_plan_1xCPU-1GB"] == {"amount": 1, "price": 0.744}
    assert frankfurt["server_memory"] == {"amount": 256, "price": 0.14}
    assert frankfurt["simple_backup_dailies_1xCPU-1GB"] == {"amount": 1, "price": 0.1488}
    assert isinstance(frankfurt["ipv6_address"]["price"], int)


async def test_no_plan_is_free(api: httpx.AsyncClient, sim: Simulator) -> None:
    for zone in (await api.get("/price")).json()["prices"]["zone"]:
        assert all(zone[f"server_plan_{plan}"]["price"] > 0 for plan in sim.catalog.plans)


async def test_a_withdrawn_plan_has_no_price(api: httpx.AsyncClient, sim: Simulator) -> None:
    del sim.catalog.plans["1xCPU-1GB"]
    assert "server_plan_1xCPU-1GB" not in (await api.get("/price")).json()["prices"]["zone"][0]
