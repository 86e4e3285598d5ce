"""How many servers the workers of a master may have at once. Used on the reactor's thread only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet import defer

if TYPE_CHECKING:
    from collections.abc import Hashable


class Room:
    """Keeps count of the servers that there are, or are about to be; any object stands for one."""

    def __init__(self) -> None:
        self._inside: set[Hashable] = set()
        self._waiting: dict[Hashable, tuple[int, defer.Deferred[None]]] = {}

    def has(self, limit: int | None) -> bool:
        """Whether there may be another server now under this limit."""
        return limit is None or len(self._inside) < limit

    def enter(self, server: Hashable, limit: int | None) -> defer.Deferred[None]:
        """Fires when there may be this server, which counts from then on; those that wait enter in order."""
        if limit is None or self.has(limit):
            self._inside.add(server)
            return defer.succeed(None)

        def give_up(_: defer.Deferred[None]) -> None:
            self._waiting.pop(server, None)

        turn: defer.Deferred[None] = defer.Deferred(give_up)
        self._waiting[server] = (limit, turn)
        return turn

    def leave(self, server: Hashable) -> None:
        """It is gone."""
        self._inside.discard(server)
        for waiting, (limit, turn) in list(self._waiting.items()):
            if self.has(limit):
                del self._waiting[waiting]
                self._inside.add(waiting)
                turn.callback(None)
