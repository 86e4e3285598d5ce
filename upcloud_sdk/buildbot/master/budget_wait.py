"""Lets builders look again after the `Budget` has refused a server. Used on the reactor's thread only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger

if TYPE_CHECKING:
    from upcloud_sdk.buildbot._buildbot.api import DelayedCall, Master

_LOOK_AGAIN_AFTER = 60.0
"""Seconds after which a builder checks the budget again, since a new month may have begun."""


class BudgetWait:
    """One per master."""

    _log = Logger()

    def __init__(self, master: Master) -> None:
        self._master = master
        self._call: DelayedCall | None = None

    def begin(self, refusal: str) -> None:
        """Log why builds wait, and let all builders check again in a minute, unless this is already planned."""
        if self._call is None or not self._call.active():
            self._log.info("{refusal}; builds wait", refusal=refusal)
            look = self._master.botmaster.maybeStartBuildsForAllBuilders
            self._call = self._master.reactor.callLater(_LOOK_AGAIN_AFTER, look)

    def close(self) -> None:
        """Stop the timer when the master stops."""
        if self._call is not None and self._call.active():
            self._call.cancel()
