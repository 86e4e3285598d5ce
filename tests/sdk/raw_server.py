"""A server on loopback that answers byte by byte as a test says, for what only a socket shows."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from anyio.abc import SocketStream

DROP = b""
"""In the place of an answer: the connection is closed."""

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
TRUNCATED = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n{"server": {"uuid'


class RawServer:
    """Gives the answers of its script, then `OK`; an answer that is not whole ends in the end of the connection."""

    def __init__(self) -> None:
        self.url = ""
        self.script: list[bytes | None] = []
        """Answers to come; None: none, and the connection stays open."""
        self.requests: list[str] = []
        """First lines of the requests that came."""
        self.connections = 0
        self.open = 0
        self._changed = anyio.Event()

    async def until(self, reached: Callable[[], bool]) -> None:
        """Return when something is so."""
        while not reached():
            await self._changed.wait()

    def _change(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def serve(self, stream: SocketStream) -> None:
        """Speak on one connection."""
        self.connections += 1
        self.open += 1
        try:
            async with stream:
                while await self._receive(stream):
                    answer = self.script.pop(0) if self.script else OK
                    if answer is None:
                        await stream.receive()
                        return
                    if answer:
                        await stream.send(answer)
                    if not answer.endswith(b"{}"):
                        return
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return
        finally:
            self.open -= 1
            self._change()

    async def _receive(self, stream: SocketStream) -> bool:
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
async def raw_server() -> AsyncGenerator[RawServer]:
    """A server for the length of a block."""
    server = RawServer()
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        server.url = f"http://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}"
        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, server.serve)
            yield server
            group.cancel_scope.cancel()
