"""The cost of servers per month."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from upcloud_sdk.ci import Billed, Costs, ServerLog, ServerRecord

if TYPE_CHECKING:
    from pathlib import Path

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
DECEMBER, JANUARY = (2026, 12), (2027, 1)
HOURLY = Decimal(3)


def server(began: datetime, ended: datetime | None) -> ServerRecord:
    """A record of a server that costs three euros per hour."""
    return ServerRecord(id=str(began), uuid=str(began), created=began, gone=ended, credits_per_hour=Decimal(300))


class Up:
    """A server that runs for some time before and after the new year."""

    def __init__(self, *, minutes_before: float, minutes_after: float) -> None:
        self._span = NEW_YEAR.timestamp() - 60 * minutes_before, NEW_YEAR.timestamp() + 60 * minutes_after

    def billed_span(self) -> tuple[float, float]:
        return self._span


def costs(tmp_path: Path, *earlier: ServerRecord) -> tuple[Costs, ServerLog]:
    async def history() -> tuple[ServerRecord, ...]:
        return earlier

    log = ServerLog(tmp_path / "servers.jsonl", clock=lambda: 60.0)
    return Costs(log, history), log


async def test_each_hour_counts_in_the_month_in_which_it_begins(tmp_path: Path) -> None:
    found, _ = costs(tmp_path, server(NEW_YEAR - timedelta(minutes=90), NEW_YEAR + timedelta(minutes=90)))
    await found.load()
    assert (found.spent(DECEMBER, {}), found.spent(JANUARY, {})) == (2 * HOURLY, HOURLY)


async def test_the_hours_that_a_running_server_has_begun_count(tmp_path: Path) -> None:
    found, _ = costs(tmp_path)
    await found.load()
    up: dict[Billed, Decimal] = {Up(minutes_before=30, minutes_after=45): HOURLY}
    assert (found.spent(DECEMBER, up), found.spent(JANUARY, up)) == (HOURLY, HOURLY)


async def test_a_server_whose_end_was_not_seen_counts_with_its_first_hour(tmp_path: Path) -> None:
    found, _ = costs(tmp_path, server(NEW_YEAR, None))
    await found.load()
    assert found.spent(JANUARY, {}) == HOURLY


async def test_a_server_that_ends_later_counts_once(tmp_path: Path) -> None:
    found, log = costs(tmp_path)
    await found.load()
    entry = log.begin(credits_per_hour=Decimal(300))
    entry.note_made(NEW_YEAR.timestamp(), 0.0, uuid="00f4")
    entry.finish()
    await found.load()
    assert found.spent(JANUARY, {}) == HOURLY
    log.close(5)


async def test_a_server_without_a_record_counts_until_the_process_ends(tmp_path: Path) -> None:
    found, _ = costs(tmp_path)
    await found.load()
    found.add(Up(minutes_before=0, minutes_after=61), HOURLY)
    assert found.spent(JANUARY, {}) == 2 * HOURLY
