"""Real machines: `make test-vm` builds their images and runs these tests, which the quick suite leaves out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.vm.cloud import VmCloud
from tests.vm.master import Master
from upcloud_sdk.simulator.vm_images import available, images_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROGRAMS = {"qemu-system-x86_64": "qemu-system-x86", "qemu-img": "qemu-utils"}


def _reason_to_skip() -> str | None:
    missing = [package for program, package in _PROGRAMS.items() if shutil.which(program) is None]
    if missing:
        return f"real guests need qemu: apt-get install {' '.join(missing)}"
    if not available(images_folder()):
        return "real guests need an image: make vm-image"
    return None


@pytest.fixture
def anyio_backend() -> str:
    """A boot takes half a minute, and what is tested here does not depend on the event loop."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _needs_qemu() -> None:
    reason = _reason_to_skip()
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(autouse=True)
def _no_machine_is_left(_needs_qemu: None) -> Iterator[None]:
    before = _machines()
    yield
    assert _machines() - before == set()


def _machines() -> set[str]:
    """Every qemu of this machine and whatever holds or serves one, by its command line."""
    found: set[str] = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended
            continue
        if "upcloud-guests-" in command:
            found.add(f"{path.parent.name} {command}")
    return found


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Master]:
    with Master(tmp_path / "master") as master:
        yield master


@pytest.fixture
def cloud(master: Master) -> Iterator[VmCloud]:
    with VmCloud(ports=[master.worker_port]) as cloud:
        yield cloud
