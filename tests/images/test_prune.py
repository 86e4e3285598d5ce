"""Pruning deletes older images and nothing else."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import anyio
import pytest

from tests.images.baking import RECIPE, ZONE, complete_images
from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import Recipe, StorageDeviceSpec, models
from upcloud_sdk.models.ownership import IMAGE
from upcloud_sdk.simulator.records.records import Storage

if TYPE_CHECKING:
    from upcloud_sdk import Image, UpCloud

pytestmark = pytest.mark.anyio

DAY = 86_400.0


def _version(number: int, name: str | None = "tools") -> Recipe:
    return Recipe(base="debian-13", commands=[f"echo {number}"], name=name)


async def _baked(cloud: UpCloud, moved: MovedCloud, *recipes: Recipe, zones: list[str] | None = None) -> list[Image]:
    """Bake one image of each recipe, one per day."""
    found: list[Image] = []
    for recipe in recipes:
        found += await cloud.images.bake(recipe, zones=zones or [ZONE])
        await moved.later(DAY)
    return found


async def test_the_newest_images_of_a_name_are_kept_in_each_zone(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        images = await _baked(cloud, moved, *map(_version, range(3)), zones=[ZONE, "de-fra1"])
        assert await cloud.images.prune(_version(9), keep=2, dry_run=True) == tuple(images[:2])
        assert len(moved.sim.storages) == 6
        assert await cloud.images.prune(_version(9), keep=2) == tuple(images[:2])
        assert await cloud.images.prune(_version(9), keep=2) == ()
        assert await cloud.images.prune(_version(9)) == tuple(images[2:4])
    assert {each.uuid for each in complete_images(moved)} == {image.uuid for image in images[4:]}


async def test_only_images_on_request_are_deleted(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        [shown] = await _baked(cloud, moved, _version(1))
        [later, newest] = await _baked(cloud, moved, _version(2), _version(3))
        assert await cloud.images.prune(only=[shown.uuid, newest.uuid]) == (shown,)
        assert [image.uuid for image in await cloud.images.list()] == [later.uuid, newest.uuid]


async def test_images_without_a_name_are_versions_only_of_images_with_their_digest(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        one, two, named = await _baked(cloud, moved, _version(1, None), _version(2, None), _version(3))
        assert await cloud.images.prune(keep=1) == ()
        # The name is not part of the digest, so both recipes have this image.
        assert await cloud.images.bake(_version(1), zones=[ZONE]) == (one,)
        assert [image.uuid for image in await cloud.images.prune(_version(9), keep=0)] == [named.uuid]
        assert [image.uuid for image in await cloud.images.list()] == [one.uuid, two.uuid]


async def test_the_current_image_of_the_recipe_is_never_deleted(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        one, two = await _baked(cloud, moved, _version(1), _version(2))
        await cloud.images.bake(_version(2), zones=[ZONE])
        assert [each.uuid for each in await cloud.images.prune(_version(1), keep=0, dry_run=True)] == [two.uuid]
        assert [image.uuid for image in await cloud.images.prune(_version(2), keep=0)] == [one.uuid]
        assert [image.uuid for image in await cloud.images.prune(keep=0)] == [two.uuid]
    assert moved.sim.storages == {}


async def test_an_image_in_error_is_deleted_although_there_is_room_for_it(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        _, broken = await _baked(cloud, moved, _version(1), _version(2))
        moved.sim.storages[broken.uuid].state = "error"
        assert [image.uuid for image in await cloud.images.prune(keep=5, dry_run=True)] == [broken.uuid]


async def test_the_images_of_a_recipe_with_a_new_name_are_listed_and_pruned(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        old, other = await _baked(cloud, moved, _version(1), _version(2))
        renamed = _version(1, "renamed")
        assert await cloud.images.bake(renamed, zones=[ZONE]) == (old,)
        assert [image.uuid for image in await cloud.images.list(renamed)] == [old.uuid]
        assert await cloud.images.prune(renamed, keep=0) == ()
        assert [image.uuid for image in await cloud.images.list()] == [old.uuid, other.uuid]


async def test_an_image_that_was_used_lately_is_kept(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        first, second = await _baked(cloud, moved, _version(1), _version(2))
        await cloud.images.bake(_version(1), zones=[ZONE])
        assert await cloud.images.prune(_version(1), unused_for=2 * DAY) == ()
        await moved.later(2 * DAY)
        assert [image.uuid for image in await cloud.images.prune(unused_for=2 * DAY)] == [second.uuid]
        assert [image.uuid for image in await cloud.images.list()] == [first.uuid]


async def test_the_image_that_was_asked_for_last_counts_as_the_newest(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        first, second, third = [(await cloud.images.bake(_version(number), zones=[ZONE]))[0] for number in range(3)]
        await cloud.images.bake(_version(0), zones=[ZONE])
        assert await cloud.images.prune(keep=2, dry_run=True) == (second,)
        # The current image of the recipe that is asked for is kept, whenever it was used last.
        kept = [image.uuid for image in await cloud.images.prune(_version(1), keep=1, dry_run=True)]
        assert kept == [first.uuid, third.uuid]
        assert await cloud.images.prune(_version(0), keep=2) == (second,)


async def test_an_image_in_error_is_not_one_of_those_that_are_kept(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        _, broken = await _baked(cloud, moved, _version(1), _version(2))
        moved.sim.storages[broken.uuid].state = "error"
        assert [image.uuid for image in await cloud.images.prune(keep=1, dry_run=True)] == [broken.uuid]


async def test_templates_of_others_and_templates_that_were_not_baked_are_never_touched(moved: MovedCloud) -> None:
    sim = moved.sim
    kept = Storage(sim.new_uuid("storage"), "mine", 10, type="template", zone=ZONE, tier="maxiops", created=0)
    sim.storages[kept.uuid] = kept
    async with moved.client("others") as others, moved.client() as cloud:
        [theirs] = await _baked(others, moved, RECIPE)
        disk = Storage(sim.new_uuid("storage"), "disk", 10, zone=ZONE, tier="maxiops", created=0)
        disk.labels = {**sim.storages[theirs.uuid].labels, "upcloud_sdk_owner": "tests"}
        sim.storages[disk.uuid] = disk
        assert await cloud.images.prune(keep=0) == ()
        assert await cloud.images.list() == ()
    assert set(sim.storages) == {kept.uuid, theirs.uuid, disk.uuid}


async def test_prune_during_a_bake_touches_nothing_of_it(moved: MovedCloud) -> None:
    async with moved.client() as cloud, moved.client() as other, anyio.create_task_group() as group:
        group.start_soon(lambda: cloud.images.bake(RECIPE, zones=[ZONE, "de-fra1"]))
        for _ in range(24):
            await moved.later(5)
            assert await other.images.prune() == ()
    assert len(complete_images(moved)) == 2


async def test_an_image_that_is_being_cloned_is_kept(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        first, _ = await _baked(cloud, moved, _version(1), _version(2))
        moved.sim.storages[first.uuid].state = "cloning"
        assert await cloud.images.prune() == ()
        moved.sim.storages[first.uuid].state = "online"
        disk = StorageDeviceSpec.clone(first, size=25)
        async with cloud.servers.ephemeral(server_spec(storage_devices=(disk,))):
            assert await cloud.images.prune() == (first,)


async def test_an_image_that_was_changed_since_the_list_is_kept(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with moved.client() as cloud:
        first, _ = await _baked(cloud, moved, _version(1), _version(2))
        get = cloud.storages.get

        async def get_what_was_changed(uuid: str) -> models.Storage:
            moved.sim.storages[first.uuid].labels[IMAGE] = "0" * 32
            return await get(uuid)

        monkeypatch.setattr(cloud.storages, "get", get_what_was_changed)
        assert await cloud.images.prune() == ()
    assert first.uuid in moved.sim.storages


async def test_an_image_that_is_gone_since_the_list_is_no_error(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        first, _ = await _baked(cloud, moved, _version(1), _version(2))
        moved.sim.fail(f"GET /storage/{first.uuid}", status=404, code="STORAGE_NOT_FOUND")
        assert await cloud.images.prune() == ()


async def test_a_list_has_the_monthly_cost_of_each_image(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        assert await cloud.images.list() == ()
        assert moved.count("GET /price") == 0
        await _baked(cloud, moved, _version(1), _version(2, None))
        one, two = await cloud.images.list()
        # 0.031 cents per GB and hour, 10 GB, 672 hours.
        assert (one.monthly, one.currency) == (Decimal("2.0832"), "EUR")
        assert await cloud.images.list(_version(3)) == (one,)
        assert await cloud.images.list(_version(2, None)) == (two,)


async def test_a_list_in_pages_is_complete(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        [first] = await _baked(cloud, moved, _version(1))
        for number in range(150):
            copy = Storage(moved.sim.new_uuid("storage"), f"copy {number}", 10, type="template", zone=ZONE)
            copy.created, copy.labels = 0, dict(moved.sim.storages[first.uuid].labels)
            moved.sim.storages[copy.uuid] = copy
        assert len(await cloud.images.prune(dry_run=True)) == 150
