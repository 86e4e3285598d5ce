from __future__ import annotations

import gc
import importlib

import pytest

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


def pytest_collection_finish() -> None:
    """Spare the garbage collector what was imported and collected: going over it takes long."""
    importlib.import_module("hypothesis")  # imported later, it warns of what it cannot find among the spared
    gc.collect()
    gc.freeze()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Every async test runs on both event loops."""
    backend: str = request.param
    return backend
