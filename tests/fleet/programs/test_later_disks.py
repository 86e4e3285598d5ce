"""Disks that are made for an existing server: `clone_disk` and `rebuild_disk`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from tests.fleet.leased import abandoned, started
from tests.moved_time import DEBIAN, MovedCloud, MovedTransport
from upcloud_sdk.models import ServerRebuildSpec, StorageCloneSpec
from upcloud_sdk.models.ownership import ATTEMPT, LEASE, OWNER
from upcloud_sdk.simulator.records.records import Device, Storage

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk import UpCloud

pytestmark = pytest.mark.anyio

REBUILD = ServerRebuildSpec(clone_source=DEBIAN, storage_title="system", delete_detached_disk=True)
REFUSED: dict[str, Any] = {"status": 409, "code": "STORAGE_STATE_ILLEGAL", "times": None}


async def stopped(cloud: UpCloud, uuid: str) -> None:
    await cloud.servers.stop(uuid, stop_type="hard")
    await cloud.servers.wait_for_state(uuid, "stopped", timeout=100)


async def test_two_clones_with_one_title_are_two_disks_though_their_answers_are_lost(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        moved.sim.fail("POST /storage/*/clone", after_effect=True, drop=True, times=None)
        moved.sim.fail("PUT /storage/*", **REFUSED)
        # The second one is looked for before the first one is known.
        moved.sim.fail("GET /storage/{uuid}", delay=3)
        found: list[str] = []

        async def clone() -> None:
            spec = StorageCloneSpec(zone="fi-hel1", title="next")
            found.append((await cloud.servers.clone_disk(uuid, DEBIAN, spec)).uuid)

        async with anyio.create_task_group() as group:
            group.start_soon(clone)
            group.start_soon(clone)
        assert len(set(found)) == 2
        await cloud.servers.destroy(uuid)
    assert moved.sim.storages == {}


async def test_a_rebuilt_disk_has_its_title_and_the_labels_of_its_server(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        await stopped(cloud, uuid)
        assert (await cloud.servers.rebuild_disk(uuid, REBUILD)).state == "started"
        [disk] = moved.sim.storages.values()
        labels = moved.sim.servers[uuid].labels
        assert disk.title == "system"
        assert {key: disk.labels[key] for key in (OWNER, ATTEMPT)} == {key: labels[key] for key in (OWNER, ATTEMPT)}
        assert LEASE in disk.labels


async def test_a_rebuilt_disk_is_reaped_with_its_server_whatever_its_title_is(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid = await abandoned(moved, monkeypatch)
    async with moved.client() as cloud:
        await stopped(cloud, uuid)
        await cloud.servers.rebuild_disk(uuid, REBUILD)
        for disk in moved.sim.storages.values():
            disk.title = "renamed"
    async with moved.client() as other:
        await moved.later(4000)
        assert (await other.leases.reap()).servers == (uuid,)
    assert (moved.sim.servers, moved.sim.storages) == ({}, {})


async def test_a_disk_without_labels_of_a_server_that_was_destroyed_without_its_disks_is_never_reaped(
    moved: MovedCloud,
) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        await stopped(cloud, uuid)
        moved.sim.fail("PUT /storage/*", **REFUSED)
        await cloud.servers.rebuild_disk(uuid, REBUILD)
        [disk] = moved.sim.storages.values()
        assert ATTEMPT not in disk.labels
        assert [lease.uuid for lease in await cloud.leases.list()] == [uuid, disk.uuid]
        moved.sim.faults.clear()
        await cloud.servers.destroy(uuid, storages="none")
        assert await cloud.leases.list() == ()
    async with moved.client() as other:
        await moved.later(4000)
        await other.leases.reap(exclusive=True)
    assert list(moved.sim.storages) == [disk.uuid]


class AttachesDuringARebuild(MovedTransport):
    """Somebody attaches a disk just before a server is rebuilt."""

    data = Storage("01000000-0000-4000-8000-00000000000d", "data", 10)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/rebuild"):
            self._sim.storages[self.data.uuid] = self.data
            for server in self._sim.servers.values():
                server.devices.append(Device("virtio:1", "disk", self.data.uuid))
        return await super().handle_async_request(request)


async def test_a_disk_that_somebody_attaches_during_a_rebuild_is_kept(moved: MovedCloud) -> None:
    async with moved.client(transport=AttachesDuringARebuild(moved.sim, moved.clock)) as cloud:
        uuid = await started(cloud)
        await stopped(cloud, uuid)
        await cloud.servers.rebuild_disk(uuid, REBUILD)
        await cloud.servers.destroy(uuid)
    assert list(moved.sim.storages) == [AttachesDuringARebuild.data.uuid]
