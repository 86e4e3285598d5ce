"""`Retry-After`, and the retry budget of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from tests.sdk.documents import refusal, refused
from tests.sdk.sent import requests
from upcloud_sdk import RetryPolicy, Token, UpCloud, WaitPolicy
from upcloud_sdk._retry import read_retry_after
from upcloud_sdk._transport.retries import SPACING
from upcloud_sdk.errors import ForeignAnswer, NotSent, RateLimited, ServerFault

if TYPE_CHECKING:
    import respx

    from tests.sdk.clock import AutojumpClock


def client(clock: AutojumpClock, retry: RetryPolicy = RetryPolicy(jitter=0)) -> UpCloud:  # noqa: B008 - frozen
    return UpCloud(Token("ucat_x"), retry=retry, waits=WaitPolicy(clock=clock))


# --- Retry-After ------------------------------------------------------------------------------------------------------

NOON = 1767268800.0  # Thu, 01 Jan 2026 12:00:00 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 12:00:30 -0000", 30.0),
        ("Thu, 01 Jan 2026 14:00:30 +0200", 30.0),
        ("Thursday, 01-Jan-26 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("Thu, 01 Jan 99999 00:00:00 GMT", None),
        ("9" * 400, float("inf")),
    ],
)
def test_each_form_of_retry_after_is_read(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value, NOON) == seconds


async def test_a_429_that_is_not_from_the_api_is_rate_limited_too(api: respx.MockRouter, clock: AutojumpClock) -> None:
    api.get("/thing").respond(429, html="<h1>Slow down</h1>", headers={"Retry-After": "3600"})
    async with client(clock) as cloud:
        with pytest.raises(RateLimited) as caught:
            await cloud.request("GET", "/thing")
    assert caught.value.retry_after == 3600
    assert isinstance(caught.value.__cause__, ForeignAnswer)


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_obeyed_and_never_shortened(
    api: respx.MockRouter, clock: AutojumpClock, status: int
) -> None:
    api.get("/thing").mock(side_effect=[refused(status, headers={"Retry-After": "30"}), httpx.Response(200)])
    async with client(clock) as cloud:
        await cloud.request("GET", "/thing")
    assert clock.now() == 30.0


async def test_a_post_that_got_429_is_sent_again_after_the_pause(api: respx.MockRouter, clock: AutojumpClock) -> None:
    route = api.post("/thing").mock(side_effect=[refused(429, headers={"Retry-After": "30"}), httpx.Response(201)])
    async with client(clock) as cloud:
        await cloud.request("POST", "/thing", json={"a": 1})
    assert [request.content for request in requests(route)] == [b'{"a": 1}', b'{"a": 1}']
    assert clock.now() == 30.0


async def test_a_date_in_retry_after_is_relative_to_the_apis_clock(api: respx.MockRouter, clock: AutojumpClock) -> None:
    headers = {"Date": "Thu, 01 Jan 2026 12:00:00 GMT", "Retry-After": "Thu, 01 Jan 2026 12:00:20 GMT"}
    api.get("/thing").mock(side_effect=[refused(429, headers=headers), httpx.Response(200)])
    async with client(clock) as cloud:
        await cloud.request("GET", "/thing")
    assert clock.now() == 20.0


async def test_without_a_readable_retry_after_the_policys_pauses_are_used(
    api: respx.MockRouter, clock: AutojumpClock
) -> None:
    api.get("/thing").mock(
        side_effect=[refused(429), refused(429, headers={"Retry-After": "soon"}), httpx.Response(200)]
    )
    async with client(clock) as cloud:
        await cloud.request("GET", "/thing")
    assert clock.slept == [0.5, 1.0]


async def test_the_error_for_a_retry_after_that_is_too_long_has_it(api: respx.MockRouter, clock: AutojumpClock) -> None:
    route = api.get("/thing").respond(429, json=refusal(), headers={"Retry-After": "3600"})
    async with client(clock) as cloud:
        with pytest.raises(RateLimited) as caught:
            await cloud.request("GET", "/thing")
    assert caught.value.retry_after == 3600.0
    assert route.call_count == 1
    assert clock.slept == []


async def test_a_503_with_a_retry_after_that_is_too_long_fails_immediately(
    api: respx.MockRouter, clock: AutojumpClock
) -> None:
    route = api.get("/thing").respond(503, json=refusal(), headers={"Retry-After": "3600"})
    async with client(clock) as cloud:
        with pytest.raises(ServerFault):
            await cloud.request("GET", "/thing")
    assert route.call_count == 1


async def test_the_error_of_the_last_429_has_its_retry_after(api: respx.MockRouter, clock: AutojumpClock) -> None:
    api.get("/thing").respond(429, json=refusal(), headers={"Retry-After": "5"})
    async with client(clock, RetryPolicy(attempts=2)) as cloud:
        with pytest.raises(RateLimited) as caught:
            await cloud.request("GET", "/thing")
    assert caught.value.retry_after == 5.0


async def test_all_calls_of_a_client_obey_a_retry_after(api: respx.MockRouter, clock: AutojumpClock) -> None:
    sent: list[tuple[str, float]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append((request.url.path.removeprefix("/1.3"), clock.now()))
        if len(sent) == 1:
            return refused(429, headers={"Retry-After": "30"})
        return httpx.Response(200)

    api.route().mock(side_effect=answer)
    async with client(clock) as cloud, anyio.create_task_group() as group:
        group.start_soon(cloud.request, "GET", "/told")
        await clock.sleep(10.0)
        group.start_soon(cloud.request, "GET", "/untold")
    assert sent[0] == ("/told", 0.0)
    assert sorted(path for path, _ in sent[1:]) == ["/told", "/untold"]
    assert sorted(when for _, when in sent[1:]) == [30.0, 30.0 + SPACING]


async def test_a_call_that_waits_for_its_turn_obeys_a_new_retry_after(clock: AutojumpClock) -> None:
    sent: list[tuple[str, float]] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/1.3")
        sent.append((path, clock.now()))
        if path == "/slow" and clock.now() < 1.0:
            await clock.sleep(5.0)
            return refused(429, headers={"Retry-After": "40"})
        return refused(429, headers={"Retry-After": "10"}) if clock.now() < 1.0 else httpx.Response(200)

    transport = httpx.MockTransport(answer)
    async with (
        UpCloud(Token("ucat_x"), transport=transport, waits=WaitPolicy(clock=clock)) as cloud,
        anyio.create_task_group() as group,
    ):
        group.start_soon(cloud.request, "GET", "/slow")
        await clock.sleep(0.5)
        group.start_soon(cloud.request, "GET", "/told")
        await clock.sleep(1.5)
        group.start_soon(cloud.request, "GET", "/late")
    assert sorted(path for path, _ in sent) == ["/late", "/slow", "/slow", "/told", "/told"]
    assert sorted(when for _, when in sent) == pytest.approx([0.0, 0.5, 45.0, 45.0 + SPACING, 45.0 + 2 * SPACING])


@pytest.mark.parametrize("header", ["0", "Thu, 01 Jan 2026 11:00:00 GMT"])
async def test_after_a_retry_after_of_zero_the_policys_pause_is_used(
    api: respx.MockRouter, clock: AutojumpClock, header: str
) -> None:
    headers = {"Date": "Thu, 01 Jan 2026 12:00:00 GMT", "Retry-After": header}
    route = api.get("/thing").mock(side_effect=[refused(429, headers=headers) for _ in range(4)])
    async with client(clock, RetryPolicy(attempts=4, jitter=0)) as cloud:
        with pytest.raises(RateLimited):
            await cloud.request("GET", "/thing")
    assert route.call_count == 4
    assert clock.slept == [0.5, 1.0, 2.0]


async def test_delayed_calls_are_sent_one_after_the_other(clock: AutojumpClock) -> None:
    sent: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/told") and clock.now() < 1.0:
            return refused(429, headers={"Retry-After": "30"})
        sent.append(clock.now())
        return httpx.Response(200)

    async with (
        UpCloud(Token("ucat_x"), transport=httpx.MockTransport(answer), waits=WaitPolicy(clock=clock)) as cloud,
        anyio.create_task_group() as group,
    ):
        group.start_soon(cloud.request, "GET", "/told")
        await clock.sleep(1.0)
        for _ in range(10):
            group.start_soon(cloud.request, "GET", "/untold")
    assert len({round(when * 1000) for when in sent}) == 11
    assert min(sent) == 30.0
    assert max(sent) == pytest.approx(30.0 + 10 * SPACING)


# --- the budget -------------------------------------------------------------------------------------------------------


async def test_the_budget_of_a_call_begins_at_its_turn(clock: AutojumpClock) -> None:
    sent: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/1.3")
        sent.append(path)
        if path == "/slow":
            await clock.sleep(300.0)
            return httpx.Response(200)
        return httpx.Response(200) if sent.count(path) > 1 else refused(503)

    transport = httpx.MockTransport(answer)
    waits = WaitPolicy(clock=clock)
    async with (
        UpCloud(Token("ucat_x"), transport=transport, waits=waits, max_concurrency=1) as cloud,
        anyio.create_task_group() as group,
    ):
        group.start_soon(cloud.request, "GET", "/slow")
        await clock.sleep(1.0)
        assert (await cloud.request("GET", "/late")).status == 200
    assert sent == ["/slow", "/late", "/late"]


async def test_repeated_retry_afters_of_other_calls_delay_a_call_for_a_limited_time(clock: AutojumpClock) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/slow"):
            await clock.sleep(30.0)
        return refused(429, headers={"Retry-After": "50"})

    retry = RetryPolicy(attempts=1, budget=10.0)
    transport = httpx.MockTransport(answer)
    async with (
        UpCloud(Token("ucat_x"), transport=transport, retry=retry, waits=WaitPolicy(clock=clock)) as cloud,
        anyio.create_task_group() as group,
    ):

        async def told(path: str) -> None:
            with pytest.raises(RateLimited):
                await cloud.request("GET", path)

        group.start_soon(told, "/slow")
        await clock.sleep(1.0)
        group.start_soon(told, "/told")
        await clock.sleep(1.0)
        with pytest.raises(NotSent, match=r"POST /held: the API asks to wait \(Retry-After\) longer than 60 s"):
            await cloud.request("POST", "/held")
    assert clock.now() == 51.0


async def test_a_new_retry_after_does_not_delay_a_retry_beyond_its_budget(clock: AutojumpClock) -> None:
    """The error is that of the last sent attempt, since it may have had an effect."""

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/told"):
            return refused(429, headers={"Retry-After": "50"})
        return refused(503)

    retry = RetryPolicy(attempts=5, budget=40.0, first_pause=4.0, jitter=0)
    transport = httpx.MockTransport(answer)
    async with (
        UpCloud(Token("ucat_x"), transport=transport, retry=retry, waits=WaitPolicy(clock=clock)) as cloud,
        anyio.create_task_group() as group,
    ):

        async def told() -> None:
            await clock.sleep(1.0)
            with pytest.raises(RateLimited):
                await cloud.request("GET", "/told")

        group.start_soon(told)
        with pytest.raises(ServerFault):
            await cloud.request("GET", "/thing")
    assert clock.now() <= 5.0
