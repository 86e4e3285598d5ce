"""Fixtures for pytest: a new simulated UpCloud account for each test, offline.

```python
async def test_a_new_account_has_no_servers(upcloud, upcloud_simulator):
    assert await upcloud.servers.list() == ()
    assert upcloud_simulator.servers == {}
```

pytest finds them if `upcloud-sdk` is installed. Unused fixtures cost no time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

# pytest always imports this module at its start. So the fixtures import what they need when they are used.
# ruff: noqa: PLC0415

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from upcloud_sdk.client import UpCloud
    from upcloud_sdk.simulator import Simulator

__all__ = ["client_of", "upcloud", "upcloud_simulator", "upcloud_url"]


def client_of(simulator: Simulator, *, owner: str = "tests") -> UpCloud:
    """Make a client for a simulator, to use in `async with`. Its pauses are milliseconds instead of seconds.

    For tests with pytest-asyncio or pytest-trio, where the `upcloud` fixture does not work, and for a second client.
    """
    from upcloud_sdk import RetryPolicy, Token, UpCloud, WaitPolicy

    waits = WaitPolicy(
        first_read_after=0,
        pause=0.01,
        brisk_for=1,
        longest_pause=0.1,
        search_pauses=(0.01, 0.01, 0.05, 0.1),
        search_timeout=1,
        get_missing_after=0.05,
    )
    retry = RetryPolicy(first_pause=0.01, longest_pause=0.05)
    return UpCloud(Token("ucat_test"), transport=simulator.transport(), owner=owner, waits=waits, retry=retry)


@pytest.fixture
def upcloud_simulator() -> Iterator[Simulator]:
    """A simulator with an empty account, in which nothing takes time. To change that, override the fixture.

    A test fails if one of its faults (`upcloud_simulator.fail(...)`) was not used by any call.
    """
    from upcloud_sdk.simulator import Simulator

    with Simulator(boot_seconds=0, stop_seconds=0, storage_seconds=0) as simulator:
        yield simulator
        unmet = [fault.pattern for fault in simulator.faults if not fault.fired and fault.rate is None]
    if unmet:
        pytest.fail(f"no call used the fault {' or '.join(map(repr, unmet))}", pytrace=False)


@pytest.fixture
async def upcloud(anyio_backend: object, upcloud_simulator: Simulator) -> AsyncIterator[UpCloud]:  # noqa: ARG001 - anyio's pytest plugin runs async fixtures that ask for it
    """An open client of `upcloud_simulator`. anyio's pytest plugin runs the test on asyncio and trio."""
    async with client_of(upcloud_simulator) as client:
        yield client


@pytest.fixture
def upcloud_url(upcloud_simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """URL of `upcloud_simulator`, served over HTTP for other processes and clients. Needs the extra `simulator`.

    During the test, clients that use the official environment variables, such as `UpCloud()`, connect to it.
    """
    with upcloud_simulator.serve() as url:
        monkeypatch.setenv("UPCLOUD_DEBUG_API_BASE_URL", url)
        monkeypatch.setenv("UPCLOUD_TOKEN", "ucat_test")
        monkeypatch.delenv("UPCLOUD_USERNAME", raising=False)
        monkeypatch.delenv("UPCLOUD_PASSWORD", raising=False)
        yield url
