"""Measures the cost of decoding an answer, against bare JSON parsers and the official client's objects."""

from __future__ import annotations

import gc
import json
import tracemalloc
from typing import TYPE_CHECKING

import orjson

from tests.benchmarks import canned, official
from tests.benchmarks.measure import Section, alternate
from upcloud_sdk.resources.server_storages import SERVER
from upcloud_sdk.resources.servers import SERVERS

if TYPE_CHECKING:
    from collections.abc import Callable


def decoding(*, rounds: int, scale: float) -> Section:
    """Measure one server with all details, and lists of 100, 1,000 and 10,000."""
    section = Section("Decoding")
    one = json.dumps(canned.details()).encode()
    theirs = official.reading(one)
    times = alternate(
        {
            "upcloud-sdk": lambda: SERVER.read(one),
            "json.loads": lambda: json.loads(one),
            "orjson.loads": lambda: orjson.loads(one),
            "upcloud-api": lambda: theirs.get_server(canned.UUID),
        },
        rounds=rounds,
        number=max(1, int(2000 * scale)),
    )
    section.add(
        "a server in full, over json.loads",
        times.ratio("upcloud-sdk", "json.loads"),
        1.75,
        note=f"{times.median('upcloud-sdk') * 1e6:.0f} µs for {len(one):,} bytes",
    )
    section.add("the same for the official client's objects", times.ratio("upcloud-api", "json.loads"))
    hundred = json.dumps(canned.listing(100)).encode()
    theirs = official.reading(hundred)
    times = alternate(
        {
            "upcloud-sdk": lambda: SERVERS.read(hundred),
            "orjson.loads": lambda: orjson.loads(hundred),
            "upcloud-api": theirs.get_servers,
        },
        rounds=rounds,
        number=max(1, int(100 * scale)),
    )
    section.add(
        "a list of 100, over orjson.loads",
        times.ratio("upcloud-sdk", "orjson.loads"),
        3.6,
        note=f"{times.median('upcloud-sdk') * 1e6:.0f} µs",
    )
    section.add("the same for the official client's objects", times.ratio("upcloud-api", "orjson.loads"))
    for number in (1000, 10_000):
        _many(section, number, rounds=rounds, scale=scale)
    return section


def _many(section: Section, number: int, *, rounds: int, scale: float) -> None:
    number = max(1, int(number * min(1.0, scale)))
    content = json.dumps(canned.listing(number)).encode()
    times = alternate(
        {"upcloud-sdk": lambda: SERVERS.read(content), "orjson.loads": lambda: orjson.loads(content)},
        rounds=rounds,
        number=1,
    )
    held, peak = memory(lambda: SERVERS.read(content))
    held_bare, peak_bare = memory(lambda: orjson.loads(content))
    is_target = number == 10_000
    section.add(
        f"{number:,} in one answer, over orjson.loads",
        times.ratio("upcloud-sdk", "orjson.loads"),
        4.0 if is_target else None,
        note=f"holds the event loop for {times.median('upcloud-sdk') * 1e3:.0f} ms",
    )
    section.add(
        f"{number:,} in one answer, memory held, over orjson.loads",
        held / held_bare,
        1.1 if is_target else None,
        note=f"{held / 1e6:.1f} MB; at its peak {peak / peak_bare:.2f}x",
    )


def memory(read: Callable[[], object]) -> tuple[int, int]:
    """Bytes that Python holds for the result, and the peak while reading."""
    gc.collect()
    tracemalloc.start()
    kept = read()
    gc.collect()
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return held, peak
