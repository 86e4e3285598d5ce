"""Whether the guest of a worker still answers. For the reactor's thread."""

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
"""Seconds between an answer and the next question."""
_LOOK_EVERY = 10.0
"""How often to look whether the answer has come."""
SHORTEST = 60.0
"""A guest has at least so many seconds to answer: it may be busy. While it logs in, it has no more."""


class Heartbeat:
    """Asks a guest again and again whether it is there. Closes its connection if it does not answer.

    Buildbot itself waits for ever for a guest whose machine hangs while its connection stays open.
    """

    _log = Logger()

    def __init__(self, worker: AbstractLatentWorker, conn: Connection) -> None:
        self._worker, self._conn = worker, conn
        self._within = SHORTEST
        self._missed = 0
        self._call: DelayedCall | None = None

    def start(self) -> None:
        """Ask until the connection is closed."""
        self._conn.notifyOnDisconnect(self._stop)
        self._ask()

    def allow(self, within: float) -> None:
        """Give it so many seconds from now on, but not less than it had."""
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
        # Looks are counted, and no time is measured: if the clock jumps, the guest is not to blame.
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
    """The connection is about to be closed."""
