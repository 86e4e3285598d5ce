"""Resources with labels are created exactly once. A late resource without a holder is found and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from tests.moved_time import MovedCloud
from tests.sdk.interrupting import WAYS
from upcloud_sdk import errors
from upcloud_sdk.models import StorageSpec
from upcloud_sdk.models.ownership import ATTEMPT, LEASE, OWNER, RUN

if TYPE_CHECKING:
    from tests.sdk.interrupting import Way

pytestmark = pytest.mark.anyio

SPEC = StorageSpec(zone="fi-hel1", title="data", size=10, labels={"team": "a"})


async def test_a_disk_gets_the_sdks_labels_and_the_callers_but_no_lease(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        disk = await cloud.storages.create(SPEC)
        await moved.later(7200)
        report = await cloud.leases.reap(exclusive=True)
    assert set(disk.labels) == {"team", OWNER, RUN, ATTEMPT}
    assert LEASE not in disk.labels
    assert report.storages == ()


async def test_a_disk_whose_answer_was_lost_is_adopted(moved: MovedCloud) -> None:
    moved.sim.fail("POST /storage", drop=True, after_effect=True)
    async with moved.client() as cloud:
        disk = await cloud.storages.create(SPEC)
    assert list(moved.sim.storages) == [disk.uuid]
    assert moved.count("POST /storage") == 1


async def test_a_disk_that_appears_late_is_deleted_because_it_has_no_holder(moved: MovedCloud) -> None:
    moved.sim.fail("POST /storage", drop=True, after_effect=True, hide_from_lists=40)
    async with moved.client() as cloud:
        with pytest.raises(errors.OutcomeUnknown, match="no storage with label upcloud_sdk_attempt="):
            await cloud.storages.create(SPEC)
        assert len(moved.sim.storages) == 1
    assert moved.sim.storages == {}


@pytest.mark.parametrize(("anyio_backend", "interrupted"), WAYS)
async def test_a_disk_whose_caller_was_interrupted_is_deleted(interrupted: Way) -> None:
    """Although it is in use at first."""
    async with MovedCloud.open() as moved:
        moved.sim.fail("POST /storage", delay=10)
        moved.sim.fail("DELETE /storage/*", status=409, code="STORAGE_STATE_ILLEGAL", times=5)
        async with moved.client() as cloud:
            await interrupted(lambda: cloud.storages.create(SPEC), lambda: moved.later(5))
        assert moved.count("POST /storage") == 1
        assert moved.sim.storages == {}


async def test_a_create_that_is_cancelled_before_it_is_sent_is_never_sent(moved: MovedCloud) -> None:
    moved.sim.fail("POST /storage", delay=10, times=None)
    async with moved.client(max_concurrency=1) as cloud:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                for _ in range(5):
                    group.start_soon(cloud.storages.create, SPEC)
                await moved.later(5)
                scope.cancel()
    assert moved.count("POST /storage") == 1
    assert moved.sim.storages == {}
