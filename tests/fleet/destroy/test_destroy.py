"""Destroy from any state and despite faults, with the disks that were created with the server and no others."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.moved_time import DEBIAN, MovedCloud, server_spec
from upcloud_sdk import StorageDeviceSpec
from upcloud_sdk.errors import CleanupFailed, InvalidRequest
from upcloud_sdk.simulator import never, to_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from upcloud_sdk import UpCloud
    from upcloud_sdk.resources.policies import BackupPolicy, StoragePolicy


@pytest.fixture
async def moved() -> AsyncIterator[MovedCloud]:
    """An empty cloud whose time moves by itself; servers boot in 33 s and stop in 16 s, as the median of real ones."""
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16) as cloud:
        yield cloud


async def started(cloud: UpCloud, name: str = "build-1") -> str:
    """A running server."""
    server = await cloud.servers.create(server_spec(name))
    await cloud.servers.wait_for_state(server.uuid, "started", timeout=60)
    return server.uuid


async def data_disk(cloud: UpCloud, server: str | None = None) -> str:
    """A separate data disk, attached to a server if one is given."""
    document = {"storage": {"size": 10, "tier": "maxiops", "title": "data", "zone": "fi-hel1"}}
    uuid: str = (await cloud.request("POST", "/storage", json=document)).document["storage"]["uuid"]
    if server is not None:
        body = {"storage_device": {"type": "disk", "address": "virtio", "storage": uuid}}
        await cloud.request("POST", f"/server/{server}/storage/attach", json=body)
    return uuid


# --- from any state ---------------------------------------------------------------------------------------------------


async def test_a_running_server_is_stopped_hard_and_deleted_with_its_disk(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        before = len(moved.requests())
        await cloud.servers.destroy(uuid)
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}
    sent = moved.requests()[before:]
    assert sent[0] == f"POST /server/{uuid}/stop"
    assert sent[-1] == f"DELETE /server/{uuid}"
    assert [line for line in sent if not line.startswith("GET ")] == [sent[0], sent[-1]]
    assert moved.sim.requests[-1].path == f"/server/{uuid}?storages=1&backups=delete"


async def test_a_stopped_server_is_destroyed_with_its_disk(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        await cloud.servers.stop(uuid, stop_type="hard")
        await cloud.servers.wait_for_state(uuid, "stopped", timeout=60)
        await cloud.servers.destroy(uuid)
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}


async def test_a_booting_server_is_destroyed(moved: MovedCloud) -> None:
    """A server in maintenance refuses all calls, so the destroy waits for the end of the boot."""
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec())
        await cloud.servers.destroy(server.uuid)
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}


async def test_a_server_that_is_being_stopped_is_destroyed(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        await cloud.servers.stop(uuid, stop_type="hard")
        await cloud.servers.destroy(uuid)
    assert moved.sim.servers == {}


async def test_a_server_in_error_is_deleted_as_soon_as_that_is_possible(moved: MovedCloud) -> None:
    moved.sim.boot_next(to_error(20, leaves_after=100))
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec())
        await cloud.servers.destroy(server.uuid)
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}


async def test_a_destroy_of_a_deleted_server_is_no_error(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        await cloud.servers.destroy(uuid)
        await cloud.servers.destroy(uuid)
        await cloud.servers.destroy("00a1b2c3-d4e5-4f60-8a7b-0123456789ab")
    assert moved.sim.servers == {}


async def test_an_invalid_uuid_is_refused(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        with pytest.raises(InvalidRequest, match="SERVER_INVALID"):
            await cloud.servers.destroy("build-1")


class Stops(httpx.AsyncBaseTransport):
    """Records the stops and their times."""

    def __init__(self, moved: MovedCloud) -> None:
        self._inner, self._clock = moved.sim.transport(), moved.waits.clock
        self.sent: list[tuple[float, object]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/stop"):
            self.sent.append((self._clock.now(), json.loads(request.content)["stop_server"]))
        return await self._inner.handle_async_request(request)


async def test_a_soft_stop_gives_the_guest_a_minute_before_a_hard_stop(moved: MovedCloud) -> None:
    stops = Stops(moved)
    async with moved.client(transport=stops) as cloud:
        uuid = await started(cloud)
        began = moved.hand.now()
        moved.sim.fail("POST /server/*/stop", status=200, body=b"{}")  # a guest that does not react
        await cloud.servers.destroy(uuid, stop_type="soft")
    (at_once, soft), (later, hard) = stops.sent
    assert (soft, hard) == ({"stop_type": "soft", "timeout": "60"}, {"stop_type": "hard", "timeout": "1"})
    assert at_once == began
    assert later - began == pytest.approx(60.0, abs=2.0)
    assert moved.sim.servers == {}


async def test_a_stop_that_had_no_effect_is_sent_again(moved: MovedCloud) -> None:
    moved.sim.fail("POST /server/*/stop", status=200, body=b"{}")
    async with moved.client() as cloud:
        uuid = await started(cloud)
        await cloud.servers.destroy(uuid)
    assert moved.count("POST /server/.*/stop") == 2
    assert moved.sim.servers == {}


# --- disks ------------------------------------------------------------------------------------------------------------


async def test_an_attached_data_disk_survives(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        data = await data_disk(cloud, uuid)
        await cloud.servers.destroy(uuid)
    assert moved.sim.servers == {}
    assert list(moved.sim.storages) == [data]


async def test_all_disks_that_were_created_with_the_server_are_deleted(moved: MovedCloud) -> None:
    disks = [
        StorageDeviceSpec.clone(DEBIAN, size=25),
        StorageDeviceSpec.create(size=10),
        StorageDeviceSpec.create(size=5),
    ]
    async with moved.client() as cloud:
        kept = await data_disk(cloud)
        moved.hand.advance(5)
        spec = server_spec().model_copy(update={"storage_devices": (*disks, StorageDeviceSpec.attach(kept))})
        server = await cloud.servers.create(spec)
        assert len(moved.sim.storages) == 4
        await cloud.servers.destroy(server.uuid)
    assert list(moved.sim.storages) == [kept]


async def test_a_server_of_another_client_is_deleted_with_its_disks_too(moved: MovedCloud) -> None:
    """The labels show which disks were created with it, not the memory of a process."""
    async with moved.client() as cloud:
        uuid = await started(cloud)
        data = await data_disk(cloud, uuid)
    async with moved.client(owner="another") as cloud:
        await cloud.servers.destroy(uuid)
    assert moved.sim.servers == {}
    assert list(moved.sim.storages) == [data]


async def test_the_disks_of_a_server_from_another_tool_are_kept(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        document = (await cloud.request("POST", "/server", json={"server": server_spec().wire()})).document
        await cloud.servers.destroy(document["server"]["uuid"])
    assert moved.sim.servers == {}
    assert len(moved.sim.storages) == 1


@pytest.mark.parametrize(
    ("storages", "left"), [("created", ["data"]), ("all", []), ("none", ["build-1 disk 1", "data"])]
)
async def test_the_caller_chooses_which_disks_are_deleted(
    moved: MovedCloud, storages: StoragePolicy, left: list[str]
) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        await data_disk(cloud, uuid)
        await cloud.servers.destroy(uuid, storages=storages)
    assert moved.sim.servers == {}
    assert sorted(each.title for each in moved.sim.storages.values()) == left


@pytest.mark.parametrize("backups", ["keep", "keep_latest", "delete", None])
async def test_the_caller_chooses_what_happens_to_the_backups(moved: MovedCloud, backups: BackupPolicy | None) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        await cloud.servers.destroy(uuid, backups=backups)
    query = "?storages=1" + ("" if backups is None else f"&backups={backups}")
    assert moved.sim.requests[-1].path == f"/server/{uuid}{query}"


class OlderAnswers(httpx.AsyncBaseTransport):
    """Returns servers without the labels of their disks, as the API did earlier."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        if request.method != "GET" or not re.fullmatch(r"/1.3/server/[0-9a-f-]+", request.url.path):
            return answer
        document: dict[str, Any] = json.loads(answer.content)
        if "server" not in document:
            return answer
        for device in document["server"]["storage_devices"]["storage_device"]:
            device.pop("labels", None)
        headers = {"content-type": "application/json", "date": answer.headers["date"]}
        return httpx.Response(answer.status_code, headers=headers, content=json.dumps(document).encode())


async def test_disks_that_an_answer_shows_without_labels_are_read(moved: MovedCloud) -> None:
    async with moved.client(transport=OlderAnswers(moved.sim.transport())) as cloud:
        uuid = await started(cloud)
        data = await data_disk(cloud, uuid)
        await cloud.servers.destroy(uuid)
    assert moved.sim.servers == {}
    assert list(moved.sim.storages) == [data]
    assert moved.count("GET /storage/[0-9a-f-]+") == 2


async def test_the_disks_of_a_server_that_somebody_else_deleted_are_deleted_too(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        await cloud.servers.stop(uuid, stop_type="hard")
        await cloud.servers.wait_for_state(uuid, "stopped", timeout=60)
        await cloud.servers.delete(uuid)
        assert len(moved.sim.storages) == 1
        await cloud.servers.destroy(uuid)
    assert moved.sim.storages == {}


async def test_a_disk_that_was_moved_to_another_server_is_kept(
    moved: MovedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    disks = (StorageDeviceSpec.clone(DEBIAN, size=25), StorageDeviceSpec.create(size=10))
    async with moved.client() as cloud:
        other = await started(cloud, "other")
        server = await cloud.servers.create(server_spec().model_copy(update={"storage_devices": disks}))
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=60)
        moving = server.storage_devices[1]
        detach = {"storage_device": {"address": moving.address}}
        await cloud.request("POST", f"/server/{server.uuid}/storage/detach", json=detach)
        attach = {"storage_device": {"type": "disk", "address": "virtio", "storage": moving.storage}}
        await cloud.request("POST", f"/server/{other}/storage/attach", json=attach)
        await cloud.servers.destroy(server.uuid)
        assert list(moved.sim.servers) == [other]
        assert moving.storage in moved.sim.storages


# --- faults -----------------------------------------------------------------------------------------------------------

FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("409", {"status": 409, "code": "SERVER_STATE_ILLEGAL"}),
    ("429", {"status": 429, "headers": {"Retry-After": "3"}}),
    ("500", {"status": 500, "code": "SERVICE_ERROR"}),
    ("502 in HTML", {"status": 502}),
    ("503", {"status": 503}),
    ("drop", {"drop": True}),
    ("drop after the effect", {"drop": True, "after_effect": True}),
    ("500 after the effect", {"status": 500, "after_effect": True}),
    ("200 with {}", {"status": 200, "body": b"{}"}),
]
CALLS = [
    "POST /server/{uuid}/stop",
    "GET /server/{uuid}",
    "GET /server",
    "DELETE /server/{uuid}",
    "DELETE /storage/{uuid}",
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", [row[1] for row in FAULTS], ids=[row[0] for row in FAULTS])
async def test_no_fault_of_one_call_leaves_anything_behind(moved: MovedCloud, call: str, fault: dict[str, Any]) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        data = await data_disk(cloud, uuid)
        moved.sim.fail(call, times=2, **fault)
        await cloud.servers.destroy(uuid)
    assert moved.sim.servers == {}
    assert list(moved.sim.storages) == [data]


async def test_a_server_that_cannot_be_deleted_in_time_is_named(
    moved: MovedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        moved.sim.fail("DELETE /server/*", status=409, code="SERVER_STATE_ILLEGAL", times=None)
        began = moved.hand.now()
        with caplog.at_level(logging.ERROR, logger="upcloud_sdk"), pytest.raises(CleanupFailed) as caught:
            await cloud.servers.destroy(uuid, timeout=90)
    assert moved.hand.now() - began == pytest.approx(90)
    assert caught.value.uuid == uuid
    assert str(caught.value).startswith(f"server {uuid} could not be destroyed within 90 s and may still cost money: ")
    assert "SERVER_STATE_ILLEGAL" in str(caught.value)
    assert str(caught.value) in caplog.text


async def test_the_error_for_a_server_that_stays_in_maintenance_has_its_last_state(moved: MovedCloud) -> None:
    moved.sim.boot_next(never())
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec())
        with pytest.raises(CleanupFailed, match=r"may still cost money.*maintenance"):
            await cloud.servers.destroy(server.uuid, timeout=60)


@pytest.mark.parametrize(("status", "code"), [(401, "AUTHENTICATION_FAILED"), (403, "ACTION_FORBIDDEN")])
async def test_an_error_that_a_retry_cannot_fix_ends_the_destroy_immediately(
    moved: MovedCloud, status: int, code: str
) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        moved.sim.fail("DELETE /server/*", status=status, code=code, times=None)
        began = moved.hand.now()
        with pytest.raises(CleanupFailed, match=f"may still cost money: .*{code}") as caught:
            await cloud.servers.destroy(uuid, timeout=300)
    assert caught.value.uuid == uuid
    assert moved.hand.now() - began < 60


async def test_a_destroy_ends_in_its_timeout_if_the_api_does_not_answer(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        moved.sim.fail("*", status=503, times=None)
        began = moved.hand.now()
        with pytest.raises(CleanupFailed, match="within 40 s"):
            await cloud.servers.destroy(uuid, timeout=40)
        moved.sim.faults.clear()
        assert moved.hand.now() - began < 60
        await cloud.servers.destroy(uuid)
    assert moved.sim.servers == {}
