"""Measures a claim in a record of many servers, and what the page's document of a month reads and weighs.

All of it happens on the record's own threads.
"""

from __future__ import annotations

import gzip
import json
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tests.benchmarks.measure import Section
from upcloud_sdk.ci import Claim, Limits, Phase, Record, RecordedServer, ServerChange
from upcloud_sdk.ci.record import store
from upcloud_sdk.ci.record.recorded import RecordedBuild
from upcloud_sdk.ci.web.history import Part, history

if TYPE_CHECKING:
    from collections.abc import Iterator

CLAIMED_IN, SHOWN = 10_000, 100_000
LIMITS = Limits(max_servers=10**6, per_hour=10**12, per_month=10**12)
PARTS: tuple[Part, ...] = ("servers", "costs", "health")
LONGEST_DOCUMENT = 200_000
"""Bytes, compressed."""
_AT_ONCE = 5000


def servers(count: int, now: datetime) -> Iterator[RecordedServer]:
    """Servers of a month that are gone, each with a build."""
    for number in range(count):
        asked, key = now - timedelta(days=28) * (number + 1) / count, f"{number:032}"
        gone = asked + timedelta(minutes=15)
        times: dict[str, Any] = {"asked": asked, "made": asked, "created": asked, "stopping": gone, "gone": gone}
        times |= {"started": asked + timedelta(seconds=33), "attached": asked + timedelta(seconds=60), "seen": gone}
        facts: dict[str, Any] = {"worker": f"w-{number % 50}", "zone": "fi-hel1", "plan": "PREMIUM-2xCPU-4GB"}
        facts |= {"uuid": f"{number:036}", "hourly": 25_000, "currency": "EUR", "owner": "ci"}
        build = RecordedBuild(server=key, build=str(number), builder="all", number=number, began=asked, ended=gone)
        yield RecordedServer(id=key, phase=Phase.GONE, builds=(build,), **times, **facts)


def fill(url: str, count: int, now: datetime) -> None:
    """Write them into a new record."""
    record = Record(url)
    assert record.flush(60)
    assert record.close(60)
    engine, rows = sa.create_engine(url), list(servers(count, now))
    for first in range(0, count, _AT_ONCE):
        with engine.begin() as connection:
            store.write(connection, rows[first : first + _AT_ONCE])
    engine.dispose()


def record(*, rounds: int, scale: float) -> Section:
    """Claims in a record with 10,000 servers, and documents over 100,000."""
    section, now = Section("Record"), datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder:
        _claims(section, f"sqlite:///{Path(folder) / 'claims.sqlite'}", max(20, int(CLAIMED_IN * scale)), now, rounds)
        _documents(section, f"sqlite:///{Path(folder) / 'page.sqlite'}", max(20, int(SHOWN * scale)), now)
    return section


def _claims(section: Section, url: str, count: int, now: datetime, rounds: int) -> None:
    fill(url, count, now)
    opened, took = Record(url), list[float]()
    for number in range(20 * rounds):
        change = ServerChange(id=f"new-{number}", at=now, phase=Phase.ASKED, hourly=25_000, currency="EUR", owner="ci")
        began = time.perf_counter()
        assert opened.claim(Claim(server=change, limits=LIMITS)).result(60) is None
        took.append((time.perf_counter() - began) * 1e3)
        opened.tell(ServerChange(id=change.id, at=now, phase=Phase.GONE))
        assert opened.flush(60)
    opened.close(60)
    note = f"{min(took):.2f} to {max(took):.2f} ms, SQLite, under all three limits"
    section.add(f"a claim in a record of {count:,} servers", statistics.median(took), None, " ms", note)


def _documents(section: Section, url: str, count: int, now: datetime) -> None:
    fill(url, count, now)
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        for part in PARTS:
            began = time.perf_counter()
            document = history(connection, part, since=now - timedelta(hours=744), now=now)
            seconds = time.perf_counter() - began
            size = len(gzip.compress(json.dumps(document).encode()))
            what = f"the page's document of {part} in a month with {count:,} servers"
            section.add(f"{what}: bytes, compressed", size, LONGEST_DOCUMENT, " bytes")
            section.add(f"{what}: on the thread of the record's reader", seconds * 1e3, None, " ms")
    engine.dispose()
