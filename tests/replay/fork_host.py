"""A process that forks the workers of guests: real processes, without the second that a start takes.

In a fast replay of a day, that second would be a minute. Run as a script. Its orders are those of
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

    pollreactor.install()  # the default reactor uses an object of the kernel that forks would share
    from buildbot_worker.bot import Worker
    from twisted.internet import reactor


def run_worker(login: dict[str, str], basedir: Path) -> None:
    """Run a worker until it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    # The reactor's wake-up pipe would be shared by forks too.
    reactor.removeReader(reactor.waker)
    reactor.waker = None
    reactor.installWaker()
    basedir.mkdir()
    worker = Worker(login["host"], int(login["port"]), login["name"], login["passwd"], str(basedir), keepalive=60)
    worker.startService()
    reactor.run()


def main(scratch: Path) -> None:
    """For each order, fork a worker, or end one with all its processes."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no zombies, since nobody waits for the forks
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
    """Kill a worker with all its processes. It may have ended already."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        main(Path(folder))
