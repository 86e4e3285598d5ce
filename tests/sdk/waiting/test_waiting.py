"""Waits: their pace, their ends, and the errors that they ignore. One watcher serves all waits for servers."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from tests.moved_time import MovedCloud, server_spec
from tests.sdk import documents
from tests.sdk.authorities import authorities
from tests.sdk.documents import DISK, SERVER
from tests.sdk.sent import lines
from upcloud_sdk import RetryPolicy, Server, Token, UpCloud, WaitPolicy
from upcloud_sdk.errors import (
    AuthenticationFailed,
    ForeignAnswer,
    NotFound,
    RateLimited,
    ResourceFailed,
    ServerFault,
    UpCloudError,
    WaitTimeout,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import respx

    from tests.sdk.clock import AutojumpClock

Wait = Callable[[UpCloud, float], Awaitable[object]]


async def _server(cloud: UpCloud, timeout: float) -> object:
    return await cloud.servers.wait_for_state(SERVER, "started", timeout=timeout)


async def _storage(cloud: UpCloud, timeout: float) -> object:
    return await cloud.storages.wait_for_state(DISK, "online", timeout=timeout)


@dataclass(frozen=True)
class Kind:
    """A kind of resource to wait for."""

    path: str
    wait: Wait
    document: Callable[..., dict[str, object]]
    wanted: str

    def at(self, state: str) -> httpx.Response:
        """An answer that shows it in this state."""
        return httpx.Response(200, json=self.document(state=state))


each_kind = pytest.mark.parametrize(
    "kind",
    [
        pytest.param(Kind(f"/server/{SERVER}", _server, documents.server, "started"), id="server"),
        pytest.param(Kind(f"/storage/{DISK}", _storage, documents.storage, "online"), id="storage"),
    ],
)


@pytest.fixture
async def cloud(api: respx.MockRouter, clock: AutojumpClock) -> AsyncIterator[UpCloud]:
    """A client without retries, so that only the wait itself ignores errors."""
    waits = WaitPolicy(clock=clock)
    once = RetryPolicy(attempts=1)
    async with UpCloud(Token("ucat_x"), retry=once, waits=waits, ssl_context=authorities()) as client:
        yield client


# --- the policy -------------------------------------------------------------------------------------------------------


def test_pauses_are_constant_at_first_and_then_grow_to_the_maximum() -> None:
    policy = WaitPolicy(pause=2.0, brisk_for=6.0, growth=2.0, longest_pause=10.0)
    assert list(islice(policy.pauses(), 7)) == [2.0, 2.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_a_policy_with_pauses_of_zero_does_not_pause() -> None:
    assert list(islice(WaitPolicy(pause=0.0).pauses(), 3)) == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("field", ["first_read_after", "pause", "longest_pause", "brisk_for", "search_timeout"])
def test_a_negative_pause_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match="pauses are in seconds: 0 or more"):
        WaitPolicy(**{field: -1.0})  # type: ignore[arg-type]  # numbers for numbers


def test_a_growth_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="growth must be 1 or more"):
        WaitPolicy(growth=0.5)


# --- one wait ---------------------------------------------------------------------------------------------------------


@each_kind
async def test_a_state_that_is_already_reached_costs_one_read(
    api: respx.MockRouter, cloud: UpCloud, kind: Kind
) -> None:
    api.get(kind.path).mock(return_value=kind.at(kind.wanted))
    seen = await kind.wait(cloud, 60)
    assert getattr(seen, "state") == kind.wanted  # noqa: B009 - of either kind
    assert lines(api) == [f"GET {kind.path}"]


@each_kind
async def test_three_failed_reads_in_a_row_are_ignored(api: respx.MockRouter, cloud: UpCloud, kind: Kind) -> None:
    answers: list[httpx.Response | httpx.TransportError] = [
        httpx.Response(502),
        httpx.ReadTimeout("no answer"),
        httpx.Response(200, json={}),
        kind.at("maintenance"),
        httpx.Response(429),
        httpx.Response(404, html="<h1>Not found</h1>"),
        httpx.ConnectError("no route"),
        kind.at(kind.wanted),
    ]
    route = api.get(kind.path).mock(side_effect=answers)
    await kind.wait(cloud, 60)
    assert route.call_count == len(answers)


FAILURES: list[tuple[httpx.Response | httpx.TransportError, type[UpCloudError]]] = [
    (documents.refused(502), ServerFault),
    (httpx.Response(502), ForeignAnswer),
    (httpx.Response(200, json={}), ForeignAnswer),
    (httpx.Response(404, html="<h1>Not found</h1>"), ForeignAnswer),
    (documents.refused(429), RateLimited),
]


@each_kind
@pytest.mark.parametrize("failure", FAILURES, ids=["5xx", "502 of a proxy", "another shape", "404 of a proxy", "429"])
async def test_the_fourth_failed_read_in_a_row_is_raised(
    api: respx.MockRouter,
    cloud: UpCloud,
    kind: Kind,
    failure: tuple[httpx.Response | httpx.TransportError, type[UpCloudError]],
) -> None:
    route = api.get(kind.path).mock(side_effect=[failure[0]] * 4)
    with pytest.raises(failure[1]):
        await kind.wait(cloud, 60)
    assert route.call_count == 4


@each_kind
@pytest.mark.parametrize(
    "refused", [(404, "SERVER_NOT_FOUND", NotFound), (401, "AUTHENTICATION_FAILED", AuthenticationFailed)]
)
async def test_a_refusal_of_the_api_ends_a_wait_immediately(
    api: respx.MockRouter,
    cloud: UpCloud,
    clock: AutojumpClock,
    kind: Kind,
    refused: tuple[int, str, type[UpCloudError]],
) -> None:
    status, code, error = refused
    api.get(kind.path).respond(status, json=documents.refusal(code))
    with pytest.raises(error):
        await kind.wait(cloud, 60)
    assert clock.now() == 0.0


@each_kind
async def test_the_state_error_ends_a_wait_immediately(
    api: respx.MockRouter, cloud: UpCloud, clock: AutojumpClock, kind: Kind
) -> None:
    api.get(kind.path).mock(return_value=kind.at("error"))
    with pytest.raises(ResourceFailed, match="is in state 'error'") as caught:
        await kind.wait(cloud, 60)
    assert caught.value.uuid in kind.path
    assert clock.now() == 0.0


@each_kind
async def test_a_wait_ends_at_its_timeout_and_the_error_has_the_last_state(
    api: respx.MockRouter, cloud: UpCloud, clock: AutojumpClock, kind: Kind
) -> None:
    api.get(kind.path).mock(return_value=kind.at("maintenance"))
    with pytest.raises(
        WaitTimeout, match=rf"to be {kind.wanted}: not within 20 s; last seen in state 'maintenance"
    ) as caught:
        await kind.wait(cloud, 20)
    assert caught.value.last is not None
    assert caught.value.last.state == "maintenance"
    assert clock.now() == 20.0


@each_kind
async def test_the_error_of_a_wait_without_an_answer_says_so(
    api: respx.MockRouter, clock: AutojumpClock, kind: Kind
) -> None:
    async def hang(request: httpx.Request) -> httpx.Response:
        await clock.sleep(1_000.0)
        raise AssertionError("nobody waits for it")

    waits = WaitPolicy(clock=clock)
    async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(hang), waits=waits) as cloud:
        with pytest.raises(WaitTimeout, match="not within 20 s; nothing was seen") as caught:
            await kind.wait(cloud, 20)
    assert caught.value.last is None
    assert clock.now() == 20.0


@each_kind
async def test_a_timeout_of_zero_reads_once(
    api: respx.MockRouter, cloud: UpCloud, clock: AutojumpClock, kind: Kind
) -> None:
    route = api.get(kind.path).mock(side_effect=[kind.at(kind.wanted), kind.at("maintenance")])
    assert await kind.wait(cloud, 0)
    with pytest.raises(WaitTimeout, match=r"not within 0 s; last seen in state 'maintenance") as caught:
        await kind.wait(cloud, 0)
    assert caught.value.last is not None
    assert caught.value.last.state == "maintenance"
    assert route.call_count == 2
    assert clock.now() == 0.0


@each_kind
@pytest.mark.parametrize("timeout", [-1, math.nan])
async def test_an_invalid_timeout_is_refused(api: respx.MockRouter, cloud: UpCloud, kind: Kind, timeout: float) -> None:
    with pytest.raises(ValueError, match=r"timeout is (-1|nan): it must be 0 or more seconds"):
        await kind.wait(cloud, timeout)
    assert not api.calls


@each_kind
async def test_the_next_read_obeys_a_retry_after(
    api: respx.MockRouter, cloud: UpCloud, clock: AutojumpClock, kind: Kind
) -> None:
    limited = httpx.Response(429, headers={"Retry-After": "30"})
    api.get(kind.path).mock(side_effect=[limited, kind.at(kind.wanted)])
    await kind.wait(cloud, 60)
    assert clock.now() == 30.0


# --- the shared watcher -----------------------------------------------------------------------------------------------


@pytest.fixture
async def moved() -> AsyncIterator[MovedCloud]:
    """An empty cloud whose time moves by itself."""
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16) as cloud:
        yield cloud


async def test_a_single_wait_reads_its_server_alone_and_returns_all_details(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec())
        assert isinstance(await cloud.servers.wait_for_state(server.uuid, "started", timeout=60), Server)
    assert moved.count(r"GET /server\?.*") == 0


async def _until_started(cloud: UpCloud, uuid: str) -> None:
    await cloud.servers.wait_for_state(uuid, "started", timeout=60)


async def test_a_deleted_server_ends_only_its_own_wait(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        servers = [await cloud.servers.create(server_spec(f"build-{number}")) for number in range(3)]
        del moved.sim.servers[servers[0].uuid]
        async with anyio.create_task_group() as group:
            for server in servers[1:]:
                group.start_soon(_until_started, cloud, server.uuid)
            with pytest.raises(NotFound):
                await cloud.servers.wait_for_state(servers[0].uuid, "started", timeout=60)


async def test_a_wait_that_begins_later_is_served_too(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        for number in range(3):
            server = await cloud.servers.create(server_spec(f"build-{number}"))
            await cloud.servers.wait_for_state(server.uuid, "started", timeout=60)
            await cloud.servers.destroy(server.uuid)
    assert moved.sim.servers == {}
