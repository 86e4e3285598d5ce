"""Saving, loading and emptying the account."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.simulator.documents import created, running
from upcloud_sdk.simulator import ManualClock, Simulator

if TYPE_CHECKING:
    from pathlib import Path

    from tests.simulator.small_account import SmallAccount

pytestmark = pytest.mark.anyio


async def everything(api: httpx.AsyncClient) -> list[object]:
    return [(await api.get(path)).json() for path in ("/account", "/server", "/storage/private")]


async def test_a_saved_account_can_be_loaded(
    api: httpx.AsyncClient, sim: Simulator, clock: ManualClock, tmp_path: Path
) -> None:
    server = await running(api, clock, labels={"label": [{"key": "team", "value": "a"}]})
    sim.account.credits = 7
    sim.save(tmp_path / "state.json")
    other = Simulator(clock=ManualClock(clock.now()))
    other.load(tmp_path / "state.json")
    async with httpx.AsyncClient(transport=other.transport(), base_url="http://sim/1.3", auth=("a", "b")) as again:
        assert await everything(again) == await everything(api)
        assert (await again.get(f"/server/{server['uuid']}")).json()["server"] == server


async def test_every_kind_of_record_is_saved_and_loaded(account: SmallAccount, sim: Simulator) -> None:
    paths = [
        "/server", "/storage/private", "/network", "/router", "/network-peering", "/ip_address", "/tag",
        "/server-group", "/host", "/account/list", "/permission", "/audit-logs", "/account/billing/summary/2026-01",
        "/server/{started}", "/server/{stopped}", "/server/{stopped}/networking", "/storage/{importing}/import",
    ]  # fmt: skip

    async def read() -> list[object]:
        return [(await account.cloud.request("GET", account.filled(path))).document for path in paths]

    before = await read()
    saved = sim.to_json()
    sim.reset()
    assert sim.servers == {}
    sim.restore(saved)
    assert await read() == before
    assert sim.to_json() == saved


async def test_pending_changes_continue_after_a_load(
    api: httpx.AsyncClient, sim: Simulator, clock: ManualClock
) -> None:
    server = await created(api)
    saved = sim.to_json()
    sim.reset()
    sim.restore(saved)
    clock.advance(2)
    assert (await api.get(f"/server/{server['uuid']}")).json()["server"]["state"] == "started"


async def test_a_loaded_address_and_its_interface_share_one_record(
    api: httpx.AsyncClient, sim: Simulator, clock: ManualClock
) -> None:
    """A change through the address chapter must show in the interface."""
    await running(api, clock)
    sim.restore(sim.to_json())
    (server,) = sim.servers.values()
    shown = [address for interface in server.interfaces for address in interface.ip_addresses]
    assert {id(address) for address in shown} == {id(address) for address in sim.ip_addresses.values()}


async def test_the_saved_document_is_json_with_the_names_of_the_records(api: httpx.AsyncClient, sim: Simulator) -> None:
    server = await created(api)
    document = json.loads(sim.to_json())
    assert document["servers"][server["uuid"]]["title"] == "build-1"
    assert document["account"]["username"] == "simulator"


def test_only_the_owner_can_read_the_file(sim: Simulator, tmp_path: Path) -> None:
    sim.save(tmp_path / "state.json")
    assert (tmp_path / "state.json").stat().st_mode & 0o077 == 0
    assert [file.name for file in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("text", ["", "[]", '{"servers": 3}', '{"servers": {"x": {"uuid": "x"}}}'])
async def test_an_invalid_document_is_refused_without_effect(api: httpx.AsyncClient, sim: Simulator, text: str) -> None:
    await created(api)
    with pytest.raises(ValueError, match="not the saved state of a simulator"):
        sim.restore(text)
    assert len(sim.servers) == 1


async def test_a_reset_clears_the_account_the_faults_and_the_requests(api: httpx.AsyncClient, sim: Simulator) -> None:
    await created(api)
    sim.fail("*", status=500, times=None)
    sim.hide_from_lists(10)
    sim.reset()
    assert (sim.servers, sim.storages, sim.ip_addresses, sim.requests, sim.list_lag) == ({}, {}, {}, [], 0)
    assert (await api.get("/zone")).status_code == 200
