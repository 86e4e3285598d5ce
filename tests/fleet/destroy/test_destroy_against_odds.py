"""A destroy with wrong, lost, or unrelated answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from tests.fleet.destroy.test_destroy import OlderAnswers
from tests.moved_time import DEBIAN, MovedCloud, MovedTransport, server_spec
from upcloud_sdk import errors
from upcloud_sdk.models import StorageCloneSpec
from upcloud_sdk.models.ownership import LEASE
from upcloud_sdk.simulator.records.records import Device, Storage

if TYPE_CHECKING:
    from upcloud_sdk import UpCloud

pytestmark = pytest.mark.anyio

PAGE = "<html>sign in to your network</html>"


async def started(cloud: UpCloud, *, lease: float | None = None) -> str:
    """The uuid of a running server."""
    server = await cloud.servers.create(server_spec(), lease=lease)
    await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
    return server.uuid


def is_empty(moved: MovedCloud) -> bool:
    """Whether nothing is left that costs money."""
    return not moved.sim.servers and not moved.sim.storages


async def test_a_page_of_a_proxy_with_404_does_not_mean_that_the_server_is_gone(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        moved.sim.fail("POST /server/*/stop", status=404, body=PAGE)
        moved.sim.fail("GET /server/*", status=404, body=PAGE)
        await cloud.servers.destroy(uuid)
    assert is_empty(moved)


async def test_a_page_of_a_proxy_does_not_mean_that_the_delete_succeeded(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        moved.sim.fail("DELETE /server/*", status=200, body=PAGE)
        await cloud.servers.destroy(uuid)
    assert is_empty(moved)


class HalfDone(MovedTransport):
    """The first delete of a server leaves its disks, and its answer is lost."""

    lost = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "DELETE" or self.lost:
            return await super().handle_async_request(request)
        self.lost = True
        url = request.url.copy_with(query=None)
        half = httpx.Request("DELETE", url, headers=request.headers, extensions=request.extensions)
        await super().handle_async_request(half)
        raise httpx.RemoteProtocolError("the connection was closed", request=request)


async def test_disks_are_searched_for_if_the_first_delete_was_incomplete(moved: MovedCloud) -> None:
    async with moved.client(transport=HalfDone(moved.sim, moved.clock)) as cloud:
        uuid = await started(cloud)
        await cloud.servers.destroy(uuid)
    assert is_empty(moved)


@pytest.mark.parametrize("pattern", ["DELETE /server/*", "DELETE /storage/*"])
async def test_a_delete_after_a_lost_answer_succeeds_with_404(moved: MovedCloud, pattern: str) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        data = Storage("01000000-0000-4000-8000-00000000000d", "data", 10)
        moved.sim.storages[data.uuid] = data
        moved.sim.servers[uuid].devices.append(Device("virtio:1", "disk", data.uuid))
        moved.sim.fail(pattern, drop=True, after_effect=True)
        await cloud.servers.destroy(uuid)
    assert list(moved.sim.storages) == [data.uuid]
    assert moved.count("DELETE .*") == 3


async def test_the_disks_of_a_deleted_server_are_searched_for_until_the_list_succeeds(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        async with moved.client("somebody-else") as other:
            await other.servers.stop(uuid, stop_type="hard")
            await other.servers.wait_for_state(uuid, "stopped", timeout=100)
            await other.servers.delete(uuid)
        moved.sim.fail("GET /storage", status=503, times=7)
        await cloud.servers.destroy(uuid)
    assert is_empty(moved)


async def test_a_404_for_a_disk_does_not_mean_that_the_server_is_gone(moved: MovedCloud) -> None:
    async with moved.client(transport=OlderAnswers(moved.transport())) as cloud:
        uuid = await started(cloud)
        moved.sim.fail("GET /storage/*", status=404, code="STORAGE_NOT_FOUND")
        await cloud.servers.destroy(uuid)
    assert moved.sim.servers == {}


async def test_an_attached_disk_whose_read_gives_404_is_not_deleted_with_the_server(moved: MovedCloud) -> None:
    """An empty 404 may come from a proxy. A delete of the server with all disks would delete this disk too."""
    async with moved.client(transport=OlderAnswers(moved.transport())) as cloud:
        uuid = await started(cloud)
        data = Storage("01000000-0000-4000-8000-00000000000d", "data", 10)
        moved.sim.storages[data.uuid] = data
        moved.sim.servers[uuid].devices.append(Device("virtio:1", "disk", data.uuid))
        moved.sim.fail(f"GET /storage/{data.uuid}", status=404, body=b"", times=None)
        await cloud.servers.destroy(uuid)
    assert list(moved.sim.storages) == [data.uuid]


async def test_a_server_that_somebody_starts_meanwhile_is_stopped_again(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        await cloud.servers.stop(uuid, stop_type="hard")
        await cloud.servers.wait_for_state(uuid, "stopped", timeout=100)
        moved.sim.fail("DELETE /server/*", status=409, code="SERVER_STATE_ILLEGAL")
        async with anyio.create_task_group() as group:
            group.start_soon(cloud.servers.destroy, uuid)
            await moved.later(0.5)
            await cloud.servers.start(uuid)
    assert is_empty(moved)


async def test_two_destroys_of_one_server_at_once_both_succeed(moved: MovedCloud) -> None:
    async with moved.client() as cloud, moved.client() as other:
        uuid = await started(cloud)
        async with anyio.create_task_group() as group:
            for each in (cloud, cloud, other):
                group.start_soon(each.servers.destroy, uuid)
    assert is_empty(moved)


async def test_disks_that_the_caller_keeps_have_no_lease_any_more(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud, lease=600)
        await cloud.servers.destroy(uuid, storages="none")
        (disk,) = moved.sim.storages.values()
        assert LEASE not in disk.labels
        await moved.later(3600)
        report = await cloud.leases.reap()
    assert report.storages == ()
    assert list(moved.sim.storages) == [disk.uuid]


async def test_the_error_of_a_failed_destroy_has_the_last_state_and_the_last_answer(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        moved.sim.fail("DELETE /server/*", status=409, code="SERVER_STATE_ILLEGAL", times=None)
        with pytest.raises(errors.CleanupFailed, match=r"last seen in state 'stopped'; .*SERVER_STATE_ILLEGAL"):
            await cloud.servers.destroy(uuid, timeout=60)


async def test_an_invalid_uuid_is_refused_immediately_and_not_tried_again(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        began = moved.hand.now()
        with pytest.raises(errors.InvalidRequest):
            await cloud.servers.destroy("not-a-uuid")
        assert moved.hand.now() == began
        assert (await cloud.leases.reap()).failed == {}


async def test_one_failed_read_delays_a_destroy_by_a_moment_only(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        began = moved.hand.now()
        moved.sim.fail("GET /server/*", status=409, code="SOMETHING_ELSE")
        await cloud.servers.destroy(uuid)
    assert moved.hand.now() - began < 30
    assert is_empty(moved)


class OldDisks(MovedTransport):
    """A list of disks that shows none of the new ones."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        if (request.method, request.url.path) == ("GET", "/1.3/storage/private"):
            return httpx.Response(200, headers=answer.headers, json={"storages": {"storage": []}}, request=request)
        return answer


async def test_a_disk_that_the_list_does_not_show_yet_is_deleted_too(moved: MovedCloud) -> None:
    """It was seen on the server. A data disk beside it is kept."""
    async with moved.client() as cloud, moved.client(transport=OldDisks(moved.sim, moved.clock)) as other:
        uuid = await started(cloud)
        data = Storage("01000000-0000-4000-8000-00000000000d", "data", 10)
        moved.sim.storages[data.uuid] = data
        moved.sim.servers[uuid].devices.append(Device("virtio:1", "disk", data.uuid))
        await other.servers.destroy(uuid)
    assert list(moved.sim.storages) == [data.uuid]


async def test_a_disk_that_was_cloned_for_a_server_is_deleted_with_it_though_no_list_shows_it(
    moved: MovedCloud,
) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        moved.sim.hide_from_lists(10_000)
        await cloud.servers.clone_disk(uuid, DEBIAN, StorageCloneSpec(zone="fi-hel1", title="next"))
        await cloud.servers.destroy(uuid)
    assert is_empty(moved)
