from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import TYPE_CHECKING

import anyio
import pytest
from typer import testing
from typer.main import get_command
from typer.testing import CliRunner, Result

from tests.cli.commands import PLAN, SERVER, ZONE
from tests.moved_time import server_spec
from upcloud_sdk import Token, UpCloud, WaitPolicy
from upcloud_sdk.cli import app
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from pathlib import Path

    from upcloud_sdk.models import Server

Cli = Callable[..., Result]
Make = Callable[..., "Server"]


@pytest.fixture(scope="session", autouse=True)
def _one_command() -> Iterator[None]:
    """Build the command once. Typer would do it anew for each run, which takes longer than most runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(testing, "_get_command", cache(get_command))
        yield


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A simulated account, with its credentials in the environment of a command line that polls often."""
    with Simulator(boot_seconds=0, stop_seconds=0, storage_seconds=0, seed=1) as sim, sim.serve() as url:
        monkeypatch.setenv("UPCLOUD_DEBUG_API_BASE_URL", url)
        monkeypatch.setenv("UPCLOUD_TOKEN", "ucat_secret")
        monkeypatch.setenv("UPCLOUD_SDK_OWNER", "ci")
        brisk = WaitPolicy(first_read_after=0, pause=0.05)
        monkeypatch.setitem(inspect.unwrap(UpCloud.__init__).__kwdefaults__, "waits", brisk)
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


@pytest.fixture
def values(tmp_path: Path) -> dict[str, str]:
    """A value for each required parameter of a command, by its name."""
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps({"base": "debian-13", "name": "tools"}))
    key = tmp_path / "key.pub"
    key.write_text("ssh-ed25519 AAAA me@example.com")
    return {
        "which": SERVER,
        "recipe": str(recipe),
        "zone": ZONE,
        "plan": PLAN,
        "name": SERVER,
        "template": "debian-13",
    } | {"ssh_key": str(key)}
