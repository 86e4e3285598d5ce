"""The reaper of a master, tested without a master: which servers it destroys, and which starts wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk._identity import RUN
from upcloud_sdk.ci import PacedReaper, ReapPace
from upcloud_sdk.ci.account.reaper import STRAGGLES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from upcloud_sdk import UpCloud

pytestmark = pytest.mark.anyio

PACE = ReapPace()


@pytest.fixture
async def moved() -> AsyncGenerator[MovedCloud]:
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16) as cloud:
        yield cloud


async def an_earlier_run_leaves_a_server(moved: MovedCloud, owner: str = "master") -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RUN, "id", "an-earlier-run")
        async with moved.client(owner) as dead:
            await dead.servers.create(server_spec(), lease=3600)


def reaping(moved: MovedCloud, cloud: UpCloud, *, exclusive: bool = True) -> PacedReaper:
    return PacedReaper(cloud, moved.waits.clock, PACE, exclusive)


async def test_servers_of_the_last_run_are_destroyed_immediately(moved: MovedCloud) -> None:
    await an_earlier_run_leaves_a_server(moved)
    async with moved.client("master") as cloud, anyio.create_task_group() as group:
        reaper = reaping(moved, cloud)
        group.start_soon(reaper.run)
        await reaper.first_round()
        assert moved.sim.servers == {}
        assert moved.sim.storages == {}
        group.cancel_scope.cancel()


async def test_servers_of_this_run_are_not_destroyed(moved: MovedCloud) -> None:
    async with moved.client("master") as cloud, anyio.create_task_group() as group:
        server = await cloud.servers.create(server_spec(), lease=3600)
        group.start_soon(reaping(moved, cloud).run)
        await moved.later(PACE.again + 3 * PACE.every)
        assert list(moved.sim.servers) == [server.uuid]
        group.cancel_scope.cancel()


async def test_with_a_shared_owner_only_servers_whose_lease_has_ended_are_reaped(moved: MovedCloud) -> None:
    await an_earlier_run_leaves_a_server(moved)
    async with moved.client("master") as cloud, anyio.create_task_group() as group:
        reaper = reaping(moved, cloud, exclusive=False)
        group.start_soon(reaper.run)
        await reaper.first_round()
        await moved.later(3000)
        assert len(moved.sim.servers) == 1
        await moved.later(600 + 2 * PACE.every)
        assert moved.sim.servers == {}
        group.cancel_scope.cancel()


async def test_a_create_that_arrives_late_is_destroyed_in_the_second_round(moved: MovedCloud) -> None:
    async with moved.client("master") as cloud, anyio.create_task_group() as group:
        reaper = reaping(moved, cloud)
        group.start_soon(reaper.run)
        await reaper.first_round()
        await an_earlier_run_leaves_a_server(moved)
        await moved.later(PACE.again + 60)
        assert moved.sim.servers == {}
        group.cancel_scope.cancel()


async def test_a_server_that_another_living_process_creates_with_this_owner_is_kept_and_told(
    moved: MovedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    async with moved.client("master") as cloud, anyio.create_task_group() as group:
        reaper = reaping(moved, cloud)
        group.start_soon(reaper.run)
        await reaper.first_round()
        # A dead process's create does not arrive that late.
        await moved.later(STRAGGLES + 10)
        await an_earlier_run_leaves_a_server(moved)
        [uuid] = moved.sim.servers
        await moved.later(PACE.again + 2 * PACE.every)
        assert list(moved.sim.servers) == [uuid]
        [told] = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
        assert told.startswith(f"another process with the owner 'master' is running: it has created server {uuid} ")
        assert told.endswith("Give one of the two another owner.")
        # Like those of any shared owner, it goes when its lease has ended.
        await moved.later(3600 + PACE.every)
        assert moved.sim.servers == {}
        group.cancel_scope.cancel()


async def test_a_process_that_was_copied_long_after_the_start_of_another_one_is_told_of_as_well(
    moved: MovedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    async with moved.client("master") as cloud, anyio.create_task_group() as group:
        group.start_soon(reaping(moved, cloud).run)
        await moved.later(PACE.again + 4 * PACE.every)
        await an_earlier_run_leaves_a_server(moved)
        await moved.later(2 * PACE.every)
        assert "another process with the owner 'master' is running" in caplog.text
        group.cancel_scope.cancel()


async def test_nobody_is_told_of_other_processes_if_the_owner_is_shared(
    moved: MovedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    async with moved.client("master") as cloud, anyio.create_task_group() as group:
        group.start_soon(reaping(moved, cloud, exclusive=False).run)
        await moved.later(STRAGGLES + 10)
        await an_earlier_run_leaves_a_server(moved)
        await moved.later(2 * PACE.every)
        assert "another process" not in caplog.text
        group.cancel_scope.cancel()


async def test_a_first_round_that_fails_is_tried_again(moved: MovedCloud) -> None:
    await an_earlier_run_leaves_a_server(moved)
    moved.sim.fail("GET /server", status=500, times=6)
    async with moved.client("master") as cloud, anyio.create_task_group() as group:
        reaper = reaping(moved, cloud)
        group.start_soon(reaper.run)
        await reaper.first_round()
        assert moved.sim.servers == {}
        group.cancel_scope.cancel()


async def test_nobody_waits_for_a_first_round_that_cannot_succeed(moved: MovedCloud) -> None:
    moved.sim.fail("GET /server", status=401, code="AUTHENTICATION_FAILED", times=100)
    async with moved.client("master") as cloud, anyio.create_task_group() as group:
        reaper = reaping(moved, cloud)
        began = moved.waits.clock.now()
        group.start_soon(reaper.run)
        await reaper.first_round()
        assert moved.waits.clock.now() - began < PACE.retry
        group.cancel_scope.cancel()


async def test_the_wait_for_the_first_round_has_a_limit(moved: MovedCloud) -> None:
    moved.sim.fail("GET /server", status=500, times=1000)
    async with moved.client("master") as cloud, anyio.create_task_group() as group:
        reaper = reaping(moved, cloud)
        began = moved.waits.clock.now()
        group.start_soon(reaper.run)
        await reaper.first_round()
        assert moved.waits.clock.now() - began == pytest.approx(PACE.first_round)
        group.cancel_scope.cancel()
