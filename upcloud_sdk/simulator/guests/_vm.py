"""Holds one qemu machine: `_vm.py SCRATCH COMMAND...`, a script of its own, with nothing but the standard library.

It takes one byte from its standard input: `s` presses the power button (ACPI), `h` powers off. The end of its input
means that the simulator is gone, however it ended: the machine goes too, with its scratch directory. If this
process is killed itself, the kernel kills qemu.
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
    """In the child, before qemu is there."""
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _press_power_button(qemu: subprocess.Popen[bytes], *, again: bool) -> None:
    assert qemu.stdin is not None
    with contextlib.suppress(OSError):
        for command in _QMP[1:] if again else _QMP:
            qemu.stdin.write(json.dumps(command).encode() + b"\n")


def _supervise(qemu: subprocess.Popen[bytes]) -> bytes | None:
    """Until the machine is off; the order by which it was powered off, empty if the simulator is gone."""
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
    with subprocess.Popen(  # noqa: S603 - the simulator's own command
        command,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: _die_with_parent(parent),  # noqa: PLW1509 - there are no threads here
    ) as qemu:
        order = _supervise(qemu)
    if order == b"":  # nobody else is left to clean up, for the other guests neither
        shutil.rmtree(scratch.parent, ignore_errors=True)
    if order is None and qemu.returncode != 0:
        sys.stderr.write(f"qemu has ended with status {qemu.returncode}\n")
    return qemu.returncode


if __name__ == "__main__":
    sys.exit(main())
