from __future__ import annotations

import pytest

from tests.fleet.leased import left, started
from tests.moved_time import DEBIAN, MovedCloud, server_spec
from upcloud_sdk import StorageDeviceSpec, errors
from upcloud_sdk._identity import RUN

pytestmark = pytest.mark.anyio


async def test_a_lease_of_a_living_holder_is_renewed_at_half_time(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec(), lease=600)
        await moved.waits.clock.sleep(3 * 3600)
        leases = await cloud.leases.list()
        assert {lease.uuid for lease in leases} == {server.uuid, server.storage_devices[0].storage}
        on_server, on_disk = leases
        assert on_server.ends is not None
        assert on_disk.ends is not None
        assert 290 < on_server.ends.timestamp() - moved.hand.now() <= 600
        # Only the server's lease is renewed. The label of a disk still has the end from its create.
        assert on_disk.ends.timestamp() < moved.hand.now()
        report = await cloud.leases.reap()
    assert report.servers == ()
    assert server.uuid in moved.sim.servers


@pytest.mark.parametrize("lease", [120, 3600])
async def test_no_reaper_of_another_process_takes_a_held_server_or_one_of_its_disks(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch, lease: float
) -> None:
    disks = (StorageDeviceSpec.clone(DEBIAN, size=25), *(StorageDeviceSpec.create(size=10) for _ in range(2)))
    async with (
        moved.client() as reaper,
        moved.client() as cloud,
        cloud.servers.ephemeral(server_spec(storage_devices=disks), lease=lease) as server,
    ):
        for _ in range(18):
            await moved.later(600)
            with monkeypatch.context() as patch:
                patch.setattr(RUN, "id", "another-process")
                report = await reaper.leases.reap()
            assert (report.servers, report.storages, report.failed) == ((), (), {})
        assert left(moved, server.uuid) > lease * 0.45
        assert len(moved.sim.storages) == len(disks)
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}


async def test_a_held_lease_always_has_about_half_of_its_time_left(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        for _ in range(20):
            await moved.later(90)
            assert left(moved, uuid) > 295


async def test_a_keep_does_not_end_the_renewal_of_another_lease(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        kept, held = await started(cloud), await started(cloud)
        await cloud.leases.keep(kept)
        await moved.later(3600)
        assert left(moved, held) > 0


async def test_a_short_lived_server_needs_no_renewal(moved: MovedCloud) -> None:
    async with moved.client() as cloud, cloud.servers.ephemeral(server_spec()):
        await moved.waits.clock.sleep(1500)
    assert moved.count("PUT .*") == 0


async def test_a_server_of_a_dead_holder_is_reaped_when_its_lease_has_ended(moved: MovedCloud) -> None:
    async with moved.client() as dead:
        await dead.servers.create(server_spec(), lease=600)
    async with moved.client() as cloud:
        await moved.waits.clock.sleep(500)
        early = await cloud.leases.reap()
        assert early.servers == ()
        await moved.waits.clock.sleep(200)
        report = await cloud.leases.reap()
    assert len(report.servers) == 1
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}


async def test_a_server_without_a_lease_and_one_of_another_owner_are_never_reaped(moved: MovedCloud) -> None:
    async with moved.client("somebody-else") as other:
        await other.servers.create(server_spec("theirs"), lease=60)
    async with moved.client() as dead:
        await dead.servers.create(server_spec("for-good"))
    async with moved.client() as cloud:
        await moved.waits.clock.sleep(3600)
        report = await cloud.leases.reap(exclusive=True)
    assert report.servers == ()
    assert len(moved.sim.servers) == 2


async def test_exclusive_reaps_the_servers_of_all_other_runs_immediately(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RUN, "id", "an-earlier-run")
    async with moved.client() as dead:
        await dead.servers.create(server_spec(), lease=3600)
    monkeypatch.undo()
    async with moved.client() as cloud:
        assert (await cloud.leases.reap()).servers == ()
        report = await cloud.leases.reap(exclusive=True)
    assert len(report.servers) == 1
    assert moved.sim.servers == {}


async def test_a_kept_server_is_never_reaped_and_a_taken_one_is(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        kept = await cloud.servers.create(server_spec("kept"), lease=60)
        taken = await cloud.servers.create(server_spec("taken"))
        await cloud.servers.wait_for_state(taken.uuid, "started", timeout=100)
        await cloud.leases.keep(kept.uuid)
        await cloud.leases.take(taken.uuid, 60)
    async with moved.client() as cloud:
        await moved.waits.clock.sleep(600)
        report = await cloud.leases.reap()
    assert report.servers == (taken.uuid,)
    assert list(moved.sim.servers) == [kept.uuid]


async def test_taking_a_lease_on_a_deleted_server_raises_not_found(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        with pytest.raises(errors.NotFound):
            await cloud.leases.take("00000000-0000-4000-8000-000000000000", 600)


async def test_bad_arguments_are_refused_before_anything_is_sent(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        with pytest.raises(ValueError, match="too short to renew"):
            await cloud.servers.create(server_spec(), lease=5)
        with pytest.raises(ValueError, match="grace is -1"):
            await cloud.leases.reap(grace=-1)
        with pytest.raises(ValueError, match="exclusive=True"):
            await cloud.leases.reap("somebody-else", exclusive=True)
        with pytest.raises(errors.ConfigError, match="255"):
            await cloud.leases.reap("x" * 300)
    assert moved.requests() == []
