"""A hundred builds of a real master while a share of all requests fails: all succeed, and nothing is left.

python -m tests.buildbot.storm [BUILDS [WORKERS [SHARE_OF_FAULTS]]]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.buildbot.processes import MasterProcess, buildbot, eventually
from tests.reliability.lives import EverMade
from tests.reliability.soak_cloud import fail_a_share
from upcloud_sdk.simulator import Simulator, after_seconds, to_error

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.progress import Progress
    from upcloud_sdk.simulator.records.records import Server

SUCCESS, RETRY = 0, 5
SECONDS = 600.0
"""Seconds within which all builds must end: far more than they need."""
BROKEN_BOOTS = 20
"""One of this many servers never starts."""

# As the harness's, but quicker: `create-worker` takes as long again as the worker's start.
BOOTSTRAP = """#!/bin/sh
cat > buildbot.tac <<END
from buildbot_worker.bot import Worker
from twisted.application import service
application = service.Application('buildbot-worker')
Worker("@MASTER@", @PORT@, "@NAME@", "@PASSWORD@", ".", keepalive=60).setServiceParent(application)
END
exec buildbot-worker start --nodaemon .
"""


@dataclass
class Storm:
    """The builds and their results."""

    cloud: Simulator
    master: MasterProcess
    waiting: set[int] = field(default_factory=set[int])
    results: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    leases_lost: int = 0
    """The number of lost leases in the master's log."""

    def ask(self, builds: int, workers: list[str]) -> None:
        """Request the same number of builds for each worker, all at once."""
        self.waiting = {self.master.force(workers[number % len(workers)]) for number in range(builds)}

    def has_passed(self) -> bool:
        """Whether every build has ended."""
        for request in sorted(self.waiting):
            results = self.master.results(request)
            if results is None:
                return False
            self.results[request] = results
            self.waiting.discard(request)
        return True

    def is_empty(self) -> bool:
        """Whether no server and no disk is left."""
        return not self.cloud.servers and not self.cloud.storages


class BootTimes:
    """The boots of servers: most are short, some never end."""

    def __init__(self) -> None:
        self.count = 0
        self.broken = 0

    def __call__(self, _: Server) -> Progress:
        self.count += 1
        if self.count % BROKEN_BOOTS:
            return after_seconds(0.3)
        self.broken += 1
        return to_error(0.3, leaves_after=1)


def run_storm(builds: int, at_once: int, share: float, boots: BootTimes) -> tuple[Storm, EverMade, float]:
    """Run the storm. Returns the results of the builds, all servers ever created, and the duration in seconds."""
    cloud = Simulator(
        boot=boots,
        stop_seconds=0.1,
        guests="process",
        username="user",
        password="secret-password",
        seed=1,
    )
    cloud.servers = made = EverMade()
    workers: dict[str, dict[str, Any]] = {f"bot-{number}": {"bootstrap": BOOTSTRAP} for number in range(at_once)}
    with tempfile.TemporaryDirectory() as folder, cloud.serve() as url:
        basedir = Path(folder) / "master"
        subprocess.run(buildbot("create-master", "--relocatable", str(basedir)), check=True, capture_output=True)
        master = MasterProcess(basedir, url, workers)
        storm = Storm(cloud, master)
        try:
            master.start()
            fail_a_share(cloud, share)
            began = time.monotonic()
            storm.ask(builds, list(workers))
            eventually("the end of all builds", storm.has_passed, SECONDS)
            seconds = time.monotonic() - began
            eventually("an empty cloud", storm.is_empty, SECONDS)
            storm.leases_lost = master.log.count("is lost, and not renewed any more")
            master.terminate(within=30)
        finally:
            master.close()
    return storm, made, seconds


def main(builds: int, at_once: int, share: float) -> int:
    """Run the storm and print the figures. The exit status is 0 if they are correct."""
    boots = BootTimes()
    storm, made, seconds = run_storm(builds, at_once, share, boots)
    cloud, ended = storm.cloud, list(storm.results.values())
    succeeded = sum(results[-1] == SUCCESS and set(results) <= {SUCCESS, RETRY} for results in ended)
    twice = sum(count > 1 for count in made.attempts.values())
    failed = sum(request.status == 0 or request.status >= 429 for request in cloud.requests)
    figures = {
        "builds": builds,
        "builds that succeeded": succeeded,
        "builds that were tried again": sum(len(results) > 1 for results in ended),
        "workers": at_once,
        "requests": len(cloud.requests),
        "requests that failed, without cut answers": failed,
        "servers made": made.attempts.total(),
        "servers that did not start": boots.broken,
        "creates that made two": twice,
        "leases lost, and reported": storm.leases_lost,
        "servers left": len(cloud.servers),
        "disks left": len(cloud.storages),
        "seconds": round(seconds, 1),
    }
    for name, figure in figures.items():
        print(f"{name:<44}{figure:>10}")  # noqa: T201 - what it is run for
    return int(succeeded < builds or twice > 0 or not storm.is_empty())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("builds", type=int, nargs="?", default=100)
    parser.add_argument("workers", type=int, nargs="?", default=10)
    parser.add_argument("share_of_faults", type=float, nargs="?", default=0.15)
    given = parser.parse_args()
    sys.exit(main(given.builds, given.workers, given.share_of_faults))
