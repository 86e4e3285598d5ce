"""A holder whose lease is lost is told; what somebody kept or took in the meantime is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from tests.fleet.leased import fleet_of, started
from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import errors
from upcloud_sdk.events import Event, LeaseEvent
from upcloud_sdk.models.ownership import LEASE, OWNER, RUN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from upcloud_sdk import UpCloud

    Deed = Callable[[MovedCloud, UpCloud, str], Awaitable[None]]

pytestmark = pytest.mark.anyio


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


@pytest.mark.parametrize("deed", DEEDS)
async def test_a_block_is_cancelled_when_its_lease_is_lost(moved: MovedCloud, deed: Deed) -> None:
    uuids: list[str] = []
    ended: list[str] = []

    async def live(cloud: UpCloud) -> None:
        async with cloud.servers.ephemeral(server_spec(), lease=600) as server:
            uuids.append(server.uuid)
            try:
                await anyio.sleep_forever()
            finally:
                ended.append("block")

    async with moved.client() as cloud, moved.client("somebody") as other, anyio.create_task_group() as group:

        async def hold() -> None:
            with pytest.raises(errors.LeaseLost) as caught:
                await live(cloud)
            assert caught.value.uuid == uuids[0]
            ended.append("told")

        group.start_soon(hold)
        await moved.later(60)
        await deed(moved, other, uuids[0])
        await moved.later(700)
        assert ended == ["block", "told"]
        moved.sim.faults.clear()
    if deed in {reaped, unreachable}:
        assert moved.sim.servers == {}
        assert moved.sim.storages == {}
    else:
        assert moved.sim.servers[uuids[0]].state == "started"


@pytest.mark.parametrize("deed", DEEDS)
async def test_or_a_callable_is_told_once_and_the_block_goes_on(moved: MovedCloud, deed: Deed) -> None:
    told: list[errors.LeaseLost] = []
    events: list[Event] = []
    async with (
        moved.client(on_event=events.append) as cloud,
        moved.client("somebody") as other,
        cloud.servers.ephemeral(server_spec(), lease=600, on_lease_lost=told.append) as server,
    ):
        await deed(moved, other, server.uuid)
        await moved.later(2000)
        moved.sim.faults.clear()
    assert [lost.uuid for lost in told] == [server.uuid]
    assert sum(isinstance(each, LeaseEvent) and each.happened == "lost" for each in events) == 1


async def test_the_holder_of_a_create_and_of_a_take_is_told_too(moved: MovedCloud) -> None:
    told: list[errors.LeaseLost] = []
    async with moved.client() as cloud, moved.client("somebody") as other:
        first = await cloud.servers.create(server_spec(), lease=600, on_lease_lost=told.append)
        second = await started(cloud, lease=None)
        await cloud.leases.take(second, 600, on_lease_lost=told.append)
        for uuid in (first.uuid, second):
            await other.leases.take(uuid, 6000)
        await moved.later(700)
    assert sorted(lost.uuid for lost in told) == sorted([first.uuid, second])


async def test_a_callable_that_fails_ends_nothing(moved: MovedCloud, caplog: pytest.LogCaptureFixture) -> None:
    def fail(lost: errors.LeaseLost) -> None:
        raise RuntimeError("mine")

    async with moved.client() as cloud, moved.client("somebody") as other:
        first = await cloud.servers.create(server_spec(), lease=600, on_lease_lost=fail)
        second = await started(cloud)
        await other.servers.destroy(first.uuid)
        await moved.later(2000)
        assert moved.sim.servers[second].labels[OWNER] == "tests"
        assert (await other.leases.list("tests"))[0].uuid == second
    assert "mine" in caplog.text


async def test_what_is_no_way_to_be_told_is_refused(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        with pytest.raises(ValueError, match="on_lease_lost is 'shout'"):
            async with cloud.servers.ephemeral(server_spec(), on_lease_lost="shout"):  # type: ignore[arg-type]  # on purpose
                raise AssertionError("refused")
    assert moved.requests() == []


@pytest.mark.parametrize("by_whom", ["this client", "another process"])
async def test_what_is_kept_inside_the_block_is_there_after_it_as_it_was(moved: MovedCloud, by_whom: str) -> None:
    async with moved.client() as cloud, moved.client("somebody") as other:
        async with cloud.servers.ephemeral(server_spec()) as server:
            await (cloud if by_whom == "this client" else other).leases.keep(server.uuid)
        assert moved.sim.servers[server.uuid].state == "started"
        assert LEASE not in moved.sim.servers[server.uuid].labels
        assert len(moved.sim.storages) == 1
        await moved.later(7200)
        await cloud.leases.reap(exclusive=True)
    assert moved.sim.servers[server.uuid].state == "started"
    assert moved.count("POST /server/[^/]+/stop") == 0


async def test_what_is_taken_inside_the_block_is_its_takers(moved: MovedCloud) -> None:
    async with moved.client() as cloud, moved.client("somebody") as other:
        async with cloud.servers.ephemeral(server_spec()) as server:
            await other.leases.take(server.uuid, 3600)
        assert moved.sim.servers[server.uuid].state == "started"
        await other.servers.destroy(server.uuid)
    assert moved.sim.storages == {}


async def test_what_is_kept_while_it_is_being_stopped_is_started_again(moved: MovedCloud) -> None:
    uuids: list[str] = []
    async with moved.client() as cloud, moved.client("somebody") as other, anyio.create_task_group() as group:
        inside, leave = anyio.Event(), anyio.Event()

        async def live() -> None:
            async with cloud.servers.ephemeral(server_spec()) as server:
                uuids.append(server.uuid)
                inside.set()
                await leave.wait()

        group.start_soon(live)
        await inside.wait()
        leave.set()
        await moved.later(1)
        await other.leases.keep(uuids[0])
    assert moved.sim.servers[uuids[0]].state == "started"


async def test_an_error_of_the_body_comes_out_as_it_is_though_the_lease_is_lost(moved: MovedCloud) -> None:
    async with moved.client() as cloud, moved.client("somebody") as other:

        async def live() -> None:
            async with cloud.servers.ephemeral(server_spec(), on_lease_lost=lambda _: None) as server:
                await other.servers.destroy(server.uuid)
                raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            await live()


# --- what a client remembers ------------------------------------------------------------------------------------------


async def test_what_others_destroyed_is_forgotten(moved: MovedCloud) -> None:
    async with moved.client() as cloud, moved.client("somebody") as other:
        uuids = [await started(cloud) for _ in range(3)]
        unleased = await started(cloud, lease=None)
        records = fleet_of(cloud).records
        assert len(records) == 4
        for uuid in (*uuids, unleased):
            await other.servers.destroy(uuid)
        await moved.later(700)
        with pytest.raises(errors.NotFound):
            await cloud.servers.wait_for_state(unleased, "started", timeout=60)
        assert len(records) == 0


async def test_memory_is_flat_over_a_hundred_thousand_leases(moved: MovedCloud) -> None:
    """Counted in what is kept; each lease is taken, renewed and let go."""
    from upcloud_sdk.fleet.records import Record, State  # noqa: PLC0415 - of this test alone

    async with moved.client() as cloud:
        uuid = await started(cloud)
        fleet = fleet_of(cloud)
        held = fleet.records.get(uuid)
        assert held is not None
        for number in range(100_000):
            record = Record(f"server-{number}", attempt=f"{number}", seconds=600, ends=held.ends)
            fleet.renewal.hold(record)
            fleet.records.set(record, State.ENDING)
            fleet.records.drop(record)
        assert len(fleet.records) == 1
        assert list(fleet.records.held) == [uuid]
        assert not fleet.records.is_attempt_held("99999")
        for number in range(20_000):
            fleet.renewal.hold(Record(f"for-good-{number}", attempt=f"{number}"))
        assert len(fleet.records) <= 10_001
