from __future__ import annotations

import gc

import pytest
from hypothesis import HealthCheck, settings

from tests.contract.answers import pytest_runtest_call, pytest_runtest_teardown, watch
from tests.percentages import pytest_terminal_summary
from tests.skips import pytest_runtest_makereport, pytest_unconfigure

__all__ = [
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_runtest_teardown",
    "pytest_terminal_summary",
    "pytest_unconfigure",
]

watch()

# Hypothesis has time limits of its own, which fail on a busy machine.
settings.register_profile("without clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("without clock")


def pytest_collection_finish() -> None:
    """Exclude imported modules and collected tests from garbage collection, since scanning them is slow."""
    gc.collect()
    gc.freeze()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Every async test runs on both event loops."""
    backend: str = request.param
    return backend
