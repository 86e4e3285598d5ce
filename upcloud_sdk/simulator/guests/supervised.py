"""Guests that are each held by a process of its own, which takes orders and ends with the simulator."""

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

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from upcloud_sdk.simulator.records.records import Server

_log = logging.getLogger("upcloud_sdk.simulator")

_PATIENCE = 10.0


@dataclass(slots=True)
class _Machine:
    scratch: Path
    process: subprocess.Popen[bytes] | None = None
    stopping: bool = False
    failed: bool = False
    """It could not be started."""

    @property
    def console(self) -> Path:
        return self.scratch / "console.log"


class SupervisedGuests(ABC):
    """What such backends share: a guest is held by a script beside this module.

    A holder reads one byte from its standard input, `s` to shut down, `h` to power off. The end of that input means
    that the simulator is gone.
    """

    def __init__(self) -> None:
        self._machines: dict[str, _Machine] = {}
        self._root: Path | None = None

    @abstractmethod
    def _prepare(self, server: Server, scratch: Path) -> tuple[list[str], Mapping[str, str]]:
        """The holder with its arguments, and its environment. Raises OSError."""

    def _wants_guest(self, server: Server) -> bool:  # noqa: ARG002 - for those that say no
        """Whether anything shall run in the server."""
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
            machine.process = subprocess.Popen(  # noqa: S603 - our own script, by its full path
                [sys.executable, "-I", "-S", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=console,
                env=dict(environment),
                start_new_session=True,
            )

    def _folder(self) -> Path:
        """Where the guests have their scratch directories; nobody else can look."""
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
    """Power it off and wait until it is gone."""
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
