"""`buildbot try`: a change that is not committed is built on a server."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.buildbot.processes import MasterProcess, buildbot, eventually, free_port
from upcloud_sdk.simulator import Simulator
from upcloud_sdk.simulator.guests.process import ProcessGuests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.full


class TryMaster(MasterProcess):
    """A master with a scheduler for `buildbot try`, whose builds check a repository out."""

    def __init__(self, basedir: Path, url: str, repository: Path) -> None:
        self.repository, self.try_port = repository, free_port()
        super().__init__(basedir, url, {"bot": {}}, command="cat greeting")

    def configuration(self, **values: Any) -> str:  # noqa: ANN401 - of all kinds
        text = super().configuration(**values)
        steps = f"[steps.Git(repourl={str(self.repository)!r}), steps.ShellCommand"
        arguments = f'"try", builderNames=["bot"], port="tcp:{self.try_port}:interface=127.0.0.1"'
        scheduler = f'schedulers.Try_Userpass({arguments}, userpass=[("dev", "try-password")])'
        text = text.replace("[steps.ShellCommand", steps)
        return text.replace('"schedulers": [', f'"schedulers": [{scheduler}, ')


def git(repository: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=dev", "-c", "user.email=dev@example.com")
    command = ["git", "-C", str(repository), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a change that is not committed."""
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "-q")
    (repository / "greeting").write_text("as committed\n")
    git(repository, "add", "greeting")
    git(repository, "commit", "-qm", "Greet")
    (repository / "greeting").write_text("as changed\n")
    return repository


@pytest.fixture
def cloud() -> Simulator:
    return Simulator(boot_seconds=0.2, stop_seconds=0.2, guests=ProcessGuests())


@pytest.fixture
def master(tmp_path: Path, cloud: Simulator, repository: Path) -> Iterator[TryMaster]:
    subprocess.run(buildbot("create-master", str(tmp_path / "master")), check=True, capture_output=True)
    with cloud.serve() as url:
        master = TryMaster(tmp_path / "master", url, repository)
        master.start()
        yield master
        master.close()


def test_a_change_that_is_not_committed_is_built_on_a_server_which_goes(
    master: TryMaster, cloud: Simulator, repository: Path, tmp_path: Path
) -> None:
    difference = tmp_path / "difference"
    difference.write_text(git(repository, "diff"))
    options = {
        "connect": "pb",
        "master": f"127.0.0.1:{master.try_port}",
        "username": "dev",
        "passwd": "try-password",
        "vc": "git",
        "repository": str(repository),
        "diff": str(difference),
        "patchlevel": "1",
        "baserev": git(repository, "rev-parse", "HEAD").strip(),
        "builder": "bot",
    }
    command = buildbot("try", "--wait", *(f"--{name}={value}" for name, value in options.items()))
    done = subprocess.run(command, cwd=repository, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}{master.log[-4000:]}"
    outcome = master.outcome(1)
    assert outcome.results == [0], outcome.log
    assert "as changed" in outcome.log
    assert cloud.count("POST /server") == 1
    eventually("no server", lambda: not cloud.servers)
