"""Two masters that share a record race for `max_servers` and for a budget."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.buildbot.processes import eventually
from tests.multimaster.infrastructure import PATIENCE, crossbar, postgresql
from tests.multimaster.masters import FellowMaster
from tests.multimaster.test_multimaster import RETRY, SUCCESS, folder
from upcloud_sdk.buildbot import Budget
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from pathlib import Path

    from upcloud_sdk.simulator.records.records import Server

__all__ = ["folder"]

PRICE = 0.00744
"""Price per hour of the test's servers, in EUR."""
MOST = 2
BUILDS = int(os.environ.get("RACES", "16"))


class CountedSimulator(Simulator):
    """Counts how many servers there are at the same time."""

    most = 0

    def start_boot(self, server: Server) -> None:
        super().start_boot(server)
        self.most = max(self.most, len(self.servers))


@pytest.mark.parametrize(
    "limits",
    [{"max_servers": MOST}, {"budget": Budget(per_hour=(MOST + 0.5) * PRICE)}],
    ids=["max_servers", "budget"],
)
def test_masters_that_share_a_record_never_exceed_its_limits_together(
    limits: dict[str, object],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))  # guests run there
    cloud = CountedSimulator(boot_seconds=0.3, stop_seconds=0.1, guests="process")
    with ExitStack() as stack:
        database = stack.enter_context(postgresql(folder))
        router = stack.enter_context(crossbar(folder))
        url = stack.enter_context(cloud.serve())
        masters: list[FellowMaster] = []
        options = {**limits, "record": database}
        for name, schedules in (("one", False), ("two", True)):
            master = FellowMaster(
                name, folder, url=url, database=database, router=router, schedules=schedules, count=3, options=options
            )
            masters.append(master)
            stack.callback(master.close)
        for master in masters:
            master.gate.touch()
            master.start()
        requests = [masters[1].force("shared") for _ in range(BUILDS)]
        for request in requests:
            eventually(f"the end of request {request}", partial(masters[1].results, request), PATIENCE)
        results = [masters[1].results(request) or [] for request in requests]
        # They come in no order.
        assert {min(each) for each in results} == {SUCCESS}
        assert {result for each in results for result in each} <= {SUCCESS, RETRY}
        assert 1 <= cloud.most <= MOST, [each.count(RETRY) for each in results]
        eventually("no server", lambda: not cloud.servers)
