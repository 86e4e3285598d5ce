"""Limits connections: how many there are, and how long a client may take to send a request. uvicorn limits neither."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if sys.platform != "win32":
    import resource

if TYPE_CHECKING:
    import asyncio

_log = logging.getLogger("upcloud_sdk.simulator.http")
_log.setLevel(logging.ERROR)
"""uvicorn warns about each request that is not HTTP. A neighbour could fill a disk with that."""

BACKLOG = 128
"""How many connections asyncio accepts at once, before it looks at the first of them."""
MOST, _FEWEST, _OTHER_FILES = 1000, 16, 128
ARRIVAL_SECONDS, ARRIVAL_RATE = 20.0, 500
"""How long a request may take to arrive: this many seconds, and one more for each of so many bytes."""
_SILENCE = 60.0


def most_connections() -> int:
    """How many connections there may be, so that files are left for guests and the state."""
    if sys.platform == "win32":
        return 256
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MOST
    return max(_FEWEST, min(MOST, files - BACKLOG - _OTHER_FILES))


class Protocol(H11Protocol):
    """One connection. A request gets access to it, so that a fault can close it."""

    _timer: asyncio.TimerHandle | None = None
    _began = 0.0
    _received = 0

    def connection_made(  # type: ignore[override]  # same type as in uvicorn
        self,
        transport: asyncio.Transport,  # pyright: ignore[reportIncompatibleMethodOverride]  # the same
    ) -> None:
        super().connection_made(transport)
        self.logger = _log
        if self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency:
            transport.abort()
            return
        state: dict[str, object] = self.app_state
        self.app_state = {**state, "connection": transport}
        self._expect()

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)
        self._expect()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _expect(self) -> None:
        """Start the time of a request that has not arrived completely, or end it."""
        theirs = self.conn.their_state
        first = cast("object", self.cycle) is None
        if theirs is not h11.SEND_BODY and not (theirs is h11.IDLE and (first or self.conn.trailing_data[0])):
            self._stop()
        elif self._timer is None:
            self._began, self._received = self.loop.time(), 0
            self._timer = self.loop.call_later(ARRIVAL_SECONDS, self.check_arrival)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def check_arrival(self) -> None:
        """Close the connection if its request arrives too slowly. A pause of our own does not count."""
        if self.flow.read_paused:
            self._began, self._received = self.loop.time(), 0
        left = self._began + ARRIVAL_SECONDS + self._received / ARRIVAL_RATE - self.loop.time()
        if left > 0:
            self._timer = self.loop.call_later(left, self.check_arrival)
        else:
            self._timer = None
            self.transport.abort()


class AcceptErrors:
    """Logs one line a minute if there are no descriptors for connections. asyncio logs a traceback for each of them."""

    def __init__(self) -> None:
        self._silent_until = 0.0

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not str(context.get("message")).startswith("socket.accept()"):
            loop.default_exception_handler(context)
        elif loop.time() >= self._silent_until:
            self._silent_until = loop.time() + _SILENCE
            _log.error("no connection can be accepted: %s", context.get("exception"))
