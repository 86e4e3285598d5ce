"""Measures the cost of waiting: many servers with recorded boot times, on a clock that the benchmark moves."""

from __future__ import annotations

import re
import statistics
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import anyio

from tests.benchmarks import official
from tests.benchmarks.measure import Section
from tests.moved_time import DEBIAN, MovedCloud, server_spec
from upcloud_sdk.simulator import ManualClock, Simulator, after_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk.simulator.records.progress import Progress

Started = list[float]
"""The time at which each server was seen running, in seconds from the start."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

SHORTEST, MEDIAN, LONGEST = 23.0, 33.0, 66.0
"""Seconds from create to started: minimum, median and maximum of 25 recordings of the production API."""


def boots(number: int) -> list[float]:
    """Boot times with the distribution of the recordings, in a shuffled order."""
    spread = [(index + 0.5) / number for index in range(number)]
    times = [
        SHORTEST + (MEDIAN - SHORTEST) * 2 * share if share < 0.5 else MEDIAN + (LONGEST - MEDIAN) * (2 * share - 1)
        for share in spread
    ]
    return [times[(index * 37) % number] for index in range(number)] if number % 37 else times


async def waiting(*, scale: float) -> tuple[Section, dict[str, Started]]:
    """Compare 100 servers with the official client, and measure the delay of notice for 1 to 1,000 waiters."""
    section = Section("Waiting")
    many = max(2, int(100 * scale))
    started, requests, delays, slowest = await _ours(boots(many))
    theirs = _theirs(many)
    section.add(f"{many} servers created and awaited, over the slowest boot", max(started) / slowest, 1.03)
    section.add("requests per server, the POST included", requests / many, 1.7, "")
    section.add("95th percentile of the delay of notice, seconds", _percentile(delays, 95), 1.2, " s")
    section.add("the same by the official client, one by one, over the slowest boot", max(theirs) / slowest)
    for number in (1, 10, 100, 1000):
        waiters = max(1, int(number * scale))
        _, requests, delays, servers = await _repeated(waiters, boots(max(many, waiters)))
        section.add(
            f"delay of notice, {waiters:,} waiter{'s' * (waiters > 1)}, median",
            statistics.median(delays),
            None,
            " s",
            note=f"95th percentile {_percentile(delays, 95):.2f} s, {requests / servers:.2f} requests per server",
        )
    life = await _one_life()
    section.add(
        "requests of one `ephemeral` that boots in 33 s and stops in 1 s",
        len(life),
        None,
        "",
        note=", ".join(f"{count} {request}" for request, count in Counter(life).items()),
    )
    return section, {"upcloud-sdk": sorted(started), "upcloud-api, one by one": sorted(theirs)}


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else values[0]


async def _repeated(number: int, seconds: list[float]) -> tuple[Started, int, list[float], int]:
    """Use each boot time once, this many servers at a time: a single boot may end just before or just after a poll."""
    started: Started = []
    delays: list[float] = []
    requests = 0
    groups = [seconds[index : index + number] for index in range(0, len(seconds), number)]
    for group in groups:
        begun, sent, late, _ = await _ours(group)
        started += begun
        delays += late
        requests += sent
    return started, requests, delays, len(seconds)


async def _ours(seconds: list[float]) -> tuple[Started, int, list[float], float]:
    times = iter(seconds)
    due: dict[str, float] = {}
    started: Started = []
    delays: list[float] = []

    def boot(server: Any) -> Progress:  # noqa: ANN401 - a record of the simulator's own
        seconds = next(times)
        due[server.uuid] = seconds
        return after_seconds(seconds)

    async with MovedCloud.open(boot=boot) as moved, moved.client() as cloud:
        _lift_limits(moved.sim)
        begin = moved.clock.now()

        async def live(name: str) -> None:
            server = await cloud.servers.create(server_spec(name))
            await cloud.servers.wait_for_state(server.uuid, "started", timeout=300)
            now = moved.clock.now() - begin
            started.append(now)
            delays.append(now - due[server.uuid])

        async with anyio.create_task_group() as group:
            for index in range(len(seconds)):
                group.start_soon(live, f"build-{index}")
        return started, len(moved.requests()), delays, max(due.values())


async def lives(number: int) -> tuple[int, float]:
    """Run this many `ephemeral` blocks at once. Returns requests, and CPU seconds including the simulator's."""
    begin = time.process_time()
    async with MovedCloud.open(boot=_from(boots(number))) as moved, moved.client() as cloud:
        _lift_limits(moved.sim)

        async def live(name: str) -> None:
            async with cloud.servers.ephemeral(server_spec(name)):
                pass

        async with anyio.create_task_group() as group:
            for index in range(number):
                group.start_soon(live, f"build-{index}")
        return len(moved.requests()), time.process_time() - begin


async def _one_life() -> list[str]:
    """The requests of one `ephemeral` block from create to delete."""
    async with MovedCloud.open(boot_seconds=MEDIAN) as moved, moved.client() as cloud:
        async with cloud.servers.ephemeral(server_spec()):
            pass
        return [_UUID.sub("{uuid}", request) for request in moved.requests()]


def _theirs(number: int) -> Started:
    """Run the official client as its documentation shows: create and `ensure_started`, one after the other."""
    clock = ManualClock()
    sim = Simulator(clock=clock, seed=1, boot=_from(boots(number)))
    _lift_limits(sim)
    begin = clock.now()
    started: Started = []
    with sim.serve() as url, official.sleeping(clock.advance):
        manager = official.manager(url)
        for index in range(number):
            disk = official.upcloud_api.Storage(os=DEBIAN, size=25)
            made = manager.create_server(
                official.upcloud_api.Server(
                    plan="PREMIUM-1xCPU-1GB",
                    hostname=f"build-{index}",
                    zone="fi-hel1",
                    storage_devices=[disk],
                    metadata=True,
                )
            )
            made.ensure_started()
            started.append(clock.now() - begin)
    return started


def _from(seconds: list[float]) -> Callable[[object], Progress]:
    times = iter(seconds)

    def boot(_: object) -> Progress:
        return after_seconds(next(times))

    return boot


def _lift_limits(sim: Simulator) -> None:
    limits = sim.account.resource_limits
    limits.update(dict.fromkeys(limits, 10**9))
