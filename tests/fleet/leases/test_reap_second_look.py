"""The reaper checks again before it destroys: lists lag, filters fail, and others may take a server."""

from __future__ import annotations

import anyio
import httpx
import pytest

from tests.fleet.leased import NoFilter, abandoned, leftover, started
from tests.moved_time import MovedCloud, MovedTransport
from upcloud_sdk.models.ownership import LEASE, OWNER, RUN
from upcloud_sdk.simulator.records.records import Device, Storage

pytestmark = pytest.mark.anyio


class OldList(MovedTransport):
    """Always returns an old list of servers."""

    answer: httpx.Response | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        if (request.method, request.url.path) == ("GET", "/1.3/server"):
            self.answer = self.answer or answer
            return httpx.Response(200, headers=answer.headers, content=self.answer.content, request=request)
        return answer


async def test_a_server_that_was_renewed_since_the_list_is_spared(
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


class OldDisks(MovedTransport):
    """Always returns an old list of disks."""

    answer: httpx.Response | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        if (request.method, request.url.path) == ("GET", "/1.3/storage/private"):
            self.answer = self.answer or answer
            return httpx.Response(200, headers=answer.headers, content=self.answer.content, request=request)
        return answer


@pytest.mark.parametrize("saved", ["its lease was renewed", "its lease was ended", "somebody else took it"])
async def test_a_disk_whose_lease_has_changed_since_the_list_is_spared(moved: MovedCloud, saved: str) -> None:
    disk = leftover(moved)
    async with moved.client(transport=OldDisks(moved.sim, moved.clock)) as cloud:
        assert (await cloud.leases.reap(dry_run=True)).storages == (disk.uuid,)
        if saved == "its lease was renewed":
            disk.labels[LEASE] = "2030-01-01T00:00:00Z"
        elif saved == "its lease was ended":
            del disk.labels[LEASE]
        else:
            disk.labels[OWNER] = "somebody-else"
        report = await cloud.leases.reap()
    assert (report.storages, report.spared) == ((), (disk.uuid,))
    assert disk.uuid in moved.sim.storages


async def test_a_disk_that_is_attached_to_a_server_of_another_attempt_is_spared(moved: MovedCloud) -> None:
    disk = leftover(moved)
    async with moved.client("somebody-else") as other:
        uuid = await started(other, lease=None)
    moved.sim.servers[uuid].devices.append(Device("virtio:1", "disk", disk.uuid))
    disk.servers.append(uuid)
    async with moved.client() as cloud:
        report = await cloud.leases.reap()
    assert (report.storages, report.spared, report.failed) == ((), (disk.uuid,), {})
    assert disk.uuid in moved.sim.storages


async def test_a_server_that_another_owner_took_since_the_list_is_spared(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid = await abandoned(moved, monkeypatch)
    async with moved.client(transport=OldList(moved.sim, moved.clock)) as cloud:
        assert (await cloud.leases.reap(exclusive=True, dry_run=True)).servers == (uuid,)
        moved.sim.servers[uuid].labels |= {OWNER: "somebody-else", RUN: "their-run"}
        report = await cloud.leases.reap(exclusive=True)
    assert (report.servers, report.spared[0]) == ((), uuid)
    assert uuid in moved.sim.servers


async def test_servers_that_the_label_filter_returns_by_mistake_are_never_reaped(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = await abandoned(moved, monkeypatch, "somebody-else")
    for_good = await abandoned(moved, monkeypatch)
    for labels in (moved.sim.servers[for_good].labels, *(disk.labels for disk in moved.sim.storages.values())):
        if labels[OWNER] == "tests":
            del labels[LEASE]
    uuid = await abandoned(moved, monkeypatch)
    await moved.later(7200)
    async with moved.client(transport=NoFilter(moved.sim, moved.clock)) as cloud:
        report = await cloud.leases.reap(exclusive=True)
    assert (report.servers, report.storages, report.unreadable, report.failed) == ((uuid,), (), (), {})
    assert report.spared == ()
    assert set(moved.sim.servers) == {theirs, for_good}


async def test_a_server_that_this_client_holds_is_spared_whatever_its_labels(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        moved.sim.servers[uuid].labels |= {RUN: "another-run", LEASE: "2025-01-01T00:00:00Z"}
        report = await cloud.leases.reap(exclusive=True)
        assert report.servers == ()
        assert uuid in report.spared


async def test_an_exclusive_reap_spares_servers_of_other_clients_of_this_process(moved: MovedCloud) -> None:
    async with moved.client() as cloud, moved.client() as other:
        uuid = await started(other)
        assert uuid in (await cloud.leases.reap(exclusive=True)).spared


async def test_an_exclusive_reap_spares_an_unended_lease_without_a_run(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid = await abandoned(moved, monkeypatch)
    del moved.sim.servers[uuid].labels[RUN]
    async with moved.client() as cloud:
        report = await cloud.leases.reap(exclusive=True)
        assert (report.servers, report.spared[0]) == ((), uuid)


async def test_attached_disks_and_backups_are_never_reaped_as_detached_disks(moved: MovedCloud) -> None:
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


async def test_a_reap_starts_a_server_again_that_was_taken_after_its_stop(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid = await abandoned(moved, monkeypatch)
    async with moved.client() as reaper, moved.client() as other:
        await moved.later(700)
        async with anyio.create_task_group() as group:
            group.start_soon(reaper.leases.reap)
            await moved.later(1)  # The stop was sent, and the state is still "started" for a while.
            await other.leases.take(uuid, 3600)
        assert moved.sim.servers[uuid].state == "started"
        assert moved.count("POST /server/[^/]+/start") == 1
