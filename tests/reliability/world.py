"""A cloud with resources that must survive, and successive processes that run the steps of a random program."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel

from tests.moved_time import MovedCloud, MovedTransport, server_spec
from tests.reliability.lives import OWNER, Watched
from upcloud_sdk._identity import RUN
from upcloud_sdk.errors import UpCloudError
from upcloud_sdk.models.ownership import ATTEMPT, LEASE
from upcloud_sdk.simulator.records.records import Device

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    import httpx
    from anyio.abc import TaskGroup

    from upcloud_sdk import UpCloud


class Cable(MovedTransport):
    """The transport of one process. It sends nothing after the process is killed."""

    dead = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.dead:
            await anyio.sleep_forever()
        answer = await super().handle_async_request(request)
        if self.dead:
            await anyio.sleep_forever()
        return answer


@dataclass
class Doing:
    """One of the program's concurrent operations."""

    what: str
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    leave: anyio.Event = field(default_factory=anyio.Event)
    done: bool = False


class World:
    """The cloud, the running process, and the state of the program."""

    def __init__(self, watched: Watched, group: TaskGroup) -> None:
        self.watched, self.group = watched, group
        self.moved: MovedCloud = watched.cloud
        self.sim = watched.cloud.sim
        self.doing: list[Doing] = []
        self.problems: list[BaseException] = []
        self.returned: dict[str, bool] = {}
        """The created servers, and whether each has a lease."""
        self.touched: set[str] = set()
        """Servers with a requested destroy or a failed change of the lease."""
        self.kept: set[str] = set()
        self.spared_disks: set[str] = set()
        self.excused: set[str] = set()
        """Attempts without a lease that were running when their process was killed. Nobody can find their servers."""
        self.protected: set[str] = set()
        self.runs = 0

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncGenerator[World]:
        """Create a world and start its first process."""
        async with Watched.open(boot_seconds=33, stop_seconds=16) as watched, anyio.create_task_group() as group:
            world = cls(watched, group)
            await world.found()
            await world.begin_process()
            yield world
            group.cancel_scope.cancel()

    async def found(self) -> None:
        """Create the resources that must still exist at the end."""
        disk = self.watched.data_disk()
        RUN.id = "somebody"
        async with self.moved.client("somebody-else") as other:
            theirs = await other.servers.create(server_spec("theirs"), lease=60)
            for_good = await other.servers.create(server_spec("for-good"))
            await other.servers.wait_for_state(theirs.uuid, "started", timeout=100)
            device = {"type": "disk", "address": "virtio", "storage": disk}
            await other.request("POST", f"/server/{theirs.uuid}/storage/attach", json={"storage_device": device})
        async with self.moved.client(OWNER) as mine:
            unleased = await mine.servers.create(server_spec("unleased"))
        self.protected = {theirs.uuid, for_good.uuid, unleased.uuid, *self.sim.storages, self.watched.data_disk()}
        self.moved.clock.until = self.moved.hand.now()

    # --- processes ----------------------------------------------------------------------------------------------------

    async def begin_process(self) -> None:
        """Start a new process of the same owner."""
        self.runs += 1
        RUN.id = f"run-{self.runs}"
        self.cable = Cable(self.sim, self.moved.clock)
        self.cloud: UpCloud = self.moved.client(OWNER, transport=self.cable, close_timeout=0)
        self.life = AsyncExitStack()
        ready = anyio.Event()
        self.over, self.ended = anyio.Event(), anyio.Event()

        async def live() -> None:
            try:
                async with self.cloud:
                    ready.set()
                    await self.over.wait()
            except UpCloudError:
                pass  # The error names the unfinished work.
            finally:
                self.ended.set()

        self.group.start_soon(live)
        await ready.wait()

    async def kill(self) -> None:
        """End the process like SIGKILL: it sends no further request."""
        unleased = (server for server in self.sim.servers.values() if LEASE not in server.labels)
        self.excused |= {server.labels.get(ATTEMPT, "") for server in unleased if server.uuid not in self.returned}
        self.excused |= {
            server.labels.get(ATTEMPT, "") for server in self.sim.servers.values() if server.uuid in self.touched
        }
        self.cable.dead = True
        for doing in self.doing:
            doing.scope.cancel()
        self.over.set()
        await self.ended.wait()
        self.doing.clear()
        await self.begin_process()

    # --- steps of a program -------------------------------------------------------------------------------------------

    def do(self, what: str, work: Callable[[Doing], Awaitable[object]]) -> None:
        """Start an operation."""
        doing = Doing(what)
        self.doing.append(doing)

        async def run() -> None:
            try:
                with doing.scope:
                    await work(doing)
            except UpCloudError:
                pass  # An error is a valid result too.
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a defect
                self.problems.append(error)
            finally:
                doing.done = True

        self.group.start_soon(run)

    def create(self, *, lease: bool) -> None:
        async def create(_: Doing) -> None:
            server = await self.cloud.servers.create(server_spec(), lease=600 if lease else None)
            self.returned[server.uuid] = lease
            self._attach_data_disk(server.uuid)

        self.do("create", create)

    def _attach_data_disk(self, uuid: str) -> None:
        """Attach a disk of somebody else to a server of this program."""
        disk = self.watched.data_disk()
        self.protected.add(disk)
        self.sim.storages[disk].servers.append(uuid)
        self.sim.servers[uuid].devices.append(Device("virtio:1", "disk", disk))

    def block(self) -> None:
        async def live(doing: Doing) -> None:
            async with self.cloud.servers.ephemeral(server_spec(), lease=600) as server:
                self.touched.add(server.uuid)
                self._attach_data_disk(server.uuid)
                await doing.leave.wait()

        self.do("block", live)

    def destroy(self, uuid: str, storages: Any) -> None:  # noqa: ANN401 - a literal
        self.touched.add(uuid)
        self.kept.discard(uuid)
        server = self.sim.servers.get(uuid)
        disks: set[str] = set() if server is None else {device.storage for device in server.devices}
        if storages == "none":
            self.spared_disks |= disks
        if storages == "all":
            self.protected -= disks
        self.do("destroy", lambda _: self.cloud.servers.destroy(uuid, storages=storages, timeout=120))

    def keep(self, uuid: str) -> None:
        async def keep(_: Doing) -> None:
            await self.cloud.leases.keep(uuid)
            if uuid not in self.touched:
                self.kept.add(uuid)

        self.do("keep", keep)

    def take(self, uuid: str) -> None:
        async def take(_: Doing) -> None:
            await self.cloud.leases.take(uuid, 600)
            self.kept.discard(uuid)
            self.returned[uuid] = True

        self.touched.add(uuid)
        self.do("take", take)

    def reap(self, *, exclusive: bool) -> None:
        self.do("reap", lambda _: self.cloud.leases.reap(exclusive=exclusive))

    async def later(self, seconds: float) -> None:
        """Let time pass."""
        clock = self.moved.clock
        clock.until = self.moved.hand.now() + seconds
        await clock.sleep(seconds)
        await self.settle()

    @staticmethod
    async def settle() -> None:
        """Let all tasks run until they wait for the clock."""
        for _ in range(200):
            await anyio.lowlevel.checkpoint()

    # --- checks -------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Check what must always hold."""
        assert self.problems == []
        assert self.protected <= {*self.sim.servers, *self.sim.storages}
        assert all(count == 1 for count in self.watched.made.attempts.values())
        for uuid in self.kept:
            assert uuid in self.sim.servers

    async def end(self) -> None:
        """Check the end, after all faults and waits: permanent resources exist, and nothing else."""
        self.sim.faults.clear()
        self.sim.hide_from_lists(0)
        for doing in self.doing:
            doing.leave.set()
        await self.later(900)
        assert all(doing.done for doing in self.doing)
        self.check()
        for uuid, leased in self.returned.items():
            # Held servers that nobody changed exist, and their leases are renewed.
            if leased and uuid not in self.touched and self.runs == 1:
                assert uuid in self.sim.servers
        await self.kill()
        await self.later(2000)
        self.reap(exclusive=True)
        await self.later(900)
        self.reap(exclusive=True)
        await self.later(900)
        self.check()
        self._check_that_nothing_else_is_left()

    def _check_that_nothing_else_is_left(self) -> None:
        for server in self.sim.servers.values():
            if server.uuid in self.protected or server.labels.get(ATTEMPT) in self.excused:
                continue
            assert LEASE not in server.labels
            assert server.uuid in self.returned
        attempts = {server.labels.get(ATTEMPT) for server in self.sim.servers.values()} | self.excused
        for disk in self.sim.storages.values():
            if ATTEMPT in disk.labels and disk.uuid not in self.protected | self.spared_disks:
                assert disk.labels[ATTEMPT] in attempts
