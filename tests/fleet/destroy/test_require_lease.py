"""`destroy(require_lease=True)` and `leases.check`, for a holder without an `ephemeral` block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fleet.deeds import DEEDS, kept, relabelled, taken, unreachable
from tests.fleet.leased import started
from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import errors

if TYPE_CHECKING:
    from tests.fleet.deeds import Deed

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("deed", DEEDS)
async def test_require_lease_spares_only_servers_that_others_took(moved: MovedCloud, deed: Deed, checked: bool) -> None:
    async with moved.client() as cloud, moved.client("somebody") as other:
        uuid = await started(cloud)
        await deed(moved, other, uuid)
        if deed in {taken, kept, relabelled}:
            if checked:
                with pytest.raises(errors.LeaseLost):
                    await cloud.leases.check(uuid)
            with pytest.raises(errors.LeaseLost, match=f"server {uuid} is not destroyed"):
                await cloud.servers.destroy(uuid, require_lease=True)
            await moved.later(100)
            assert moved.sim.servers[uuid].state == "started"
            # If the loss is not known yet, the server is stopped before it is read.
            assert moved.count("POST /server/[^/]+/start") == (not checked)
            assert moved.count("POST /server/[^/]+/stop") == (not checked)
        else:
            await cloud.servers.destroy(uuid, require_lease=True)
            assert moved.sim.storages == {}


@pytest.mark.parametrize("whose", ["never leased", "of another client"])
async def test_require_lease_spares_servers_without_a_lease_of_this_client(moved: MovedCloud, whose: str) -> None:
    async with moved.client() as cloud, moved.client("somebody") as other:
        uuid = await started(cloud, lease=None) if whose == "never leased" else await started(other)
        with pytest.raises(errors.LeaseLost):
            await cloud.servers.destroy(uuid, require_lease=True)
        assert moved.sim.servers[uuid].state == "started"


@pytest.mark.parametrize("deed", DEEDS)
async def test_a_check_raises_lease_lost_if_somebody_took_or_ended_the_lease(moved: MovedCloud, deed: Deed) -> None:
    told: list[errors.LeaseLost] = []
    async with moved.client() as cloud, moved.client("somebody") as other:
        server = await cloud.servers.create(server_spec(), lease=600, on_lease_lost=told.append)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        await cloud.leases.check(server.uuid)
        assert told == []
        await deed(moved, other, server.uuid)
        if deed is unreachable:
            await cloud.leases.check(server.uuid)
            return
        for _ in range(2):
            with pytest.raises(errors.LeaseLost):
                await cloud.leases.check(server.uuid)
    assert [lost.uuid for lost in told] == [server.uuid]


async def test_a_check_that_fails_does_not_lose_the_lease(moved: MovedCloud) -> None:
    told: list[errors.LeaseLost] = []
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec(), lease=600, on_lease_lost=told.append)
        moved.sim.fail("GET /server/*", status=404, body=b"<html>", headers={"content-type": "text/html"}, times=None)
        with pytest.raises(errors.ForeignAnswer):
            await cloud.leases.check(server.uuid)
        moved.sim.faults.clear()
    assert told == []
