"""Checks whether the guest of a worker still answers. For the reactor's thread."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from twisted.internet import defer
from twisted.logger import Logger

from upcloud_sdk.buildbot._buildbot.private import close_at_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk.buildbot._buildbot.api import AbstractLatentWorker, Connection, DelayedCall

_ASK_EVERY = 60.0
"""Seconds between an answer and the next ping."""
_LOOK_EVERY = 10.0
"""Seconds between two checks for the answer."""
SHORTEST = 60.0
"""Minimum seconds that a guest has for an answer, since it may be busy. During a login, also the maximum."""


class Heartbeat:
    """Pings a guest, and closes its connection if it does not answer.

    Buildbot itself waits forever for a guest whose machine hangs while its connection stays open.
    """

    _log = Logger()

    def __init__(self, worker: AbstractLatentWorker, conn: Connection) -> None:
        self._worker, self._conn = worker, conn
        self._within = SHORTEST
        self._missed = 0
        self._call: DelayedCall | None = None

    def start(self) -> None:
        """Ping until the connection is closed."""
        self._conn.notifyOnDisconnect(self._stop)
        self._ask()

    def allow(self, within: float) -> None:
        """Allow at least this many seconds from now on. Never shortens the time for an answer."""
        self._within = max(within, SHORTEST)

    def _ask(self) -> None:
        self._missed = 0
        self._call_later(_LOOK_EVERY, self._look)
        asked = defer.maybeDeferred(self._conn.remotePrint, message="are you there?")
        asked.addCallbacks(self._answered, _ignore)

    def _answered(self, _: object) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
            self._call_later(_ASK_EVERY, self._ask)

    def _look(self) -> None:
        self._missed += 1
        within = SHORTEST if self._worker.botmaster.shuttingDown else self._within
        # Count the checks instead of measuring time, so that a jump of the clock disconnects no guest.
        if self._missed < math.ceil(within / _LOOK_EVERY):
            self._call_later(_LOOK_EVERY, self._look)
            return
        self._log.warn(
            "worker {name}: its guest does not answer, and is disconnected after {seconds:g} s",
            name=self._worker.name, seconds=self._missed * _LOOK_EVERY,
        )  # fmt: skip
        close_at_once(self._conn)

    def _stop(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()

    def _call_later(self, seconds: float, function: Callable[[], None]) -> None:
        self._call = self._worker.master.reactor.callLater(seconds, function)


def _ignore(_: object) -> None:
    """Ignore the error: the connection is about to be closed."""
