"""The attempt is the unit: a server and the disks that were made with it, wherever they are now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from tests.fleet.leased import abandoned, fleet_of, left, started
from tests.moved_time import DEBIAN, MovedCloud, server_spec
from upcloud_sdk import ServerSpec, StorageChanges, StorageDeviceSpec, errors
from upcloud_sdk.models import NetworkSpec, RouterSpec, ServerChanges, ServerGroupSpec, StorageSpec
from upcloud_sdk.models.ownership import ATTEMPT, LEASE, OWN_LABELS, OWNER, RUN

if TYPE_CHECKING:
    from upcloud_sdk import UpCloud
    from upcloud_sdk.models.servers import Server

pytestmark = pytest.mark.anyio

TWO_DISKS = (StorageDeviceSpec.clone(DEBIAN, size=25), StorageDeviceSpec.create(size=10))
OURS = {OWNER: "tests", RUN: "a-dead-run", ATTEMPT: "a" * 32, LEASE: "2025-01-01T00:00:00Z"}


def spec_of_two() -> ServerSpec:
    return server_spec().model_copy(update={"storage_devices": TWO_DISKS})


async def detach(cloud: UpCloud, server: Server, number: int = 1) -> str:
    """Detach a disk of a running server; its uuid."""
    device = server.storage_devices[number]
    await cloud.servers.detach_storage(server.uuid, device.address)
    return device.storage or ""


async def test_a_block_takes_the_disk_that_was_made_with_its_server_and_detached_since(moved: MovedCloud) -> None:
    async with moved.client() as cloud, cloud.servers.ephemeral(spec_of_two()) as server:
        await detach(cloud, server)
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}


@pytest.mark.parametrize("owner", ["tests", "another"])
async def test_a_destroy_takes_it_too_whoever_made_the_server(moved: MovedCloud, owner: str) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(spec_of_two())
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        await detach(cloud, server)
        async with moved.client(owner) as other:
            await (cloud if owner == "tests" else other).servers.destroy(server.uuid)
    assert moved.sim.storages == {}


async def test_a_detached_disk_of_a_living_holder_is_not_reaped(moved: MovedCloud) -> None:
    async with moved.client() as cloud, moved.client() as reaper:
        server = await cloud.servers.create(spec_of_two(), lease=600)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        disk = await detach(cloud, server)
        await moved.later(4 * 3600)
        report = await reaper.leases.reap()
        assert report.storages == ()
        assert disk in report.spared
        assert disk in moved.sim.storages
        assert (await cloud.leases.reap()).storages == ()


async def test_it_is_reaped_once_its_server_is_gone_and_its_own_end_is_over(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(spec_of_two(), lease=600)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        disk = await detach(cloud, server)
        await cloud.servers.stop(server.uuid, stop_type="hard")
        await cloud.servers.wait_for_state(server.uuid, "stopped", timeout=100)
        await cloud.servers.delete(server.uuid)
        assert (await cloud.leases.reap()).storages == ()
    async with moved.client() as reaper:
        assert (await reaper.leases.reap()).storages == ()
        await moved.later(700)
        assert set((await reaper.leases.reap()).storages) == {disk, server.storage_devices[0].storage}
    assert moved.sim.storages == {}


async def test_keep_covers_a_detached_disk(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(spec_of_two(), lease=600)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        disk = await detach(cloud, server)
        await cloud.leases.keep(server.uuid)
        assert all(LEASE not in record.labels for record in moved.sim.storages.values())
        del moved.sim.servers[server.uuid]
        await moved.later(7200)
    async with moved.client() as reaper:
        await reaper.leases.reap(exclusive=True)
    assert disk in moved.sim.storages


async def test_take_covers_a_detached_disk(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(spec_of_two())
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        disk = await detach(cloud, server)
        await cloud.leases.take(server.uuid, 600)
        assert moved.sim.storages[disk].labels[LEASE] == moved.sim.servers[server.uuid].labels[LEASE]


@pytest.mark.parametrize("pattern", ["PUT /storage/*", "GET /storage/*", "PUT /server/*"])
async def test_a_take_that_fails_half_way_leaves_no_lease_behind(moved: MovedCloud, pattern: str) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(spec_of_two())
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        await detach(cloud, server)
        moved.sim.fail(pattern, status=409, code="SOMETHING", skip=1 if pattern == "PUT /storage/*" else 0)
        with pytest.raises(errors.Conflict):
            await cloud.leases.take(server.uuid, 600)
        assert await cloud.leases.list() == ()
        await moved.later(7200)
        assert (await cloud.leases.reap()).servers == ()
    assert server.uuid in moved.sim.servers


async def test_a_take_whose_caller_is_cancelled_leaves_no_lease_behind(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud, lease=None)
        moved.sim.fail("PUT /server/*", delay=5)
        with moved.clock.limit(1):
            await cloud.leases.take(uuid, 600)
        await moved.later(30)
        assert await cloud.leases.list() == ()


async def test_a_destroy_that_keeps_the_disks_leaves_no_lease_on_them_detached_or_not(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(spec_of_two(), lease=600)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        await detach(cloud, server)
        await cloud.servers.destroy(server.uuid, storages="none")
        assert await cloud.leases.list() == ()
    assert len(moved.sim.storages) == 2


async def test_nor_where_the_server_is_gone_already(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(spec_of_two(), lease=600)
        del moved.sim.servers[server.uuid]
        await cloud.servers.destroy(server.uuid, storages="none")
        assert await cloud.leases.list() == ()
    assert len(moved.sim.storages) == 2


# --- labels of ours that a caller gives -------------------------------------------------------------------------------


async def test_a_copied_spec_never_makes_a_server_or_a_disk_reapable(moved: MovedCloud) -> None:
    disk = StorageDeviceSpec.clone(DEBIAN, size=25).model_copy(update={"labels": OURS | {"disk": "a"}})
    spec = server_spec(labels=OURS | {"team": "a"}).model_copy(update={"storage_devices": (disk,)})
    async with moved.client() as cloud:
        server = await cloud.servers.create(spec)
        assert server.labels["team"] == "a"
        await cloud.storages.create(StorageSpec(zone="fi-hel1", title="data", size=10, labels=OURS))
        await moved.later(7200)
        report = await cloud.leases.reap(exclusive=True)
    assert (report.servers, report.storages, report.failed) == ((), (), {})
    assert len(moved.sim.storages) == 2
    written = [server.labels for server in moved.sim.servers.values()]
    written += [storage.labels for storage in moved.sim.storages.values()]
    assert all(LEASE not in labels and labels[RUN] != "a-dead-run" for labels in written)


async def test_nor_does_a_modify(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud, lease=None)
        before = {key: value for key, value in moved.sim.servers[uuid].labels.items() if key in OWN_LABELS}
        await cloud.servers.modify(uuid, ServerChanges(labels=OURS | {"team": "a"}))
        labels = moved.sim.servers[uuid].labels
        assert {key: value for key, value in labels.items() if not key.startswith("_")} == before | {"team": "a"}
        (disk,) = moved.sim.storages
        await cloud.storages.modify(disk, StorageChanges(labels=OURS | {"team": "a"}))
        labels = moved.sim.storages[disk].labels
        assert {key: value for key, value in labels.items() if not key.startswith("_")} == before | {"team": "a"}


async def test_nor_is_a_network_a_router_or_a_group_made_with_them(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        network = NetworkSpec.model_validate(
            {"name": "a", "zone": "fi-hel1", "ip_networks": [{"address": "10.0.0.0/24"}], "labels": OURS}
        )
        made = [
            (await cloud.networks.create(network)).labels,
            (await cloud.routers.create(RouterSpec(name="a", labels=OURS))).labels,
            (await cloud.server_groups.create(ServerGroupSpec(title="a", labels=OURS))).labels,
        ]
    assert all(LEASE not in labels and labels[RUN] != "a-dead-run" for labels in made)


# --- users' labels beside ours ----------------------------------------------------------------------------------------


async def test_users_labels_survive_a_renewal_beside_modifies_of_the_same_client(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        (disk,) = moved.sim.storages
        await moved.later(left(moved, uuid) - 300 - 2)
        moved.sim.fail("PUT *", delay=3, times=None)
        moved.sim.fail("GET /storage/*", delay=3, times=None)
        async with anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(cloud.servers.modify, uuid, ServerChanges(labels={f"n{number}": "x", "all": "x"}))
                group.start_soon(cloud.storages.modify, disk, StorageChanges(labels={"team": "a"}))
            group.start_soon(cloud.leases.take, uuid, 900)
        await moved.later(30)
        assert moved.sim.servers[uuid].labels["all"] == "x"
        assert moved.sim.storages[disk].labels["team"] == "a"
        assert moved.sim.storages[disk].labels[OWNER] == "tests"
        assert left(moved, uuid) > 500


# --- the reaper -------------------------------------------------------------------------------------------------------


async def test_a_renewal_is_one_look_and_one_change_whatever_disks_there_are(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(spec_of_two(), lease=600)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        before = len(moved.requests())
        await moved.later(left(moved, server.uuid) - 290)
        assert moved.requests()[before:] == [f"GET /server/{server.uuid}", f"PUT /server/{server.uuid}"]


async def test_a_reap_of_a_thousand_loose_disks_beside_a_thousand_held_ones_is_linear(moved: MovedCloud) -> None:
    """Counted in requests: three for a disk whose server is gone, none for one that is held."""
    async with moved.client() as cloud:
        held = await cloud.servers.create(server_spec(), lease=3600)
        record = fleet_of(cloud).records.get(held.uuid)
        assert record is not None
        (disk,) = moved.sim.storages.values()
        disk.state = "online"
        from copy import copy  # noqa: PLC0415 - of this test alone

        from upcloud_sdk.fleet.records import Record, State  # noqa: PLC0415 - of this test alone

        ended = "2025-01-01T00:00:00Z"
        for number in range(1000):
            for kind, attempt in (("loose", f"{number:032x}"), ("held", f"{number + 10**6:032x}")):
                other = copy(disk)
                other.uuid = f"01{number:06d}-0000-4000-8000-00000000000{kind == 'held':d}"
                other.servers = []
                other.labels = {OWNER: "tests", RUN: "x", ATTEMPT: attempt, LEASE: ended}
                moved.sim.storages[other.uuid] = other
                if kind == "held":
                    fleet_of(cloud).records.set(
                        Record(f"server-{number}", attempt=attempt, seconds=3600, due=1e12), State.HELD
                    )
        before = len(moved.requests())
        report = await cloud.leases.reap()
        assert len(report.storages) == 1000
        sent = moved.requests()[before:]
    assert len(report.spared) >= 1000
    assert len(sent) <= 3 * 1000 + 60


async def test_an_entry_of_a_list_that_cannot_be_read_stops_no_reap(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json  # noqa: PLC0415 - of this test alone

    import httpx  # noqa: PLC0415 - of this test alone

    from tests.moved_time import MovedTransport  # noqa: PLC0415 - of this test alone

    class OddEntries(MovedTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await super().handle_async_request(request)
            if request.method != "GET" or request.url.path not in {"/1.3/server", "/1.3/storage"}:
                return answer
            document = json.loads(answer.content)
            (outer,) = document
            (inner,) = document[outer]
            document[outer][inner] = [None, {"labels": 7}, {"uuid": 7}, "text", *document[outer][inner]]
            headers = {"date": answer.headers["date"]}
            return httpx.Response(200, headers=headers, content=json.dumps(document).encode(), request=request)

    uuid = await abandoned(moved, monkeypatch)
    async with moved.client(transport=OddEntries(moved.sim, moved.clock)) as cloud:
        report = await cloud.leases.reap(exclusive=True)
    assert report.servers == (uuid,)
    assert moved.sim.servers == {}


async def test_credentials_that_are_refused_stop_a_reap_and_are_told(
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


async def test_a_page_with_401_stops_no_reap(moved: MovedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    uuid = await abandoned(moved, monkeypatch)
    moved.sim.fail("GET /server/*", status=401, skip=1, times=2)
    moved.sim.fail("DELETE /server/*", status=401, times=2)
    async with moved.client() as cloud:
        report = await cloud.leases.reap(exclusive=True)
    assert report.servers == (uuid,)


async def test_a_reap_that_has_stopped_a_server_and_finds_it_taken_starts_it_again(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid = await abandoned(moved, monkeypatch)
    async with moved.client() as reaper, moved.client() as other:
        await moved.later(700)
        async with anyio.create_task_group() as group:
            group.start_soon(reaper.leases.reap)
            await moved.later(1)  # It is told to stop by now, and says "started" for a while.
            await other.leases.take(uuid, 3600)
        assert moved.sim.servers[uuid].state == "started"
        assert moved.count("POST /server/[^/]+/start") == 1


@pytest.mark.parametrize("way", ["reap", "list"])
async def test_all_owners_are_an_explicit_choice(moved: MovedCloud, way: str) -> None:
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
        with pytest.raises(ValueError, match="give no owner"):
            await cloud.leases.list("somebody", all_owners=True)
        with pytest.raises(ValueError, match="exclusive"):
            await cloud.leases.reap(all_owners=True, exclusive=True)
