"""A sleeping machine: the clock of the waits stands still, while the wall clock and the API's clock continue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fleet.leased import left, started
from tests.moved_time import server_spec
from upcloud_sdk.models.ownership import LEASE, read_lease

if TYPE_CHECKING:
    from tests.moved_time import MovedCloud

pytestmark = pytest.mark.anyio

NIGHT = 8 * 3600.0


class Sleeper:
    """A machine whose monotonic clock stands still while it sleeps."""

    def __init__(self, moved: MovedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moved, self.slept = moved, 0.0
        hand = moved.hand
        monkeypatch.setattr("time.time", lambda: hand.now() + 77.0)
        monkeypatch.setattr(moved.clock, "now", lambda: hand.now() - self.slept)

    def sleep(self, seconds: float) -> None:
        """Let time pass for the API and the wall clock only."""
        self.slept += seconds
        self.moved.hand.advance(seconds)


async def test_a_held_lease_is_renewed_immediately_after_the_machine_has_slept(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Sleeper(moved, monkeypatch)
    async with moved.client() as cloud:
        uuid = await started(cloud, lease=3600)
        machine.sleep(NIGHT)
        assert left(moved, uuid) < 0
        await moved.later(31)
        assert left(moved, uuid) == pytest.approx(3600, abs=31)


async def test_a_new_lease_does_not_end_in_the_past_after_the_machine_has_slept(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Sleeper(moved, monkeypatch)
    async with moved.client() as cloud:
        await cloud.zones.list()
        machine.sleep(NIGHT)
        uuid = await started(cloud, lease=600)
        assert left(moved, uuid) > 500


async def test_a_taken_lease_does_not_end_in_the_past_after_the_machine_has_slept(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Sleeper(moved, monkeypatch)
    async with moved.client() as cloud:
        uuid = await started(cloud, lease=None)
        machine.sleep(NIGHT)
        await cloud.leases.take(uuid, 600)
        assert left(moved, uuid) == pytest.approx(600, abs=2)


async def test_a_reaper_spares_held_servers_after_the_machine_has_slept(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Sleeper(moved, monkeypatch)
    async with moved.client() as cloud, moved.client() as reaper:
        uuid = await started(cloud, lease=3600)
        await reaper.zones.list()
        machine.sleep(1000)
        await moved.later(31)
        machine.sleep(3000)
        await moved.later(31)
        assert (await reaper.leases.reap()).servers == ()
    assert uuid in moved.sim.servers


async def test_a_client_whose_last_answer_is_old_reads_the_apis_time_again(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        await cloud.account.get()
        await started(cloud, lease=600)
        assert moved.count("GET /account") == 1
        (uuid,) = moved.sim.servers
        await cloud.servers.destroy(uuid)
        await moved.later(3600)
        await started(cloud, lease=600)
        assert moved.count("GET /account") == 2


@pytest.mark.parametrize("seconds", [100, 599])
async def test_a_new_lease_does_not_end_in_the_past_after_a_short_sleep(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    machine = Sleeper(moved, monkeypatch)
    async with moved.client() as cloud:
        await cloud.account.get()
        machine.sleep(seconds)
        server = await cloud.servers.create(server_spec(), lease=90)
        ends = read_lease(server.labels[LEASE])
        assert ends is not None
        assert ends.timestamp() - moved.hand.now() > 80
