"""Guests with one supervisor process each, which takes orders and ends with the simulator."""

from __future__ import annotations

import contextlib
import logging
import shutil
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.state.guest_backend import boot_device

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from upcloud_sdk.simulator.records.records import Server

_log = logging.getLogger("upcloud_sdk.simulator")

_PATIENCE = 10.0


@dataclass(slots=True)
class _Machine:
    scratch: Path
    disk: str = ""
    """Uuid of its last boot disk."""
    process: subprocess.Popen[bytes] | None = None
    stopping: bool = False
    failed: bool = False
    """Whether its start failed."""

    @property
    def console(self) -> Path:
        return self.scratch / "console.log"


class SupervisedGuests(ABC):
    """Base of these backends. A script in this folder supervises each guest.

    It reads one byte from its standard input: `s` to shut down, `h` to power off. The end of the input means that the
    simulator has ended.
    """

    def __init__(self) -> None:
        self._machines: dict[str, _Machine] = {}
        self._root: Path | None = None

    @abstractmethod
    def _prepare(self, server: Server, scratch: Path) -> tuple[list[str], Mapping[str, str]]:
        """The supervisor's command and environment. Raises OSError."""

    def _wants_guest(self, server: Server) -> bool:  # noqa: ARG002 - subclasses use it
        """Whether the server has a guest."""
        return True

    def start(self, server: Server) -> None:
        if not self._wants_guest(server):
            return
        machine = self._machines.get(server.uuid)
        if machine is None:
            machine = self._machines[server.uuid] = _Machine(self._folder() / server.uuid)
        _end(machine)
        machine.stopping = machine.failed = False
        machine.scratch.mkdir(mode=0o700, exist_ok=True)
        device = boot_device(server.devices)
        disk = "" if device is None else device.storage
        if machine.disk not in {"", disk}:
            _clear(machine)
        machine.disk = disk
        try:
            self._launch(server, machine)
        except OSError as error:
            message = f"the guest of server {server.uuid} cannot be started: {error}"
            _log.error(message)
            with machine.console.open("a", encoding="utf-8") as console:
                console.write(f"{message}\n")
            machine.failed = True

    def _launch(self, server: Server, machine: _Machine) -> None:
        arguments, environment = self._prepare(server, machine.scratch)
        with machine.console.open("ab") as console:
            machine.process = subprocess.Popen(  # noqa: S603 - a script of the simulator
                [sys.executable, "-I", "-S", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=console,
                env=dict(environment),
                start_new_session=True,
            )

    def _folder(self) -> Path:
        """The private folder with the guests' scratch directories."""
        if self._root is None:
            self._root = Path(tempfile.mkdtemp(prefix="upcloud-guests-"))
        return self._root

    def stop(self, uuid: str, *, hard: bool) -> None:
        machine = self._machines.get(uuid)
        if machine is not None and machine.process is not None:
            machine.stopping = True
            _order(machine.process, b"h" if hard else b"s")

    def is_running(self, uuid: str) -> bool:
        machine = self._machines.get(uuid)
        return machine is not None and machine.process is not None and machine.process.poll() is None

    def poll(self) -> Iterable[str]:
        ended: list[str] = []
        for uuid, machine in self._machines.items():
            if machine.failed or (machine.process is not None and machine.process.poll() is not None):
                if machine.process is not None:
                    _close(machine.process)
                machine.process, machine.failed = None, False
                if not machine.stopping:
                    ended.append(uuid)
        return ended

    def forget(self, uuid: str) -> None:
        machine = self._machines.pop(uuid, None)
        if machine is not None:
            _end(machine)
            shutil.rmtree(machine.scratch, ignore_errors=True)

    def console(self, uuid: str) -> Path | None:
        machine = self._machines.get(uuid)
        return None if machine is None else machine.console

    def close(self) -> None:
        for machine in self._machines.values():
            if machine.process is not None:
                _order(machine.process, b"h")
        for uuid in list(self._machines):
            self.forget(uuid)
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
            self._root = None


def _clear(machine: _Machine) -> None:
    """Remove the files of the old disk, since the server has another one now."""
    for path in machine.scratch.iterdir():
        if path == machine.console:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def _order(process: subprocess.Popen[bytes], order: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError, ValueError):
        process.stdin.write(order)
        process.stdin.flush()


def _close(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()


def _end(machine: _Machine) -> None:
    """Power it off and wait for its end."""
    process, machine.process = machine.process, None
    if process is None:
        return
    _order(process, b"h")
    _close(process)
    try:
        process.wait(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
