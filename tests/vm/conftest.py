"""Real machines: `make test-vm` builds their images and runs these tests, which the quick suite leaves out."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.buildbot.processes import buildbot, free_port, make_basedir
from tests.vm.cloud import VmCloud
from tests.vm.master import VmMaster
from upcloud_sdk.simulator.images.available import available, images_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PROGRAMS = {"qemu-system-x86_64": "qemu-system-x86", "qemu-img": "qemu-utils"}


@pytest.fixture(scope="session", autouse=True)
def _needs_qemu() -> None:
    missing = [package for program, package in _PROGRAMS.items() if shutil.which(program) is None]
    if missing:
        pytest.skip(f"wants qemu: after `apt-get install {' '.join(missing)}`, `make test-vm` runs it")
    if not available(images_folder()):
        pytest.skip("wants an image of a guest: `make test-vm` builds one and runs it")


@pytest.fixture(autouse=True)
def _no_machine_is_left(_needs_qemu: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Check that no machine and no disk is left."""
    with tempfile.TemporaryDirectory(prefix="vm-") as scratch:  # short: a socket's path has 107 characters at most
        monkeypatch.setattr(tempfile, "tempdir", scratch)
        yield
        assert _processes_of(scratch) == []
        assert list(Path(scratch).glob("upcloud-guests-*")) == []


def _processes_of(scratch: str) -> list[str]:
    """The command lines of the processes of machines with a disk in this folder: qemu and its supervisors."""
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended
            continue
        if scratch in command:
            found.append(command)
    return found


@pytest.fixture
def worker_port() -> int:
    """The port for the master of this test."""
    return free_port()


@pytest.fixture
def cloud(worker_port: int, _no_machine_is_left: None) -> Iterator[VmCloud]:
    with VmCloud(ports=[worker_port]) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def _basedir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base directory made by `buildbot create-master`."""
    basedir = tmp_path_factory.mktemp("buildbot") / "master"
    subprocess.run(buildbot("create-master", "--relocatable", str(basedir)), check=True, capture_output=True)
    return basedir


@pytest.fixture
def start_master(
    _basedir: Path, tmp_path: Path, cloud: VmCloud, worker_port: int, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., VmMaster]]:
    """Starts a master with the given workers (see `VmMaster`), and ends it after the test."""
    made: list[VmMaster] = []
    monkeypatch.setenv("UPCLOUD_DEBUG_API_BASE_URL", cloud.url)
    monkeypatch.setenv("UPCLOUD_TOKEN", cloud.token)

    def start(workers: dict[str, str], **common: Any) -> VmMaster:  # noqa: ANN401 - the worker's
        basedir = make_basedir(_basedir, tmp_path / "master")
        made.append(VmMaster(basedir, cloud, workers, worker_port=worker_port, **common))
        made[-1].start()
        return made[-1]

    yield start
    for master in made:
        master.close()
