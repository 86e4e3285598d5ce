from __future__ import annotations

import anyio
import pytest

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import ServerState, errors
from upcloud_sdk.simulator import never, to_error

pytestmark = pytest.mark.anyio


async def test_the_server_runs_inside_the_block_and_is_gone_with_its_disk_after_it(moved: MovedCloud) -> None:
    async with moved.client() as cloud, cloud.servers.ephemeral(server_spec()) as server:
        assert server.state is ServerState.STARTED
        assert server.public_ipv4 is not None
        assert [record.state for record in moved.sim.servers.values()] == ["started"]
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}


async def test_a_single_server_takes_as_few_requests_as_possible(moved: MovedCloud) -> None:
    """The same number as in 0.1.0."""
    async with moved.client() as cloud, cloud.servers.ephemeral(server_spec()):
        pass
    # The first read is 5 s after the create, then one per second until 33 s. After the stop, one per second for 16 s.
    assert moved.count("GET /account") == 1
    assert moved.count("POST /server") == 1
    assert moved.count("POST /server/[^/]+/stop") == 1
    assert moved.count("DELETE /server/.*") == 1
    assert moved.count("GET /server/.*") == 29 + 16
    assert len(moved.requests()) == 1 + 1 + 1 + 1 + 29 + 16


async def test_fifty_concurrent_servers_share_their_reads(moved: MovedCloud) -> None:
    async with moved.client() as cloud, anyio.create_task_group() as group:

        async def live(name: str) -> None:
            async with cloud.servers.ephemeral(server_spec(name)):
                pass

        for number in range(50):
            group.start_soon(live, f"build-{number}")
    assert moved.sim.servers == {}
    assert moved.count("POST /server") == 50
    # Per server: create, stop, read of its disks, delete. The rest is shared: one list per second.
    assert len(moved.requests()) <= 4 * 50 + 100


async def test_an_error_of_the_body_is_raised_unchanged_and_the_server_is_gone(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        with pytest.raises(KeyError, match="mine"):
            async with cloud.servers.ephemeral(server_spec()):
                raise KeyError("mine")
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}


async def test_a_server_that_never_boots_is_destroyed_after_the_timeout(moved: MovedCloud) -> None:
    moved.sim.boot_next(never())
    async with moved.client() as cloud:
        with pytest.raises(errors.WaitTimeout, match="to be started") as caught:
            async with cloud.servers.ephemeral(server_spec(), timeout=60, cleanup_timeout=5):
                raise AssertionError("it never starts")
        assert caught.value.last is not None
        assert caught.value.last.state == "maintenance"
        # A server in maintenance refuses all calls. The note says that it may still cost money.
        assert "may still cost money" in "".join(caught.value.__notes__)


async def test_a_server_that_fails_to_boot_is_destroyed_immediately(moved: MovedCloud) -> None:
    moved.sim.boot_next(to_error(20, leaves_after=30))
    async with moved.client() as cloud:
        with pytest.raises(errors.ResourceFailed) as caught:
            async with cloud.servers.ephemeral(server_spec()):
                raise AssertionError("it never starts")
        assert caught.value.state == "error"
    assert moved.sim.servers == {}


async def test_an_attached_disk_is_kept_when_the_server_is_deleted(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        async with cloud.servers.ephemeral(server_spec()) as first:
            made = first.storage_devices[0].storage
            document = {"storage": {"size": 10, "tier": "maxiops", "title": "data", "zone": "fi-hel1"}}
            data = (await cloud.request("POST", "/storage", json=document)).document["storage"]["uuid"]
            body = {"storage_device": {"type": "disk", "address": "virtio", "storage": data}}
            await cloud.request("POST", f"/server/{first.uuid}/storage/attach", json=body)
        assert made not in moved.sim.storages
        assert list(moved.sim.storages) == [data]
