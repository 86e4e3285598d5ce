"""What an account was asked lately is not asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk.ci import AccountCache

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

pytestmark = pytest.mark.anyio


@pytest.fixture
async def moved() -> AsyncGenerator[MovedCloud]:
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16) as cloud:
        yield cloud


async def test_a_price_is_asked_for_once(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        cache = AccountCache(cloud)
        price = await cache.price(server_spec())
        asked = len(moved.sim.requests)
        assert price is not None
        assert await cache.price(server_spec()) == price
        assert len(moved.sim.requests) == asked


async def test_a_price_that_cannot_be_told_is_not_asked_for_again_at_once(moved: MovedCloud) -> None:
    moved.sim.fail("GET /price", status=403, code="ACTION_FORBIDDEN", times=None)
    async with moved.client() as cloud:
        cache = AccountCache(cloud)
        assert await cache.price(server_spec()) is None
        asked = len(moved.sim.requests)
        for _ in range(3):
            assert await cache.price(server_spec()) is None
        assert len(moved.sim.requests) == asked


async def test_a_plan_that_is_refused_has_the_cheapest_successor_with_as_much(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        cache = AccountCache(cloud)
        wanted = {"cores": 1, "memory": 1024, "storage": 25}
        assert cache.successor("1xCPU-1GB", "fi-hel1") is None
        found = await cache.find_successor("1xCPU-1GB", "fi-hel1", **wanted)
        assert found == (await cloud.plans.cheapest(zone="fi-hel1", **wanted)).name
        assert cache.successor("1xCPU-1GB", "fi-hel1") == found
