"""Two masters in Buildbot's multi-master mode, with a real database, router and workers."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.buildbot.processes import eventually
from tests.multimaster.infrastructure import PATIENCE, crossbar, postgresql, processes_in
from tests.multimaster.masters import FellowMaster
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

SUCCESS, RETRY = 0, 5


@dataclass
class Installation:
    """Two masters on one database. Both have workers, and `survivor` takes the requests."""

    cloud: Simulator
    mortal: FellowMaster
    survivor: FellowMaster

    def force(self, count: int) -> list[int]:
        return [self.survivor.force("shared") for _ in range(count)]

    def builds(self, request: int) -> list[dict[str, int | None]]:
        builds: list[dict[str, int | None]] = self.survivor.get(f"buildrequests/{request}/builds")["builds"]
        return builds

    def succeeded(self, request: int) -> bool:
        results = self.survivor.results(request)
        return results is not None and min(results) == SUCCESS and set(results) <= {SUCCESS, RETRY}

    def wait_for(self, requests: list[int]) -> None:
        for request in requests:
            eventually(f"the end of request {request}", partial(self.survivor.results, request), PATIENCE)
            assert self.succeeded(request), self.survivor.results(request)

    def wait_until_all_build(self) -> None:
        """Wait until both masters run a build on each of their workers."""
        for master in (self.mortal, self.survivor):
            eventually(f"builds of {master.name}", partial(_both_build, master), PATIENCE)


def _both_build(master: FellowMaster) -> bool:
    return all(f"Worker {master.name}-{number} substantiated" in master.log for number in (1, 2))


def _shows(master: FellowMaster, whose: dict[str, str]) -> bool:
    return {row["uuid"]: row["master"] for row in master.page()["servers"]} == whose


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the user `postgres` may enter. After the test no process is left in it."""
    folder = Path(tempfile.mkdtemp(prefix="multimaster-"))
    folder.chmod(0o755)
    yield folder
    eventually("the end of all processes", lambda: not processes_in(folder))
    shutil.rmtree(folder)


@pytest.fixture
def installation(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))  # guests run there
    cloud = Simulator(boot_seconds=0.3, stop_seconds=0.1, guests="process")
    with ExitStack() as stack:
        database = stack.enter_context(postgresql(folder))
        router = stack.enter_context(crossbar(folder))
        url = stack.enter_context(cloud.serve())
        masters: list[FellowMaster] = []
        for name, schedules in (("mortal", False), ("survivor", True)):
            masters.append(FellowMaster(name, folder, url=url, database=database, router=router, schedules=schedules))
            stack.callback(masters[-1].close)
        for master in masters:
            master.start()
        yield Installation(cloud, *masters)


def test_two_masters_share_builds_and_one_survives_the_other(installation: Installation) -> None:
    cloud, mortal, survivor = installation.cloud, installation.mortal, installation.survivor

    # More requests than workers: both masters build, and two wait.
    requests = installation.force(6)
    installation.wait_until_all_build()
    builders = {build["masterid"] for request in requests for build in installation.builds(request)}
    assert len(builders) == 2
    of_mortal, of_survivor = mortal.servers(cloud), survivor.servers(cloud)
    assert (len(of_mortal), len(of_survivor)) == (2, 2)

    # The page of each master shows the servers of both, with the master of each.
    names = {master: master.page()["master"] for master in (mortal, survivor)}
    whose = {
        **{server.uuid: names[mortal] for server in of_mortal},
        **{server.uuid: names[survivor] for server in of_survivor},
    }
    assert len(set(whose.values())) == 2
    for master in (mortal, survivor):
        eventually(f"the page of {master.name}", partial(_shows, master, whose), PATIENCE)

    # A master that is killed and restarted at once destroys what its last run left, and nothing else.
    mortal.kill()
    mortal.start()
    eventually("the end of its servers", lambda: all(each.uuid not in cloud.servers for each in of_mortal), PATIENCE)
    assert all(each.uuid in cloud.servers for each in of_survivor)
    eventually("builds on new servers", lambda: mortal.log.count("substantiated") >= 2, PATIENCE)

    # If it is killed and not restarted, the other master runs the waiting builds, and later destroys its servers.
    left = {server.uuid for server in mortal.servers(cloud)}
    assert left
    mortal.kill()
    mortal.gate.touch()
    waiting = installation.force(2)
    installation.wait_for(waiting)
    eventually("the end of what it left", lambda: left.isdisjoint(cloud.servers), PATIENCE)
    eventually("what it says of this", lambda: "is dead: reaper of" in survivor.log, PATIENCE)

    # After its restart, it runs its interrupted builds again.
    mortal.start()
    installation.wait_for(requests)
    eventually("an empty cloud", lambda: not cloud.servers and not cloud.storages, PATIENCE)
    for master in (mortal, survivor):
        master.terminate(within=30)
