"""Actions of others on a server that this client holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.models.ownership import RUN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.moved_time import MovedCloud
    from upcloud_sdk import UpCloud

    Deed = Callable[[MovedCloud, UpCloud, str], Awaitable[None]]


async def reaped(_: MovedCloud, other: UpCloud, uuid: str) -> None:
    await other.servers.destroy(uuid)


async def taken(_: MovedCloud, other: UpCloud, uuid: str) -> None:
    await other.leases.take(uuid, 3600)


async def kept(_: MovedCloud, other: UpCloud, uuid: str) -> None:
    await other.leases.keep(uuid)


async def relabelled(moved: MovedCloud, _: UpCloud, uuid: str) -> None:
    moved.sim.servers[uuid].labels[RUN] = "another-run"


async def unreachable(moved: MovedCloud, _: UpCloud, uuid: str) -> None:
    moved.sim.fail(f"PUT /server/{uuid}", status=503, times=None)


DEEDS = [reaped, taken, kept, relabelled, unreachable]
