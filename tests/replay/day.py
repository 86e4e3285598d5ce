"""A day of builds in a real master, with real worker processes on the simulator, many times as fast.

python -m tests.replay.day BUILDS.csv [--policy hour|fresh|600|0|shipped] [--factor 15] [--first-hour 0] [--hours 24]
    [--faults 0.1]

Without `--first-hour` and `--hours` it is the busiest day of the file. With faults, that share of all requests fails,
and the master is killed (SIGKILL) and restarted in each hour. The clock of the day stands still during the restart:
otherwise a few seconds would be minutes of the day, and the builds of these minutes would arrive all at once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.buildbot.guests import LOGIN, GuestHost, Guests
from tests.buildbot.processes import MasterProcess, buildbot, free_port
from tests.buildbot.recorded import read_record
from tests.reliability.lives import EverMade
from tests.reliability.soak_cloud import fail_a_share
from upcloud_sdk import billing
from upcloud_sdk.replay import Build, busy_hours, fewest_hours, most_at_once, read_csv
from upcloud_sdk.simulator import Simulator, after_seconds
from upcloud_sdk.simulator.state.usage import usages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from upcloud_sdk.simulator.records.progress import Progress

BOOTS = (33.0, 73.0, 133.0)
STOP = 16.0
DAY = 86_400.0
HOUR = "PaidHour(margin=120 / FACTOR)"
POLICIES = {
    "shipped": "0",
    "0": "0",
    "600": "600 / FACTOR",
    "hour": HOUR,
    "fresh": HOUR,
}
MEMORY = Path("/dev/shm")
"""The folder of the master's database, in memory if possible: in the day, the delays of a disk would be multiplied."""
QUIET = 60.0
"""When all builds are requested, the run ends if no build ends within this many seconds plus the longest build."""

CONFIGURATION = """
from dataclasses import replace
from buildbot.plugins import schedulers, steps, util
from tests.buildbot.quick import QuickWorker
from tests.replay.shipped import ShippedWorker
from upcloud_sdk import billing
from upcloud_sdk.buildbot import PaidHour

FACTOR = {factor}
billing.HOUR = 3600 / FACTOR
QuickWorker.waits = replace(QuickWorker.waits, first_read_after=5 / FACTOR, pause=1 / FACTOR)
COMMON = {{
    "api_username": "user", "api_password": "secret-password", "base_url": {url!r},
    "image": "Debian GNU/Linux 12 (Bookworm)", "masterFQDN": "127.0.0.1", "build_wait_timeout": {idle},
    "hostconfig": {{"os_disk_size": 25}}, "max_builds": 1,
}}
if {shipped}:
    make = lambda name: ShippedWorker.on(name, {bootstrap!r}, {pb}, **COMMON)
else:
    make = lambda name: QuickWorker(name, bootstrap={bootstrap!r}, fresh_disk={fresh}, **COMMON)
NAMES = ["bot-%d" % number for number in range({workers})]
BUILDERS = {builders!r}
COMMAND = "echo $(date +%s.%N) >> {folder}/$NUMBER; sleep $SECONDS; echo end >> {folder}/$NUMBER"
build = util.BuildFactory([steps.ShellCommand(
    command=["sh", "-c", COMMAND], logEnviron=False, usePTY=False,
    env={{"NUMBER": util.Property("number"), "SECONDS": util.Property("seconds")}},
)])
BuildmasterConfig = {{
    "workers": [make(name) for name in NAMES],
    "builders": [util.BuilderConfig(name=name, workernames=NAMES, factory=build) for name in BUILDERS],
    "schedulers": [schedulers.ForceScheduler(name="force", builderNames=BUILDERS, properties=[
        util.StringParameter(name="number"), util.StringParameter(name="seconds")])],
    "collapseRequests": False,
    "protocols": {{"pb": {{"port": "tcp:{pb}:interface=127.0.0.1"}}}},
    "www": {{"port": "tcp:{port}:interface=127.0.0.1", "plugins": {{}}}},
    "buildbotURL": "http://127.0.0.1:{port}/",
    "buildbotNetUsageData": None,
    "db": {{"db_url": "sqlite:///state.sqlite"}},
}}
"""


class ForkHost(GuestHost):
    """The process from which guests are forked."""

    script = Path(__file__).with_name("fork_host.py")
    _process = None


class ForkedGuests(Guests):
    """Guests that are real worker processes."""

    host = ForkHost


class DayMaster(MasterProcess):
    """A master with one builder per kind of build. Each builder can use all workers."""

    def configuration(self, **values: Any) -> str:  # noqa: ANN401 - of all kinds
        options = {**values.pop("workers"), **values}
        options.pop("command", None)
        return CONFIGURATION.format(**options)

    def force_build(self, number: int, build: Build, factor: float) -> None:
        """Request a build. Try again while the master is down."""
        values = {"number": str(number), "seconds": f"{build.seconds / factor:.3f}"}
        parameters = {"builderNames": [build.builder], "username": "", "reason": "replay", **values}
        call = {"jsonrpc": "2.0", "id": 1, "method": "force", "params": parameters}
        self._http.post("forceschedulers/force", json=call).raise_for_status()


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The results of a day."""

    builds: int
    finished: int
    twice: int
    waits: list[float]
    """The waits of builds, in seconds of the trace."""
    hours: int
    fewest: int
    busy: float
    servers: int
    left: int
    wrong: int
    """Number of servers whose hours differ between the master's record and the simulator's bill."""
    unseen: int
    """Number of servers whose end the killed master did not record."""

    def wait(self, share: float) -> float:
        """Quantile of the waits of all started builds, in seconds of the day."""
        waits = sorted(self.waits) or [math.nan]
        return waits[max(0, round(share * len(waits)) - 1)]

    def show(self) -> None:
        """Print the results."""
        lines = {
            "builds": self.builds,
            "finished": self.finished,
            "finished more than once": self.twice,
            "wait, median, 95th, most": ", ".join(f"{self.wait(part):.0f} s" for part in (0.5, 0.95, 1)),
            "hours paid": f"{self.hours}, {self.hours / self.fewest:.2f} of the fewest, {self.fewest}",
            "idle hours paid": f"{self.hours - self.busy:.0f}",
            "servers made": self.servers,
            "servers and disks left": self.left,
            "servers with other hours than billed": self.wrong,
            "servers whose end was not seen": self.unseen,
        }
        for name, value in lines.items():
            print(f"{name:<40}{value}")  # noqa: T201 - what it is run for


def busiest(builds: Sequence[Build]) -> float:
    """The start of the day with the most builds."""
    first = builds[0].start
    days = Counter(int((build.start - first) // DAY) for build in builds)
    return first + days.most_common(1)[0][0] * DAY


def part_of_day(builds: Sequence[Build], *, first_hour: float, hours: float) -> list[Build]:
    """The builds of some hours of the busiest day."""
    start = busiest(builds) + first_hour * 3600
    found = [build for build in builds if start <= build.start < start + hours * 3600]
    if not found:
        raise SystemExit(f"no build began in the {hours:g} hours after hour {first_hour:g} of the busiest day")
    return found


def play_day(builds: Sequence[Build], policy: str, *, factor: float, faults: float) -> Figures:
    """Run the builds with a policy."""
    billing.HOUR = hour = 3600 / factor
    dice = random.Random(17)

    def boot(_: object) -> Progress:
        return after_seconds(dice.choice(BOOTS) / factor)

    cloud = Simulator(
        boot=boot,
        stop_seconds=STOP / factor,
        guests=ForkedGuests(),
        username="user",
        password="secret-password",
        seed=1,
    )
    cloud.account.resource_limits = dict.fromkeys(cloud.account.resource_limits)
    cloud.servers = made = EverMade()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name, cloud.serve() as url:
        folder = Path(name)
        begun = folder / "begun"
        begun.mkdir()
        basedir = folder / "master"
        subprocess.run(buildbot("create-master", "--relocatable", str(basedir)), check=True, capture_output=True)
        options: dict[str, Any] = {
            "factor": factor,
            "bootstrap": LOGIN,
            "idle": POLICIES[policy],
            "shipped": policy == "shipped",
            "fresh": policy == "fresh",
            "pb": free_port(),
            "workers": most_at_once(builds) + 20,
            "builders": sorted({build.builder for build in builds}),
            "folder": str(begun),
        }
        master = DayMaster(basedir, url, options)
        try:
            master.start()
            if faults:
                fail_a_share(cloud, faults)
            asked = _ask(master, builds, factor, hour if faults else math.inf)
            longest = max(build.seconds for build in builds) / factor
            _until_quiet(lambda: len(_ends(begun)), len(builds), longest + QUIET)
            _until_quiet(lambda: int(not cloud.servers and not cloud.storages), 1, 2 * hour + 30)
            with contextlib.suppress(AssertionError):
                master.terminate(within=60)  # The shipped worker can prevent the master's end.
        finally:
            master.close()
            ForkHost.close()
        record = read_record(basedir)
        ends = _ends(begun)
        starts = {int(file.name): float(file.read_text().split()[0]) for file in begun.iterdir()}
    # Also count the servers that are left, until now.
    billed = {
        usage.resource_id: max(1, math.ceil((usage.ended - usage.began) / hour))
        for usage in usages(cloud)
        if usage.category == "server"
    }
    known = {uuid: server.span for uuid, server in record.items()}
    seen = {uuid: billing.hours_billed(*span) for uuid, span in known.items() if span is not None}
    return Figures(
        builds=len(builds),
        finished=len(ends),
        twice=sum(count > 1 for count in ends.values()),
        waits=[(starts[number] - moment) * factor for number, moment in asked.items() if number in starts],
        hours=sum(billed.values()),
        fewest=fewest_hours(builds),
        busy=busy_hours(builds),
        servers=made.attempts.total(),
        left=len(cloud.servers) + len(cloud.storages),
        wrong=sum(hours != billed.get(uuid) for uuid, hours in seen.items()),
        unseen=sum(uuid not in seen for uuid in billed),
    )


def _ask(master: DayMaster, builds: Sequence[Build], factor: float, kill_every: float) -> dict[int, float]:
    """Request each build at its time. Returns the times of the requests, by build number."""
    first, began = builds[0].start, time.time()
    waiting = threading.Event()
    asked: dict[int, float] = {}
    next_kill = began + kill_every / 2
    for number, build in enumerate(builds):
        due = began + (build.start - first) / factor
        waiting.wait(max(0.0, due - time.time()))
        if time.time() >= next_kill:
            killed = time.time()
            master.kill()
            master.start()
            began += time.time() - killed
            next_kill = time.time() + kill_every
        asked[number] = time.time()
        try:
            master.force_build(number, build, factor)
        except httpx.HTTPError:
            master.force_build(number, build, factor)
    return asked


def _until_quiet(count: Callable[[], int], enough: int, within: float) -> None:
    """Return when the count is large enough, or has not changed for `within` seconds."""
    seen, since, waiting = -1, time.monotonic(), threading.Event()
    while (now := count()) < enough and time.monotonic() - since < within:
        if now != seen:
            seen, since = now, time.monotonic()
        waiting.wait(0.5)


def _ends(begun: Path) -> Counter[int]:
    """How many times each build has ended."""
    return Counter({
        int(file.name): count for file in begun.iterdir() if (count := file.read_text().split().count("end"))
    })  # fmt: skip


def main() -> int:
    """Run a day and print the figures. Returns 0 if all builds ended once and nothing is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trace", type=Path)
    parser.add_argument("--policy", choices=sorted(POLICIES), default="hour")
    parser.add_argument("--factor", type=float, default=15)
    parser.add_argument("--first-hour", type=float, default=0)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--faults", type=float, default=0)
    given = parser.parse_args()
    builds = read_csv(given.trace.read_text(encoding="utf-8").splitlines(keepends=True)).builds
    day = part_of_day(builds, first_hour=given.first_hour, hours=given.hours)
    figures = play_day(day, given.policy, factor=given.factor, faults=given.faults)
    figures.show()
    print(json.dumps({"policy": given.policy, "hours": figures.hours, "fewest": figures.fewest}))  # noqa: T201 - the same
    return int(figures.finished < figures.builds or figures.twice > 0 or figures.left > 0)


if __name__ == "__main__":
    sys.exit(main())
