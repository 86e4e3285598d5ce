"""How the tables store times, money and lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import sqlalchemy as sa

from upcloud_sdk.ci.record import tables


def test_times_money_and_lists_are_read_as_they_were_written() -> None:
    engine = sa.create_engine("sqlite://")
    tables.metadata.create_all(engine)
    asked = datetime(2026, 12, 1, 12, 30, 0, 123457, tzinfo=timezone(timedelta(hours=2)))
    with engine.begin() as connection:
        row = {"id": "a", "phase": "asked", "asked": asked, "seen": asked, "hourly": 100_000, "disks": ("d1", "d2")}
        connection.execute(tables.servers.insert().values(row))
        read = connection.execute(sa.select(tables.servers)).one()
        total = connection.execute(sa.select(sa.func.sum(tables.servers.c.hourly * 3))).scalar_one()
    assert read.asked == asked
    assert read.asked.tzinfo is UTC
    assert read.made is None
    assert read.disks == ("d1", "d2")
    assert total == 300_000
