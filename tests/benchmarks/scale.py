"""Computes the cost of a large installation from the slopes of measurements."""

from __future__ import annotations

import functools
import json
import tracemalloc
from typing import TYPE_CHECKING

import anyio
import orjson

from tests.benchmarks import canned
from tests.benchmarks.decoding import memory
from tests.benchmarks.measure import Section, alternate, slope
from tests.benchmarks.waiting import lives
from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk.resources.servers import SERVERS

if TYPE_CHECKING:
    from collections.abc import Iterable

SERVERS_AT_ONCE = 10_000
BUILDS_AN_HOUR = 1000
HELD_HOURS = 2


async def scaling(*, rounds: int, scale: float) -> Section:
    """Measure costs for different numbers of servers, fit a straight line, and extrapolate."""
    section = Section("Scale")
    _lists(section, _sizes((100, 500, 1000, 2000), scale), rounds)
    await _builds(section, _sizes((25, 50, 100, 200), scale))
    await _held(section, _sizes((10, 20, 40, 80), scale))
    return section


def _sizes(sizes: Iterable[int], scale: float) -> list[int]:
    return sorted({max(number, int(size * scale)) for number, size in enumerate(sizes, 2)})


def _lists(section: Section, sizes: list[int], rounds: int) -> None:
    cpu: dict[float, float] = {}
    held: dict[float, float] = {}
    for size in sizes:
        read = functools.partial(SERVERS.read, json.dumps(canned.listing(size)).encode())
        cpu[size] = alternate({"read": read}, rounds=rounds, number=3).median("read")
        held[size] = memory(read)[0]
    on_the_wire = len(orjson.dumps(canned.listing(1)["servers"]["server"][0]))
    each, bytes_each = slope(cpu)[0], slope(held)[0]
    section.add("reading a list: CPU for each server", each * 1e6, None, " µs")
    section.add("a list held: bytes for each server", bytes_each, None, " B", note=f"{on_the_wire} on the wire")
    section.add(
        f"a list of {SERVERS_AT_ONCE:,} servers, once a second: share of one core",
        each * SERVERS_AT_ONCE * 100,
        None,
        " %",
        note=f"{bytes_each * SERVERS_AT_ONCE / 1e6:.0f} MB held, {on_the_wire * SERVERS_AT_ONCE / 1e6:.1f} MB a second",
    )


async def _builds(section: Section, numbers: list[int]) -> None:
    requests: dict[float, float] = {}
    work: dict[float, float] = {}
    for number in numbers:
        requests[number], work[number] = await lives(number)
    each, cpu = slope(requests)[0], slope(work)[0]
    a_second = BUILDS_AN_HOUR / 3600
    section.add("whole lives side by side: requests for each more", each, None, "")
    section.add("the same: CPU for each more, the simulator's included", cpu * 1e3, None, " ms")
    section.add(
        f"{BUILDS_AN_HOUR:,} builds an hour: requests a second",
        a_second * each + 1.0,
        None,
        "",
        note="one of them is the list, while anything is waited for",
    )
    section.add(f"{BUILDS_AN_HOUR:,} builds an hour: share of one core", a_second * cpu * 100, None, " %")


async def _held(section: Section, numbers: list[int]) -> None:
    requests: dict[float, float] = {}
    held: dict[float, float] = {}
    for number in numbers:
        requests[number], held[number] = await _hold(number)
    an_hour, bytes_each = slope(requests)[0] / HELD_HOURS, slope(held)[0]
    section.add("leases renewed: requests for each server and hour", an_hour, None, "")
    section.add("servers held by `ephemeral`: bytes of the SDK for each", bytes_each, None, " B")
    section.add(
        f"{SERVERS_AT_ONCE:,} servers held: requests a second",
        an_hour * SERVERS_AT_ONCE / 3600,
        None,
        "",
        note=f"{bytes_each * SERVERS_AT_ONCE / 1e6:.0f} MB",
    )


async def _hold(number: int) -> tuple[float, float]:
    """Hold this many servers for some hours. Returns the requests, and the bytes that the SDK holds."""
    sent = kept = 0
    async with MovedCloud.open(boot_seconds=30) as moved, moved.client() as cloud:
        limits = moved.sim.account.resource_limits
        limits.update(dict.fromkeys(limits, 10**9))
        done = anyio.Event()
        up = 0

        async def hold(name: str) -> None:
            nonlocal up
            async with cloud.servers.ephemeral(server_spec(name)):
                up += 1
                await done.wait()

        tracemalloc.start()
        async with anyio.create_task_group() as group:
            for index in range(number):
                group.start_soon(hold, f"build-{index}")
            while up < number:
                await moved.later(5)
            before = len(moved.requests())
            await moved.later(HELD_HOURS * 3600)
            sent = len(moved.requests()) - before
            kept = _of_the_sdk(tracemalloc.take_snapshot())
            tracemalloc.stop()
            done.set()
    return sent, kept


def _of_the_sdk(snapshot: tracemalloc.Snapshot) -> int:
    ours = tracemalloc.Filter(inclusive=True, filename_pattern="*/upcloud_sdk/*")
    simulator = tracemalloc.Filter(inclusive=False, filename_pattern="*/upcloud_sdk/simulator/*")
    return sum(trace.size for trace in snapshot.filter_traces((ours, simulator)).traces)
