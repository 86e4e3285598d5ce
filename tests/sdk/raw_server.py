"""A server on loopback that sends exactly the bytes of a test, for tests that need a real socket."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
from anyio.streams.tls import TLSListener

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Callable

    from anyio.abc import ByteStream

DEADLINE = 20.0
"""Seconds after which a wait of a test fails."""

DROP = b""
"""Instead of an answer: close the connection."""

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
TRUNCATED = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n{"server": {"uuid'


class RawServer:
    """Sends the answers of its script, then `OK`. After an incomplete answer it closes the connection."""

    def __init__(self) -> None:
        self.url = ""
        self.script: list[bytes | None] = []
        """The next answers. None: no answer, and the connection stays open."""
        self.requests: list[str] = []
        """First lines of the received requests."""
        self.used: list[int] = []
        """The number of each request's connection, from 1."""
        self.connections = 0
        self.answering = anyio.Event()
        """Answers wait until it is set. It is set by default; a test may replace it."""
        self.answering.set()
        self.open = 0
        self._changed = anyio.Event()

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until `reached` returns true."""
        with anyio.fail_after(DEADLINE):
            while not reached():
                await self._changed.wait()

    def _change(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def serve(self, stream: ByteStream) -> None:
        """Serve one connection."""
        self.connections += 1
        self.open += 1
        try:
            async with stream:
                number = self.connections
                while await self._receive(stream):
                    self.used.append(number)
                    answer = self.script.pop(0) if self.script else OK
                    if answer is None:
                        await stream.receive()
                        return
                    await self.answering.wait()
                    if answer:
                        await stream.send(answer)
                    if not answer.endswith(b"{}"):
                        return
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return
        finally:
            self.open -= 1
            self._change()

    async def _receive(self, stream: ByteStream) -> bool:
        head = b""
        while b"\r\n\r\n" not in head:
            head += await stream.receive()
        head, _, body = head.partition(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        length = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length:")), 0)
        while len(body) < length:
            body += await stream.receive()
        self.requests.append(head.decode().split("\r\n")[0].removesuffix(" HTTP/1.1"))
        self._change()
        return True


@asynccontextmanager
async def raw_server(ssl_context: ssl.SSLContext | None = None) -> AsyncGenerator[RawServer]:
    """A server during a block, over TLS if a context is given."""
    server = RawServer()
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as tcp:
        listener = TLSListener(tcp, ssl_context, standard_compatible=False) if ssl_context else tcp
        scheme = "https" if ssl_context else "http"
        server.url = f"{scheme}://127.0.0.1:{tcp.extra(anyio.abc.SocketAttribute.local_port)}"
        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, server.serve)
            yield server
            group.cancel_scope.cancel()
