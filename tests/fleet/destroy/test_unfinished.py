"""A failed destroy is completed by its process, or by another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from tests.fleet.leased import left, started
from upcloud_sdk import errors
from upcloud_sdk.models.ownership import LEASE
from upcloud_sdk.simulator.records.records import Device, Storage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.moved_time import MovedCloud
    from upcloud_sdk import UpCloud

    Save = Callable[[UpCloud, str], Awaitable[None]]

pytestmark = pytest.mark.anyio


# --- destroys that failed ---------------------------------------------------------------------------------------------


async def in_vain(moved: MovedCloud, cloud: UpCloud, uuid: str) -> None:
    """Run a destroy that fails, because the server cannot be deleted."""
    moved.sim.fail("DELETE /server/*", status=409, code="SERVER_STATE_ILLEGAL", times=60)
    with pytest.raises(errors.CleanupFailed):
        await cloud.servers.destroy(uuid, timeout=30)
    moved.sim.faults.clear()


async def test_the_lease_of_a_server_that_could_not_be_destroyed_ends_now(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        await in_vain(moved, cloud, uuid)
        assert left(moved, uuid) == pytest.approx(0, abs=2)
        await moved.later(3600)
        assert left(moved, uuid) < 0
    async with moved.client() as other:
        assert (await other.leases.reap()).servers == (uuid,)


async def test_the_reaper_of_the_process_completes_a_failed_destroy_with_or_without_a_lease(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud, lease=None)
        await in_vain(moved, cloud, uuid)
        report = await cloud.leases.reap()
        assert report.servers == (uuid,)
        assert (await cloud.leases.reap()).servers == ()
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}


async def destroyed_by_nobody(moved: MovedCloud, cloud: UpCloud) -> str:
    """A server whose destroy fails after its caller was cancelled."""
    uuid = await started(cloud)
    moved.sim.fail("DELETE /server/*", status=409, code="SERVER_STATE_ILLEGAL", times=60)
    with moved.clock.limit(1):
        await cloud.servers.destroy(uuid, timeout=30)
    await moved.later(60)
    moved.sim.faults.clear()
    return uuid


async def test_a_failed_destroy_without_a_waiting_caller_is_raised_when_the_client_closes(moved: MovedCloud) -> None:
    uuid = ""
    with pytest.raises(errors.CleanupFailed) as caught:
        async with moved.client() as cloud:
            uuid = await destroyed_by_nobody(moved, cloud)
    assert caught.value.uuid == uuid


async def test_a_failed_destroy_is_a_note_on_the_error_of_the_body(moved: MovedCloud) -> None:
    async def body() -> None:
        async with moved.client() as cloud:
            raise KeyError(await destroyed_by_nobody(moved, cloud))

    with pytest.raises(KeyError) as caught:
        await body()
    assert any(caught.value.args[0] in note for note in caught.value.__notes__)


async def test_a_failed_destroy_that_the_reaper_completed_is_not_raised_when_the_client_closes(
    moved: MovedCloud,
) -> None:
    async with moved.client() as cloud:
        uuid = await destroyed_by_nobody(moved, cloud)
        assert (await cloud.leases.reap()).servers == (uuid,)


async def test_a_failed_destroy_is_not_raised_twice(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        await in_vain(moved, cloud, uuid)


async def test_the_reaper_deletes_the_remaining_disks_of_a_failed_destroy(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud, lease=None)
        data = Storage("01000000-0000-4000-8000-00000000000d", "data", 10)
        moved.sim.storages[data.uuid] = data
        moved.sim.servers[uuid].devices.append(Device("virtio:1", "disk", data.uuid))
        moved.sim.fail("DELETE /storage/*", status=409, code="STORAGE_STATE_ILLEGAL", times=60)
        with pytest.raises(errors.CleanupFailed):
            await cloud.servers.destroy(uuid, timeout=30)
        moved.sim.faults.clear()
        assert len(moved.sim.storages) == 2
        await cloud.leases.reap()
    assert list(moved.sim.storages) == [data.uuid]


async def test_the_reaper_deletes_only_the_disks_that_the_caller_of_the_destroy_chose(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        moved.sim.fail("DELETE /server/*", status=409, code="SERVER_STATE_ILLEGAL", times=60)
        with pytest.raises(errors.CleanupFailed):
            await cloud.servers.destroy(uuid, timeout=30, storages="none")
        moved.sim.faults.clear()
        await cloud.leases.reap()
        await moved.later(3600)
        await cloud.leases.reap()
    assert moved.sim.servers == {}
    assert len(moved.sim.storages) == 1


async def keep(cloud: UpCloud, uuid: str) -> None:
    await cloud.leases.keep(uuid)


async def take(cloud: UpCloud, uuid: str) -> None:
    await cloud.leases.take(uuid, 3600)


@pytest.mark.parametrize("save", [keep, take])
async def test_the_reaper_spares_a_server_that_its_process_kept(moved: MovedCloud, save: Save) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        await in_vain(moved, cloud, uuid)
        await save(cloud, uuid)
        await cloud.leases.reap()
        assert uuid in moved.sim.servers


@pytest.mark.parametrize("owner", ["somebody-else", "tests"])
@pytest.mark.parametrize("save", [keep, take])
async def test_the_reaper_does_not_stop_a_server_that_another_client_took_or_kept(
    moved: MovedCloud, save: Save, owner: str
) -> None:
    async with moved.client() as cloud, moved.client(owner) as other:
        uuid = await started(cloud)
        await in_vain(moved, cloud, uuid)
        await save(other, uuid)
        await other.servers.start(uuid)
        report = await cloud.leases.reap()
        assert uuid in report.spared
        assert moved.sim.servers[uuid].state == "started"
        assert (await cloud.leases.reap()).failed == {}


@pytest.mark.parametrize("owner", ["somebody-else", "tests"])
@pytest.mark.parametrize("save", [keep, take])
async def test_a_failed_destroy_does_not_change_a_lease_that_somebody_ended_or_took(
    moved: MovedCloud, save: Save, owner: str
) -> None:
    async with moved.client() as cloud, moved.client(owner) as other, anyio.create_task_group() as group:
        uuid = await started(cloud)
        group.start_soon(in_vain, moved, cloud, uuid)
        await moved.later(25)
        await save(other, uuid)
        await moved.later(30)
        labels = moved.sim.servers[uuid].labels
        assert (LEASE in labels) is (save is take)
        if save is take:
            assert left(moved, uuid) > 3000


async def test_a_reap_for_another_owner_does_not_complete_destroys_of_this_one(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud, lease=None)
        await in_vain(moved, cloud, uuid)
        assert (await cloud.leases.reap("somebody-else")).servers == ()
        assert uuid in moved.sim.servers
