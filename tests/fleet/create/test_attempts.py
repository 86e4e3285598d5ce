"""Operations on an attempt: a server and all disks created with it, attached or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.fleet.leased import NoFilter, fleet_of, left, started
from tests.moved_time import DEBIAN, MovedCloud, MovedTransport, server_spec
from upcloud_sdk import ServerSpec, StorageDeviceSpec, errors
from upcloud_sdk.fleet.records.records import Record, State
from upcloud_sdk.models.ownership import ATTEMPT, LEASE
from upcloud_sdk.simulator.records.records import Storage

if TYPE_CHECKING:
    from upcloud_sdk import Server, UpCloud

pytestmark = pytest.mark.anyio

TWO_DISKS = (StorageDeviceSpec.clone(DEBIAN, size=25), StorageDeviceSpec.create(size=10))


def spec_of_two() -> ServerSpec:
    return server_spec().model_copy(update={"storage_devices": TWO_DISKS})


async def detach(cloud: UpCloud, server: Server, number: int = 1) -> str:
    """Detach a disk of a running server. Returns its uuid."""
    device = server.storage_devices[number]
    await cloud.servers.detach_storage(server.uuid, device.address)
    return device.storage or ""


async def test_a_block_deletes_a_disk_that_was_created_with_its_server_and_detached(moved: MovedCloud) -> None:
    async with moved.client() as cloud, cloud.servers.ephemeral(spec_of_two()) as server:
        await detach(cloud, server)
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}


@pytest.mark.parametrize("owner", ["tests", "another"])
async def test_a_destroy_deletes_the_detached_disk_whichever_client_created_the_server(
    moved: MovedCloud, owner: str
) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(spec_of_two())
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        await detach(cloud, server)
        async with moved.client(owner) as other:
            await (cloud if owner == "tests" else other).servers.destroy(server.uuid)
    assert moved.sim.storages == {}


async def check_spared_disk(moved: MovedCloud, cloud: UpCloud, reaper: UpCloud) -> str:
    """Check that the reaper spares a detached disk for hours while the lease of its server is renewed."""
    server = await cloud.servers.create(spec_of_two(), lease=600)
    await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
    disk = await detach(cloud, server)
    await moved.later(4 * 3600)
    report = await reaper.leases.reap()
    assert report.storages == ()
    assert disk in report.spared
    return disk


async def test_a_detached_disk_of_a_living_holder_is_not_reaped(moved: MovedCloud) -> None:
    async with moved.client() as cloud, moved.client() as reaper:
        disk = await check_spared_disk(moved, cloud, reaper)
        assert disk in moved.sim.storages
        assert (await cloud.leases.reap()).storages == ()


class LostServers(MovedTransport):
    """Lists of servers by this label are empty."""

    label = ""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        if (request.method, request.url.path) == ("GET", "/1.3/server") and self.label in str(request.url):
            return httpx.Response(200, headers=answer.headers, json={"servers": {"server": []}}, request=request)
        return answer


@pytest.mark.parametrize("label", [ATTEMPT, LEASE])
async def test_a_detached_disk_is_not_reaped_if_only_one_list_lacks_its_server(moved: MovedCloud, label: str) -> None:
    transport = LostServers(moved.sim, moved.clock)
    transport.label = label
    async with moved.client() as cloud, moved.client(transport=transport) as reaper:
        disk = await check_spared_disk(moved, cloud, reaper)
    assert disk in moved.sim.storages


async def test_a_detached_disk_is_reaped_when_its_server_is_gone_and_its_lease_has_ended(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(spec_of_two(), lease=600)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        disk = await detach(cloud, server)
        await cloud.servers.stop(server.uuid, stop_type="hard")
        await cloud.servers.wait_for_state(server.uuid, "stopped", timeout=100)
        await cloud.servers.delete(server.uuid)
        assert (await cloud.leases.reap()).storages == ()
    async with moved.client() as reaper:
        assert (await reaper.leases.reap()).storages == ()
        await moved.later(700)
        assert set((await reaper.leases.reap()).storages) == {disk, server.storage_devices[0].storage}
    assert moved.sim.storages == {}


async def test_keep_removes_the_lease_of_a_detached_disk_too(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(spec_of_two(), lease=600)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        disk = await detach(cloud, server)
        await cloud.leases.keep(server.uuid)
        assert all(LEASE not in record.labels for record in moved.sim.storages.values())
        del moved.sim.servers[server.uuid]
        await moved.later(7200)
    async with moved.client() as reaper:
        await reaper.leases.reap(exclusive=True)
    assert disk in moved.sim.storages


async def test_take_sets_a_lease_on_a_detached_disk_too(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(spec_of_two())
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        disk = await detach(cloud, server)
        await cloud.leases.take(server.uuid, 600)
        assert moved.sim.storages[disk].labels[LEASE] == moved.sim.servers[server.uuid].labels[LEASE]


@pytest.mark.parametrize("pattern", ["PUT /storage/*", "GET /storage/*", "PUT /server/*"])
async def test_a_take_that_fails_halfway_leaves_no_lease(moved: MovedCloud, pattern: str) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(spec_of_two())
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        await detach(cloud, server)
        moved.sim.fail(pattern, status=409, code="SOMETHING", skip=1 if pattern == "PUT /storage/*" else 0)
        with pytest.raises(errors.Conflict):
            await cloud.leases.take(server.uuid, 600)
        assert await cloud.leases.list() == ()
        await moved.later(7200)
        assert (await cloud.leases.reap()).servers == ()
    assert server.uuid in moved.sim.servers


async def test_a_take_whose_caller_is_cancelled_leaves_no_lease(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud, lease=None)
        moved.sim.fail("PUT /server/*", delay=5)
        with moved.clock.limit(1):
            await cloud.leases.take(uuid, 600)
        await moved.later(30)
        assert await cloud.leases.list() == ()


async def test_a_destroy_that_keeps_the_disks_removes_their_leases(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(spec_of_two(), lease=600)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        await detach(cloud, server)
        await cloud.servers.destroy(server.uuid, storages="none")
        assert await cloud.leases.list() == ()
    assert len(moved.sim.storages) == 2


async def test_a_destroy_of_a_deleted_server_removes_the_leases_of_kept_disks(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(spec_of_two(), lease=600)
        del moved.sim.servers[server.uuid]
        await cloud.servers.destroy(server.uuid, storages="none")
        assert await cloud.leases.list() == ()
    assert len(moved.sim.storages) == 2


async def test_a_renewal_is_one_get_and_one_put_however_many_disks_there_are(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(spec_of_two(), lease=600)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        before = len(moved.requests())
        await moved.later(left(moved, server.uuid) - 290)
        assert moved.requests()[before:] == [f"GET /server/{server.uuid}", f"PUT /server/{server.uuid}"]


async def test_nobody_loses_a_disk_if_the_api_ignores_the_label_filter(moved: MovedCloud) -> None:
    async with moved.client("somebody-else") as other:
        await started(other)
    async with moved.client(transport=NoFilter(moved.sim, moved.clock)) as cloud:
        server = await cloud.servers.create(spec_of_two())
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        detached = Storage(moved.sim.new_uuid("storage"), "theirs", 10, zone="fi-hel1", tier="maxiops")
        detached.labels = {ATTEMPT: "b" * 32}
        moved.sim.storages[detached.uuid] = detached
        await detach(cloud, server)
    async with moved.client(transport=NoFilter(moved.sim, moved.clock)) as cloud:
        await cloud.servers.destroy(server.uuid)
    assert len(moved.sim.storages) == 2
    assert detached.uuid in moved.sim.storages


async def test_a_backup_of_a_disk_does_not_count_as_created_with_the_server(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec())
        labels = dict(moved.sim.servers[server.uuid].labels)
        backup = Storage(moved.sim.new_uuid("storage"), "backup", 10, zone="fi-hel1", tier="maxiops", type="backup")
        backup.labels = labels
        moved.sim.storages[backup.uuid] = backup
        del moved.sim.servers[server.uuid]
        moved.sim.storages[server.storage_devices[0].storage or ""].servers.clear()
    async with moved.client() as cloud:
        # A failed destroy in the records of this process, whose server is gone.
        fleet_of(cloud).records.set(Record(server.uuid, attempt=labels[ATTEMPT]), State.NO_LEASE)
        await cloud.servers.destroy(server.uuid, backups=None)
    assert list(moved.sim.storages) == [backup.uuid]
