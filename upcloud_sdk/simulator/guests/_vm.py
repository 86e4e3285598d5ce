"""Runs one qemu machine: `_vm.py SCRATCH COMMAND...`. A separate script that uses only the standard library.

From its standard input it reads one byte: `s` presses the power button (ACPI), `h` powers off. The end of the input
means that the simulator has ended. Then it ends the machine and removes its scratch directory. If this process is
killed, the kernel kills qemu.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

_SET_PARENT_DEATH_SIGNAL = 1
_QMP = [{"execute": "qmp_capabilities"}, {"execute": "system_powerdown"}]


def _die_with_parent(parent: int) -> None:
    """In the child, before qemu starts."""
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _press_power_button(qemu: subprocess.Popen[bytes], *, again: bool) -> None:
    assert qemu.stdin is not None
    with contextlib.suppress(OSError):
        for command in _QMP[1:] if again else _QMP:
            qemu.stdin.write(json.dumps(command).encode() + b"\n")


def _supervise(qemu: subprocess.Popen[bytes]) -> bytes | None:
    """Wait until the machine is off. Returns the order that powered it off, empty if the simulator has ended."""
    ended = os.pidfd_open(qemu.pid)
    pressed = False
    while True:
        ready, _, _ = select.select([0, ended], [], [])
        order = os.read(0, 1) if 0 in ready else None
        if order in {b"", b"h"}:
            qemu.kill()
        elif order == b"s":
            _press_power_button(qemu, again=pressed)
            pressed = True
        if order in {b"", b"h"} or ended in ready:
            qemu.wait()
            return order if order in {b"", b"h"} else None


def main() -> int:
    scratch, command, parent = Path(sys.argv[1]), sys.argv[2:], os.getpid()
    with subprocess.Popen(  # noqa: S603 - a command of the simulator
        command,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: _die_with_parent(parent),  # noqa: PLW1509 - there are no threads here
    ) as qemu:
        order = _supervise(qemu)
    if order == b"":  # nobody else can clean up
        shutil.rmtree(scratch.parent, ignore_errors=True)
    if order is None and qemu.returncode != 0:
        sys.stderr.write(f"qemu has ended with status {qemu.returncode}\n")
    return qemu.returncode


if __name__ == "__main__":
    sys.exit(main())
