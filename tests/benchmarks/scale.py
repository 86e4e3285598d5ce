"""What a large installation costs, from the slopes of what was measured."""

from __future__ import annotations

import functools
import json

import orjson

from tests.benchmarks import canned
from tests.benchmarks.decoding import memory
from tests.benchmarks.measure import Section, alternate, slope
from tests.benchmarks.waiting import lives
from upcloud_sdk.resources.servers import SERVERS

SERVERS_AT_ONCE = 10_000
BUILDS_AN_HOUR = 1000


async def scaling(*, rounds: int, scale: float) -> Section:
    """Costs against numbers, fitted by a straight line, and what they come to."""
    section = Section("Scale")
    sizes = sorted({max(2, int(size * scale)) for size in (100, 500, 1000, 2000)})
    cpu: dict[float, float] = {}
    held: dict[float, float] = {}
    for size in sizes:
        read = functools.partial(SERVERS.read, json.dumps(canned.listing(size)).encode())
        cpu[size] = alternate({"read": read}, rounds=rounds, number=3).median("read")
        held[size] = memory(read)[0]
    bytes_each = len(orjson.dumps(canned.listing(1)["servers"]["server"][0]))
    section.add("reading a list: CPU for each server, µs", slope(cpu)[0] * 1e6, None, " µs")
    section.add("a list held: bytes for each server", slope(held)[0], None, " B", note=f"{bytes_each} on the wire")
    section.add(
        f"one list of {SERVERS_AT_ONCE:,} servers: CPU",
        slope(cpu)[0] * SERVERS_AT_ONCE * 1e3,
        None,
        " ms",
        note="the longest time for which it holds the event loop",
    )
    requests: dict[float, float] = {}
    work: dict[float, float] = {}
    for number in sorted({max(2, int(size * scale)) for size in (25, 50, 100, 200)}):
        requests[number], work[number] = await lives(number)
    section.add("whole lives side by side: requests for each more", slope(requests)[0], None, "")
    section.add("the same: CPU for each more, simulator included, ms", slope(work)[0] * 1e3, None, " ms")
    section.add(
        f"{BUILDS_AN_HOUR:,} builds an hour, spread evenly: requests a second, lists included",
        BUILDS_AN_HOUR / 3600 * slope(requests)[0] + 1.0,
        None,
        "",
        note="one list a second while anything is waited for",
    )
    return section
