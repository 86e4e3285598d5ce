"""A process that runs the workers of all guests: real ones, without the second that each would take to start.

Run as a script. A line on its standard input is an order: `start ID LOGIN`, its login in JSON, or `stop ID`. Its end
is the end of the process.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.buildbot._types import LineReceiver, StandardIO, Worker, reactor
else:
    # Not through `_types`, which imports Buildbot's tests.
    from buildbot_worker.bot import Worker
    from twisted.internet import reactor
    from twisted.internet.stdio import StandardIO
    from twisted.protocols.basic import LineOnlyReceiver as LineReceiver


class Orders(LineReceiver):
    """What the test says on standard input."""

    delimiter = b"\n"
    MAX_LENGTH = 1 << 20

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._workers: dict[str, Worker] = {}

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 - Twisted's
        order, _, rest = line.decode().partition(" ")
        name, _, login = rest.partition(" ")
        if order == "start":
            self._start(name, json.loads(login))
        elif name in self._workers:
            self._workers.pop(name).stopService()

    def connectionLost(self, reason: object) -> None:  # noqa: N802 - Twisted's
        reactor.crash()

    def _start(self, name: str, login: dict[str, str]) -> None:
        basedir = self._scratch / name
        basedir.mkdir(exist_ok=True)
        address = login["host"], int(login["port"])
        worker = Worker(*address, login["name"], login["passwd"], str(basedir), keepalive=0)
        self._workers[name] = worker
        worker.startService()


if __name__ == "__main__":
    # A worker that is sent away in an unusual way stops its process; here the other guests live on.
    reactor.stop = lambda: None
    with tempfile.TemporaryDirectory() as folder:
        StandardIO(Orders(Path(folder)))
        print("ready", flush=True)  # noqa: T201 - that is how the test knows
        reactor.run()
    sys.exit()
