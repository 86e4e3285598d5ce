from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.moved_time import MovedCloud

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@pytest.fixture
async def moved() -> AsyncGenerator[MovedCloud]:
    """An empty cloud on an automatic clock. Servers boot in 33 s and stop in 16 s, like the median of real ones."""
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16) as cloud:
        yield cloud
