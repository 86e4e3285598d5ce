from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest
from typer.testing import CliRunner, Result

from tests.moved_time import server_spec
from upcloud_sdk import Token, UpCloud
from upcloud_sdk.cli import app
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from upcloud_sdk.models import Server

Cli = Callable[..., Result]
Make = Callable[..., "Server"]


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A simulated account, with its credentials in the environment of the command line."""
    with Simulator(boot_seconds=0, stop_seconds=0, storage_seconds=0, seed=1) as sim, sim.serve() as url:
        monkeypatch.setenv("UPCLOUD_DEBUG_API_BASE_URL", url)
        monkeypatch.setenv("UPCLOUD_TOKEN", "ucat_secret")
        monkeypatch.setenv("UPCLOUD_SDK_OWNER", "ci")
        yield sim


@pytest.fixture
def cli(sim: Simulator) -> Cli:
    """Run `upcloud-sdk` with these arguments. `input` is the text that the user types."""
    runner = CliRunner()

    def run(*arguments: str, input: str | None = None) -> Result:
        return runner.invoke(app, arguments, input=input, catch_exceptions=False)

    return run


@pytest.fixture
def make(sim: Simulator) -> Make:
    """Create a server of the owner `ci`."""

    async def create(title: str, lease: float | None) -> Server:
        spec = server_spec().model_copy(update={"title": title, "hostname": title})
        async with UpCloud(Token("ucat_secret"), transport=sim.transport(), owner="ci") as cloud:
            return await cloud.servers.create(spec, lease=lease)

    def made(title: str, lease: float | None = None) -> Server:
        return anyio.run(partial(create, title, lease))

    return made
