"""Images by recipe for an adapter: builds never wait for a bake, and use the existing image or the base."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from tests.images.baking import RECIPE, ZONE, Guests
from tests.moved_time import MovedCloud
from upcloud_sdk.ci import ChosenImage, RecipeImages
from upcloud_sdk.errors import NoMatch
from upcloud_sdk.models.ownership import IMAGE
from upcloud_sdk.simulator.records.records import Storage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from upcloud_sdk import UpCloud

pytestmark = pytest.mark.anyio

DAY = 86_400.0
DEBIAN_13 = "01000000-0000-4000-8000-000020080100"


@pytest.fixture
async def moved() -> AsyncGenerator[MovedCloud]:
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16, storage_seconds=17) as cloud:
        yield cloud


@asynccontextmanager
async def _running(cloud: UpCloud, moved: MovedCloud) -> AsyncGenerator[RecipeImages]:
    images = RecipeImages(cloud, moved.clock)
    async with anyio.create_task_group() as group:
        group.start_soon(images.run)
        yield images
        group.cancel_scope.cancel()


async def _chosen(images: RecipeImages, refresh: float = DAY) -> ChosenImage:
    images.forget()
    return (await images.choose(RECIPE, [ZONE], refresh=refresh))[ZONE]


async def test_the_base_is_used_and_reported_until_the_image_exists(moved: MovedCloud) -> None:
    async with moved.client() as cloud, _running(cloud, moved) as images:
        began = moved.hand.now()
        first = await _chosen(images)
        assert moved.hand.now() == began
        assert (first.template.uuid, first.image) == (DEBIAN_13, None)
        assert str(first) == "Debian GNU/Linux 13 (Trixie), with the commands of its recipe"
        await moved.later(200)
        second = await _chosen(images)
        assert second.image is not None
        assert (second.template.uuid, str(second)) == (second.image.uuid, second.image.title)
        assert (second.template.template_type, second.template.labels[IMAGE]) == ("cloud-init", RECIPE.digest)
        assert moved.count("POST /server") == 1


async def test_a_newer_base_makes_a_new_image_in_a_day_and_the_last_one_serves_until_then(moved: MovedCloud) -> None:
    async with moved.client() as cloud, _running(cloud, moved) as images:
        await _chosen(images)
        await moved.later(200)
        old = await _chosen(images)
        newer = Storage("01000000-0000-4000-8000-000020080200", "Debian GNU/Linux 13 (Trixie)", 10, type="template")
        newer.access, newer.template_type = "public", "cloud-init"
        del moved.sim.catalog.storages[DEBIAN_13]
        moved.sim.catalog.storages[newer.uuid] = newer
        assert await _chosen(images) == old
        await moved.later(DAY)
        new = await _chosen(images)
        assert new.image is not None
        assert new.image.base == newer.uuid
        # And the older image of the same recipe is deleted.
        assert list(moved.sim.storages) == [new.image.uuid]
        requests = len(moved.requests())
        await moved.later(3 * DAY)
        assert len(moved.requests()) - requests < 20


async def test_commands_that_fail_are_logged_and_tried_again_in_a_day(caplog: pytest.LogCaptureFixture) -> None:
    async with (
        MovedCloud.open(guests=Guests(10, None)) as moved,
        moved.client() as cloud,
        _running(cloud, moved) as images,
    ):
        await _chosen(images)
        await moved.later(DAY - 1000)
        assert moved.count("POST /server") == 1
        said = [each.levelno for each in caplog.records if "a command failed" in each.getMessage()]
        assert said == [logging.ERROR]
        assert (await _chosen(images)).image is None
        await moved.later(2000)
        assert moved.count("POST /server") == 2


async def test_a_bake_that_fails_for_now_is_tried_again_in_an_hour(moved: MovedCloud) -> None:
    moved.sim.fail("POST /server", status=409, code="SERVER_RESOURCES_UNAVAILABLE")
    async with moved.client() as cloud, _running(cloud, moved) as images:
        await _chosen(images)
        await moved.later(3500)
        assert (await _chosen(images)).image is None
        await moved.later(600)
        assert (await _chosen(images)).image is not None


async def test_one_answer_serves_many_builds_and_an_unknown_base_is_an_error(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        images = RecipeImages(cloud, moved.clock)
        await images.choose(RECIPE, [ZONE], refresh=DAY)
        count = len(moved.requests())
        await images.choose(RECIPE, [ZONE, "de-fra1"], refresh=DAY)
        assert len(moved.requests()) == count
        with pytest.raises(NoMatch):
            await images.choose(RECIPE.model_copy(update={"base": "debian-31"}), [ZONE], refresh=DAY)


async def test_a_recipe_that_is_no_longer_wanted_is_not_baked_again(moved: MovedCloud) -> None:
    newer = RECIPE.model_copy(update={"commands": ("echo newer",)})
    async with moved.client() as cloud, _running(cloud, moved) as images:
        wanted = RECIPE
        images.is_wanted = lambda recipe, _: recipe.digest == wanted.digest
        await _chosen(images)
        await moved.later(200)
        wanted = newer
        await images.choose(newer, [ZONE], refresh=DAY)
        await moved.later(200)
        await cloud.images.prune(newer)
        await moved.later(3 * DAY)
        assert [each.labels[IMAGE] for each in moved.sim.storages.values()] == [newer.digest]
        assert moved.count("POST /server") == 2


async def test_an_error_of_any_kind_ends_neither_the_task_nor_the_client(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with moved.client() as cloud, _running(cloud, moved) as images:
        with monkeypatch.context() as patch:
            patch.setattr(type(cloud.images), "bake", _fail)
            await _chosen(images)
            await moved.later(10)
        assert (await _chosen(images)).image is None
        await moved.later(4000)
        assert (await _chosen(images)).image is not None


async def _fail(*_: object, **__: object) -> None:
    raise KeyError("labels")


async def test_a_zone_without_its_image_does_not_stop_the_zones_that_have_theirs(moved: MovedCloud) -> None:
    async with moved.client() as cloud, _running(cloud, moved) as images:
        await _chosen(images)
        await moved.later(200)
        images.forget()
        del moved.sim.catalog.storages[DEBIAN_13]
        chosen = await images.choose(RECIPE, ["de-fra1", ZONE], refresh=DAY)
        assert list(chosen) == [ZONE]
        assert chosen[ZONE].image is not None
