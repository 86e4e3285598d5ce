"""SDK labels that a caller passes, and labels of users beside the SDK's."""

from __future__ import annotations

import anyio
import pytest

from tests.fleet.leased import left, started
from tests.moved_time import DEBIAN, MovedCloud, server_spec
from upcloud_sdk import IpNetworkSpec, StorageChanges, StorageDeviceSpec
from upcloud_sdk.models import (
    NetworkChanges,
    NetworkPeeringChanges,
    NetworkPeeringSpec,
    NetworkSpec,
    RouterChanges,
    RouterSpec,
    ServerChanges,
    ServerGroupChanges,
    ServerGroupSpec,
    StorageSpec,
)
from upcloud_sdk.models.ownership import ATTEMPT, LEASE, OWNER, RUN, SDK_LABELS

pytestmark = pytest.mark.anyio

OURS = {OWNER: "tests", RUN: "a-dead-run", ATTEMPT: "a" * 32, LEASE: "2025-01-01T00:00:00Z"}


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


async def test_a_modify_never_makes_a_server_or_a_disk_reapable(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud, lease=None)
        before = {key: value for key, value in moved.sim.servers[uuid].labels.items() if key in SDK_LABELS}
        await cloud.servers.modify(uuid, ServerChanges(labels=OURS | {"team": "a"}))
        labels = moved.sim.servers[uuid].labels
        assert {key: value for key, value in labels.items() if not key.startswith("_")} == before | {"team": "a"}
        (disk,) = moved.sim.storages
        await cloud.storages.modify(disk, StorageChanges(labels=OURS | {"team": "a"}))
        labels = moved.sim.storages[disk].labels
        assert {key: value for key, value in labels.items() if not key.startswith("_")} == before | {"team": "a"}


async def test_networks_routers_groups_and_peerings_never_get_a_callers_copy_of_the_sdks_labels(
    moved: MovedCloud,
) -> None:
    async with moved.client() as cloud:
        router = await cloud.routers.create(RouterSpec(name="a", labels=OURS))
        network, second = [
            await cloud.networks.create(
                NetworkSpec(
                    name="a",
                    zone="fi-hel1",
                    router=router.uuid,
                    ip_networks=[IpNetworkSpec(address=f"10.{number}.0.0/24")],
                    labels=OURS,
                )
            )
            for number in range(2)
        ]
        group = await cloud.server_groups.create(ServerGroupSpec(title="a", labels=OURS))
        between = NetworkPeeringSpec.between(network.uuid, second.uuid, name="us")
        peering = await cloud.network_peerings.create(between.model_copy(update={"labels": OURS}))
        for each in (network, second, router, group, peering):
            assert LEASE not in each.labels
            assert each.labels[RUN] != "a-dead-run"
        wanted = OURS | {"team": "a"}
        changed = [
            (await cloud.networks.modify(network.uuid, NetworkChanges(labels=wanted))).labels,
            (await cloud.routers.modify(router.uuid, RouterChanges(labels=wanted))).labels,
            (await cloud.server_groups.modify(group.uuid, ServerGroupChanges(labels=wanted))).labels,
            (await cloud.network_peerings.modify(peering.uuid, NetworkPeeringChanges(labels=wanted))).labels,
        ]
    assert changed == [{"team": "a"}] * 4


async def test_users_labels_survive_a_renewal_during_modifies_by_the_same_client(moved: MovedCloud) -> None:
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
