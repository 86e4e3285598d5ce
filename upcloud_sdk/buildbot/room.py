"""How many servers the workers of a master may have at once. Used on the reactor's thread only."""

from __future__ import annotations

from twisted.internet import defer


class Room:
    """Keeps count of the workers that have a server, or are about to."""

    def __init__(self) -> None:
        self._inside: set[str] = set()
        self._waiting: dict[str, tuple[int, defer.Deferred[None]]] = {}

    def has(self, worker: str, limit: int | None) -> bool:
        """Whether a worker with this limit may have a server now."""
        return limit is None or worker in self._inside or len(self._inside) < limit

    def enter(self, worker: str, limit: int | None) -> defer.Deferred[None]:
        """Fires when a worker may have a server, which counts from then on; those that wait enter in order."""
        if limit is None or self.has(worker, limit):
            self._inside.add(worker)
            return defer.succeed(None)

        def give_up(_: defer.Deferred[None]) -> None:
            self._waiting.pop(worker, None)

        turn: defer.Deferred[None] = defer.Deferred(give_up)
        self._waiting[worker] = (limit, turn)
        return turn

    def leave(self, worker: str) -> None:
        """The worker has no server any more."""
        self._inside.discard(worker)
        for name, (limit, turn) in list(self._waiting.items()):
            if self.has(name, limit):
                del self._waiting[name]
                self._inside.add(name)
                turn.callback(None)
