"""The result of a wait, and the states that it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import Server
from upcloud_sdk.errors import ResourceFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def moved() -> AsyncIterator[MovedCloud]:
    """An empty cloud on an automatic clock."""
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16) as cloud:
        yield cloud


@pytest.mark.parametrize("number", [1, 3])
async def test_a_wait_returns_all_details_however_many_wait(moved: MovedCloud, number: int) -> None:
    seen: list[Server] = []
    async with moved.client() as cloud:
        made = [await cloud.servers.create(server_spec(f"build-{each}")) for each in range(number)]
        for state in ("started", "stopped"):
            async with anyio.create_task_group() as group:

                async def wait(uuid: str, state: str = state) -> None:
                    seen.append(await cloud.servers.wait_for_state(uuid, state, timeout=300))

                for server in made:
                    group.start_soon(wait, server.uuid)
            assert {(type(each), str(each.state)) for each in seen} == {(Server, state)}
            assert all(each.public_ipv4 and each.storage_devices for each in seen)
            seen.clear()
            if state == "started":
                for server in made:
                    await cloud.servers.stop(server.uuid, stop_type="hard")


async def test_the_details_of_a_changed_server_are_read_again(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        made = await cloud.servers.create(server_spec())
        await cloud.servers.wait_for_state(made.uuid, "started", timeout=300)
        await cloud.storages.list()
        moved.sim.servers[made.uuid].title = "another"
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: cloud.servers.wait_for_state(made.uuid, "started", timeout=300))
            again = await cloud.servers.wait_for_state(made.uuid, "started", timeout=300)
            assert again.title == "another"


async def test_a_wait_for_an_unknown_state_is_refused(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        with pytest.raises(ValueError, match="'running' is not a state of a server: write one of started"):
            await cloud.servers.wait_for_state("00a1", "running", timeout=300)
        with pytest.raises(ValueError, match="'ready' is not a state of a storage: write one of online"):
            await cloud.storages.wait_for_state("01a1", "ready", timeout=300)
    assert moved.requests() == []


async def test_a_wait_for_a_server_that_is_being_deleted_ends(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        made = await cloud.servers.create(server_spec())
        await cloud.servers.wait_for_state(made.uuid, "started", timeout=300)
        moved.sim.servers[made.uuid].state = "pending_delete"
        began = moved.hand.now()
        with pytest.raises(ResourceFailed, match="'pending_delete'"):
            await cloud.servers.wait_for_state(made.uuid, "started", timeout=300)
        assert moved.hand.now() - began < 10


async def test_the_details_of_new_servers_are_not_kept_forever(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("upcloud_sdk.fleet.server_waits.REMEMBERED", 3)
    async with moved.client() as cloud:
        made = [(await cloud.servers.create(server_spec(f"build-{number}"))).uuid for number in range(6)]
        assert list(cloud.servers._created) == made[3:]  # pyright: ignore[reportPrivateUsage]  # what is kept
        for uuid in made:
            assert (await cloud.servers.wait_for_state(uuid, "started", timeout=100)).storage_devices
