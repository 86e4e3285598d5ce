from __future__ import annotations

import pytest

from tests.percentages import pytest_terminal_summary
from tests.skips import pytest_runtest_makereport, pytest_unconfigure

__all__ = ["pytest_runtest_makereport", "pytest_terminal_summary", "pytest_unconfigure"]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Every async test runs on both event loops."""
    backend: str = request.param
    return backend
