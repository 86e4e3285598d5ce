"""A reap at the same time as a keep, take, renewal or destroy, with an overlap at each request of either."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import anyio
import pytest

from tests.fleet.leased import abandoned, fleet_of, left
from tests.moved_time import MovedCloud, MovedTransport, server_spec
from upcloud_sdk import errors
from upcloud_sdk.events import Event, LeaseEvent
from upcloud_sdk.models.ownership import LEASE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from upcloud_sdk import UpCloud

    Deed = Callable[[UpCloud, str], Awaitable[object]]

pytestmark = pytest.mark.anyio

WHENS = ["before", "after", "beside"]
WHOSE = ["at each request of the reap", "at each of theirs"]


class Meeting(MovedTransport):
    """Runs an operation before or after the request with this number, or starts it then."""

    def __init__(self, moved: MovedCloud, number: int, when: str) -> None:
        super().__init__(moved.sim, moved.clock)
        self.number, self.when, self._moved = number, when, moved
        self.sent: list[tuple[int, str]] = []
        """The number of this request among those of all clients, and its method and path."""
        self._deed: Callable[[], Awaitable[object]] | None = None
        self._done = anyio.Event()
        self.was_met = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        is_met = self._deed is not None and len(self.sent) == self.number
        self.was_met = self.was_met or is_met
        deed = self._deed if is_met else None
        if deed is not None and self.when == "before":
            await self._act(deed)
        self.sent.append((len(self._moved.sim.requests), f"{request.method} {request.url.path.removeprefix('/1.3')}"))
        if deed is not None and self.when == "beside":
            async with anyio.create_task_group() as group:
                group.start_soon(self._act, deed)
                return await super().handle_async_request(request)
        answer = await super().handle_async_request(request)
        if deed is not None and self.when == "after":
            await self._act(deed)
        return answer

    def begin(self, deed: Callable[[], Awaitable[object]]) -> None:
        """Run the operation when the request comes, from now on."""
        self._deed = deed

    async def end(self) -> None:
        """Run the operation now if the request never came. Returns when it is done."""
        deed, self._deed = self._deed, None
        if self.was_met:
            await self._done.wait()
        elif deed is not None:
            await deed()

    async def _act(self, deed: Callable[[], Awaitable[object]]) -> None:
        await deed()
        self._done.set()

    def looked_after(self, number: int, uuid: str) -> bool:
        """Whether the reaper read a server after this request of any client and before its delete."""
        deletes = [at for at, call in self.sent if call == f"DELETE /server/{uuid}"]
        looks = [at for at, call in self.sent if call == f"GET /server/{uuid}"]
        return any(number < at < min(deletes) for at in looks) if deletes else False


class Case:
    """An abandoned server, a reaper, and an operation of another client on the server."""

    def __init__(self, moved: MovedCloud, number: int, when: str, *, reaper_is_met: bool) -> None:
        self.moved, self._reaper_is_met = moved, reaper_is_met
        self.met = Meeting(moved, number, when)
        self._unmet = Meeting(moved, -1, "after")
        self.reaper, self.other = (self.met, self._unmet) if reaper_is_met else (self._unmet, self.met)
        self.failure: errors.UpCloudError | None = None

    async def run(self, deed: Deed, uuid: str, reaper: UpCloud, other: UpCloud) -> None:
        """Run both at the same time."""

        async def do() -> None:
            try:
                await deed(other, uuid)
            except errors.UpCloudError as error:
                self.failure = error

        async def reap() -> None:
            report = await reaper.leases.reap()
            assert report.failed == {}

        first, second = (reap, do) if self._reaper_is_met else (do, reap)
        self.met.begin(second)
        await first()
        await self.met.end()

    def was_too_late(self, uuid: str) -> bool:
        """Whether the labels of a server were changed between the reaper's last look at it and its DELETE.

        See docs/reliability.md, "What is not promised".
        """
        changed = self.moved.requests().index(f"PUT /server/{uuid}")
        return not self.reaper.looked_after(changed, uuid)


async def keep(cloud: UpCloud, uuid: str) -> None:
    await cloud.leases.keep(uuid)


async def take(cloud: UpCloud, uuid: str) -> object:
    return await cloud.leases.take(uuid, 600)


async def destroy(cloud: UpCloud, uuid: str) -> None:
    await cloud.servers.destroy(uuid)


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("reaper_is_met", [True, False], ids=WHOSE)
@pytest.mark.parametrize("deed", [keep, take, destroy])
async def test_a_reap_at_the_same_time_as_another_operation_keeps_the_promises(
    monkeypatch: pytest.MonkeyPatch, deed: Deed, reaper_is_met: bool, when: str
) -> None:
    for number in itertools.count():
        async with MovedCloud.open(boot_seconds=3, stop_seconds=2) as moved:
            uuid = await abandoned(moved, monkeypatch)
            await moved.later(700)
            case = Case(moved, number, when, reaper_is_met=reaper_is_met)
            async with moved.client(transport=case.reaper) as reaper, moved.client(transport=case.other) as other:
                await case.run(deed, uuid, reaper, other)
                check(moved, uuid, deed, case)
                await moved.later(2000)
                await reaper.leases.reap()
                check(moved, uuid, deed, case)
        if not case.met.was_met:
            assert number > 2
            return


def check(moved: MovedCloud, uuid: str, deed: Deed, case: Case) -> None:
    """Check the promises after both operations, now and later."""
    if deed is destroy or uuid not in moved.sim.servers:
        assert moved.sim.servers == {}
        assert moved.sim.storages == {}
        if deed is destroy:
            assert case.failure is None
        else:
            assert isinstance(case.failure, errors.NotFound) or case.was_too_late(uuid)
        return
    assert case.failure is None
    server = moved.sim.servers[uuid]
    assert server.state == "started"
    (disk,) = moved.sim.storages.values()
    assert (LEASE in server.labels) == (LEASE in disk.labels) == (deed is take)
    assert deed is keep or left(moved, uuid) > 0


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("reaper_is_met", [True, False], ids=WHOSE)
async def test_a_reap_at_the_same_time_as_a_late_renewal_keeps_the_promises(reaper_is_met: bool, when: str) -> None:
    """Either the lease is renewed and the server runs, or the server is gone and its holder gets `LeaseLost`."""
    for number in itertools.count():
        async with MovedCloud.open(boot_seconds=3, stop_seconds=2) as moved:
            case = Case(moved, -1, when, reaper_is_met=reaper_is_met)
            renewals: list[Event] = []
            told: list[errors.LeaseLost] = []

            async def renew(cloud: UpCloud, uuid: str, renewals: list[Event] = renewals) -> None:
                record, before = fleet_of(cloud).records.get(uuid), len(renewals)
                assert record is not None
                record.due = 0.0
                fleet_of(cloud).renewal._wake.set()  # pyright: ignore[reportPrivateUsage]  # a machine sleeps long
                while len(renewals) == before:
                    await cloud._core.waits.clock.sleep(0.1)  # pyright: ignore[reportPrivateUsage]  # the moved one

            def hear(event: Event, renewals: list[Event] = renewals) -> None:
                if isinstance(event, LeaseEvent):
                    renewals.append(event)

            holder = moved.client(transport=case.other, on_event=hear)
            async with moved.client(transport=case.reaper) as reaper, holder:
                server = await holder.servers.create(server_spec(), lease=600, on_lease_lost=told.append)
                await holder.servers.wait_for_state(server.uuid, "started", timeout=100)
                record = fleet_of(holder).records.get(server.uuid)
                assert record is not None
                record.written.append("2025-01-01T00:00:00Z")
                moved.sim.servers[server.uuid].labels[LEASE] = record.written[-1]
                case.met.number = len(case.met.sent) + number
                await case.run(renew, server.uuid, reaper, holder)
                await moved.later(2000)
                await reaper.leases.reap()
                if told:
                    assert moved.sim.servers == {}
                    assert moved.sim.storages == {}
                else:
                    assert moved.sim.servers[server.uuid].state == "started"
                    assert left(moved, server.uuid) > 0
        if not case.met.was_met:
            assert number > 1
            return
