"""Rounds of the reaper: due leases, reports, failures."""

from __future__ import annotations

import json
import logging
import math
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from tests.fleet.leased import abandoned, fleet_of, leftover, started
from tests.moved_time import MovedCloud, MovedTransport, server_spec
from upcloud_sdk import RetryPolicy, errors
from upcloud_sdk.events import Event, LeaseEvent
from upcloud_sdk.fleet.records.records import Record, State
from upcloud_sdk.models.ownership import ATTEMPT, LEASE, OWNER, RUN
from upcloud_sdk.simulator.records.records import Storage

if TYPE_CHECKING:
    from upcloud_sdk import Server, UpCloud
    from upcloud_sdk.fleet.reap import ReapReport

pytestmark = pytest.mark.anyio


async def test_a_server_with_an_unreadable_lease_is_reported_and_kept(
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


async def test_a_title_that_is_not_valid_text_hides_no_server_from_the_reaper(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid, other = await abandoned(moved, monkeypatch), await abandoned(moved, monkeypatch)

    class OddTitles(MovedTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await super().handle_async_request(request)
            content = answer.content.replace(b'"title":', rb'"odd \udead": "odd \ud800", "title":')
            return httpx.Response(answer.status_code, headers={"date": answer.headers["date"]}, content=content)

    await moved.later(7200)
    async with moved.client(transport=OddTitles(moved.sim, moved.clock)) as cloud:
        report = await cloud.leases.reap()
    assert set(report.servers) == {uuid, other}
    assert moved.sim.servers == {}


@pytest.mark.parametrize("far", ["9999-12-31T23:59:59Z", "9000-01-01T00:00:00Z"])
async def test_a_lease_that_ends_in_the_year_9999_does_not_stop_the_reaper(
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


async def test_an_infinite_grace_reaps_nothing(moved: MovedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    uuid = await abandoned(moved, monkeypatch)
    await moved.later(7200)
    async with moved.client() as cloud:
        for grace in (1e12, math.inf):
            assert uuid in (await cloud.leases.reap(grace=grace)).spared


async def test_two_concurrent_reapers_do_not_disturb_each_other(
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


async def test_a_failure_for_one_server_does_not_stop_the_others(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = await abandoned(moved, monkeypatch)
    good = await abandoned(moved, monkeypatch)
    moved.sim.fail(f"DELETE /server/{bad}", status=403, code="SERVER_FORBIDDEN", times=None)
    async with moved.client() as cloud:
        report = await cloud.leases.reap(exclusive=True)
    assert report.servers == (good,)
    assert list(report.failed) == [bad]
    assert "SERVER_FORBIDDEN" in report.failed[bad]
    assert list(moved.sim.servers) == [bad]


async def test_a_dry_run_destroys_nothing_and_reports_what_it_would_destroy(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid = await abandoned(moved, monkeypatch)
    async with moved.client() as cloud:
        report = await cloud.leases.reap(exclusive=True, dry_run=True)
    assert report.servers == (uuid,)
    assert "would destroy servers: 1" in str(report)
    assert moved.sim.servers[uuid].state == "started"


async def test_a_dry_run_reports_a_detached_disk_of_a_server_that_it_would_destroy(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid, disk = await abandoned(moved, monkeypatch), leftover(moved)
    disk.labels[ATTEMPT] = moved.sim.servers[uuid].labels[ATTEMPT]
    async with moved.client() as cloud:
        report = await cloud.leases.reap(exclusive=True, dry_run=True)
    assert (report.servers, report.storages) == ((uuid,), (disk.uuid,))


async def test_a_cancelled_reaper_completes_running_destroys_and_begins_no_others(
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


async def test_an_incomplete_destroy_is_completed_by_the_reaper(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process died between the two deletes, so the disks are left."""
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


async def test_reap_forever_continues_after_failed_rounds(
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
    assert "destroyed servers: 1" in caplog.text


async def test_reap_forever_ends_when_its_client_closes(moved: MovedCloud) -> None:
    ended: list[str] = []

    async def reap() -> None:
        with pytest.raises(errors.NotOpen):
            await cloud.leases.reap_forever()
        ended.append("reaper")

    async with anyio.create_task_group() as group, moved.client() as cloud:
        group.start_soon(reap)
        await moved.later(10)
    assert ended == ["reaper"]


async def left_alone(moved: MovedCloud) -> Server:
    """A running server whose holder has died."""
    async with moved.client() as dead:
        server = await dead.servers.create(server_spec(), lease=600)
        await dead.servers.wait_for_state(server.uuid, "started", timeout=60)
    return server


async def test_the_report_of_a_round_as_text_has_its_counts(moved: MovedCloud) -> None:
    server = await left_alone(moved)
    events: list[Event] = []
    async with moved.client(on_event=events.append) as cloud:
        await moved.waits.clock.sleep(700)
        report = await cloud.leases.reap()
    assert report.servers == (server.uuid,)
    assert (report.storages, report.spared, report.unreadable, report.failed) == ((), (), (), {})
    assert str(report) == (
        "reaper of tests: destroyed servers: 1, disks: 0; spared: 0; with an unreadable lease: 0; failed: 0"
    )
    assert [each.uuid for each in events if isinstance(each, LeaseEvent) and each.happened == "reaped"] == [server.uuid]
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}


@pytest.mark.parametrize(
    ("seconds", "grace", "taken"), [(590, 0, False), (601, 0, True), (650, 60, False), (661, 60, True)]
)
async def test_a_lease_is_reaped_after_its_end_and_the_grace(
    moved: MovedCloud, seconds: float, grace: float, taken: bool
) -> None:
    began = moved.hand.now()
    server = await left_alone(moved)
    moved.hand.advance(began + seconds - moved.hand.now())
    async with moved.client() as cloud:
        report = await cloud.leases.reap(grace=grace)
    assert report.servers == ((server.uuid,) if taken else ())
    assert (server.uuid in report.spared) is not taken


async def test_a_failed_list_is_the_error_of_a_round(moved: MovedCloud) -> None:
    moved.sim.fail("GET /server", status=500, code="SERVICE_ERROR", times=None)
    async with moved.client(retry=RetryPolicy(attempts=1)) as cloud:
        with pytest.raises(errors.ServerFault):
            await cloud.leases.reap()


@pytest.mark.parametrize("every", [0, -1, float("nan")])
async def test_reap_forever_refuses_a_pause_of_zero(moved: MovedCloud, every: float) -> None:
    async with moved.client() as cloud:
        with pytest.raises(ValueError, match="must be above 0 seconds"):
            await cloud.leases.reap_forever(every=every)
    assert moved.requests() == []


async def test_a_dry_run_deletes_no_disk(moved: MovedCloud) -> None:
    disk = leftover(moved)
    async with moved.client() as cloud:
        assert (await cloud.leases.reap(dry_run=True)).storages == (disk.uuid,)
    assert disk.uuid in moved.sim.storages


async def test_only_the_given_uuids_are_reaped(moved: MovedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = await abandoned(moved, monkeypatch), await abandoned(moved, monkeypatch)
    disk, other = leftover(moved), leftover(moved)
    await moved.later(700)
    async with moved.client() as cloud:
        report = await cloud.leases.reap(only=[first, disk.uuid])
        assert (report.servers, report.storages, report.spared) == ((first,), (disk.uuid,), ())
        assert set(moved.sim.servers) == {second}
        assert other.uuid in moved.sim.storages
        assert (await cloud.leases.reap(only=[])).servers == ()


async def test_the_disk_of_a_server_that_is_gone_is_deleted_while_a_list_still_shows_the_server(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid, disk = await abandoned(moved, monkeypatch), leftover(moved)
    disk.labels[ATTEMPT] = moved.sim.servers[uuid].labels[ATTEMPT]
    moved.sim.fail(f"GET /server/{uuid}", status=404, code="SERVER_NOT_FOUND", times=None)
    async with moved.client() as cloud:
        report = await cloud.leases.reap(exclusive=True)
    assert (report.servers, report.storages, report.failed) == ((), (disk.uuid,), {})


async def test_two_concurrent_reapers_of_detached_disks_do_not_disturb_each_other(moved: MovedCloud) -> None:
    for _ in range(3):
        leftover(moved).labels[ATTEMPT] = moved.sim.new_uuid("storage").replace("-", "")
    moved.sim.fail("*", delay=0.3, times=None)
    reports: list[ReapReport] = []
    async with moved.client() as first, moved.client() as second, anyio.create_task_group() as group:

        async def reap(cloud: UpCloud) -> None:
            reports.append(await cloud.leases.reap())

        group.start_soon(reap, first)
        group.start_soon(reap, second)
    assert [report.failed for report in reports] == [{}, {}]
    assert sum(len(report.storages) for report in reports) == 3
    assert moved.sim.storages == {}


async def test_a_foreign_answer_to_a_delete_does_not_mean_that_the_disk_is_gone(moved: MovedCloud) -> None:
    disk = leftover(moved)
    moved.sim.fail("DELETE /storage/*", status=200, body=b"{}", headers={"content-type": "application/json"})
    async with moved.client() as cloud:
        assert list((await cloud.leases.reap()).failed) == [disk.uuid]
        assert (await cloud.leases.reap()).storages == (disk.uuid,)


async def requests_of_a_reap(moved: MovedCloud, disks: int) -> int:
    """The number of requests of a reap with this many abandoned detached disks, and as many held ones."""
    async with moved.client() as cloud:
        records = fleet_of(cloud).records
        for number in range(disks):
            for kind, attempt in (("loose", f"{number:032x}"), ("held", f"{number + 10**6:032x}")):
                disk = Storage(moved.sim.new_uuid("storage"), "disk", 10, zone="fi-hel1", tier="maxiops")
                disk.labels = {OWNER: "tests", RUN: "x", ATTEMPT: attempt, LEASE: "2025-01-01T00:00:00Z"}
                moved.sim.storages[disk.uuid] = disk
                if kind == "held":
                    records.set(Record(f"server-{number}", attempt=attempt, seconds=3600, due=1e12), State.HELD)
        before = len(moved.requests())
        report = await cloud.leases.reap()
        assert (len(report.storages), len(report.spared), report.failed) == (disks, disks, {})
        moved.sim.storages.clear()
        return len(moved.requests()) - before


async def test_the_requests_of_a_reap_grow_only_with_the_abandoned_disks(moved: MovedCloud) -> None:
    """Three requests per disk whose server is gone: look for the server, read the disk, delete the disk."""
    few, many = await requests_of_a_reap(moved, 10), await requests_of_a_reap(moved, 60)
    assert many - few - 3 * 50 in {0, 1}  # and another page of the list


@pytest.mark.parametrize("strict", [False, True])
async def test_an_unreadable_entry_of_a_list_does_not_stop_a_reap(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch, *, strict: bool
) -> None:
    class OddEntries(MovedTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await super().handle_async_request(request)
            if request.method != "GET" or request.url.path not in {"/1.3/server", "/1.3/storage/private"}:
                return answer
            document = json.loads(answer.content)
            (outer,) = document
            (inner,) = document[outer]
            document[outer][inner] = [None, {"labels": 7}, {"uuid": 7}, "text", *document[outer][inner]]
            headers = {"date": answer.headers["date"]}
            return httpx.Response(200, headers=headers, content=json.dumps(document).encode(), request=request)

    uuid = await abandoned(moved, monkeypatch)
    async with moved.client(transport=OddEntries(moved.sim, moved.clock), strict=strict) as cloud:
        report = await cloud.leases.reap(exclusive=True)
    assert report.servers == (uuid,)
    assert moved.sim.servers == {}


async def test_refused_credentials_stop_a_reap_with_an_error(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(25):
        await abandoned(moved, monkeypatch)
    moved.sim.fail("DELETE /server/*", status=401, code="AUTHENTICATION_FAILED", times=None)
    async with moved.client() as cloud:
        with pytest.raises(errors.AuthenticationFailed) as caught:
            await cloud.leases.reap(exclusive=True)
    assert "reaper of tests" in caught.value.__notes__[0]
    assert moved.count("DELETE .*") < 25


async def test_a_proxys_page_with_401_does_not_stop_a_reap(moved: MovedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    uuid = await abandoned(moved, monkeypatch)
    moved.sim.fail("GET /server/*", status=401, skip=1, times=2)
    moved.sim.fail("DELETE /server/*", status=401, times=2)
    async with moved.client() as cloud:
        report = await cloud.leases.reap(exclusive=True)
    assert report.servers == (uuid,)


@pytest.mark.parametrize("way", ["reap", "list"])
async def test_all_owners_are_reaped_only_on_request(moved: MovedCloud, way: str) -> None:
    async with moved.client("a-container") as dead:
        first = await started(dead)
    async with moved.client("another-container") as dead:
        second = await started(dead, lease=None)
    await moved.later(1000)
    async with moved.client("tests") as cloud:
        if way == "list":
            assert await cloud.leases.list() == ()
            found = {(lease.uuid, lease.owner) for lease in await cloud.leases.list(all_owners=True)}
            assert (first, "a-container") in found
        else:
            assert (await cloud.leases.reap()).servers == ()
            report = await cloud.leases.reap(all_owners=True)
            assert report.servers == (first,)
            assert "all owners" in str(report)
            assert list(moved.sim.servers) == [second]
        with pytest.raises(ValueError, match="leave out owner"):
            await cloud.leases.list("somebody", all_owners=True)
        with pytest.raises(ValueError, match="exclusive"):
            await cloud.leases.reap(all_owners=True, exclusive=True)
