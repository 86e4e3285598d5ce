"""A server that answers with fixed documents and does nothing else, so that the client is measured.

It is a separate process, so that the client's CPU time excludes its own. `python -m tests.benchmarks.server DIRECTORY`
serves the answers of `DIRECTORY/documents.json` by their paths, over plain HTTP and over TLS with
`DIRECTORY/server.pem`. It prints its two ports when it is ready, and ends when its standard input is closed.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from pathlib import Path

HEAD = (
    "HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 09:00:00 GMT\r\nServer: Apache\r\n"
    "Content-Type: application/json; charset=UTF-8\r\nStrict-Transport-Security: max-age=63072000\r\n"
    "Content-Length: {length}\r\n\r\n"
)

OPENED = b"/opened"
"""The path that returns the number of connections so far."""


def answer(body: bytes) -> bytes:
    """A complete answer with this body."""
    return HEAD.format(length=len(body)).encode() + body


class Connection(asyncio.Protocol):
    """One connection with GET requests without a body, one after the other."""

    opened = 0

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers = answers
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        Connection.opened += 1

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            path = self._received.split(b" ", 2)[1]
            self._received = self._received[end + 4 :]
            assert self._transport is not None
            known = answer(str(Connection.opened).encode()) if path == OPENED else self._answers[path]
            self._transport.write(known)


async def main(directory: Path) -> None:
    """Serve until standard input is closed."""
    documents: dict[str, object] = json.loads((directory / "documents.json").read_bytes())
    answers = {path.encode(): answer(json.dumps(body).encode()) for path, body in documents.items()}
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(directory / "server.pem")
    loop = asyncio.get_running_loop()
    ports: list[int] = []
    for context in (None, tls):
        server = await loop.create_server(lambda: Connection(answers), "127.0.0.1", 0, ssl=context, backlog=2000)
        ports.append(server.sockets[0].getsockname()[1])
    sys.stdout.write(f"{ports[0]} {ports[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
