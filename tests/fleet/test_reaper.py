"""What can befall a reaper: lists that lag, labels that cannot be read, others who are quicker."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from tests.fleet.leased import abandoned, started
from tests.moved_time import MovedCloud, MovedTransport, server_spec
from upcloud_sdk import RetryPolicy, errors
from upcloud_sdk.events import Event, LeaseEvent
from upcloud_sdk.models.ownership import LEASE, OWNER, RUN
from upcloud_sdk.simulator.records.records import Storage

if TYPE_CHECKING:
    from upcloud_sdk import Server, UpCloud
    from upcloud_sdk.fleet.reap import ReapReport

pytestmark = pytest.mark.anyio


# --- the reaper -------------------------------------------------------------------------------------------------------


async def test_a_lease_that_cannot_be_read_is_reported_and_left_alone(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid = await abandoned(moved, monkeypatch)
    for value in ("", "soon", "2026-13-01T00:00:00Z", "1970-01-01", "-1"):
        moved.sim.servers[uuid].labels[LEASE] = value
        async with moved.client() as cloud:
            report = await cloud.leases.reap(exclusive=True)
            (lease, *_) = await cloud.leases.list()
        assert report.unreadable == (uuid,)
        assert report.servers == ()
        assert lease.ends is None


@pytest.mark.parametrize("far", ["9999-12-31T23:59:59Z", "9000-01-01T00:00:00Z"])
async def test_a_lease_that_ends_in_the_last_of_all_years_stops_no_other(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch, far: str
) -> None:
    uuid, other = await abandoned(moved, monkeypatch), await abandoned(moved, monkeypatch)
    moved.sim.servers[other].labels[LEASE] = far
    await moved.later(7200)
    async with moved.client() as cloud:
        report = await cloud.leases.reap()
    assert (report.servers, report.failed) == ((uuid,), {})
    assert other in report.spared
    assert list(moved.sim.servers) == [other]


async def test_a_grace_without_an_end_reaps_nothing(moved: MovedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    uuid = await abandoned(moved, monkeypatch)
    await moved.later(7200)
    async with moved.client() as cloud:
        for grace in (1e12, math.inf):
            assert uuid in (await cloud.leases.reap(grace=grace)).spared


class OldList(MovedTransport):
    """Shows the list of servers as it was once."""

    answer: httpx.Response | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        if (request.method, request.url.path) == ("GET", "/1.3/server"):
            self.answer = self.answer or answer
            return httpx.Response(200, headers=answer.headers, content=self.answer.content, request=request)
        return answer


async def test_a_list_that_lags_kills_nothing_that_was_renewed_since(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid = await abandoned(moved, monkeypatch)
    async with moved.client(transport=OldList(moved.sim, moved.clock)) as reaper, moved.client() as other:
        await reaper.leases.reap()
        await moved.later(700)
        await other.leases.take(uuid, 3600)
        report = await reaper.leases.reap()
    assert report.spared[:1] == (uuid,)
    assert uuid in moved.sim.servers


async def test_a_server_that_is_taken_while_the_reaper_waits_for_it_is_spared(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid = await abandoned(moved, monkeypatch)
    async with moved.client() as reaper, moved.client() as other:
        await moved.later(700)
        async with anyio.create_task_group() as group:
            group.start_soon(reaper.leases.reap)
            await moved.later(1)  # It is told to stop by now, and says "started" for a while.
            await other.leases.take(uuid, 3600)
    assert uuid in moved.sim.servers


async def test_two_reapers_at_once_are_no_trouble_to_each_other(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await abandoned(moved, monkeypatch)
    async with moved.client() as first, moved.client() as second:
        reports: list[ReapReport] = []
        async with anyio.create_task_group() as group:

            async def reap(cloud: UpCloud) -> None:
                reports.append(await cloud.leases.reap(exclusive=True))

            group.start_soon(reap, first)
            group.start_soon(reap, second)
    assert [report.failed for report in reports] == [{}, {}]
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}


async def test_what_fails_for_one_server_stops_no_other(moved: MovedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = await abandoned(moved, monkeypatch)
    good = await abandoned(moved, monkeypatch)
    moved.sim.fail(f"DELETE /server/{bad}", status=403, code="SERVER_FORBIDDEN", times=None)
    async with moved.client() as cloud:
        report = await cloud.leases.reap(exclusive=True)
    assert report.servers == (good,)
    assert list(report.failed) == [bad]
    assert "SERVER_FORBIDDEN" in report.failed[bad]
    assert list(moved.sim.servers) == [bad]


async def test_a_dry_run_destroys_nothing_and_says_what_it_would(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid = await abandoned(moved, monkeypatch)
    async with moved.client() as cloud:
        report = await cloud.leases.reap(exclusive=True, dry_run=True)
    assert report.servers == (uuid,)
    assert "would destroy 1 servers" in str(report)
    assert moved.sim.servers[uuid].state == "started"


async def test_a_reaper_that_is_cancelled_finishes_what_it_began_and_begins_no_more(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(15):
        await abandoned(moved, monkeypatch)
    async with moved.client() as cloud:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: cloud.leases.reap(exclusive=True))
                await moved.later(2)
                scope.cancel()
        await moved.later(60)
    assert len(moved.sim.servers) == 5
    assert {record.state for record in moved.sim.servers.values()} == {"started"}


async def test_half_of_a_destroy_is_finished_by_the_reaper(moved: MovedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process died between the two deletes: the disks are left."""
    uuid = await abandoned(moved, monkeypatch)
    async with moved.client("somebody-else") as other:
        await other.servers.stop(uuid, stop_type="hard")
        await other.servers.wait_for_state(uuid, "stopped", timeout=100)
        await other.servers.delete(uuid)
    (disk,) = moved.sim.storages
    async with moved.client() as cloud:
        assert (await cloud.leases.reap()).storages == ()
        report = await cloud.leases.reap(exclusive=True)
    assert report.storages == (disk,)
    assert moved.sim.storages == {}


async def test_what_is_attached_or_is_a_copy_is_never_reaped_as_a_disk(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        await cloud.leases.keep(uuid)
    over = {OWNER: "tests", RUN: "a-dead-run", LEASE: "2025-01-01T00:00:00Z"}
    (disk,) = moved.sim.storages.values()
    disk.labels |= over
    for number, kind in enumerate(("backup", "template")):
        copy = Storage(f"01000000-0000-4000-8000-00000000000{number}", kind, 10, type=kind, labels=dict(over))
        moved.sim.storages[copy.uuid] = copy
    async with moved.client() as cloud:
        report = await cloud.leases.reap(exclusive=True)
    assert report.storages == ()
    assert len(moved.sim.storages) == 3


async def test_reaping_for_ever_survives_rounds_that_fail(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await abandoned(moved, monkeypatch)
    moved.sim.fail("GET /server", status=401, code="AUTHENTICATION_FAILED", times=2)
    with caplog.at_level(logging.INFO, logger="upcloud_sdk"):
        async with moved.client() as cloud, anyio.create_task_group() as group:
            group.start_soon(cloud.leases.reap_forever)
            await moved.later(1000)
            group.cancel_scope.cancel()
    assert moved.sim.servers == {}
    assert caplog.text.count("this round failed") == 2
    assert "destroyed 1 servers" in caplog.text


async def test_reaping_for_ever_ends_with_its_client(moved: MovedCloud) -> None:
    ended: list[str] = []

    async def reap() -> None:
        with pytest.raises(errors.NotOpen):
            await cloud.leases.reap_forever()
        ended.append("reaper")

    async with anyio.create_task_group() as group, moved.client() as cloud:
        group.start_soon(reap)
        await moved.later(10)
    assert ended == ["reaper"]


async def left(moved: MovedCloud, name: str = "build-1", *, lease: float | None = 600, owner: str = "tests") -> Server:
    """A server that runs, whose holder has died."""
    async with moved.client(owner) as dead:
        server = await dead.servers.create(server_spec(name), lease=lease)
        await dead.servers.wait_for_state(server.uuid, "started", timeout=60)
    return server


async def test_a_round_says_what_it_did(moved: MovedCloud) -> None:
    server = await left(moved)
    events: list[Event] = []
    async with moved.client(on_event=events.append) as cloud:
        await moved.waits.clock.sleep(700)
        report = await cloud.leases.reap()
    assert report.servers == (server.uuid,)
    assert (report.storages, report.spared, report.unreadable, report.failed) == ((), (), (), {})
    assert str(report) == (
        "reaper of tests: destroyed 1 servers and 0 disks, spared 0, 0 with an unreadable lease, 0 failed"
    )
    assert [each.uuid for each in events if isinstance(each, LeaseEvent) and each.happened == "reaped"] == [server.uuid]
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}


@pytest.mark.parametrize(
    ("seconds", "grace", "taken"), [(590, 0, False), (601, 0, True), (650, 60, False), (661, 60, True)]
)
async def test_a_lease_is_over_when_its_end_and_the_grace_have_passed(
    moved: MovedCloud, seconds: float, grace: float, taken: bool
) -> None:
    began = moved.hand.now()
    server = await left(moved)
    moved.hand.advance(began + seconds - moved.hand.now())
    async with moved.client() as cloud:
        report = await cloud.leases.reap(grace=grace)
    assert report.servers == ((server.uuid,) if taken else ())
    assert (server.uuid in report.spared) is not taken


async def test_a_list_that_fails_is_the_error_of_a_round(moved: MovedCloud) -> None:
    moved.sim.fail("GET /server", status=500, code="SERVICE_ERROR", times=None)
    async with moved.client(retry=RetryPolicy(attempts=1)) as cloud:
        with pytest.raises(errors.ServerFault):
            await cloud.leases.reap()


@pytest.mark.parametrize("every", [0, -1, float("nan")])
async def test_reap_forever_needs_a_pace(moved: MovedCloud, every: float) -> None:
    async with moved.client() as cloud:
        with pytest.raises(ValueError, match="must be above 0 seconds"):
            await cloud.leases.reap_forever(every=every)
    assert moved.requests() == []
