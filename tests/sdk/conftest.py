from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
import respx

from tests.sdk.authorities import authorities
from tests.sdk.clock import AutojumpClock
from upcloud_sdk import Token, UpCloud, WaitPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SECRET = "ucat_MUST_NOT_BE_SHOWN"


@pytest.fixture(autouse=True)
def _no_credentials_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UPCLOUD_TOKEN", "UPCLOUD_USERNAME", "UPCLOUD_PASSWORD", "UPCLOUD_DEBUG_API_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    # `import keyring` then fails.
    monkeypatch.setitem(sys.modules, "keyring", None)


@pytest.fixture
def clock() -> AutojumpClock:
    """The clock for the waits of the test's client."""
    return AutojumpClock()


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    """A mock of UpCloud's API. A request that the test does not expect is an error."""
    with respx.mock(base_url="https://api.upcloud.com/1.3", assert_all_called=False) as router:
        yield router


@pytest.fixture
async def cloud(api: respx.MockRouter, clock: AutojumpClock) -> AsyncIterator[UpCloud]:
    """An open client."""
    waits = WaitPolicy(clock=clock)
    async with UpCloud(Token(SECRET), owner="tests", waits=waits, ssl_context=authorities()) as client:
        yield client
