"""The reaper: what it takes, what it spares, and what it does when something fails."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import RetryPolicy, ServerChanges, errors
from upcloud_sdk.events import Event, LeaseEvent
from upcloud_sdk.fleet.identity import RUN
from upcloud_sdk.models.ownership import LEASE

if TYPE_CHECKING:
    from upcloud_sdk import Server
    from upcloud_sdk.fleet.reap import ReapReport

pytestmark = pytest.mark.anyio


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


async def test_a_dry_run_says_what_it_would_do_and_changes_nothing(moved: MovedCloud) -> None:
    server = await left(moved)
    async with moved.client() as cloud:
        await moved.waits.clock.sleep(700)
        before = len(moved.requests())
        report = await cloud.leases.reap(dry_run=True)
        assert {line.split()[0] for line in moved.requests()[before:]} == {"GET"}
    assert report.servers == (server.uuid,)
    assert "would destroy 1 servers" in str(report)
    assert list(moved.sim.servers) == [server.uuid]


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


@pytest.mark.parametrize("value", ["tomorrow", "2026-01-01", ""])
async def test_a_lease_that_cannot_be_read_is_named_and_does_not_mean_an_old_one(moved: MovedCloud, value: str) -> None:
    server = await left(moved)
    moved.sim.servers[server.uuid].labels[LEASE] = value
    async with moved.client() as cloud:
        await moved.waits.clock.sleep(7_000)
        report = await cloud.leases.reap(exclusive=True)
    assert report.servers == ()
    assert server.uuid in report.unreadable
    assert list(moved.sim.servers) == [server.uuid]


async def test_a_lease_that_was_renewed_since_the_list_spares_the_server(moved: MovedCloud) -> None:
    server = await left(moved)
    reports: list[ReapReport] = []
    async with moved.client() as cloud:
        await moved.waits.clock.sleep(700)

        async def renew() -> None:
            while not moved.count(r"GET /server\?.*"):
                await anyio.lowlevel.checkpoint()
            moved.sim.servers[server.uuid].labels[LEASE] = "2099-01-01T00:00:00Z"

        async with anyio.create_task_group() as group:
            group.start_soon(renew)
            reports.append(await cloud.leases.reap())
    assert reports[0].servers == ()
    assert server.uuid in reports[0].spared
    assert list(moved.sim.servers) == [server.uuid]


async def test_a_loose_disk_whose_lease_has_ended_is_taken_and_an_attached_one_is_not(moved: MovedCloud) -> None:
    """A process can die between the two deletes."""
    server = await left(moved)
    kept = await left(moved, "kept", lease=None)
    async with moved.client() as cloud:
        await cloud.servers.stop(server.uuid, stop_type="hard")
        await cloud.servers.wait_for_state(server.uuid, "stopped", timeout=60)
        await cloud.servers.delete(server.uuid)
        attached = kept.storage_devices[0].storage
        moved.sim.storages[attached].labels[LEASE] = "2020-01-01T00:00:00Z"
        await moved.waits.clock.sleep(700)
        report = await cloud.leases.reap()
    assert report.storages == (server.storage_devices[0].storage,)
    assert report.servers == ()
    assert list(moved.sim.storages) == [attached]


async def test_one_failure_stops_no_other_and_is_in_the_report(
    moved: MovedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    servers = [await left(moved, f"build-{number}") for number in range(3)]
    moved.sim.fail(f"DELETE /server/{servers[1].uuid}", status=403, code="SERVER_FORBIDDEN", times=None)
    async with moved.client() as cloud:
        await moved.waits.clock.sleep(700)
        with caplog.at_level(logging.ERROR, logger="upcloud_sdk"):
            report = await cloud.leases.reap()
    assert set(report.servers) == {servers[0].uuid, servers[2].uuid}
    assert "SERVER_FORBIDDEN" in report.failed[servers[1].uuid]
    assert servers[1].uuid in caplog.text
    assert list(moved.sim.servers) == [servers[1].uuid]


async def test_a_list_that_fails_is_the_error_of_a_round(moved: MovedCloud) -> None:
    moved.sim.fail("GET /server", status=500, times=None)
    async with moved.client(retry=RetryPolicy(attempts=1)) as cloud:
        with pytest.raises(errors.ServerFault):
            await cloud.leases.reap()


async def test_what_this_process_could_not_destroy_is_tried_again_by_its_reaper(moved: MovedCloud) -> None:
    """A server without a lease too: its destroy was asked for."""
    server = await left(moved, lease=None)
    async with moved.client() as cloud:
        moved.sim.fail("DELETE /server/*", status=500, times=None)
        with pytest.raises(errors.CleanupFailed):
            await cloud.servers.destroy(server.uuid, timeout=30)
        moved.sim.faults.clear()
        report = await cloud.leases.reap()
    assert report.servers == (server.uuid,)
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}


async def test_what_has_changed_hands_since_a_failed_destroy_is_spared(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await left(moved, lease=600)
    async with moved.client() as cloud:
        moved.sim.fail("DELETE /server/*", status=500, times=None)
        with pytest.raises(errors.CleanupFailed):
            await cloud.servers.destroy(server.uuid, timeout=30)
        moved.sim.faults.clear()
        monkeypatch.setattr(RUN, "id", "another-run")
        async with moved.client() as another:
            await another.leases.take(server.uuid, 3_600)
        monkeypatch.undo()
        report = await cloud.leases.reap()
    assert report.servers == ()
    assert list(moved.sim.servers) == [server.uuid]


async def test_a_server_that_is_gone_meanwhile_is_nobodys(moved: MovedCloud) -> None:
    server = await left(moved)
    async with moved.client() as cloud:
        await moved.waits.clock.sleep(700)
        moved.sim.fail(f"GET /server/{server.uuid}", status=404, code="SERVER_NOT_FOUND", times=None)
        report = await cloud.leases.reap()
    assert report.servers == ()
    assert report.failed == {}


async def test_a_reaper_that_is_interrupted_leaves_no_server_half_destroyed(moved: MovedCloud) -> None:
    await left(moved)
    async with moved.client() as cloud:
        await moved.waits.clock.sleep(700)
        async with anyio.create_task_group() as group:
            group.start_soon(cloud.leases.reap)
            while not moved.count("POST /server/.*/stop"):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}


async def test_reap_forever_goes_on_after_a_round_that_failed(
    moved: MovedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    await left(moved)
    moved.sim.fail("GET /server", status=500, times=3)
    caplog.set_level(logging.INFO, logger="upcloud_sdk")
    async with moved.client(retry=RetryPolicy(attempts=1)) as cloud, anyio.create_task_group() as group:
        group.start_soon(lambda: cloud.leases.reap_forever(every=300))
        await moved.waits.clock.sleep(2_000)
        group.cancel_scope.cancel()
    assert moved.sim.servers == {}
    assert caplog.text.count("reaper: this round failed") == 3
    assert "reaper of tests: destroyed 1 servers" in caplog.text


async def test_reap_forever_ends_with_its_client(moved: MovedCloud) -> None:
    cloud = moved.client()
    with pytest.raises(errors.NotOpen):
        await cloud.leases.reap_forever(every=300)


@pytest.mark.parametrize("every", [0, -1, float("nan")])
async def test_reap_forever_needs_a_pace(moved: MovedCloud, every: float) -> None:
    async with moved.client() as cloud:
        with pytest.raises(ValueError, match="must be above 0 seconds"):
            await cloud.leases.reap_forever(every=every)
    assert moved.requests() == []


# --- renewal ----------------------------------------------------------------------------------------------------------


def lease_of(moved: MovedCloud, uuid: str) -> str | None:
    labels: dict[str, str] = moved.sim.servers[uuid].labels
    return labels.get(LEASE)


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"drop": True}, {"status": 409, "code": "SERVER_STATE_ILLEGAL"}, {"status": 404}]
)
@pytest.mark.parametrize("pattern", ["GET /server/{uuid}", "PUT /server/{uuid}"])
async def test_a_renewal_that_fails_is_tried_again_before_the_lease_ends(
    moved: MovedCloud, pattern: str, fault: dict[str, Any]
) -> None:
    async with moved.client(retry=RetryPolicy(attempts=1)) as cloud:
        server = await cloud.servers.create(server_spec(), lease=600)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=60)
        moved.sim.fail(pattern, times=2, **fault)
        first = lease_of(moved, server.uuid)
        await moved.waits.clock.sleep(590)
        assert lease_of(moved, server.uuid) != first
        assert (await cloud.leases.reap(exclusive=True)).servers == ()


async def test_a_lease_that_somebody_ended_is_not_taken_back(
    moved: MovedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec(), lease=600)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=60)
        del moved.sim.servers[server.uuid].labels[LEASE]
        await moved.waits.clock.sleep(1_000)
    assert lease_of(moved, server.uuid) is None
    assert "is not renewed any more: somebody ended it" in caplog.text


async def test_a_lease_that_somebody_else_took_is_theirs(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec(), lease=600)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=60)
        monkeypatch.setattr(RUN, "id", "another-run")
        async with moved.client("somebody-else") as another:
            await another.leases.take(server.uuid, 5_000)
        monkeypatch.undo()
        theirs = lease_of(moved, server.uuid)
        await moved.waits.clock.sleep(1_000)
    assert lease_of(moved, server.uuid) == theirs
    assert "is not renewed any more: somebody else took it" in caplog.text


async def test_labels_that_somebody_replaced_are_written_again(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec(), lease=600)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=60)
        body = {"server": {"labels": {"label": [{"key": "env", "value": "dev"}]}}}
        await cloud.request("PUT", f"/server/{server.uuid}", json=body)
        await moved.waits.clock.sleep(500)
        labels = moved.sim.servers[server.uuid].labels
    assert labels["env"] == "dev"
    assert LEASE in labels


async def test_a_server_that_is_gone_ends_its_renewal(moved: MovedCloud, caplog: pytest.LogCaptureFixture) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec(), lease=600)
        del moved.sim.servers[server.uuid]
        await moved.waits.clock.sleep(5_000)
    assert caplog.text.count("is not renewed any more") == 1
    assert moved.count("PUT .*") == 0


async def test_no_lease_is_written_while_a_server_is_in_maintenance(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec(), lease=60)
        await moved.waits.clock.sleep(32)
        assert moved.count("PUT .*") == 0
        await moved.waits.clock.sleep(20)
        assert moved.count("PUT /server/.*") == 1
        assert server.uuid in moved.sim.servers


async def test_a_change_of_labels_and_a_renewal_do_not_undo_each_other(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec(), lease=60)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=60)
        for number in range(30):
            await cloud.servers.modify(server.uuid, ServerChanges(labels={"number": str(number)}))
            await moved.waits.clock.sleep(7)
            labels = moved.sim.servers[server.uuid].labels
            assert labels["number"] == str(number)
            assert LEASE in labels
        assert (await cloud.leases.reap(exclusive=True)).servers == ()
