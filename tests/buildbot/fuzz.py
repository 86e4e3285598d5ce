"""Runs a real master for some seconds with random events at its workers, and checks the result.

python -m tests.buildbot.fuzz [--seeds 50] [--first 1] [--seconds 25] [--at-once 2]
python -m tests.buildbot.fuzz --seed SEED

Each seed runs in a separate process, and its guests attach in plain text, by TLS or by websocket. A failed seed can be
run again: it gives the same events in the same order.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import subprocess
import sys
import tempfile
import time
import unittest
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tests.buildbot._types import CANCELLED, SUCCESS, Interpolate, ShellCommand
from tests.buildbot.guests import LOGIN, GuestHost, Guests, Login
from tests.buildbot.harness import IMAGE, pause
from tests.buildbot.quick import QuickWorker
from tests.buildbot.servers.test_connections import NAME, ConnectionCase
from tests.reliability.soak_cloud import FAULTS
from upcloud_sdk.ci import ReapPace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from upcloud_sdk.buildbot.configuration.bootstrap import Connection

CONNECTIONS: tuple[Connection, ...] = ("tcp", "tls", "ws")
"""One for each seed, in turn."""
WORKERS = ("bot-1", "bot-2", "bot-3")
IMAGES = (IMAGE, "Ubuntu Server 24.04 LTS (Noble Numbat)")
CREDENTIALS: tuple[dict[str, Any], ...] = ({}, {"api_username": None, "api_password": None, "api_token": "ucat_other"})
PATIENCE = 240.0
"""Seconds after the last event within which all requests must end: far more than they need."""


class Fuzz(ConnectionCase):
    """The run of one seed."""

    seed: int = 1
    seconds: float = 25.0

    @property
    def connection(self) -> Connection:
        return CONNECTIONS[self.seed % len(CONNECTIONS)]

    def setUp(self) -> None:
        super().setUp()
        self.guests: Guests = Guests()
        if self.connection == "tls":
            self.pb_port = self.in_tls
        self.timeout = self.seconds + 3 * PATIENCE
        self.chance = random.Random(self.seed)
        self.requests: list[int] = []
        self.events: Counter[str] = Counter()
        self.patch(QuickWorker, "reaps", ReapPace(again=1, every=2, retry=0.2))

    def some_workers(self) -> list[QuickWorker]:
        """All workers in a random configuration."""
        pick = self.chance.choice
        ca = self.ca if self.connection == "tls" else None
        common = {
            "bootstrap": LOGIN if self.connection == "tcp" else Login(connection=self.connection, ca_certificate=ca),
            "masterFQDN": NAME,
            "image": Interpolate("%(prop:image)s"),
            "hostconfig": {"plan": pick(["1xCPU-1GB", "2xCPU-4GB"])},
            "zone": pick(["de-fra1", "fi-hel1"]),
            "max_servers": pick([None, 1, 2]),
            "seal_metadata": pick([False, False, True]),
            "attach_timeout": 4,
            **pick(CREDENTIALS),
        }
        return [self.worker(name, build_wait_timeout=pick([-1, 0, 1, 5]), **common) for name in WORKERS]

    def steps(self) -> list[object]:
        return [ShellCommand(command=["sleep", Interpolate("%(prop:seconds)s")])]

    # --- events -------------------------------------------------------------------------------------------------------

    async def a_build_is_wanted(self) -> None:
        builderid = await self.master.data.updates.findBuilderId(self.chance.choice(["any", *WORKERS]))
        source = {"codebase": "", "repository": "", "branch": None, "revision": None, "project": ""}
        properties = {"image": self.chance.choice(IMAGES), "seconds": str(self.chance.choice([0, 0.2, 1]))}
        _, requests = await self.master.data.updates.addBuildset(
            waited_for=False,
            builderids=[builderid],
            sourcestamps=[source],
            properties={name: (value, "fuzz") for name, value in properties.items()},
        )
        self.requests += requests.values()

    async def a_build_is_stopped(self) -> None:
        builds = [build for build in await self.master.data.get(("builds",)) if not build["complete"]]
        if builds:
            build = self.chance.choice(builds)["buildid"]
            await self.master.data.control("stop", {"reason": "fuzz"}, ("builds", str(build)))

    async def a_request_is_cancelled(self) -> None:
        if self.requests:
            request = self.chance.choice(self.requests)
            await self.master.data.control("cancel", {"reason": "fuzz"}, ("buildrequests", str(request)))

    async def a_connection_is_lost(self) -> None:
        worker = self.chance.choice(list(self.master.workers.workers.values()))
        if worker.conn is not None:
            worker.conn.loseConnection()

    async def a_guest_hangs_up(self) -> None:
        if self.guests.running:
            self.guests.stop(self.chance.choice(sorted(self.guests.running)), hard=True)

    async def a_guest_powers_off(self) -> None:
        if self.guests.running:
            self.guests.shut_down(self.chance.choice(sorted(self.guests.running)))

    async def the_api_fails(self) -> None:
        call = self.chance.choice(["*", "POST /server", "GET /server", "DELETE /server/*", "POST /server/*/stop"])
        self.cloud.fail(call, times=self.chance.choice([1, 1, 3]), **self.chance.choice(FAULTS))

    async def the_master_reads_its_configuration(self) -> None:
        configuration = self.configuration(*self.some_workers(), steps=self.steps())
        for builder in configuration["builders"]:
            builder.workernames = [name for name in builder.workernames if self.chance.random() < 0.8]
        configuration["builders"] = [builder for builder in configuration["builders"] if builder.workernames]
        if configuration["builders"]:  # Buildbot wants one
            self.config.update(configuration)
            await self.master.reconfig()

    async def all_builders_come_back(self) -> None:
        self.config.update(self.configuration(*self.some_workers(), steps=self.steps()))
        await self.master.reconfig()

    async def a_worker_is_shut_down(self) -> None:
        worker = self.chance.choice(list(self.master.workers.workers.values()))
        await self.master.data.control("stop", {"reason": "fuzz"}, ("workers", str(worker.workerid)))

    # --- the run and its checks ---------------------------------------------------------------------------------------

    async def test_everything_at_random(self) -> None:
        self.serve(boot_seconds=0.2, username="user", password="secret-password", token="ucat_other")
        await self.start_master(*self.some_workers(), steps=self.steps())
        events: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self.a_build_is_wanted, 8),
            (self.a_build_is_stopped, 3),
            (self.a_request_is_cancelled, 2),
            (self.a_connection_is_lost, 3),
            (self.a_guest_hangs_up, 2),
            (self.a_guest_powers_off, 2),
            (self.the_api_fails, 3),
            (self.the_master_reads_its_configuration, 2),
            (self.a_worker_is_shut_down, 1),
        ]
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            [event] = self.chance.choices([event for event, _ in events], [weight for _, weight in events])
            self.events[event.__name__] += 1
            await event()
            await pause(self.chance.choice([0.01, 0.1, 0.3]))
        self.cloud.faults.clear()
        await self.all_builders_come_back()
        results = await self.all_results()
        assert set(results) <= {SUCCESS, CANCELLED}, results

    async def all_results(self) -> list[int]:
        """Wait until all requests are complete. Returns their builds."""
        results: list[int] = []
        until = time.monotonic() + PATIENCE
        for number in self.requests:
            while not (request := await self.master.data.get(("buildrequests", number)))["complete"]:
                assert time.monotonic() < until, f"request {number} has not ended: {await self.describe(number)}"
                await pause(0.2)
            results.append(request["results"])
        return results

    async def describe(self, number: int) -> str:
        """Describes an unfinished request and the workers."""
        request = await self.master.data.get(("buildrequests", number))
        builds = await self.master.data.get(("buildrequests", number, "builds"))
        workers = [
            f"{worker.name}: {worker.state}, connected: {worker.conn is not None}, builds: {worker.building}, "
            f"server: {worker._current.server}, free: {worker.canStartBuild()}"
            for worker in self.master.workers.workers.values()
        ]
        servers = [f"{server.title}: {server.state}" for server in self.cloud.servers.values()]
        seen = {key: request[key] for key in ("builderid", "claimed", "complete", "results")}
        tried = [(build["buildid"], build["results"], build["state_string"]) for build in builds]
        return "\n".join([repr(seen), repr(tried), *workers, *servers])

    def flushLoggedErrors(self, *_: type[Exception]) -> list[Any]:  # noqa: N802 - Twisted's
        """Flush all errors, since Buildbot logs the deliberate failures."""
        super().flushLoggedErrors()
        return []


def run_here(seed: int, seconds: float) -> int:
    """Run one seed in this process. Returns 0 if all checks passed."""
    Fuzz.seed, Fuzz.seconds = seed, seconds
    case, result = Fuzz("test_everything_at_random"), unittest.TestResult()
    # Twisted's test cases write into the working directory.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        case.run(result)
    GuestHost.close()
    problems = [text for _, text in [*result.errors, *result.failures]]
    lines = [
        *problems,
        f"seed {seed}, by {CONNECTIONS[seed % len(CONNECTIONS)]}: {len(case.requests)} requests, {dict(case.events)}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(bool(problems))


def run_in_a_process(seed: int, seconds: float) -> bool:
    """Run one seed in a process and print the result. Returns whether all checks passed."""
    command = [sys.executable, "-m", "tests.buildbot.fuzz", "--seed", str(seed), "--seconds", str(seconds)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds + 4 * PATIENCE)
    except subprocess.TimeoutExpired:
        sys.stdout.write(f"seed {seed}: its master does not stop\n")
        return False
    if done.returncode:
        sys.stdout.write(done.stdout[-20_000:])
    sys.stdout.write(f"seed {seed}: {'FAILED' if done.returncode else 'well'}, {done.stdout.splitlines()[-1:]}\n")
    sys.stdout.flush()
    return not done.returncode


def main() -> int:
    """Run the seeds of the command line. Returns 1 if one has failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=25.0)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--seed", type=int, help="this one alone, in this process")
    given = parser.parse_args()
    if given.seed is not None:
        return run_here(given.seed, given.seconds)
    seeds = range(given.first, given.first + given.seeds)
    with ThreadPoolExecutor(given.at_once) as pool:
        good = list(pool.map(run_in_a_process, seeds, [given.seconds] * len(seeds)))
    sys.stdout.write(f"{sum(good)} of {len(good)} seeds went well\n")
    return int(not all(good))


if __name__ == "__main__":
    sys.exit(main())
