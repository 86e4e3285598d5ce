"""A field that an answer of a bake does not have: only the SDK's own errors, and nothing left after one reap."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.fleet.programs.test_missing_fields import Edited, places, without
from tests.images.baking import RECIPE, complete_images
from tests.images.dying import ZONES
from tests.images.lagging import STEP
from tests.moved_time import MovedCloud
from upcloud_sdk.errors import UpCloudError

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

QUICK: dict[str, Any] = {"boot_seconds": 6, "stop_seconds": 2, "storage_seconds": 2}


async def baked(number: int = -1, edit: Callable[[Any], object] = lambda _: None) -> list[Any]:
    """Bake with this answer changed, and check that one reap leaves complete images or nothing. Returns the answers."""
    async with MovedCloud.open(**QUICK) as moved:
        transport = Edited(moved)
        transport.number, transport.edit = number, edit
        async with moved.client(transport=transport) as cloud:
            with suppress(UpCloudError):
                await cloud.images.bake(RECIPE, zones=ZONES)
        # The lease of what is left has ended then.
        await moved.later(1000)
        async with moved.client() as cloud:
            assert (await cloud.leases.reap()).failed == {}
        complete_images(moved)
        return transport.documents


def is_of_the_catalogue(document: Any, place: tuple[str | int, ...]) -> bool:  # noqa: ANN401 - any document
    """Whether a field belongs to a public template, a plan or a price."""
    if place[0] in {"plans", "prices"}:
        return len(place) > 2
    if place[:2] == ("storages", "storage") and len(place) > 2:
        return bool(document["storages"]["storage"][place[2]].get("access") == "public")
    return False


@pytest.mark.full
async def test_a_bake_without_any_field_of_any_answer_leaves_nothing_incomplete() -> None:
    fields = [
        (number, place)
        for number, document in enumerate(await baked())
        for place in places(document)
        if not is_of_the_catalogue(document, place)
    ]
    for number, place in fields[::STEP]:
        try:
            await baked(number, without(place))
        except Exception as error:
            error.add_note(f"answer {number} without {place}")
            raise
