"""Measures how long the page blocks the reactor of its master, compared with Buildbot's own pages."""

from __future__ import annotations

import sqlite3
import statistics
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.benchmarks.heartbeat import longest_gap
from tests.benchmarks.master import OURS, running
from tests.benchmarks.measure import Section
from upcloud_sdk.buildbot.master.record import url_in
from upcloud_sdk.ci import BuildChange, Phase, Record, ServerChange
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.benchmarks.master import Master

SERVERS = 1000
ASKS = 5
"""Number of requests for a document per round."""
BUILDBOTS = {
    "Buildbot's builders page": ("builders", "workers", "builds?limit=200&order=-started_at"),
    "Buildbot's waterfall": ("builds?limit=1000&order=-complete_at",),
}
OURS_ASK = {
    "the page's view of now": ("../../plugins/upcloud/now.json",),
    "the page's view of before, of a month": ("../../plugins/upcloud/before.json?hours=744",),
    "the page's costs": ("../../plugins/upcloud/before.json?part=costs",),
    "the page's health of a month": ("../../plugins/upcloud/before.json?part=health&hours=744",),
}


@dataclass(frozen=True)
class Past:
    """Past servers of a master, each with one build."""

    servers: int

    def changes(self) -> Iterator[ServerChange | BuildChange]:
        """What happened to them."""
        now = datetime.now(UTC)
        for number in range(self.servers):
            asked, key = now - timedelta(minutes=20 + number * 30), str(number)
            began: dict[str, Any] = {"worker": OURS, "zone": "fi-hel1", "hourly": 25_000, "currency": "EUR"}
            made: dict[str, Any] = {"uuid": f"{number:036}", "created": asked}
            build: dict[str, Any] = {"builder": OURS, "number": number + 1, "queued": 2.0, "began": asked}
            yield ServerChange(id=key, at=asked, phase=Phase.ASKED, **began)
            yield ServerChange(id=key, at=asked, phase=Phase.MADE, **made)
            yield BuildChange(server=key, build=str(number + 1), at=asked, **build)
            for phase, seconds in ((Phase.STARTED, 33), (Phase.ATTACHED, 60), (Phase.GONE, 900)):
                yield ServerChange(id=key, at=asked + timedelta(seconds=seconds), phase=phase)

    def write(self, basedir: Path) -> None:
        """Write them into the record and the database."""
        record = Record(url_in(basedir))
        for change in self.changes():
            record.tell(change)
        assert record.close(300)
        began = int(time.time()) - self.servers * 1800
        with closing(sqlite3.connect(basedir / "state.sqlite", timeout=60)) as database, database:
            [builder] = database.execute("SELECT id FROM builders").fetchone()
            [worker] = database.execute("SELECT id FROM workers").fetchone()
            [master] = database.execute("SELECT id FROM masters").fetchone()
            for number in range(1, self.servers + 1):
                times = (began + number * 1800, began + number * 1800 + 900)
                database.execute(
                    "INSERT INTO buildsets (id, submitted_at, complete, complete_at, results) VALUES (?, ?, 1, ?, 0)",
                    (number, *times),
                )
                database.execute(
                    "INSERT INTO buildrequests (id, buildsetid, builderid, priority, complete, results, submitted_at,"
                    " complete_at, waited_for) VALUES (?, ?, ?, 0, 1, 0, ?, ?, 0)",
                    (number, number, builder, *times),
                )
                database.execute(
                    "INSERT INTO builds (number, builderid, buildrequestid, workerid, masterid, started_at,"
                    " complete_at, locks_duration_s, state_string, results)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, 0, 'build successful', 0)",
                    (number, builder, number, worker, master, *times),
                )


def page(*, rounds: int, scale: float) -> Section:
    """Measure the longest gap of the reactor during requests for each document, as the median of the rounds.

    Full collections of garbage do not count.
    """
    section = Section("Page")
    past = Past(max(10, int(SERVERS * scale)))
    gaps: dict[str, list[float]] = {}
    with running(Simulator(), [OURS], "script") as master:
        past.write(master.basedir)
        for turn in range(rounds + 1):
            for name, paths in {**BUILDBOTS, **OURS_ASK}.items():
                gap = _gap(master, paths)
                if turn:  # the first round does not count
                    gaps.setdefault(name, []).append(gap * 1e3)
    own = max(statistics.median(gaps[name]) for name in BUILDBOTS)
    for name, found in gaps.items():
        target = own if name in OURS_ASK else None
        what = f"longest gap of the reactor with {past.servers} servers and builds: {name}"
        section.add(what, statistics.median(found), target, " ms", f"{min(found):.0f} to {max(found):.0f} ms")
    return section


def _gap(master: Master, paths: tuple[str, ...]) -> float:
    since = time.time()
    for _ in range(ASKS):
        for path in paths:
            master.get(path)
    return longest_gap(master.folder / "beats", since, time.time())
