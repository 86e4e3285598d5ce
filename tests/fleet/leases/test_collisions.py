"""Two events at the same time: a renewal and a take, a take and a destroy, a failing destroy and a take."""

from __future__ import annotations

import anyio
import pytest

from tests.fleet.leased import left, running_block, started
from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import errors
from upcloud_sdk.models.ownership import LEASE

pytestmark = pytest.mark.anyio


async def test_a_lease_taken_during_a_renewal_by_the_same_client_is_renewed(moved: MovedCloud) -> None:
    told: list[errors.LeaseLost] = []
    async with moved.client() as cloud:
        uuid = await started(cloud)
        await moved.later(left(moved, uuid) - 300 - 2)
        moved.sim.fail("PUT /server/{uuid}", delay=5)
        await cloud.leases.take(uuid, 900, on_lease_lost=told.append)
        await moved.later(7200)
        assert left(moved, uuid) > 400
    assert told == []


async def test_a_lease_taken_during_a_failing_destroy_is_renewed(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        moved.sim.fail("POST /server/*/stop", status=503, times=None)
        async with anyio.create_task_group() as group:

            async def destroy() -> None:
                with pytest.raises(errors.CleanupFailed):
                    await cloud.servers.destroy(uuid, timeout=60)

            group.start_soon(destroy)
            await moved.later(30)
            await cloud.leases.take(uuid, 900)
        await moved.later(7200)
        assert left(moved, uuid) > 400


@pytest.mark.parametrize("deed", ["take", "keep"])
async def test_the_reaper_spares_a_taken_server_that_could_not_be_started_again(moved: MovedCloud, deed: str) -> None:
    async with moved.client() as cloud, moved.client("somebody") as other:
        async with running_block(cloud, failing=errors.CleanupFailed) as block:
            moved.sim.fail("POST /server/*/start", status=503, times=None)
            block.leave.set()
            await moved.later(1)
            await (other.leases.take(block.uuid, 36000) if deed == "take" else other.leases.keep(block.uuid))
        await cloud.leases.reap()
        assert block.uuid in moved.sim.servers
    assert block.uuid in moved.sim.servers


async def test_the_reaper_spares_a_server_that_was_taken_after_a_failed_destroy(moved: MovedCloud) -> None:
    async with moved.client() as cloud, moved.client("somebody") as other:
        uuid = await started(cloud, lease=None)
        await cloud.leases.take(uuid, 600)
        moved.sim.fail("*", status=503, times=None)
        with pytest.raises(errors.CleanupFailed):
            await cloud.servers.destroy(uuid, timeout=60)
        moved.sim.faults.clear()
        await other.leases.take(uuid, 36000)
        await cloud.leases.reap()
    assert uuid in moved.sim.servers


async def test_a_running_renewal_does_not_undo_a_keep_by_another_process(moved: MovedCloud) -> None:
    told: list[errors.LeaseLost] = []
    async with moved.client() as cloud, moved.client("somebody") as other:
        server = await cloud.servers.create(server_spec(), lease=600, on_lease_lost=told.append)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        await moved.later(left(moved, server.uuid) - 300 - 1)
        moved.sim.fail(f"PUT /server/{server.uuid}", delay=3)
        moved.sim.fail("GET /storage/private", delay=5)
        await moved.later(2)
        await other.leases.keep(server.uuid)
        assert LEASE not in moved.sim.servers[server.uuid].labels
        await moved.later(600)
    assert [lost.uuid for lost in told] == [server.uuid]


async def test_a_keep_that_is_too_late_raises_not_found(moved: MovedCloud) -> None:
    async with moved.client() as cloud, moved.client("somebody") as other, anyio.create_task_group() as group:
        uuid = await started(cloud)
        await cloud.servers.stop(uuid, stop_type="hard")
        await cloud.servers.wait_for_state(uuid, "stopped", timeout=100)
        moved.sim.fail("DELETE /server/*", delay=1)
        group.start_soon(cloud.servers.destroy, uuid)
        await moved.later(0.5)
        moved.sim.fail("GET /storage/private", delay=2)
        with pytest.raises(errors.NotFound):
            await other.leases.keep(uuid)
