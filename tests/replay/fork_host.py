"""A process from which the workers of guests are forked: real processes, without the second that each takes to start.

A day that is played many times as fast would take that second for a minute. Run as a script; its orders are those of
`tests.buildbot.guest_host`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.buildbot._types import Worker, reactor
else:
    from twisted.internet import pollreactor

    pollreactor.install()  # the usual one is an object of the kernel's, which forks would share
    from buildbot_worker.bot import Worker
    from twisted.internet import reactor


def run_worker(login: dict[str, str], basedir: Path) -> None:
    """Be a worker until it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    # What wakes the reactor is a pipe, which forks would share too.
    reactor.removeReader(reactor.waker)
    reactor.waker = None
    reactor.installWaker()
    basedir.mkdir()
    worker = Worker(login["host"], int(login["port"]), login["name"], login["passwd"], str(basedir), keepalive=60)
    worker.startService()
    reactor.run()


def main(scratch: Path) -> None:
    """Fork a worker for each order, or end it with all that it runs."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    running: dict[str, int] = {}
    count = 0
    print("ready", flush=True)  # noqa: T201 - that is how the test knows
    while line := sys.stdin.readline():
        order, name, *login = line.split(maxsplit=2)
        if order == "start":
            count += 1
            running[name] = os.fork()
            if not running[name]:
                try:
                    run_worker(json.loads(login[0]), scratch / str(count))
                finally:
                    os._exit(0)
        elif name in running:
            end(running.pop(name))
    for pid in running.values():
        end(pid)


def end(pid: int) -> None:
    """Kill a worker with all that it runs; it may have ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        main(Path(folder))
