"""A killed process or a fault at any request of a bake leaves nothing incomplete."""

from __future__ import annotations

from typing import Any

import pytest

from tests.images.baking import RECIPE, ZONE, complete_images
from tests.images.dying import ZONES, killed_in
from tests.moved_time import MovedCloud
from tests.reliability.lives import FAULTS
from upcloud_sdk.errors import UpCloudError
from upcloud_sdk.models.ownership import IMAGE

pytestmark = pytest.mark.anyio

QUICK: dict[str, Any] = {"boot_seconds": 6, "stop_seconds": 2, "storage_seconds": 2}


@pytest.mark.parametrize(
    "after",
    [pytest.param(False, id="before it", marks=pytest.mark.full), pytest.param(True, id="after it")],
)
async def test_the_reaper_finds_everything_of_a_process_that_was_killed_at_any_request(
    monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """Tests each request that changes something. A complete image is found by the next bake."""
    number = 0
    while True:
        async with MovedCloud.open(**QUICK) as moved:
            if not await killed_in(moved, number, monkeypatch, after=after):
                break
            await moved.later(10)
            async with moved.client() as cloud:
                report = await cloud.leases.reap(exclusive=True)
                assert report.failed == {}
                before = complete_images(moved)
                await cloud.images.bake(RECIPE, zones=ZONES)
                assert {each.uuid for each in before} <= {each.uuid for each in complete_images(moved)}
                assert sorted(each.zone or "" for each in complete_images(moved)) == ["de-fra1", ZONE]
        number += 1
    # Create, start, template, its labels, clone, template, its labels, and the final deletes.
    assert number >= 9


async def test_an_incomplete_image_is_kept_while_its_lease_is_valid(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    await killed_in(moved, 3, monkeypatch, after=False)
    async with moved.client() as cloud, moved.client("others") as others:
        await others.leases.reap(exclusive=True)
        assert (await cloud.leases.reap()).servers == ()
        assert len(moved.sim.storages) == 2
        assert await cloud.images.prune(keep=0) == ()
        await moved.later(4000)
        report = await cloud.leases.reap(dry_run=True)
        assert len(moved.sim.storages) == 2
        assert (await cloud.leases.reap()).servers == report.servers
    assert complete_images(moved) == []


async def test_a_template_of_somebody_else_with_the_title_of_an_image_is_kept(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    await killed_in(moved, 3, monkeypatch, after=False)
    half = next(each for each in moved.sim.storages.values() if each.type == "template")
    half.title += " (copy)"
    async with moved.client() as cloud:
        await cloud.leases.reap(exclusive=True)
    assert list(moved.sim.storages) == [half.uuid]


async def _cancelled_after(moved: MovedCloud, seconds: float) -> None:
    async with moved.client() as cloud:
        with moved.clock.limit(seconds):
            await cloud.images.bake(RECIPE, zones=ZONES)
    complete_images(moved)
    moved.sim.storages.clear()


@pytest.mark.parametrize("seconds", [20, 50, 80, 110])
async def test_a_bake_that_is_cancelled_leaves_nothing_incomplete(moved: MovedCloud, seconds: float) -> None:
    await _cancelled_after(moved, seconds)


@pytest.mark.full
async def test_a_bake_that_is_cancelled_at_any_time_leaves_nothing_incomplete(moved: MovedCloud) -> None:
    for seconds in range(1, 130, 7):
        await _cancelled_after(moved, seconds)


async def _hit(number: int, fault: dict[str, Any]) -> bool:
    """Run a bake with a fault at the request with this number. False if there was no such request."""
    async with MovedCloud.open(**QUICK) as moved:
        moved.sim.fail("*", skip=number, **fault)
        async with moved.client() as cloud:
            try:
                await cloud.images.bake(RECIPE, zones=[ZONE])
            except UpCloudError:
                failed = True
            else:
                failed = False
        images = complete_images(moved)
        assert len(images) <= 1
        assert failed or [each.labels[IMAGE] for each in images] == [RECIPE.digest]
        return number < len(moved.requests())


@pytest.mark.full
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_fault_at_any_request_of_a_bake_makes_one_image_or_none(fault: dict[str, Any]) -> None:
    number = 0
    while await _hit(number, fault):
        number += 1


@pytest.mark.parametrize(
    "fault",
    ["before its effect: dropped", "after its effect: dropped", "after its effect: 500", "after its effect: truncated"],
)
@pytest.mark.parametrize(
    "call", ["POST /storage/{uuid}/templatize", "PUT /storage/{uuid}", "POST /server/{uuid}/start"]
)
async def test_a_lost_answer_to_any_change_makes_one_image_or_none(call: str, fault: str) -> None:
    async with MovedCloud.open(**QUICK) as moved:
        moved.sim.fail(call, **FAULTS[fault])
        async with moved.client() as cloud:
            try:
                await cloud.images.bake(RECIPE, zones=[ZONE])
            except UpCloudError:
                assert complete_images(moved) == []
            else:
                assert len(complete_images(moved)) == 1
        assert moved.count("POST .*/templatize") <= 1
        assert moved.count("POST .*/start") == 1


async def test_a_template_whose_answer_was_lost_is_found_by_its_title() -> None:
    async with MovedCloud.open(**QUICK) as moved:
        moved.sim.fail("POST /storage/{uuid}/templatize", after_effect=True, drop=True, times=None)
        moved.sim.fail("POST /storage/{uuid}/clone", after_effect=True, drop=True, times=None)
        async with moved.client() as cloud:
            images = await cloud.images.bake(RECIPE, zones=ZONES)
        assert [image.zone for image in images] == ZONES
        assert len(complete_images(moved)) == 2


async def test_an_image_whose_completion_has_lost_its_answer_is_kept() -> None:
    """The bake fails, and the destroy of its server looks at each copy before it deletes it."""
    async with MovedCloud.open(**QUICK) as moved:
        moved.sim.fail("PUT /storage/{uuid}", after_effect=True, drop=True, times=None)
        async with moved.client() as cloud:
            with pytest.raises(UpCloudError):
                await cloud.images.bake(RECIPE, zones=[ZONE])
        assert len(complete_images(moved)) == 1
