"""The init process of one simulated guest. A separate script that uses only the standard library.

It runs the user_data in the scratch directory that is its argument. From its standard input it reads one byte: `s` for
shutdown, `h` for power off. The end of the input means that the simulator has ended. Then it kills all processes of the
guest. SIGUSR1 means `poweroff` in the guest. On Linux it finds all descendants, including daemons. On other systems it
uses the process group.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import sys
import time
import urllib.request
from pathlib import Path

POWERED_OFF = 100
"""The exit status after a `poweroff` in the guest."""
ABANDONED = 101
"""The exit status after the end of the input."""
_GRACE = 5.0
_SET_CHILD_SUBREAPER = 36
_MOST_USER_DATA = 1 << 20


def _adopt_orphans() -> None:
    """Become the parent of the guest's orphaned daemons, like an init process."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _run_user_data(scratch: Path) -> None:
    """In the child: become the leader of the guest's process group, and run the user_data."""
    os.setsid()
    for number in (signal.SIGUSR1, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    console = os.open(scratch / "console.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(console, 1)
    os.dup2(console, 2)
    script = scratch / "user_data"
    text = script.read_bytes()
    if text.startswith((b"http://", b"https://")):
        with urllib.request.urlopen(text.decode().strip(), timeout=30) as answer:  # noqa: S310 - checked just above
            script.write_bytes(answer.read(_MOST_USER_DATA))
        text = script.read_bytes()
    if text.startswith(b"#cloud-config"):
        os.write(
            2, b"cloud-config: a process runs scripts, and services of a cloud-config in JSON; --guests vm runs all\n"
        )
        return
    script.chmod(0o700)
    argv = [str(script)] if text.startswith(b"#!") else ["/bin/sh", str(script)]
    os.execv(argv[0], argv)  # noqa: S606 - the purpose of this script


def _descendants() -> list[int]:
    """All descendants of this process."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
                parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    ours = {os.getpid()}
    while new := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= new
    return sorted(ours - {os.getpid()})


def _signal_all(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
    if sys.platform == "linux":
        for pid in _descendants():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)


def _reap() -> bool:
    """Collect ended children. Returns whether a child is left."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True


def _kill(group: int) -> None:
    give_up = time.monotonic() + _GRACE
    while _reap() and time.monotonic() < give_up:
        _signal_all(group, signal.SIGKILL)
        select.select([], [], [], 0.01)


def _supervise(group: int, wake: int) -> int:
    """Wait for orders. Returns the exit status."""
    shutting_down = False
    deadline: float | None = None
    while True:
        patience = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select([0, wake], [], [], patience)
        order = os.read(0, 1) if 0 in ready else None
        numbers = os.read(wake, 64) if wake in ready else b""
        if order in {b"", b"h"}:
            return ABANDONED if order == b"" else 0
        if order == b"s":
            shutting_down = True
            _signal_all(group, signal.SIGTERM)
        if signal.SIGUSR1 in numbers and not shutting_down:
            deadline = time.monotonic() + _GRACE
            _signal_all(group, signal.SIGTERM)
        alive = _reap()
        if shutting_down and not alive:
            return 0
        if deadline is not None and (not alive or time.monotonic() >= deadline):
            return POWERED_OFF


def _ignore(_number: int, _frame: object) -> None:
    """Do nothing: signals are read from the wake-up pipe."""


def _write_commands(scratch: Path) -> None:
    """Write commands such as `poweroff` for the guest.

    The signal is sent with the shell's built-in `kill`, since not all systems have a program `kill`.
    """
    commands = scratch / "bin"
    commands.mkdir(exist_ok=True)
    for name in ("poweroff", "halt", "shutdown"):
        command = commands / name
        command.write_text(f"#!/bin/sh\nkill -USR1 {os.getpid()}\n", encoding="utf-8")
        command.chmod(0o700)


def main() -> int:
    scratch = Path(sys.argv[1])
    os.chdir(scratch)
    _adopt_orphans()
    _write_commands(scratch)
    wake, wake_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
    os.set_blocking(wake_end, False)
    signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
    for number in (signal.SIGUSR1, signal.SIGCHLD):
        signal.signal(number, _ignore)
    pid = os.fork()
    if pid == 0:
        try:
            _run_user_data(scratch)
        except Exception as error:  # noqa: BLE001 - shown on the console, as in a real guest
            os.write(2, f"user_data: {error}\n".encode())
        os._exit(0)
    try:
        status = _supervise(pid, wake)
    finally:
        _kill(pid)
    if status == ABANDONED:  # nobody else can clean up
        shutil.rmtree(scratch, ignore_errors=True)
        with contextlib.suppress(OSError):
            scratch.parent.rmdir()
    return status


if __name__ == "__main__":
    sys.exit(main())
