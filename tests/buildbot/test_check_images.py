"""`check` says which image of a recipe there is, and how old it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.images.baking import RECIPE, ZONE
from tests.moved_time import MovedCloud
from upcloud_sdk.buildbot.check.questions import state_of_images

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

pytestmark = pytest.mark.anyio


@pytest.fixture
async def moved() -> AsyncGenerator[MovedCloud]:
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16, storage_seconds=17) as cloud:
        yield cloud


async def test_an_image_has_its_age_and_a_zone_without_one_what_is_done_there(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        [image] = await cloud.images.bake(RECIPE, zones=[ZONE])
        await moved.later(3 * 86_400 + 60)
        said = await state_of_images(cloud, RECIPE, [ZONE, "de-fra1"])
    assert f"{image.title} in {ZONE}, 3 days old; none in de-fra1 yet: the master makes it" in said
