"""Servers with leases, as most tests of leases want them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk.fleet.identity import RUN
from upcloud_sdk.models.ownership import LEASE, read_lease

if TYPE_CHECKING:
    import pytest

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
    """What a client remembers of its servers."""
    return cloud._fleet  # pyright: ignore[reportPrivateUsage]  # what is kept is what these tests are about


async def abandoned(moved: MovedCloud, monkeypatch: pytest.MonkeyPatch, owner: str = "tests") -> str:
    """A running server with a lease of 600 s of a run that has died."""
    with monkeypatch.context() as patch:
        patch.setattr(RUN, "id", "a-dead-run")
        async with moved.client(owner) as dead:
            return await started(dead)
