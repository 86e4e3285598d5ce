"""Measures the cost of a call: `servers.get` against bare clients that read the same answer without validation."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import anyio
import httpx
import httpx_aiohttp
import requests

from tests.benchmarks import official
from tests.benchmarks.canned import UUID, Canned
from tests.benchmarks.measure import Async, Section, alternate_async
from tests.benchmarks.way import CREATE, REFUSAL, ways
from upcloud_sdk import Token, UpCloud

if TYPE_CHECKING:
    from collections.abc import Generator

IN_FLIGHT = (1, 10, 50, 200)
BURST = 1000
US, BARE, AIOHTTP = "upcloud-sdk", "httpx", "upcloud-sdk, http='aiohttp'"

Call = Callable[[], Awaitable[object]]
Curves = dict[str, dict[int, float]]
"""For each contender: microseconds of CPU per request, by number of requests in flight."""


@dataclass
class Callers:
    """The call of each contender, by its name."""

    calls: dict[str, Call]
    blocking: dict[str, Callable[[], object]]
    opened: Call


async def calls(server: Canned, *, rounds: int, scale: float) -> tuple[Section, Curves]:
    """Measure sequential calls, concurrent calls, a burst, and calls over TLS."""
    section = Section("Calls")
    curves: Curves = {}
    async with AsyncExitStack() as stack:
        callers = await _callers(stack, server.plain)
        for flying in (flying for flying in IN_FLIGHT if flying <= max(10, scale * max(IN_FLIGHT))):
            await _side_by_side(section, curves, callers, flying, rounds=rounds, number=max(flying, int(400 * scale)))
        await _alone(section, "plain http", 0.80, callers, rounds=rounds, number=max(1, int(200 * scale)))
    await _burst(section, server.plain, rounds=rounds, number=max(10, int(BURST * scale)))
    with _trusting(server.authority):
        async with AsyncExitStack() as stack:
            callers = await _callers(stack, server.tls)
            await _alone(section, "TLS", 0.30, callers, rounds=rounds, number=max(1, int(100 * scale)))
    for name, curve in curves.items():
        if name in {US, AIOHTTP, BARE}:
            for flying in [flying for flying in (50, 200) if flying in curve]:
                section.add(
                    f"CPU per request of {name}, {flying} in flight over 1",
                    curve[flying] / curve[1],
                    1.3 if name == US else None,
                )
    for name, (way, files, functions) in {
        "from servers.create to the transport": (CREATE, 14, 45),
        "from a refusal to its error": (REFUSAL, None, None),
    }.items():
        entered = (await ways())[way]
        section.add(f"files of the SDK {name}", len(entered.files), files, "")
        section.add(f"functions of the SDK {name}", len(entered.functions), functions, "")
    return section, curves


async def _callers(stack: AsyncExitStack, url: str) -> Callers:
    path = f"{url}/1.3/server/{UUID}"
    most = max(IN_FLIGHT)
    cloud = await stack.enter_async_context(UpCloud(Token("ucat_x"), base_url=url, max_concurrency=most))
    quick = await stack.enter_async_context(
        UpCloud(Token("ucat_x"), base_url=url, max_concurrency=most, http="aiohttp")
    )
    headers = {"authorization": "Bearer ucat_x"}
    bare = await stack.enter_async_context(httpx.AsyncClient(headers=headers, timeout=None))
    mixed = await stack.enter_async_context(
        httpx.AsyncClient(headers=headers, timeout=None, transport=httpx_aiohttp.AiohttpTransport())
    )
    session = await stack.enter_async_context(aiohttp.ClientSession(headers=headers))
    sync = stack.enter_context(requests.Session())
    manager = official.manager(url)

    async def read() -> bytes:
        async with session.get(path) as answer:
            return await answer.read()

    async def opened() -> int:
        return int((await bare.get(f"{url}/opened")).content)

    return Callers(
        calls={
            US: lambda: cloud.servers.get(UUID),
            AIOHTTP: lambda: quick.servers.get(UUID),
            BARE: lambda: bare.get(path),
            "httpx with httpx-aiohttp": lambda: mixed.get(path),
            "aiohttp": read,
        },
        blocking={
            "requests": lambda: sync.get(path, headers=headers).content,
            "upcloud-api": lambda: manager.get_server(UUID),
        },
        opened=opened,
    )


def _in_flight(call: Call, flying: int) -> Async:
    """Makes this many calls at the same time."""

    async def several(number: int) -> None:
        for _ in range(number):
            await call()

    async def run(number: int) -> None:
        async with anyio.create_task_group() as group:
            for index in range(flying):
                group.start_soon(several, number // flying + (index < number % flying))

    return several if flying == 1 else run


async def _side_by_side(
    section: Section, curves: Curves, callers: Callers, flying: int, *, rounds: int, number: int
) -> None:
    contenders = {name: _in_flight(call, flying) for name, call in callers.calls.items()}
    await contenders[US](2 * flying)
    before = await callers.opened()
    await contenders[US](number)
    more = await callers.opened()
    assert isinstance(before, int)
    assert isinstance(more, int)
    times = await alternate_async(contenders, rounds=rounds, number=number)
    for name in contenders:
        curves.setdefault(name, {})[flying] = times.median(name) * 1e6
    section.add(f"servers.get, {flying} in flight: new connections in steady state", more - before, 0, "")
    section.add(
        f"servers.get, {flying} in flight: CPU over bare httpx",
        times.ratio(US, BARE),
        1.15,
        note=f"{times.median(US) * 1e6:.0f} µs of CPU",
    )
    section.add(f"the same with http='aiohttp', {flying} in flight", times.ratio(AIOHTTP, BARE))


async def _alone(section: Section, how: str, target: float, callers: Callers, *, rounds: int, number: int) -> None:
    """Measure sequential calls by wall time. The official client supports only these."""
    contenders = {US: _in_flight(callers.calls[US], 1)}
    for name, call in callers.blocking.items():
        contenders[name] = _in_flight(_as_async(call), 1)
    times = await alternate_async(contenders, rounds=rounds, number=number)
    section.add(
        f"servers.get, wall over {how}, over the official client",
        times.ratio(US, "upcloud-api", "wall"),
        target,
        note=f"{times.median(US, 'wall') * 1e6:.0f} µs against {times.median('upcloud-api', 'wall') * 1e6:.0f}",
    )
    section.add(f"the same over a session of requests, over {how}", times.ratio(US, "requests", "wall"))


def _as_async(call: Callable[[], object]) -> Call:
    async def awaited() -> object:
        return call()

    return awaited


async def _burst(section: Section, url: str, *, rounds: int, number: int) -> None:
    """One task per call, all started at once, with the default limit of concurrent calls."""
    path = f"{url}/1.3/server/{UUID}"
    async with UpCloud(Token("ucat_x"), base_url=url) as cloud, httpx.AsyncClient(timeout=None) as bare:

        async def once(call: Call) -> None:
            await call()

        async def all_at_once(call: Call, number: int) -> None:
            async with anyio.create_task_group() as group:
                for _ in range(number):
                    group.start_soon(once, call)

        async def ours(number: int) -> None:
            await all_at_once(lambda: cloud.servers.get(UUID), number)

        async def theirs(number: int) -> None:
            await all_at_once(lambda: bare.get(path), number)

        before = int((await bare.get(f"{url}/opened")).content)
        await ours(number)
        opened = int((await bare.get(f"{url}/opened")).content) - before
        times = await alternate_async({US: ours, BARE: theirs}, rounds=rounds, number=number)
    section.add(f"a burst of {number:,} tasks, CPU over bare httpx", times.ratio(US, BARE))
    section.add("connections that the burst opens, with max_concurrency=20", opened, 20, "")


@contextmanager
def _trusting(authority: str) -> Generator[None]:
    """In this block, all contenders trust the certificates of this authority."""
    names: dict[str, Any] = {"SSL_CERT_FILE": authority, "REQUESTS_CA_BUNDLE": authority}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
