from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.moved_time import MovedCloud

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@pytest.fixture
async def moved() -> AsyncGenerator[MovedCloud]:
    """An empty cloud on an automatic clock. Guests power off 16 s after each start, as after success."""
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16, storage_seconds=17) as cloud:
        yield cloud
