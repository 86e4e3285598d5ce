"""The holder of a lost lease gets `LeaseLost`. Servers that somebody else kept or took are not destroyed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from tests.fleet.deeds import DEEDS, reaped, unreachable
from tests.fleet.leased import fleet_of, left, running_block, started
from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import errors
from upcloud_sdk.events import Event, LeaseEvent
from upcloud_sdk.models.ownership import LEASE, OWNER, RUN

if TYPE_CHECKING:
    from tests.fleet.deeds import Deed
    from upcloud_sdk import UpCloud

pytestmark = pytest.mark.anyio


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
async def test_on_lease_lost_is_called_once_and_the_block_continues(moved: MovedCloud, deed: Deed) -> None:
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


async def test_on_lease_lost_of_create_and_take_is_called_too(moved: MovedCloud) -> None:
    told: list[errors.LeaseLost] = []
    async with moved.client() as cloud, moved.client("somebody") as other:
        first = await cloud.servers.create(server_spec(), lease=600, on_lease_lost=told.append)
        second = await started(cloud, lease=None)
        await cloud.leases.take(second, 600, on_lease_lost=told.append)
        for uuid in (first.uuid, second):
            await other.leases.take(uuid, 6000)
        await moved.later(700)
    assert sorted(lost.uuid for lost in told) == sorted([first.uuid, second])


async def test_a_failing_on_lease_lost_has_no_effect(moved: MovedCloud, caplog: pytest.LogCaptureFixture) -> None:
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


async def test_an_on_lease_lost_that_cannot_be_called_is_refused(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        with pytest.raises(ValueError, match="on_lease_lost is 'shout'"):
            async with cloud.servers.ephemeral(server_spec(), on_lease_lost="shout"):  # type: ignore[arg-type]  # on purpose
                raise AssertionError("refused")
    assert moved.requests() == []


@pytest.mark.parametrize("by_whom", ["this client", "another process"])
async def test_a_server_that_was_kept_inside_the_block_exists_unchanged_after_it(
    moved: MovedCloud, by_whom: str
) -> None:
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


async def test_a_server_that_this_client_kept_exists_after_the_block_even_if_its_labels_were_replaced(
    moved: MovedCloud,
) -> None:
    async with moved.client() as cloud, cloud.servers.ephemeral(server_spec()) as server:
        await cloud.leases.keep(server.uuid)
        moved.sim.servers[server.uuid].labels = {"team": "a"}
    assert moved.sim.servers[server.uuid].state == "started"


async def test_a_server_that_was_taken_inside_the_block_exists_after_it(moved: MovedCloud) -> None:
    async with moved.client() as cloud, moved.client("somebody") as other:
        async with cloud.servers.ephemeral(server_spec()) as server:
            await other.leases.take(server.uuid, 3600)
        assert moved.sim.servers[server.uuid].state == "started"
        await other.servers.destroy(server.uuid)
    assert moved.sim.storages == {}


async def test_a_server_that_is_kept_during_its_stop_is_started_again(moved: MovedCloud) -> None:
    async with moved.client() as cloud, moved.client("somebody") as other, running_block(cloud) as block:
        block.leave.set()
        await moved.later(1)
        await other.leases.keep(block.uuid)
        await moved.later(100)
        assert (await other.servers.get(block.uuid)).state == "started"


async def test_an_error_of_the_body_is_raised_unchanged_even_if_the_lease_is_lost(moved: MovedCloud) -> None:
    async with moved.client() as cloud, moved.client("somebody") as other:

        async def live() -> None:
            async with cloud.servers.ephemeral(server_spec(), on_lease_lost=lambda _: None) as server:
                await other.servers.destroy(server.uuid)
                raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            await live()


# --- records of a client ----------------------------------------------------------------------------------------------


async def test_the_record_of_a_server_that_others_destroyed_is_removed(moved: MovedCloud) -> None:
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


async def test_twenty_thousand_leases_leave_nothing_in_memory(moved: MovedCloud) -> None:
    """Counts the stored objects. Each lease is taken, renewed and released."""
    from upcloud_sdk.fleet.records.records import Record, State  # noqa: PLC0415 - of this test alone

    async with moved.client() as cloud:
        uuid = await started(cloud)
        fleet = fleet_of(cloud)
        held = fleet.records.get(uuid)
        assert held is not None
        for number in range(20_000):
            record = Record(f"server-{number}", attempt=f"{number}", seconds=600, ends=held.ends)
            fleet.renewal.hold(record)
            fleet.records.set(record, State.ENDING)
            fleet.records.drop(record)
        assert len(fleet.records) == 1
        assert list(fleet.records.held) == [uuid]
        assert not fleet.records.is_attempt_held("19999")
        for number in range(12_000):
            fleet.renewal.hold(Record(f"for-good-{number}", attempt=f"{number}"))
            fleet.records.set(Record(f"lost-{number}", attempt=f"{number}"), State.LOST)
        assert len(fleet.records) <= 10_001


# --- changes that only the labels show --------------------------------------------------------------------------------


async def test_a_server_taken_by_another_run_of_the_same_owner_is_kept(moved: MovedCloud) -> None:
    async with moved.client() as cloud, cloud.servers.ephemeral(server_spec()) as server:
        moved.sim.servers[server.uuid].labels |= {RUN: "another-run", LEASE: "2030-01-01T00:00:00Z"}
    assert moved.sim.servers[server.uuid].state == "started"


@pytest.mark.parametrize("by_whom", ["this client", "another client of this process"])
async def test_a_server_taken_by_another_client_of_this_process_inside_the_block_is_kept(
    moved: MovedCloud, by_whom: str
) -> None:
    async with moved.client() as cloud, moved.client() as other:
        taker = cloud if by_whom == "this client" else other
        async with cloud.servers.ephemeral(server_spec()) as server:
            await taker.leases.take(server.uuid, 600)
        await moved.later(3600)
        assert moved.sim.servers[server.uuid].state == "started"
        assert (await cloud.leases.reap()).servers == ()
        await taker.servers.destroy(server.uuid)
    assert moved.sim.storages == {}


async def test_the_holder_loses_its_lease_to_another_client_of_its_process(moved: MovedCloud) -> None:
    told: list[errors.LeaseLost] = []
    async with moved.client() as cloud, moved.client() as other:
        server = await cloud.servers.create(server_spec(), lease=600, on_lease_lost=told.append)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        await other.leases.take(server.uuid, 600)
        await moved.later(3600)
        assert (await cloud.leases.reap()).servers == ()
    assert [lost.uuid for lost in told] == [server.uuid]


async def test_a_server_whose_labels_somebody_replaced_is_still_destroyed(moved: MovedCloud) -> None:
    async with moved.client() as cloud, cloud.servers.ephemeral(server_spec()) as server:
        moved.sim.servers[server.uuid].labels = {"team": "a"}
    assert moved.sim.servers == {}


async def test_a_list_that_lags_does_not_keep_a_holder_from_destroying_its_server(moved: MovedCloud) -> None:
    """The list shows the end of the lease before its last renewal."""
    async with moved.client() as cloud, cloud.servers.ephemeral(server_spec(), lease=600) as server:
        old = moved.sim.servers[server.uuid].labels[LEASE]
        await moved.later(1000)
        assert moved.sim.servers[server.uuid].labels[LEASE] != old
        moved.sim.servers[server.uuid].labels[LEASE] = old
    assert moved.sim.servers == {}


async def test_failed_renewals_are_not_taken_for_a_lease_of_somebody_else(moved: MovedCloud) -> None:
    """After any number of failed renewals, the end in the label is still one that this client wrote."""
    told: list[errors.LeaseLost] = []
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec(), lease=7200, on_lease_lost=told.append)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        moved.sim.fail("PUT /server/*", status=503, times=None)
        await moved.later(7000)
        moved.sim.faults.clear()
        await moved.later(60)
        assert left(moved, server.uuid) > 7000
    assert told == []


async def test_a_kept_server_is_started_again_even_if_the_answer_to_the_stop_was_lost(moved: MovedCloud) -> None:
    async with moved.client() as cloud, moved.client("somebody") as other, running_block(cloud) as block:
        moved.sim.fail("POST /server/*/stop", drop=True, after_effect=True, times=2)
        block.leave.set()
        await moved.later(0.5)
        await other.leases.keep(block.uuid)
        await moved.later(100)
        assert (await other.servers.get(block.uuid)).state == "started"


async def test_a_stop_without_effect_does_not_delay_the_end_of_a_block_whose_server_was_kept(moved: MovedCloud) -> None:
    uuids: list[str] = []
    moved.sim.fail("POST /server/*/stop", status=200, body=b"{}", headers={"content-type": "application/json"})
    kept_at: list[float] = []
    ended: list[float] = []
    async with moved.client() as cloud, moved.client("somebody") as other, anyio.create_task_group() as group:

        async def live() -> None:
            async with cloud.servers.ephemeral(server_spec()) as server:
                uuids.append(server.uuid)
            ended.append(moved.hand.now())

        group.start_soon(live)
        while not uuids:
            await moved.later(0.5)
        kept_at.append(moved.hand.now())
        await other.leases.keep(uuids[0])
    assert ended[0] - kept_at[0] < 100
    assert moved.count("POST /server/[^/]+/start") == 0
    assert moved.sim.servers[uuids[0]].state == "started"


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancellation_at_the_moment_of_the_loss_stays_a_cancellation(moved: MovedCloud) -> None:
    import asyncio  # noqa: PLC0415 - of this event loop alone

    async with moved.client() as cloud:

        async def live() -> None:
            async with cloud.servers.ephemeral(server_spec()) as server:
                record = fleet_of(cloud).records.get(server.uuid)
                assert record is not None
                assert record.on_lost is not None
                record.on_lost(errors.LeaseLost(server.uuid, "lost"))
                current = asyncio.current_task()
                assert current is not None
                current.cancel()
                await anyio.sleep_forever()

        task = asyncio.create_task(live())
        await asyncio.wait([task])
        assert task.cancelled()
