"""Fixtures for pytest: an UpCloud account of its own for each test, offline.

```python
async def test_a_new_account_has_no_servers(upcloud, upcloud_simulator):
    assert await upcloud.servers.list() == ()
    assert upcloud_simulator.servers == {}
```

pytest finds them by itself where `upcloud-sdk` is installed. They cost nothing until they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

# pytest reads this module at its start whether anybody uses the fixtures or not, so they import what they need.
# ruff: noqa: PLC0415

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from upcloud_sdk.client import UpCloud
    from upcloud_sdk.simulator import Simulator

__all__ = ["client_of", "upcloud", "upcloud_simulator", "upcloud_url"]


def client_of(simulator: Simulator, *, owner: str = "tests") -> UpCloud:
    """A client of a simulator, to be opened with `async with`; it pauses for some milliseconds instead of seconds.

    For tests that the `upcloud` fixture is not for: those run by pytest-asyncio or pytest-trio, and those that need a
    second client.
    """
    from upcloud_sdk import RetryPolicy, Token, UpCloud, WaitPolicy

    waits = WaitPolicy(
        first_look=0,
        pause=0.01,
        brisk_for=1,
        longest_pause=0.1,
        look_for_create=(0.01, 0.01, 0.05, 0.1),
        look_on=1,
        get_missing_after=0.05,
    )
    retry = RetryPolicy(first_pause=0.01, longest_pause=0.05)
    return UpCloud(Token("ucat_test"), transport=simulator.transport(), owner=owner, waits=waits, retry=retry)


@pytest.fixture
def upcloud_simulator() -> Iterator[Simulator]:
    """An empty account in which nothing takes time. Override it for another: `Simulator(boot_seconds=5)`.

    A test fails whose faults (`upcloud_simulator.fail(...)`) no call met: it did not try what it says.
    """
    from upcloud_sdk.simulator import Simulator

    with Simulator(boot_seconds=0, stop_seconds=0, storage_seconds=0) as simulator:
        yield simulator
        unmet = [fault.pattern for fault in simulator.faults if not fault.fired and fault.rate is None]
    if unmet:
        pytest.fail(f"no call met the fault {' or '.join(map(repr, unmet))}", pytrace=False)


@pytest.fixture
async def upcloud(anyio_backend: object, upcloud_simulator: Simulator) -> AsyncIterator[UpCloud]:  # noqa: ARG001 - anyio's pytest plugin runs async fixtures that ask for it
    """An open client of `upcloud_simulator`. The test runs on asyncio and trio, by anyio's own pytest plugin."""
    async with client_of(upcloud_simulator) as client:
        yield client


@pytest.fixture
def upcloud_url(upcloud_simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where `upcloud_simulator` is served over HTTP, for other processes and clients; needs the extra `simulator`.

    Clients that take the official tools' environment variables, such as `UpCloud()`, go there during the test.
    """
    with upcloud_simulator.serve() as url:
        monkeypatch.setenv("UPCLOUD_DEBUG_API_BASE_URL", url)
        monkeypatch.setenv("UPCLOUD_TOKEN", "ucat_test")
        monkeypatch.delenv("UPCLOUD_USERNAME", raising=False)
        monkeypatch.delenv("UPCLOUD_PASSWORD", raising=False)
        yield url
