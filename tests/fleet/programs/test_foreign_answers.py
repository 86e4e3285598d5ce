"""An answer that is not from the API proves nothing, for any request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from tests.fleet.leased import abandoned, left, started
from tests.moved_time import DEBIAN, MovedCloud, MovedTransport, server_spec
from tests.reliability.lives import Watched
from upcloud_sdk import StorageDeviceSpec, errors
from upcloud_sdk.models.ownership import LEASE
from upcloud_sdk.simulator import after_seconds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from upcloud_sdk import UpCloud

    Script = Callable[[MovedCloud, UpCloud], Awaitable[None]]

pytestmark = pytest.mark.anyio

PAGE = b"<html><body>Sign in to your network</body></html>"
SHAPES: dict[str, dict[str, Any]] = {
    "a page": {"body": PAGE, "headers": {"content-type": "text/html"}},
    "JSON of another shape": {"body": b'{"message": "no", "code": 7}', "headers": {"content-type": "application/json"}},
}
ANSWERS = [
    pytest.param({"status": status, **SHAPES[shape]}, id=f"{status} with {shape}")
    for status in (200, 302, 401, 403, 404, 408, 409, 429)
    for shape in SHAPES
    if shape == "a page" or status == 404
]
FEW = [answer for answer in ANSWERS if str(answer.id).startswith(("200", "401", "404", "409"))]

TWO = (StorageDeviceSpec.clone(DEBIAN, size=25), StorageDeviceSpec.create(size=10))


async def sent_by(script: Script) -> int:
    """The number of requests that a script sends without faults."""
    async with MovedCloud.open(boot_seconds=3, stop_seconds=2) as moved, moved.client() as cloud:
        await script(moved, cloud)
        return len(moved.requests())


async def live(_: MovedCloud, cloud: UpCloud) -> None:
    async with cloud.servers.ephemeral(server_spec(storage_devices=TWO)) as server:
        await cloud.servers.detach_storage(server.uuid, server.storage_devices[1].address)


@pytest.mark.parametrize("answer", ANSWERS)
async def test_a_foreign_answer_to_any_request_of_a_servers_life_leaves_nothing(answer: dict[str, Any]) -> None:
    for number in range(await sent_by(live)):
        async with Watched.open(boot=after_seconds(3), stop_seconds=2) as watched:
            moved = watched.cloud
            moved.sim.fail("*", skip=number, **answer)
            async with moved.client() as cloud:
                try:
                    await live(moved, cloud)
                except errors.UpCloudError as error:
                    watched.refused.append(type(error).__name__)
            watched.check_empty()
            # The create was not sent and no server was found, or the call in the body failed.
            assert set(watched.refused) <= {"OutcomeUnknown", "ForeignAnswer"}, number


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("pattern", ["GET /server/{uuid}", "PUT /server/{uuid}"])
async def test_a_foreign_answer_to_a_renewal_does_not_lose_the_lease(
    moved: MovedCloud, answer: dict[str, Any], pattern: str
) -> None:
    told: list[errors.LeaseLost] = []
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec(), lease=600, on_lease_lost=told.append)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        moved.sim.fail(pattern, times=2, **answer)
        await moved.later(700)
        assert left(moved, server.uuid) > 0
    assert told == []


class WrongClock(MovedTransport):
    """Answers like another server whose clock is years ahead, while it is enabled."""

    def __init__(self, moved: MovedCloud, answer: dict[str, Any]) -> None:
        super().__init__(moved.sim, moved.clock)
        self.is_wrong, self._page = True, answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self.is_wrong:
            return await super().handle_async_request(request)
        headers = {**self._page["headers"], "date": "Tue, 01 Jan 2030 12:00:00 GMT"}
        status, body = self._page["status"], self._page["body"]
        return httpx.Response(status, headers=headers, content=body, request=request)


@pytest.mark.parametrize("answer", ANSWERS)
async def test_the_date_of_a_foreign_answer_is_ignored(moved: MovedCloud, answer: dict[str, Any]) -> None:
    transport = WrongClock(moved, answer)
    async with moved.client(transport=transport) as cloud:
        with pytest.raises(errors.UpCloudError):
            await cloud.zones.list()
        transport.is_wrong = False
        uuid = await started(cloud, lease=600)
        assert 400 < left(moved, uuid) <= 600


@pytest.mark.parametrize("answer", FEW)
async def test_a_foreign_answer_to_any_request_of_a_reap_deletes_nothing_of_others(
    answer: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """This round or the next one reaps what is due, and nothing else."""
    number = 0
    while True:
        async with MovedCloud.open(boot_seconds=3, stop_seconds=2) as moved:
            uuid = await abandoned(moved, monkeypatch)
            async with moved.client("somebody-else") as other:
                theirs = await started(other)
            before = len(moved.requests())
            moved.sim.fail("*", skip=number, **answer)
            async with moved.client() as cloud:
                try:
                    report = await cloud.leases.reap(exclusive=True)
                except errors.ForeignAnswer:
                    report = None
                if report is not None and not report.failed:
                    assert report.servers == (uuid,)
                    assert list(moved.sim.servers) == [theirs]
                ended = len(moved.requests()) - before <= number
                moved.sim.faults.clear()
                await cloud.leases.reap(exclusive=True)
            assert list(moved.sim.servers) == [theirs]
            assert len(moved.sim.storages) == 1
        if ended:
            return
        number += 1


@pytest.mark.parametrize("answer", FEW)
async def test_a_foreign_answer_to_any_request_of_a_take_or_keep_leaves_no_unrenewed_lease(
    answer: dict[str, Any],
) -> None:
    """Either the operation succeeds, or it raises an error and leaves no lease that nobody renews."""
    number = 0
    while True:
        async with MovedCloud.open(boot_seconds=3, stop_seconds=2) as moved, moved.client() as cloud:
            uuid = await started(cloud, lease=None)
            before = len(moved.requests())
            moved.sim.fail("*", skip=number, **answer)
            try:
                await cloud.leases.take(uuid, 600)
            except errors.TransportError:
                assert [labels for labels in every_label(moved) if LEASE in labels] == []
            else:
                assert all(LEASE in labels for labels in every_label(moved))
                try:
                    await cloud.leases.keep(uuid)
                except errors.TransportError:
                    await cloud.leases.keep(uuid)
                assert not any(LEASE in labels for labels in every_label(moved))
            if len(moved.requests()) - before <= number:
                return
        number += 1


def every_label(moved: MovedCloud) -> list[dict[str, str]]:
    servers = [server.labels for server in moved.sim.servers.values()]
    return servers + [disk.labels for disk in moved.sim.storages.values()]


@pytest.mark.parametrize("answer", ANSWERS)
async def test_a_foreign_answer_to_the_delete_of_an_abandoned_resource_leaves_nothing(
    moved: MovedCloud, answer: dict[str, Any]
) -> None:
    from upcloud_sdk.models import RouterSpec, StorageSpec  # noqa: PLC0415 - of this test alone

    moved.sim.fail("POST /storage", delay=10)
    moved.sim.fail("POST /router", delay=10)
    moved.sim.fail("DELETE *", times=4, **answer)
    async with moved.client() as cloud:
        with moved.clock.limit(5):
            async with anyio.create_task_group() as group:
                group.start_soon(cloud.storages.create, StorageSpec(zone="fi-hel1", title="data", size=10))
                group.start_soon(cloud.routers.create, RouterSpec(name="a"))
    assert moved.sim.storages == {}
    assert moved.sim.routers == {}
