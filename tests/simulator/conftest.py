from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from upcloud_sdk.simulator import ManualClock, Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sim(clock: ManualClock) -> Simulator:
    return Simulator(clock=clock, seed=1)


@pytest.fixture
async def api(sim: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client without any of the SDK: what goes in and out is JSON."""
    async with httpx.AsyncClient(
        transport=sim.transport(), base_url="https://api.upcloud.com/1.3", auth=("user", "password")
    ) as client:
        yield client
