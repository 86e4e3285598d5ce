"""A process that runs the real workers of all guests, to save the second that each start of a process takes.

Run as a script. A line on its standard input is an order: `start ID LOGIN`, its login in JSON, `stop ID`, or
`freeze ID CALL`: at this call of the master's, or at once if there is none. When the input ends, the process ends.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from tests.buildbot._types import Broker, LineReceiver, StandardIO, Worker, reactor
else:
    # Not through `_types`, which imports Buildbot's tests.
    from buildbot_worker.bot import Worker
    from twisted.internet import reactor
    from twisted.internet.stdio import StandardIO
    from twisted.protocols.basic import LineOnlyReceiver as LineReceiver
    from twisted.spread.pb import Broker


class Link:
    """The connection of a guest. It stays open when the guest freezes, like that of a hanging machine."""

    _frozen: ClassVar[list[Link]] = []
    """Kept for good. As garbage, what a guest knows of its master's objects still writes that it lets go of them: the
    reactor would wait to write to a socket that is closed, and fail at the next file that gets its number.
    """

    def __init__(self, worker: Worker, freezes_at: str | None) -> None:
        self.freezes_at = None if freezes_at is None else freezes_at.encode()
        self.is_frozen = False
        self._connect, worker.bf.buildProtocol = worker.bf.buildProtocol, self._connected

    def _connected(self, address: object) -> Any:  # noqa: ANN401 - of either protocol
        self._broker = broker = self._connect(address)
        if not isinstance(broker, Broker):
            return broker  # By websocket, a guest freezes at once or not at all.
        receive = broker.expressionReceived

        def received(message: list[object]) -> None:
            if message[0] == b"message" and message[3] == self.freezes_at:
                self.freeze()
            if not self.is_frozen:
                receive(message)

        broker.expressionReceived = received
        return broker

    def freeze(self) -> None:
        """Stop reading and answering."""
        self.is_frozen = True
        self._frozen.append(self)
        self._broker.transport.pauseProducing()


class Orders(LineReceiver):
    """Reads the orders of the test from standard input."""

    delimiter = b"\n"
    MAX_LENGTH = 1 << 20

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._workers: dict[str, Worker] = {}
        self._links: dict[str, Link] = {}

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 - Twisted's
        order, _, rest = line.decode().partition(" ")
        name, _, login = rest.partition(" ")
        if order == "start":
            self._start(name, json.loads(login))
        elif order == "freeze":
            self._freeze(self._links[name], login)
        elif name in self._workers:
            self._stop(name)

    def connectionLost(self, reason: object) -> None:  # noqa: N802 - Twisted's
        stop()

    def _freeze(self, link: Link, call: str) -> None:
        if call:
            link.freezes_at = call.encode()
        else:
            link.freeze()
        print("done", flush=True)  # noqa: T201 - the test waits for it

    def _stop(self, name: str) -> None:
        worker = self._workers.pop(name)
        if not self._links.pop(name).is_frozen:
            worker.stopService()

    def _start(self, name: str, login: dict[str, str]) -> None:
        basedir = self._scratch / name
        basedir.mkdir(exist_ok=True)
        connection, endpoint = login.get("connection", "tcp"), None
        if connection in {"tls", "wss"}:
            (basedir / "ca.pem").write_text(login["trusted"])
            endpoint = f"tls:host={login['host']}:port={login['port']}:trustRoots={basedir}"
        worker = Worker(
            None if endpoint else login["host"],
            None if endpoint else int(login["port"]),
            login["name"],
            login["passwd"],
            str(basedir),
            keepalive=0,
            protocol="msgpack_experimental_v7" if connection in {"ws", "wss"} else "pb",
            connection_string=endpoint,
        )
        self._workers[name] = worker
        self._links[name] = Link(worker, login.get("freezes_at"))
        worker.startService()


if __name__ == "__main__":
    # After an unusual disconnect a worker stops its reactor. Here the other guests must continue.
    stop, reactor.stop = reactor.stop, lambda: None
    with tempfile.TemporaryDirectory() as folder:
        StandardIO(Orders(Path(folder)))
        print("ready", flush=True)  # noqa: T201 - that is how the test knows
        reactor.run()
    sys.exit()
