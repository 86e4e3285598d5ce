"""Guests that are processes: a started server runs its user_data in a scratch directory."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from upcloud_sdk.simulator import _guest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upcloud_sdk.simulator.records import Server

_PATIENCE = 10.0


@dataclass(slots=True)
class _Machine:
    scratch: Path
    process: subprocess.Popen[bytes] | None = None
    stopping: bool = False


class ProcessGuests:
    """Runs the user_data of each started server as a process group of its own; see `docs/simulator.md`.

    The guests die with this process, however it ends.

    Raises:
        RuntimeError: This is not a POSIX system.
    """

    def __init__(self) -> None:
        if os.name != "posix":
            raise RuntimeError("guests that run user_data need Linux or macOS; leave them out to simulate servers only")
        self._machines: dict[str, _Machine] = {}
        self._root: Path | None = None

    def start(self, server: Server) -> None:
        if not server.user_data:
            return
        machine = self._machines.get(server.uuid)
        if machine is None:
            if self._root is None:
                self._root = Path(tempfile.mkdtemp(prefix="upcloud-guests-"))
            machine = self._machines[server.uuid] = _Machine(self._root / server.uuid)
        _end(machine)
        machine.scratch.mkdir(mode=0o700, exist_ok=True)
        (machine.scratch / "user_data").write_text(server.user_data, encoding="utf-8")
        machine.stopping = False
        with (machine.scratch / "console.log").open("ab") as console:
            machine.process = subprocess.Popen(  # noqa: S603 - our own script, by its full path
                [sys.executable, "-I", "-S", _guest.__file__, str(machine.scratch)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=console,
                env=_environment(machine.scratch, server),
                start_new_session=True,
            )

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
            if machine.process is not None and machine.process.poll() is not None:
                _close(machine.process)
                machine.process = None
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
        return None if machine is None else machine.scratch / "console.log"

    def close(self) -> None:
        for machine in self._machines.values():
            if machine.process is not None:
                _order(machine.process, b"h")
        for uuid in list(self._machines):
            self.forget(uuid)
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
            self._root = None


def _environment(scratch: Path, server: Server) -> dict[str, str]:
    """Nothing of the simulator's own environment but the way to programs."""
    path = os.pathsep.join((str(scratch / "bin"), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return {
        "HOME": str(scratch),
        "HOSTNAME": server.hostname,
        "LANG": "C.UTF-8",
        "PATH": path,
        "TMPDIR": str(scratch),
        "UPCLOUD_SERVER_UUID": server.uuid,
    }


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
