"""The cache of an account: recent answers are not requested again."""

from __future__ import annotations

import json
import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import StorageSpec, errors
from upcloud_sdk._identity import RUN
from upcloud_sdk.ci import AccountCache
from upcloud_sdk.ci.account.cache import TimedCache
from upcloud_sdk.models.ownership import OWNER

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from upcloud_sdk import UpCloud

pytestmark = pytest.mark.anyio


@pytest.fixture
async def moved() -> AsyncGenerator[MovedCloud]:
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16) as cloud:
        yield cloud


async def test_a_price_is_requested_once(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        cache = AccountCache(cloud)
        [price] = await cache.estimates([server_spec()])
        asked = len(moved.sim.requests)
        assert price.currency == "EUR"
        assert await cache.estimates([server_spec()]) == [price]
        assert len(moved.sim.requests) == asked


async def test_a_price_that_could_not_be_read_is_not_requested_again_immediately(moved: MovedCloud) -> None:
    moved.sim.fail("GET /price", status=403, code="ACTION_FORBIDDEN", times=None)
    async with moved.client() as cloud:
        cache = AccountCache(cloud)
        with pytest.raises(errors.UpCloudError, match="ACTION_FORBIDDEN"):
            await cache.estimates([server_spec()])
        asked = len(moved.sim.requests)
        for _ in range(3):
            with pytest.raises(errors.UpCloudError, match="ACTION_FORBIDDEN"):
                await cache.estimates([server_spec()])
        assert len(moved.sim.requests) == asked


async def test_a_plan_that_is_refused_has_the_cheapest_successor_with_as_much(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        cache = AccountCache(cloud)
        wanted = {"cores": 1, "memory": 1024, "storage": 25}
        assert cache.successor("1xCPU-1GB", "fi-hel1") is None
        found = await cache.find_successor("1xCPU-1GB", "fi-hel1", **wanted)
        assert found == (await cloud.plans.cheapest(zone="fi-hel1", **wanted)).name
        assert cache.successor("1xCPU-1GB", "fi-hel1") == found


# --- the bill, on which a budget relies -------------------------------------------------------------------------------

BILL = "GET /account/billing/summary/*"


def _cache(cloud: UpCloud) -> AccountCache:
    """A cache that reads the bill each time."""
    cache = AccountCache(cloud)
    cache._bills = TimedCache(0)  # pyright: ignore[reportPrivateUsage]  # ten minutes by a clock that no test moves
    return cache


def _bill(cloud: UpCloud, details: list[dict[str, Any]], **resource: Any) -> str:  # noqa: ANN401 - fields of a document
    """A bill with one server of the owner, and one of somebody else."""
    ours = {"labels": [{"key": OWNER, "value": cloud.owner}]}
    server = {"resource_id": "00aa", "amount": 4, "hours": 4, "details": [ours | each for each in details]} | resource
    other: dict[str, Any] = {"resource_id": "00bb", "amount": 7, "hours": 7, "details": [{"amount": 7, "labels": []}]}
    kind = {"total_amount": 11, "resources": [server, other]}
    return json.dumps({"currency": "EUR", "total_amount": 11, "servers": {"total_amount": 11, "server": kind}})


async def test_the_bill_is_that_of_the_owners_servers(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        moved.sim.fail(BILL, status=200, body=_bill(cloud, [{"amount": 1.5}, {"amount": "2.5"}]))
        assert await _cache(cloud).billed() == 4


@pytest.mark.parametrize("amount", [{"amount": "many"}, {"amount": None}, {"amount": {}}, {}], ids=str)
async def test_an_amount_that_cannot_be_read_counts_as_all_that_its_server_cost(
    moved: MovedCloud, amount: dict[str, Any]
) -> None:
    async with moved.client() as cloud:
        moved.sim.fail(BILL, status=200, body=_bill(cloud, [{"amount": 1}, amount]))
        assert await _cache(cloud).billed() == 4


async def test_an_unreadable_label_does_not_hide_the_owner(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        labels: list[dict[str, Any]] = [{"key": 7.5, "value": []}, {"key": OWNER, "value": cloud.owner}]
        moved.sim.fail(BILL, status=200, body=_bill(cloud, [{"amount": 4, "labels": labels}]))
        assert await _cache(cloud).billed() == 4


async def test_a_bill_with_unreadable_amounts_is_an_error_and_not_zero(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        moved.sim.fail(BILL, status=200, body=_bill(cloud, [{"amount": "many"}], amount="more"))
        with pytest.raises(errors.UnexpectedAnswer, match="00aa"):
            await _cache(cloud).billed()


async def test_if_the_bill_cannot_be_read_the_last_one_is_used_or_an_error_is_raised(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        cache = _cache(cloud)
        moved.sim.fail(BILL, status=502, times=None)
        with pytest.raises(errors.UpCloudError):
            await cache.billed()
        moved.sim.faults.clear()
        moved.sim.fail(BILL, status=200, body=_bill(cloud, [{"amount": 4}]))
        assert await cache.billed() == 4
        moved.sim.fail(BILL, status=502, times=None)
        assert await cache.billed() == 4


@pytest.mark.parametrize(("status", "code"), [(403, "ACTION_FORBIDDEN"), (404, "BILLING_NOT_FOUND")])
async def test_a_bill_that_the_api_does_not_show_is_logged_once(
    moved: MovedCloud, caplog: pytest.LogCaptureFixture, status: int, code: str
) -> None:
    async with moved.client() as cloud:
        cache = _cache(cloud)
        moved.sim.fail(BILL, status=status, code=code, times=None)
        with caplog.at_level(logging.WARNING, "upcloud_sdk"):
            assert [await cache.billed(), await cache.billed()] == [Decimal(0), Decimal(0)]
    assert len([text for text in caplog.messages if "shows this user no bill" in text]) == 1


LONG_AGO = "2020-01-01T00:00:00Z"


async def make_disk(cloud: UpCloud, attempt: str, lease: str = LONG_AGO) -> str:
    """A disk of a server that this process has created."""
    disk = await cloud.storages.create(StorageSpec(zone="fi-hel1", title="left-os", size=10))
    labels = {"owner": "tests", "run": RUN.id, "attempt": attempt, "lease": lease}
    pairs = [{"key": f"upcloud_sdk_{key}", "value": value} for key, value in labels.items()]
    await cloud.request("PUT", f"/storage/{disk.uuid}", json={"storage": {"labels": pairs}})
    return disk.uuid


async def test_a_disk_whose_server_is_gone_is_orphaned_and_those_of_a_server_are_not(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec(), lease=3600)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=300)
        attempt = server.labels["upcloud_sdk_attempt"]
        left = await make_disk(cloud, "gone")
        await make_disk(cloud, attempt)
        assert [disk.uuid for disk in await AccountCache(cloud).orphaned_disks()] == [left]


async def test_a_disk_without_the_label_of_a_create_is_no_disk_of_a_server_without_it(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        left = await make_disk(cloud, "gone")
        labels = [{"key": "upcloud_sdk_owner", "value": "tests"}]
        server = await cloud.servers.create(server_spec())
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=300)
        await cloud.request("PUT", f"/server/{server.uuid}", json={"server": {"labels": {"label": labels}}})
        labels.append({"key": "upcloud_sdk_lease", "value": LONG_AGO})
        await cloud.request("PUT", f"/storage/{left}", json={"storage": {"labels": labels}})
        assert [disk.uuid for disk in await AccountCache(cloud).orphaned_disks()] == [left]


async def test_a_disk_that_is_attached_to_another_server_is_not_orphaned(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        left = await make_disk(cloud, "gone")
        server = await cloud.servers.create(server_spec())
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=300)
        await cloud.servers.attach_storage(server.uuid, left)
        assert await AccountCache(cloud).orphaned_disks() == ()


async def test_a_disk_that_is_being_created_is_not_orphaned(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        await make_disk(cloud, "mine", "2999-01-01T00:00:00Z")
        assert await AccountCache(cloud).orphaned_disks() == ()
        with mock.patch.object(RUN, "id", "of-another-process"):
            assert len(await AccountCache(cloud).orphaned_disks()) == 1


async def test_disks_are_listed_at_most_twice_per_minute(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        await make_disk(cloud, "gone")
        cache = AccountCache(cloud)
        found = await cache.orphaned_disks()
        asked = len(moved.sim.requests)
        assert await cache.orphaned_disks() == found
        assert len(moved.sim.requests) == asked


async def test_the_servers_of_other_processes_are_priced_with_one_price_list(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(RUN, "id", "another-run")
        async with moved.client() as other:
            made = [await other.servers.create(server_spec(), lease=3600) for _ in range(3)]
    async with moved.client() as cloud:
        cache = AccountCache(cloud)
        listed = await cache.of_other_runs(known={made[0].uuid})
        assert set(listed) == {server.uuid for server in made[1:]}
        assert None not in listed.values()
        assert await cache.of_other_runs(known={made[0].uuid}) == listed
    assert (moved.count(r"GET /price\?zone=fi-hel1"), moved.count("GET /plan")) == (1, 1)


async def test_a_listed_server_whose_labels_are_missing_counts_as_one_of_the_owners(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec())
        body = json.dumps({"servers": {"server": [{"uuid": server.uuid, "title": "a", "state": "started"}]}})
        moved.sim.fail("GET /server", status=200, body=body, times=None)
        assert set(await AccountCache(cloud).of_other_runs()) == {server.uuid}
        assert await AccountCache(cloud).of_other_runs(known={server.uuid}) == {}


async def test_a_list_of_the_last_half_minute_is_enough_for_a_claim(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        cache = AccountCache(cloud)
        await cache.leased()
        asked = len(moved.sim.requests)
        await cache.of_other_runs(within=30)
        assert len(moved.sim.requests) == asked
        await cache.of_other_runs(within=0)
        assert len(moved.sim.requests) == asked + 1
