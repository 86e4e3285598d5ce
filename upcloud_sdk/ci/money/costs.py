"""What servers of this process and of earlier ones have cost, by the record. Use it in the thread of its log only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from upcloud_sdk.billing import hours_by_month

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from upcloud_sdk.ci.record.record import ServerRecord
    from upcloud_sdk.ci.record.server_log import ServerLog

_LONGEST = timedelta(days=366)


class Billed(Protocol):
    """A server that may be running."""

    def billed_span(self) -> tuple[float, float]:
        """When its first hour began, and now or its end, in seconds since 1970."""
        ...


class Costs:
    """Adds up what servers have cost, month by month."""

    def __init__(self, log: ServerLog, history: Callable[[], Awaitable[Iterable[ServerRecord]]]) -> None:
        """Count the servers of `log`, and those that `history` reads from its file."""
        self._log, self._history = log, history
        self._ended: dict[tuple[int, int], Decimal] | None = None
        """The cost of servers that are gone, or whose end was not seen, by month. None until `load`."""
        log.listeners.append(self._hear)

    async def load(self) -> None:
        """Read the record of earlier processes, once."""
        if self._ended is not None:
            return
        servers = await self._history()
        if self._ended is None:
            self._ended = {}
            for server in servers:
                if server.id not in self._log.up:
                    self._count(server)

    def spent(self, month: tuple[int, int], up: Mapping[Billed, Decimal]) -> Decimal:
        """The cost of a month by the record, including the hours that running servers (`up`) have begun."""
        running = Decimal(0)
        for server, hourly in up.items():
            running += _hours(server).get(month, 0) * hourly
        return (self._ended or {}).get(month, Decimal(0)) + running

    def add(self, server: Billed, hourly: Decimal) -> None:
        """Count a server that is gone and not in the record, until this process ends. The bill has it by then."""
        self._add(_hours(server), hourly)

    def _hear(self, server: ServerRecord, event: str) -> None:
        if event == "gone":
            self._count(server)

    def _count(self, server: ServerRecord) -> None:
        if server.hourly is None or server.created is None:
            return
        # If its process was killed, the end is not known. The first hour was paid in any case.
        began, ended = server.span or (server.created, server.created)
        # With a wrong time, the loop would run for minutes.
        self._add(hours_by_month([(max(began, ended - _LONGEST), ended)]), server.hourly)

    def _add(self, hours_of_months: Mapping[tuple[int, int], int], hourly: Decimal) -> None:
        if self._ended is not None:
            for month, hours in hours_of_months.items():
                self._ended[month] = self._ended.get(month, Decimal(0)) + hours * hourly


def _hours(server: Billed) -> dict[tuple[int, int], int]:
    """The begun hours of a server, by month."""
    began, now = (datetime.fromtimestamp(moment, UTC) for moment in server.billed_span())
    return hours_by_month([(began, max(began, now))])
