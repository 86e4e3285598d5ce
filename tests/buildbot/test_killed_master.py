"""The record of a master that is killed, and of one whose clock jumps."""

from __future__ import annotations

from datetime import datetime, tzinfo
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.buildbot.processes import eventually
from upcloud_sdk.buildbot.record import RECORD, MasterRecord, read_record
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.buildbot.processes import MasterProcess
    from upcloud_sdk.ci import ServerRecord

pytestmark = pytest.mark.full


def test_servers_of_a_killed_master_get_their_end_in_the_record_of_the_next_run(
    master_process: Callable[..., MasterProcess],
) -> None:
    cloud = Simulator(boot_seconds=0.2, stop_seconds=0.1, guests="process")
    with cloud.serve() as url:
        master = master_process(url, {"bot": {}}, command="sleep 100")
        master.start()
        master.force("bot")

        def recorded() -> list[ServerRecord]:
            return list(read_record(master.basedir).values())

        eventually("a server that builds", lambda: [each for each in recorded() if each.state == "building"])
        master.kill()
        [left] = recorded()
        assert left.gone is None
        master.start()
        eventually("its end", lambda: [each for each in recorded() if each.uuid == left.uuid and each.gone is not None])
        master.kill()
        assert cloud.servers.get(str(left.uuid)) is None
        cloud.servers.clear()


def test_a_clock_of_the_host_that_jumps_ahead_does_not_make_a_master_forget_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Ahead:
            return cls(2099, 1, 1, tzinfo=tz)

    (tmp_path / RECORD).write_text('{"id": "a", "at": "2026-11-25T10:00:00Z"}\n')
    master: Any = SimpleNamespace(basedir=str(tmp_path))
    record = MasterRecord(master)
    monkeypatch.setattr("upcloud_sdk.buildbot.record.datetime", Ahead)
    assert [server.id for server in record._read()] == ["a"]  # pyright: ignore[reportPrivateUsage]  # what the thread does
    monkeypatch.undo()
    assert record.log.close(30)
