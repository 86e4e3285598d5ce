"""Renewals while other clients write labels, with faults, and with wrong clocks."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fleet.leased import left, started
from tests.moved_time import MovedCloud, server_spec
from tests.skips import WINDOWS
from upcloud_sdk import RetryPolicy, ServerChanges
from upcloud_sdk.models.ownership import LEASE, OWNER
from upcloud_sdk.simulator import never

pytestmark = pytest.mark.anyio


# --- renewal ----------------------------------------------------------------------------------------------------------


async def test_a_lease_is_renewed_as_soon_as_the_maintenance_is_over(moved: MovedCloud) -> None:
    moved.sim.boot_next(never())
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec(), lease=600)
        await moved.later(500)
        assert moved.count("PUT .*") == 0
        record = moved.sim.servers[server.uuid]
        record.state = "started"
        await moved.later(35)
        assert left(moved, server.uuid) > 500
        assert moved.count("PUT /server/.*") == 1


async def test_a_renewal_keeps_other_labels_and_does_not_send_the_apis_own(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        moved.sim.servers[uuid].labels |= {"team": "a", "_system": "x"}
        await moved.later(400)
        labels = moved.sim.servers[uuid].labels
        assert labels["team"] == "a"
        # The simulator refuses such a label in a request.
        assert left(moved, uuid) > 300


async def test_a_renewal_that_fails_is_tried_again_soon(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        moved.sim.fail("PUT /server/*", status=409, code="SOMETHING", times=3)
        await moved.later(300 + 3 * 31 + 5)
        assert left(moved, uuid) > 500


async def test_a_hanging_renewal_delays_no_other(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        first, second = await started(cloud), await started(cloud)
        moved.sim.fail(f"GET /server/{first}", timeout=True, times=None)
        await moved.later(1200)
        assert left(moved, second) > 250


async def test_many_leases_are_renewed_in_time(moved: MovedCloud) -> None:
    """Sequential renewals would be too slow: each takes a second, four requests of a quarter second."""
    async with moved.client() as cloud:
        for number in range(60):
            await cloud.servers.create(server_spec(f"build-{number}"), lease=80)
        moved.sim.fail("*", delay=0.25, times=None)
        await moved.later(100)
        assert min(left(moved, uuid) for uuid in moved.sim.servers) > 0


async def test_a_lease_that_took_long_to_make_is_renewed_before_it_ends(moved: MovedCloud) -> None:
    """The lease begins before the create is sent, and `Retry-After` may delay the create."""
    async with moved.client() as cloud:
        await cloud.zones.list()
        moved.sim.fail("POST /server", status=429, code="TOO_MANY_REQUESTS", headers={"retry-after": "60"})
        server = await cloud.servers.create(server_spec(), lease=120)
        assert left(moved, server.uuid) == pytest.approx(60, abs=1)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        await moved.later(16)
        assert left(moved, server.uuid) > 60


async def test_a_renewal_does_not_undo_a_keep_by_another_process(moved: MovedCloud) -> None:
    async with moved.client() as cloud, moved.client() as other:
        uuid = await started(cloud)
        await other.leases.keep(uuid)
        await moved.later(3600)
        assert LEASE not in moved.sim.servers[uuid].labels


async def test_a_renewal_does_not_undo_a_take_by_another_owner(moved: MovedCloud) -> None:
    async with moved.client() as cloud, moved.client("somebody-else") as other:
        uuid = await started(cloud)
        await other.leases.take(uuid, 7200)
        await moved.later(3600)
        assert moved.sim.servers[uuid].labels[OWNER] == "somebody-else"
        assert left(moved, uuid) > 3000


async def test_a_renewal_restores_labels_that_somebody_removed(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        moved.sim.servers[uuid].labels = {"team": "a"}
        await moved.later(400)
        labels = moved.sim.servers[uuid].labels
        assert labels["team"] == "a"
        assert labels[OWNER] == "tests"
        assert left(moved, uuid) > 300


async def test_a_renewal_does_not_undo_a_concurrent_modify(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        await moved.later(left(moved, uuid) - 300 - 2)
        moved.sim.fail("PUT /server/*", delay=5, times=2)
        await cloud.servers.modify(uuid, ServerChanges(labels={"team": "a"}))
        await moved.later(30)
        assert moved.sim.servers[uuid].labels["team"] == "a"
        assert left(moved, uuid) > 500


async def test_a_modify_does_not_undo_a_concurrent_renewal(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud)
        await moved.later(left(moved, uuid) - 300 + 2)
        moved.sim.fail("PUT /server/*", delay=5, times=2)
        await cloud.servers.modify(uuid, ServerChanges(labels={"team": "a"}))
        await moved.later(30)
        assert moved.sim.servers[uuid].labels["team"] == "a"
        assert left(moved, uuid) > 500


async def test_a_server_that_somebody_destroyed_is_not_renewed_any_more(
    moved: MovedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    async with moved.client() as cloud, moved.client() as other:
        uuid = await started(cloud)
        await other.servers.destroy(uuid)
        await moved.later(301)
        before = len(moved.requests())
        await moved.later(3600)
        assert len(moved.requests()) == before
    assert f"the lease of server {uuid} is lost, and not renewed any more: it is gone" in caplog.text


# --- clocks -----------------------------------------------------------------------------------------------------------


async def test_nothing_is_reaped_by_mistake_if_the_clock_of_the_host_is_wrong_by_hours(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API's time is 1 January 2026. The clock of this machine is wrong."""
    monkeypatch.setattr("time.time", lambda: moved.hand.now() + 5 * 3600)
    async with moved.client() as cloud, moved.client() as other:
        uuid = await started(cloud)
        assert left(moved, uuid) == pytest.approx(600 - 33, abs=2)
        assert (await other.leases.reap()).servers == ()


async def test_a_renewal_uses_the_time_of_the_latest_answer(moved: MovedCloud) -> None:
    """As after a laptop has slept: its monotonic clock has not moved."""
    async with moved.client() as cloud:
        uuid = await started(cloud)
        skew = [0.0]
        clock_now = moved.clock.now
        moved.clock.now = lambda: clock_now() - skew[0]  # type: ignore[method-assign]  # a clock that slept
        skew[0] = 3 * 3600
        moved.hand.advance(3 * 3600)
        await moved.later(400)
        assert left(moved, uuid) > 200


# --- the id of a process ----------------------------------------------------------------------------------------------

FORKS = """
import os
from upcloud_sdk._identity import run_id
before = run_id()
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    os.write(writer, run_id().encode())
    os._exit(0)
os.waitpid(child, 0)
print(before == run_id(), before != os.read(reader, 100).decode())
"""


@pytest.mark.skipif(sys.platform == "win32", reason=WINDOWS)
def test_a_forked_process_is_another_run() -> None:
    done = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["True", "True"]


async def test_the_event_of_a_lease_has_the_end_in_its_label(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        uuid = await started(cloud, lease=None)
        lease = await cloud.leases.take(uuid, 600)
        assert (lease.uuid, lease.kind, lease.state, lease.owner) == (uuid, "server", "started", "tests")
        assert lease.ends == datetime.fromtimestamp(moved.hand.now() + 600, UTC)
        assert (await cloud.leases.list())[0] == lease
        assert await cloud.leases.list("somebody-else") == ()


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
