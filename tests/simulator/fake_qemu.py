"""A fake qemu, to test the simulator's commands without booting a machine."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from typing import TYPE_CHECKING

from tests.simulator.patience import eventually

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_QEMU = """#!{python} -IS
import json, os, re, sys
argv = sys.argv[1:]
console = re.search("path=(.*),append", argv[argv.index("-chardev") + 1])[1]
with open(console, "a") as file:
    file.write("Linux version 6\\n")
with open({log!r}, "a") as file:
    file.write(json.dumps({{"pid": os.getpid(), "argv": argv}}) + "\\n")
if os.path.exists({broken!r}):
    sys.exit("qemu: something is wrong")
for line in sys.stdin:
    if json.loads(line)["execute"] == "system_powerdown" and not os.path.exists({deaf!r}):
        break
"""
_QEMU_IMG = """#!/bin/sh
for last; do :; done
case "$*" in *" -b "*) ;; *) exit 1;; esac
for disk; do case $disk in *.qcow2) echo "$last" > "$disk";; esac; done
"""


class FakeQemu:
    """Puts fake programs on PATH, and an image of each release into a folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._log = folder / "started"
        self.deaf = folder / "deaf"
        """If this file exists, the guest ignores the power button."""
        self.broken = folder / "broken"
        """If this file exists, qemu ends at once."""
        self.images = folder / "images"
        programs = folder / "bin"
        programs.mkdir()
        qemu = _QEMU.format(python=sys.executable, log=str(self._log), deaf=str(self.deaf), broken=str(self.broken))
        for name, text in (("qemu-system-x86_64", qemu), ("qemu-img", _QEMU_IMG)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:{os.defpath}")
        for name in ("debian-12", "debian-13", "debian-13+buildbot-worker"):
            self.add_image(name)

    def add_image(self, name: str) -> None:
        (self.images / name).mkdir(parents=True)
        (self.images / name / "image.json").write_text("{}")

    def left(self) -> list[int]:
        """The process ids of running machines."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [machine.pid for machine in (Machine(**json.loads(line)) for line in lines) if machine.is_alive()]

    def machines(self, count: int) -> list[Machine]:
        """Wait until this many machines have been started. Returns all."""
        eventually(lambda: self._log.exists() and len(self._log.read_text().splitlines()) == count)
        return [Machine(**json.loads(line)) for line in self._log.read_text().splitlines()]


class Machine:
    """One process of the fake qemu."""

    def __init__(self, pid: int, argv: list[str]) -> None:
        self.pid, self.argv = pid, argv

    def option(self, name: str) -> str:
        """The value of an option that occurs once."""
        (found,) = self.options(name)
        return found

    def options(self, name: str) -> list[str]:
        return [value for key, value in zip(self.argv, self.argv[1:], strict=False) if key == name]

    def forward(self, address: str) -> list[str]:
        """The command that a connection to this address of the guest's network starts."""
        (network,) = [each for each in self.options("-netdev") if "guestfwd" in each]
        (found,) = [each for each in network.split(",guestfwd=tcp:") if each.startswith(f"{address}-cmd:")]
        return shlex.split(found.partition("-cmd:")[2])

    def is_alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def die(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
