"""Server lives with one fault, and the checks that must hold after any fault."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import anyio

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk.errors import UpCloudError
from upcloud_sdk.models.ownership import ATTEMPT
from upcloud_sdk.simulator.records.records import Server, Storage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from upcloud_sdk import UpCloud

OWNER: Final = "tests"

FAULTS: Final[dict[str, dict[str, Any]]] = {
    "before its effect: dropped": {"drop": True},
    "before its effect: 409": {"status": 409, "code": "SERVER_STATE_ILLEGAL"},
    "before its effect: 429": {"status": 429, "code": "TOO_MANY_REQUESTS"},
    "before its effect: 500": {"status": 500, "code": "SERVICE_ERROR"},
    "before its effect: 502 with a proxy's page": {"status": 502},
    "before its effect: 503": {"status": 503, "code": "SERVICE_UNAVAILABLE"},
    "after its effect: dropped": {"after_effect": True, "drop": True},
    "after its effect: no answer": {"after_effect": True, "timeout": True},
    "after its effect: 500": {"after_effect": True, "status": 500, "code": "SERVICE_ERROR"},
    "after its effect: 502 with a proxy's page": {"after_effect": True, "status": 502},
    "after its effect: truncated": {"after_effect": True, "truncate": 20},
}
"""The faults of a request, by name."""


class EverMade(dict[str, Server]):
    """The servers of a simulator. Also remembers the attempts of all deleted servers."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts: Counter[str] = Counter()

    def __setitem__(self, uuid: str, server: Server) -> None:
        if uuid not in self:
            self.attempts[server.labels.get(ATTEMPT, uuid)] += 1
        super().__setitem__(uuid, server)


@dataclass
class Watched:
    """A cloud that counts the created servers."""

    cloud: MovedCloud
    made: EverMade
    refused: list[str] = field(default_factory=list[str])
    """The errors that ended lives, by class."""

    @classmethod
    @asynccontextmanager
    async def open(cls, **options: Any) -> AsyncGenerator[Watched]:  # noqa: ANN401 - Simulator's own
        async with MovedCloud.open(**options) as cloud:
            cloud.sim.servers = made = EverMade()
            yield cls(cloud, made)

    def data_disk(self) -> str:
        """A disk of somebody else, without labels."""
        sim = self.cloud.sim
        disk = Storage(sim.new_uuid("storage"), "data", 10, zone="fi-hel1", tier="maxiops")
        sim.storages[disk.uuid] = disk
        return disk.uuid

    def check_empty(self, *, but: tuple[str, ...] = ()) -> None:
        """Check that nothing is left, and that no create made two servers."""
        sim = self.cloud.sim
        assert dict(sim.servers) == {}
        assert set(sim.storages) == set(but)
        assert all(count == 1 for count in self.made.attempts.values())


async def _live(watched: Watched, cloud: UpCloud, name: str, disk: str | None = None) -> None:
    try:
        async with cloud.servers.ephemeral(server_spec(name)) as server:
            if disk is not None:
                device = {"type": "disk", "address": "virtio", "storage": disk}
                path = f"/server/{server.uuid}/storage/attach"
                await cloud.request("POST", path, json={"storage_device": device})
    except UpCloudError as error:
        watched.refused.append(type(error).__name__)


async def alone(watched: Watched) -> None:
    """The life of one server."""
    async with watched.cloud.client(OWNER) as cloud:
        await _live(watched, cloud, "build-1")
    watched.check_empty()


async def pair(watched: Watched) -> None:
    """The lives of two servers at once, which share their reads."""
    async with watched.cloud.client(OWNER) as cloud, anyio.create_task_group() as group:
        for name in ("build-1", "build-2"):
            group.start_soon(_live, watched, cloud, name)
    watched.check_empty()


async def with_data_disk(watched: Watched) -> None:
    """The life of a server with an attached data disk of somebody else."""
    disk = watched.data_disk()
    async with watched.cloud.client(OWNER) as cloud:
        await _live(watched, cloud, "build-1", disk)
    watched.check_empty(but=(disk,))


LIVES: Final[dict[str, Callable[[Watched], Awaitable[None]]]] = {
    "alone": alone,
    "pair": pair,
    "with a data disk": with_data_disk,
}


async def requests_of(life: Callable[[Watched], Awaitable[None]], **options: Any) -> int:  # noqa: ANN401 - Simulator's
    """The number of requests of a life without faults."""
    async with Watched.open(**options) as watched:
        await life(watched)
        assert watched.refused == []
        return len(watched.cloud.requests())


async def hit(life: Callable[[Watched], Awaitable[None]], number: int, fault: dict[str, Any], **options: Any) -> None:  # noqa: ANN401 - Simulator's
    """Run a life with a fault at the request with this number, counted from 0."""
    async with Watched.open(**options) as watched:
        watched.cloud.sim.fail("*", skip=number, **fault)
        await life(watched)
