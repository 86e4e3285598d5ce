"""Foreign answers during waits, to creates of a server's disks, and to failed destroys."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from tests.fleet.leased import started
from tests.fleet.programs.test_foreign_answers import PAGE
from tests.moved_time import DEBIAN, MovedCloud, server_spec
from upcloud_sdk import errors
from upcloud_sdk.models import ServerRebuildSpec, StorageCloneSpec, StorageSpec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from upcloud_sdk import UpCloud

    Call = Callable[[UpCloud, str], Awaitable[object]]

pytestmark = pytest.mark.anyio

PAGES = [
    pytest.param({"status": status, "body": PAGE, "headers": {"content-type": "text/html"}}, id=str(status))
    for status in (200, 302, 401, 404, 408, 409)
]
LOST = (errors.ForeignAnswer, errors.OutcomeUnknown)


async def wait_for_server(cloud: UpCloud) -> object:
    server = await cloud.servers.create(server_spec())
    return await cloud.servers.wait_for_state(server.uuid, "started", timeout=200)


async def wait_for_storage(cloud: UpCloud) -> object:
    disk = await cloud.storages.create(StorageSpec(zone="fi-hel1", title="data", size=10))
    return await cloud.storages.wait_for_state(disk.uuid, "online", timeout=200)


@pytest.mark.parametrize("answer", PAGES)
@pytest.mark.parametrize("wait", [wait_for_server, wait_for_storage])
async def test_a_wait_ignores_three_foreign_answers_and_raises_the_fourth(
    wait: Callable[[UpCloud], Awaitable[Any]], answer: dict[str, Any]
) -> None:
    for times in (3, None):
        async with MovedCloud.open(boot_seconds=33, storage_seconds=20) as moved, moved.client() as cloud:
            for pattern in ("GET /server/*", "GET /storage/*"):
                moved.sim.fail(pattern, times=times, **answer)
            if times is None:
                with pytest.raises(errors.ForeignAnswer):
                    await wait(cloud)
            else:
                assert (await wait(cloud)).state in {"started", "online"}


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("answer", PAGES)
async def test_a_clone_with_a_foreign_answer_is_not_repeated(
    moved: MovedCloud, answer: dict[str, Any], after_effect: bool
) -> None:
    async with moved.client() as cloud:
        moved.sim.fail("POST /storage/*/clone", times=None, after_effect=after_effect, **answer)
        with pytest.raises(errors.OutcomeUnknown) as caught:
            await cloud.storages.clone(DEBIAN, StorageCloneSpec(zone="fi-hel1", title="copy"))
    assert isinstance(caught.value.__cause__, errors.ForeignAnswer)
    assert moved.count("POST /storage/.*") == 1
    assert len(moved.sim.storages) == after_effect


async def clone(cloud: UpCloud, uuid: str) -> object:
    return await cloud.servers.clone_disk(uuid, DEBIAN, StorageCloneSpec(zone="fi-hel1", title="next"))


async def rebuild(cloud: UpCloud, uuid: str) -> object:
    return await cloud.servers.rebuild_disk(uuid, ServerRebuildSpec(clone_source=DEBIAN))


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("answer", PAGES)
@pytest.mark.parametrize("call", [clone, rebuild])
async def test_a_foreign_answer_makes_at_most_one_disk_which_is_deleted_with_its_server(
    call: Call, answer: dict[str, Any], after_effect: bool
) -> None:
    for number in itertools.count():
        async with MovedCloud.open(boot_seconds=3, stop_seconds=2, storage_seconds=2) as moved, moved.client() as cloud:
            uuid = await started(cloud)
            await cloud.servers.stop(uuid, stop_type="hard")
            await cloud.servers.wait_for_state(uuid, "stopped", timeout=100)
            before, disks = len(moved.requests()), len(moved.sim.storages)
            moved.sim.fail("*", skip=number, after_effect=after_effect, **answer)
            try:
                await call(cloud, uuid)
            except LOST:
                assert len(moved.sim.storages) - disks in {0, 1}
            else:
                assert len(moved.sim.storages) - disks == 1
            ended = len(moved.requests()) - before <= number
            moved.sim.faults.clear()
            await cloud.servers.destroy(uuid)
            assert moved.sim.servers == {}, number
            assert moved.sim.storages == {}, number
        if ended:
            assert number > 1
            return


@pytest.mark.parametrize("answer", PAGES)
async def test_a_foreign_answer_in_a_failed_destroy_leaves_the_server_to_the_reaper(answer: dict[str, Any]) -> None:
    """This process completes the destroy, or another process of the same owner after the end of the lease."""
    for number in itertools.count():
        async with MovedCloud.open(boot_seconds=3, stop_seconds=2) as moved:
            async with moved.client() as cloud:
                uuid = await started(cloud)
                before = len(moved.requests())
                moved.sim.fail("*", skip=number, **answer)
                moved.sim.fail("DELETE /server/*", status=403, code="SERVER_FORBIDDEN", times=None)
                with pytest.raises(errors.CleanupFailed):
                    await cloud.servers.destroy(uuid)
                ended = len(moved.requests()) - before <= number
                moved.sim.faults.clear()
                if number % 2:
                    assert (await cloud.leases.reap()).servers == (uuid,)
            async with moved.client() as other:
                await moved.later(700)
                await other.leases.reap()
            assert moved.sim.servers == {}, number
            assert moved.sim.storages == {}, number
        if ended:
            assert number > 4
            return
