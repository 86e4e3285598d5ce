"""The record of a master that is killed."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.buildbot.processes import DOWN_WITHIN, eventually
from tests.buildbot.recorded import read_record
from upcloud_sdk.buildbot.master.record import RECORD
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.buildbot.processes import MasterProcess
    from upcloud_sdk.ci import RecordedServer

pytestmark = pytest.mark.full


def test_the_stop_of_a_master_while_a_server_boots_is_no_failure(
    master_process: Callable[..., MasterProcess],
) -> None:
    cloud = Simulator(boot_seconds=3600, stop_seconds=0.1)
    with cloud.serve() as url:
        master = master_process(url, {"bot": {}})
        master.start()
        master.force("bot")
        [first] = eventually("a server that boots", lambda: list(cloud.servers))
        master.terminate(DOWN_WITHIN)
        with sqlite3.connect(master.basedir / RECORD) as record:
            rows = record.execute("SELECT build, uuid, error FROM upcloud_servers ORDER BY asked").fetchall()
        assert rows[0] == ("1", first, None)
        # Buildbot may begin to try the build again before it stops: another build, with a server of its own.
        assert {error for _, _, error in rows} == {None}
        builds = [build for build, _, _ in rows]
        assert len(set(builds)) == len(builds) <= master.log.count("starting build <Build bot number:")
        assert cloud.count("POST /server") <= len(rows)
        cloud.servers.clear()


def test_servers_of_a_killed_master_get_their_end_in_the_record_of_the_next_run(
    master_process: Callable[..., MasterProcess],
) -> None:
    cloud = Simulator(boot_seconds=0.2, stop_seconds=0.1, guests="process")
    with cloud.serve() as url:
        master = master_process(url, {"bot": {}}, command="sleep 100")
        master.start()
        master.force("bot")

        def recorded() -> list[RecordedServer]:
            return list(read_record(master.basedir).values())

        eventually("a server that builds", lambda: [each for each in recorded() if each.phase == "building"])
        master.kill()
        [left] = recorded()
        assert left.gone is None
        master.start()
        eventually("its end", lambda: [each for each in recorded() if each.uuid == left.uuid and each.gone is not None])
        master.kill()
        assert cloud.servers.get(str(left.uuid)) is None
        cloud.servers.clear()
