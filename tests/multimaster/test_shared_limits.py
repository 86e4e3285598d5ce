"""Two masters that share a record race for `max_servers` and for a budget: RACES times, 16 by default."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from tests.buildbot.processes import eventually
from tests.multimaster.infrastructure import PATIENCE, crossbar, postgresql
from tests.multimaster.masters import FellowMaster
from tests.multimaster.test_multimaster import RETRY, SUCCESS, folder
from upcloud_sdk.buildbot import Budget
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from upcloud_sdk.simulator.records.records import Server

__all__ = ["folder"]

PRICE = 0.00744
"""Price per hour of the test's servers, in EUR."""
MOST = 2
RACES = int(os.environ.get("RACES", "16"))
_WITHIN = PATIENCE + 10 * RACES
"""Seconds for all of them. On a busy machine, each takes two."""


class CountedSimulator(Simulator):
    """Counts how many servers there are at the same time, and how many were made."""

    most = made = 0

    def start_boot(self, server: Server) -> None:
        super().start_boot(server)
        self.most, self.made = max(self.most, len(self.servers)), self.made + 1


@dataclass
class Rivals:
    """Two masters that share a database, each with three workers and a lock for three builds."""

    cloud: CountedSimulator
    database: str
    masters: list[FellowMaster]

    def limit(self, **limits: object) -> None:
        """Give both of them these limits."""
        for master in self.masters:
            options = {**limits, "record": self.database}
            master.change(workers={f"{master.name}-{number}": options for number in (1, 2, 3)})
            if master.runs:
                master.reconfigure()

    def force(self, count: int) -> list[int]:
        return [self.masters[1].force("shared") for _ in range(count)]

    def read(self, query: str) -> list[Any]:
        engine = sa.create_engine(self.database)
        with engine.connect() as connection:
            rows = list(connection.execute(sa.text(query)).all())
        engine.dispose()
        return rows

    def check_refusals(self) -> None:
        """No build was refused more than once for each server of the other master since its request.

        The last one may be claimed later: the place is kept for who has waited for longer, and sees it within seconds.
        """
        query = "select master, asked / 1000000.0 as asked, uuid, error from upcloud_servers order by asked"
        servers = self.read(query)
        assert all(server.uuid or server.error for server in servers), "a refused claim has left a row"
        refused = self.read(
            "select b.buildrequestid as request, m.name as master, b.complete_at, r.submitted_at from builds b"
            " join masters m on m.id = b.masterid join buildrequests r on r.id = b.buildrequestid"
            f" where b.results = {RETRY} and not exists (select 1 from upcloud_servers s"
            " where s.build = cast(b.id as text) and s.error is not null) order by b.complete_at"
        )
        counts: dict[tuple[int, str], int] = {}
        for build in refused:
            key = build.request, build.master
            counts[key] = counts.get(key, 0) + 1
            others = [each for each in servers if each.master != build.master]
            # Builds' times are whole seconds, cut off.
            since = [each for each in others if build.submitted_at - 1 <= each.asked]
            before = [each for each in since if each.asked <= build.complete_at + 1]
            assert counts[key] <= len(since[: len(before) + 1]), (build, counts, servers)
        made = [sum(each.master.endswith(master.name) for each in servers) for master in self.masters]
        # Shown with `-s`.
        sys.stderr.write(
            f"{len(refused)} refusals, {max(counts.values(), default=0)} of a build at most; made {made}\n"
        )

    def made_by(self) -> list[int]:
        """How many servers each of them has made."""
        rows = self.read("select master, count(*) as made from upcloud_servers group by master")
        counts = {row.master.rpartition("/")[2]: row.made for row in rows}
        return [counts.get(master.name, 0) for master in self.masters]


@pytest.fixture
def rivals(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rivals]:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))  # guests run there
    cloud = CountedSimulator(boot_seconds=0.3, stop_seconds=0.1, guests="process")
    with ExitStack() as stack:
        database = stack.enter_context(postgresql(folder))
        router = stack.enter_context(crossbar(folder))
        url = stack.enter_context(cloud.serve())
        pair = Rivals(cloud, database, [])
        for name, schedules in (("one", False), ("two", True)):
            master = FellowMaster(
                name, folder, url=url, database=database, router=router, schedules=schedules, count=3, has_lock=True
            )
            pair.masters.append(master)
            stack.callback(master.close)
        pair.masters[0].gate.touch()
        yield pair


@pytest.mark.parametrize(
    "limits",
    [{"max_servers": MOST}, {"budget": Budget(per_hour=(MOST + 0.5) * PRICE)}],
    ids=["max_servers", "per_hour"],
)
def test_masters_that_share_a_record_never_exceed_its_limits_together(
    limits: dict[str, object], rivals: Rivals
) -> None:
    rivals.limit(**limits)
    for master in rivals.masters:
        master.start()
    requests = rivals.force(RACES)
    taker = rivals.masters[1]
    for request in requests:
        eventually(f"the end of request {request}", partial(taker.results, request), _WITHIN)
    results = [taker.results(request) or [] for request in requests]
    # They come in no order.
    assert {min(each) for each in results} == {SUCCESS}
    assert {result for each in results for result in each} <= {SUCCESS, RETRY}
    assert 1 <= rivals.cloud.most <= MOST
    rivals.check_refusals()
    # Who has waited for longer goes first, so none of them is kept from its share.
    assert min(rivals.made_by()) >= RACES // 8
    eventually("no server", lambda: not rivals.cloud.servers)


def test_masters_that_share_a_record_spend_no_hour_more_than_its_month_allows(rivals: Rivals) -> None:
    cloud = rivals.cloud
    allowed = MOST
    rivals.limit(budget=Budget(per_month=(allowed + 0.5) * PRICE))
    for master in rivals.masters:
        master.start()
    requests = rivals.force(RACES)
    while allowed < RACES:
        eventually(f"{allowed} servers", lambda: cloud.made >= allowed, PATIENCE)  # noqa: B023 - it waits for this one
        assert cloud.made == allowed
        # Now both of them want the next ones at once.
        allowed += MOST
        rivals.limit(budget=Budget(per_month=(allowed + 0.5) * PRICE))
    taker = rivals.masters[1]
    for request in requests:
        eventually(f"the end of request {request}", partial(taker.results, request), _WITHIN)
    assert cloud.made == RACES
    rivals.check_refusals()
    eventually("no server", lambda: not cloud.servers)
