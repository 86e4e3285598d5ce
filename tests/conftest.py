from __future__ import annotations

import pytest

from tests.percentages import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Every async test runs on both event loops."""
    backend: str = request.param
    return backend
