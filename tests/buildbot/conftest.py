from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.buildbot.guests import GuestHost
from tests.buildbot.processes import MasterProcess, buildbot, make_basedir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session", autouse=True)
def _guest_host() -> Iterator[None]:
    """End the process of the guests after the tests."""
    yield
    GuestHost.close()


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twisted's test cases write into the working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def _basedir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base directory made by `buildbot create-master`."""
    basedir = tmp_path_factory.mktemp("buildbot") / "master"
    subprocess.run(buildbot("create-master", "--relocatable", str(basedir)), check=True, capture_output=True)
    return basedir


@pytest.fixture
def master_process(_basedir: Path, tmp_path: Path) -> Iterator[Callable[..., MasterProcess]]:
    """Makes masters that run as processes, and ends them after the test."""
    made: list[MasterProcess] = []

    def make(url: str, workers: dict[str, dict[str, Any]], **options: Any) -> MasterProcess:  # noqa: ANN401 - MasterProcess's
        basedir = make_basedir(_basedir, tmp_path / f"master-{len(made)}")
        made.append(MasterProcess(basedir, url, workers, **options))
        return made[-1]

    yield make
    for master in made:
        master.close()
