"""The SDK's estimate of a server equals the simulator's bill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.moved_time import DEBIAN, server_spec
from upcloud_sdk import InterfaceSpec, ServerChanges, StorageChanges, StorageDeviceSpec
from upcloud_sdk.simulator import ManualClock, Simulator
from upcloud_sdk.testing import client_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk import UpCloud

pytestmark = pytest.mark.anyio

HOUR = 3600.0
CLOUD_NATIVE = "CLOUDNATIVE-1xCPU-4GB"
WINDOWS = "01000000-0000-4000-8000-000010070300"


def disks(*sizes: int, **fields: Any) -> Sequence[StorageDeviceSpec]:  # noqa: ANN401 - StorageDeviceSpec's own
    return [
        StorageDeviceSpec.clone(DEBIAN, size=sizes[0], **fields),
        *(StorageDeviceSpec.create(size=size, title="data") for size in sizes[1:]),
    ]


async def bill(cloud: UpCloud) -> float:
    """The cost of the month so far."""
    return float((await cloud.account.billing("2026-01")).total_amount or 0)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sim(clock: ManualClock) -> Simulator:
    return Simulator(clock=clock, boot_seconds=0, stop_seconds=0, storage_seconds=0)


@pytest.mark.parametrize(
    "fields",
    [
        {"storage_devices": disks(25)},
        {"storage_devices": disks(10)},
        {"storage_devices": disks(40)},
        {"storage_devices": disks(20, 20)},
        {"storage_devices": disks(10, 50), "simple_backup": "0430,daily"},
        {"storage_devices": disks(10, tier="standard")},
        {"storage_devices": disks(25), "simple_backup": "0430,daily"},
        {"storage_devices": disks(25), "simple_backup": "0430,weeklies"},
        {"storage_devices": disks(60), "simple_backup": "0430,monthlies"},
        {"plan": "1xCPU-1GB", "storage_devices": disks(30), "simple_backup": "0430,dailies"},
        {"plan": "STARTER-1xCPU-2GB", "storage_devices": disks(25)},
        {"plan": CLOUD_NATIVE, "storage_devices": disks(25)},
        {"plan": CLOUD_NATIVE, "storage_devices": disks(25), "simple_backup": "0430,weeklies"},
        {"plan": "custom", "core_number": 2, "memory_amount": 2048, "simple_backup": "0430,dailies"},
        {"firewall": True},
        {"networking": [InterfaceSpec.utility()]},
        {"networking": [InterfaceSpec.public(), InterfaceSpec.public(), InterfaceSpec.public("IPv6")]},
        {"plan": "PREMIUM-2xCPU-4GB", "storage_devices": [StorageDeviceSpec.clone(WINDOWS, size=80)]},
    ],
    ids=str,
)
async def test_an_estimate_equals_the_simulators_bill(
    sim: Simulator, clock: ManualClock, fields: dict[str, Any]
) -> None:
    async with client_of(sim) as cloud:
        spec = server_spec(**fields)
        estimate = await cloud.prices.estimate(spec)
        server = await cloud.servers.create(spec)
        clock.advance(60)
        assert await bill(cloud) == pytest.approx(float(estimate.hourly), abs=3e-5)
        assert (await cloud.prices.estimate(server.uuid)).hourly == estimate.hourly


async def test_a_detached_disk_is_billed_like_any_other(sim: Simulator, clock: ManualClock) -> None:
    async with client_of(sim) as cloud:
        server = await cloud.servers.create(server_spec(storage_devices=disks(25)))
        clock.advance(HOUR / 2)
        price = float((await cloud.prices.estimate(server.uuid)).hourly)
        assert await bill(cloud) == pytest.approx(price, abs=1e-5)
        await cloud.servers.detach_storage(server.uuid, server.storage_devices[0].address)
        clock.advance(HOUR / 4)
        assert await bill(cloud) == pytest.approx(price + 25 * 0.00031, abs=1e-5)


async def test_a_disk_that_grows_beyond_its_plan_is_billed_from_then_on(sim: Simulator, clock: ManualClock) -> None:
    async with client_of(sim) as cloud:
        server = await cloud.servers.create(server_spec(storage_devices=disks(10)))
        clock.advance(HOUR / 2)
        before = await bill(cloud)
        await cloud.servers.stop(server.uuid, stop_type="hard")
        [disk] = server.storage_devices
        await cloud.storages.modify(str(disk.storage), StorageChanges(size=30))
        clock.advance(HOUR / 4)
        assert await bill(cloud) == pytest.approx(before + 5 * 0.00031, abs=1e-5)


async def test_a_plan_without_a_disk_bills_the_whole_disk(sim: Simulator, clock: ManualClock) -> None:
    async with client_of(sim) as cloud:
        server = await cloud.servers.create(server_spec(storage_devices=disks(25)))
        await cloud.servers.stop(server.uuid, stop_type="hard")
        changed = await cloud.servers.modify(server.uuid, ServerChanges(plan=CLOUD_NATIVE))
        assert [device.part_of_plan for device in changed.storage_devices] == [False]
        await cloud.servers.start(server.uuid)
        clock.advance(60)
        assert await bill(cloud) == pytest.approx(float((await cloud.prices.estimate(server.uuid)).hourly), abs=1e-5)


async def test_what_a_plan_includes_is_not_billed_on_a_running_clock() -> None:
    running = Simulator(boot_seconds=0, stop_seconds=0, storage_seconds=0)
    async with client_of(running) as cloud:
        server = await cloud.servers.create(server_spec(storage_devices=disks(25)))
        await cloud.servers.destroy(server.uuid)
    billed = [item for usage in running.usages for item in usage.items]
    assert [item for item in billed if item.startswith(("storage", "ipv4"))] == []
    assert len([item for item in billed if item.startswith("server_plan")]) == 1
