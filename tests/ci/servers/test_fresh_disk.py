"""A kept server gets a fresh disk. If a step fails or the process dies, nothing is left."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import Server, ServerSpec, StorageDeviceSpec, UpCloud, errors
from upcloud_sdk._identity import RUN
from upcloud_sdk.ci import FreshDisk
from upcloud_sdk.models import StorageSpec
from upcloud_sdk.models.ownership import ATTEMPT, LEASE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from upcloud_sdk.models import StorageSummary

pytestmark = pytest.mark.anyio

KINDS = ["public", "private"]
WITHIN = 300.0


@pytest.fixture
async def moved() -> AsyncGenerator[MovedCloud]:
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16, storage_seconds=20) as cloud:
        yield cloud


async def template(cloud: UpCloud, kind: str) -> StorageSummary:
    """A public template of UpCloud's, or a private one made from it."""
    public = await cloud.storages.find_template("Debian GNU/Linux 12 (Bookworm)")
    if kind == "public":
        return public
    known = await cloud.storages.list("template", access="private")
    if known:
        return known[0]
    server = await cloud.servers.create(server_spec())
    await cloud.servers.wait_for_state(server.uuid, "started", timeout=WITHIN)
    await cloud.servers.stop(server.uuid, stop_type="hard")
    await cloud.servers.wait_for_state(server.uuid, "stopped", timeout=WITHIN)
    (disk,) = server.storage_devices
    made = await cloud.storages.templatize(disk.storage or "", "golden")
    await cloud.storages.wait_for_state(made.uuid, "online", timeout=WITHIN)
    await cloud.servers.destroy(server.uuid)
    return made


async def up(cloud: UpCloud, kind: str, *, user_data: str = "#!first") -> tuple[Server, ServerSpec, FreshDisk]:
    """A started server of this kind of template, with a lease."""
    source = await template(cloud, kind)
    disk = StorageDeviceSpec.clone(source.uuid, size=25, title="build-1")
    spec = server_spec(storage_devices=(disk,), user_data=user_data)
    server = await cloud.servers.create(spec, lease=3600)
    await cloud.servers.wait_for_state(server.uuid, "started", timeout=WITHIN)
    return server, spec, FreshDisk(cloud, server, source)


def disks(moved: MovedCloud) -> set[str]:
    return {uuid for uuid, each in moved.sim.storages.items() if each.type == "normal"}


async def renewed(spec: ServerSpec, fresh: FreshDisk) -> None:
    await fresh.prepare(spec, timeout=WITHIN)
    await fresh.switch_off(timeout=WITHIN)
    await fresh.renew(spec, timeout=WITHIN, starts=lambda: None)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_server_is_kept_and_gets_another_disk(moved: MovedCloud, kind: str) -> None:
    async with moved.client() as cloud:
        server, spec, fresh = await up(cloud, kind)
        before = disks(moved)
        for _ in range(2):
            await renewed(spec, fresh)
            seen = await cloud.servers.get(server.uuid)
            assert seen.state == "started"
            (device,) = seen.storage_devices
            assert disks(moved) == {device.storage}
            assert not disks(moved) & before
            before |= disks(moved)
        await cloud.servers.destroy(server.uuid)
    assert (moved.sim.servers, disks(moved)) == ({}, set())


@pytest.mark.parametrize("kind", KINDS)
async def test_only_a_server_that_is_rebuilt_gets_new_user_data(moved: MovedCloud, kind: str) -> None:
    async with moved.client() as cloud:
        server, spec, fresh = await up(cloud, kind)
        again = ServerSpec.model_validate({**dict(spec), "user_data": "#!second"})
        await renewed(again, fresh)
        assert fresh.is_rebuilt == (kind == "public")
        expected = "#!second" if fresh.is_rebuilt else "#!first"
        assert moved.sim.servers[server.uuid].user_data == expected


async def test_the_clone_is_made_while_the_build_before_still_runs(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server, spec, fresh = await up(cloud, "private")
        await fresh.prepare(spec, timeout=WITHIN)
        assert moved.sim.servers[server.uuid].state == "started"
        assert len(disks(moved)) == 2
        began = moved.hand.now()
        await fresh.switch_off(timeout=WITHIN)
        await fresh.renew(spec, timeout=WITHIN, starts=lambda: None)
        assert moved.hand.now() - began < 16 + 33 + 10


@pytest.mark.parametrize("kind", KINDS)
async def test_a_guest_whose_metadata_were_sealed_sees_them_again(moved: MovedCloud, kind: str) -> None:
    async with moved.client() as cloud:
        server, spec, fresh = await up(cloud, kind)
        moved.sim.servers[server.uuid].metadata = "no"
        await fresh.switch_off(timeout=WITHIN)
        await fresh.renew(spec, timeout=WITHIN, starts=lambda: None, was_sealed=True)
        assert moved.sim.servers[server.uuid].metadata == "yes"


async def test_an_attached_disk_of_the_user_is_always_kept(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server, spec, fresh = await up(cloud, "public")
        cache = await cloud.storages.create(_disk("cache"))
        await cloud.storages.wait_for_state(cache.uuid, "online", timeout=WITHIN)
        await cloud.servers.attach_storage(server.uuid, cache.uuid)
        await renewed(spec, fresh)
        await cloud.servers.destroy(server.uuid)
    assert disks(moved) == {cache.uuid}


@pytest.mark.parametrize("kind", KINDS)
async def test_the_reaper_deletes_no_disk_of_a_kept_server(moved: MovedCloud, kind: str) -> None:
    async with moved.client() as cloud:
        server, spec, fresh = await up(cloud, kind)
        await renewed(spec, fresh)
        await cloud.leases.keep(server.uuid)
        (disk,) = disks(moved)
        assert ATTEMPT in moved.sim.storages[disk].labels
        assert LEASE not in moved.sim.storages[disk].labels
        # The owner may do anything with it then.
        await cloud.servers.stop(server.uuid, stop_type="hard")
        await cloud.servers.wait_for_state(server.uuid, "stopped", timeout=WITHIN)
        await cloud.servers.delete(server.uuid)
        await moved.later(7200)
        await cloud.leases.reap()
        await moved.later(7200)
        await cloud.leases.reap()
    assert disks(moved) == {disk}


SERVER = "/server/{uuid}"
STEPS = {
    "public": [f"POST {SERVER}/stop", f"POST {SERVER}/rebuild"],
    "private": [
        "POST /storage/{uuid}/clone",
        f"POST {SERVER}/stop",
        f"POST {SERVER}/storage/detach",
        f"POST {SERVER}/storage/attach",
        "DELETE /storage/{uuid}",
        f"POST {SERVER}/start",
    ],
}
"""The requests of a renewal that change something."""


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("after_effect", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_destroy_leaves_nothing_after_a_failure_at_any_step(
    moved: MovedCloud, kind: str, after_effect: bool
) -> None:
    async with moved.client() as cloud:
        for step in STEPS[kind]:
            server, spec, fresh = await up(cloud, kind)
            await fails_at(moved, step, spec, fresh, after_effect=after_effect)
            moved.sim.faults.clear()
            await cloud.servers.destroy(server.uuid)
            assert (moved.sim.servers, disks(moved)) == ({}, set()), step


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("after_effect", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_reap_leaves_nothing_after_a_crash_at_any_step(
    moved: MovedCloud, kind: str, after_effect: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, step in enumerate(STEPS[kind]):
        with monkeypatch.context() as patch:
            patch.setattr(RUN, "id", f"dead-run-{number}")
            with suppress(errors.CleanupFailed):  # A killed process reports nothing.
                async with moved.client(close_timeout=0.1) as dead:
                    _, spec, fresh = await up(dead, kind)
                    await fails_at(moved, step, spec, fresh, after_effect=after_effect)
                    moved.sim.fail("*", status=500, times=None)
        moved.sim.faults.clear()
        async with moved.client() as cloud:
            for _ in range(3):
                await moved.later(100)
                await cloud.leases.reap(exclusive=True)
        assert (moved.sim.servers, disks(moved)) == ({}, set()), step


async def fails_at(moved: MovedCloud, step: str, spec: ServerSpec, fresh: FreshDisk, *, after_effect: bool) -> None:
    """Renew while this step always fails."""
    await moved.later(60)
    moved.sim.fail(step, status=500, after_effect=after_effect, times=None)
    try:
        await renewed(spec, fresh)
    except errors.UpCloudError:
        return
    # A lost answer is no failure if its effect can be seen. A clone is made again.
    assert after_effect or step.endswith("/clone"), step


async def test_a_clone_that_appears_after_its_server_is_gone_is_reaped(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server, spec, fresh = await up(cloud, "private")
        await fresh.prepare(spec, timeout=WITHIN)
        (late,) = disks(moved) - {device.storage for device in server.storage_devices}
        stored = moved.sim.storages.pop(late)
        await cloud.servers.destroy(server.uuid)
        moved.sim.storages[late] = stored
        await cloud.leases.reap()
        await moved.later(4000)
        report = await cloud.leases.reap()
        assert report.storages == (late,)
    assert disks(moved) == set()


@pytest.mark.parametrize(("plan", "is_worth_it"), [("PREMIUM-1xCPU-1GB", True), ("CLOUDNATIVE-1xCPU-4GB", False)])
async def test_a_server_that_is_not_billed_while_stopped_is_not_kept(
    moved: MovedCloud, plan: str, is_worth_it: bool
) -> None:
    """Its next start would begin a new billed hour."""
    async with moved.client() as cloud:
        source = await template(cloud, "public")
        server = await cloud.servers.create(server_spec(plan=plan))
        assert FreshDisk(cloud, server, source).is_worth_it == is_worth_it


def _disk(title: str) -> StorageSpec:
    return StorageSpec(size=10, title=title, zone="fi-hel1")


async def test_a_clone_that_is_refused_for_another_reason_than_its_template_does_not_flood_the_api(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("upcloud_sdk.ci.servers.fresh_disk.CLONE_AGAIN_AFTER", 0.05)
    async with moved.client() as cloud:
        server, spec, fresh = await up(cloud, "private")
        clones = f"POST /storage/{spec.storage_devices[0].storage}/clone"
        before = moved.count(clones)
        moved.sim.fail(clones, status=409, code="STORAGE_STATE_ILLEGAL", times=100)
        await fresh.prepare(spec, timeout=0.5)
        assert moved.count(clones) - before <= 60
        moved.sim.faults.clear()
        await cloud.servers.destroy(server.uuid)
    assert disks(moved) == set()
