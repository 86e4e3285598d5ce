"""Servers with leases for tests."""

from __future__ import annotations

from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from tests.moved_time import MovedCloud, MovedTransport, server_spec
from upcloud_sdk import _identity as identity
from upcloud_sdk.models.ownership import ATTEMPT, LEASE, OWNER, RUN, read_lease
from upcloud_sdk.simulator.records.records import Storage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from upcloud_sdk import UpCloud
    from upcloud_sdk.fleet.fleet import Fleet


def left(moved: MovedCloud, uuid: str) -> float:
    """Seconds until the lease of a server ends."""
    ends = read_lease(moved.sim.servers[uuid].labels.get(LEASE))
    assert ends is not None
    return ends.timestamp() - moved.hand.now()


async def started(cloud: UpCloud, *, lease: float | None = 600) -> str:
    """The uuid of a running server with a lease."""
    server = await cloud.servers.create(server_spec(), lease=lease)
    await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
    return server.uuid


def fleet_of(cloud: UpCloud) -> Fleet:
    """The `Fleet` of a client, with its records of servers."""
    return cloud._fleet  # pyright: ignore[reportPrivateUsage]  # what is kept is what these tests are about


async def abandoned(moved: MovedCloud, monkeypatch: pytest.MonkeyPatch, owner: str = "tests") -> str:
    """A running server with a lease of 600 s, whose process has died."""
    with monkeypatch.context() as patch:
        patch.setattr(identity.RUN, "id", "a-dead-run")
        async with moved.client(owner) as dead:
            return await started(dead)


class Block:
    """A block of `ephemeral` that another task runs."""

    def __init__(self) -> None:
        self.uuid = ""
        self.began, self.leave = anyio.Event(), anyio.Event()

    async def run(self, cloud: UpCloud) -> None:
        """Run the block until `leave` is set."""
        async with cloud.servers.ephemeral(server_spec()) as server:
            self.uuid = server.uuid
            self.began.set()
            await self.leave.wait()


@asynccontextmanager
async def running_block(cloud: UpCloud, *, failing: type[Exception] | None = None) -> AsyncGenerator[Block]:
    """A running block of `ephemeral`. At the end of the `async with` it has ended, or failed with `failing`."""
    block = Block()

    async def run() -> None:
        with nullcontext() if failing is None else pytest.raises(failing):
            await block.run(cloud)

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await block.began.wait()
        yield block


class NoFilter(MovedTransport):
    """An API that does not filter its lists by labels."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        others = [(key, value) for key, value in request.url.params.multi_items() if key != "label"]
        url = request.url.copy_with(params=others)
        request = httpx.Request(
            request.method, url, headers=request.headers, content=request.content, extensions=request.extensions
        )
        return await super().handle_async_request(request)


def leftover(moved: MovedCloud) -> Storage:
    """A detached disk whose server is gone and whose lease has ended."""
    disk = Storage(moved.sim.new_uuid("storage"), "left", 10, zone="fi-hel1", tier="maxiops")
    disk.labels = {OWNER: "tests", RUN: "a-dead-run", ATTEMPT: "a" * 32, LEASE: "2025-01-01T00:00:00Z"}
    moved.sim.storages[disk.uuid] = disk
    return disk
