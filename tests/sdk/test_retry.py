"""Who is repeated, and when."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from tests.sdk.documents import refusal, refused
from tests.sdk.sent import lines, requests
from upcloud_sdk import RetryPolicy, Token, UpCloud, WaitPolicy
from upcloud_sdk._retry import may_repeat, read_retry_after
from upcloud_sdk.errors import (
    AnswerTimeout,
    ApiError,
    Conflict,
    ConnectTimeout,
    ForeignAnswer,
    InvalidRequest,
    NotFound,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    ServerFault,
    UpCloudError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import respx

    from tests.sdk.clock import MovedClock
    from upcloud_sdk.events import Retry

METHODS = ("GET", "PUT", "DELETE", "POST", "PATCH")
IDEMPOTENT = {"GET", "PUT", "DELETE"}

Row = tuple[int | type[httpx.TransportError], set[str], type[UpCloudError]]

OUTCOMES: list[Row] = [
    # what happened, the methods that are repeated, the error if it stays so
    (httpx.ConnectError, set(METHODS), NotSent),
    (httpx.ConnectTimeout, set(METHODS), ConnectTimeout),
    (httpx.PoolTimeout, set(METHODS), ConnectTimeout),
    (httpx.ProxyError, set(METHODS), NotSent),
    (429, set(METHODS), RateLimited),
    (500, IDEMPOTENT, ServerFault),
    (502, IDEMPOTENT, ServerFault),
    (503, IDEMPOTENT, ServerFault),
    (504, IDEMPOTENT, ServerFault),
    (httpx.ReadTimeout, IDEMPOTENT, AnswerTimeout),
    (httpx.WriteTimeout, IDEMPOTENT, AnswerTimeout),
    (httpx.ReadError, IDEMPOTENT, OutcomeUnknown),
    (httpx.WriteError, IDEMPOTENT, OutcomeUnknown),
    (httpx.RemoteProtocolError, IDEMPOTENT, OutcomeUnknown),
    (httpx.LocalProtocolError, IDEMPOTENT, OutcomeUnknown),
    (501, set(), ServerFault),
    (400, set(), InvalidRequest),
    (404, set(), NotFound),
    (409, set(), Conflict),
    (418, set(), ApiError),
]

PAGES: list[tuple[int, set[str]]] = [
    # a page that is not in the API's own words, the methods that are repeated
    *((status, IDEMPOTENT) for status in (408, 429, 500, 502, 503, 504)),
    *((status, set[str]()) for status in (200, 302, 304, 400, 401, 403, 404, 409, 418, 501)),
]


def _mock(what: int | type[httpx.TransportError]) -> httpx.Response | httpx.TransportError:
    return refused(what) if isinstance(what, int) else what("it went wrong")


def client(clock: MovedClock, retry: RetryPolicy = RetryPolicy(jitter=0)) -> UpCloud:  # noqa: B008 - frozen
    return UpCloud(Token("ucat_x"), retry=retry, waits=WaitPolicy(clock=clock))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("row", OUTCOMES, ids=[str(row[0]) for row in OUTCOMES])
async def test_what_is_repeated(
    api: respx.MockRouter,
    clock: MovedClock,
    method: str,
    row: Row,
) -> None:
    outcome, repeated, error = row
    route = api.request(method, "/thing").mock(side_effect=[_mock(outcome), httpx.Response(200)])
    async with client(clock) as cloud:
        if method in repeated:
            assert (await cloud.request(method, "/thing")).status == 200
            assert route.call_count == 2
        else:
            with pytest.raises(error):
                await cloud.request(method, "/thing")
            assert route.call_count == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("status", "repeated"), PAGES)
async def test_an_answer_in_other_words_proves_nothing_whatever_its_status(
    api: respx.MockRouter, clock: MovedClock, method: str, status: int, repeated: set[str]
) -> None:
    page = httpx.Response(status, html="<h1>MUST_NOT_BE_SHOWN</h1>", headers={"Date": "Fri, 01 Jan 2100 12:00:00 GMT"})
    route = api.request(method, "/thing").mock(side_effect=[page, page])
    async with client(clock, RetryPolicy(attempts=2)) as cloud:
        with pytest.raises(ForeignAnswer if method in IDEMPOTENT else OutcomeUnknown) as caught:
            await cloud.request(method, "/thing")
    assert isinstance(caught.value, ForeignAnswer) or isinstance(caught.value.__cause__, ForeignAnswer)
    assert f"the answer is not the API's own (HTTP {status}, text/html)" in str(caught.value)
    assert "MUST_NOT" not in str(caught.value)
    assert route.call_count == (2 if method in repeated else 1)


@pytest.mark.parametrize(
    "body", [{}, {"error": "no"}, {"error": {"error_message": "No."}}, {"title": "No."}, {"type": "about:blank"}, []]
)
@pytest.mark.parametrize("status", [401, 404])
async def test_an_error_without_a_code_is_not_the_apis_own(
    api: respx.MockRouter, clock: MovedClock, status: int, body: object
) -> None:
    api.get("/thing").respond(status, json=body)
    async with client(clock) as cloud:
        with pytest.raises(ForeignAnswer) as caught:
            await cloud.request("GET", "/thing")
    assert caught.value.status == status


@pytest.mark.parametrize("row", OUTCOMES, ids=[str(row[0]) for row in OUTCOMES])
async def test_what_stays_so_is_the_error_of_the_last_attempt(
    api: respx.MockRouter,
    clock: MovedClock,
    row: Row,
) -> None:
    outcome, repeated, error = row
    route = api.get("/thing").mock(side_effect=[_mock(outcome)] * 3)
    async with client(clock, RetryPolicy(attempts=3)) as cloud:
        with pytest.raises(error) as caught:
            await cloud.request("GET", "/thing")
    assert type(caught.value) is error
    assert str(caught.value).startswith("GET /thing: ")
    assert route.call_count == (3 if "GET" in repeated else 1)


def test_a_method_may_be_declared_not_to_be_idempotent() -> None:
    unknown = OutcomeUnknown("DELETE /x", "lost")
    assert may_repeat("DELETE", unknown)
    assert not may_repeat("DELETE", unknown, idempotent=False)
    assert not may_repeat("DELETE", 503, idempotent=False)
    assert may_repeat("DELETE", 429, idempotent=False)
    assert may_repeat("POST", 503, idempotent=True)


# --- a repeated DELETE ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [500, 502, 503, 504, httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError])
async def test_a_repeated_delete_that_finds_nothing_has_succeeded(
    api: respx.MockRouter, clock: MovedClock, first: int | type[httpx.TransportError]
) -> None:
    route = api.delete("/storage/01a1").mock(side_effect=[_mock(first), refused(404)])
    async with client(clock) as cloud:
        await cloud.storages.delete("01a1")
    assert route.call_count == 2


@pytest.mark.parametrize("before", [[], [429], [httpx.ConnectError], [429, httpx.ConnectTimeout]])
async def test_a_delete_that_had_no_effect_before_finds_nothing(
    api: respx.MockRouter, clock: MovedClock, before: list[int | type[httpx.TransportError]]
) -> None:
    api.delete("/storage/01a1").mock(side_effect=[*map(_mock, before), refused(404)])
    async with client(clock) as cloud:
        with pytest.raises(NotFound):
            await cloud.storages.delete("01a1")


# --- pauses -----------------------------------------------------------------------------------------------------------


def test_pauses_double_up_to_the_longest() -> None:
    policy = RetryPolicy(first_pause=0.5, longest_pause=8.0, jitter=0)
    assert [policy.pause(attempt) for attempt in range(1, 8)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert policy.pause(100_000) == 8.0


def test_chance_shortens_a_pause_by_its_share_at_most() -> None:
    policy = RetryPolicy(first_pause=1.0, jitter=0.25)
    pauses = {policy.pause(1) for _ in range(200)}
    assert all(0.75 <= pause <= 1.0 for pause in pauses)
    assert len(pauses) > 1


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"attempts": 0}, "attempts is at least 1"),
        ({"jitter": 1.5}, "jitter is a share"),
        ({"jitter": -0.1}, "jitter is a share"),
        ({"first_pause": -1.0}, "seconds, 0 or more"),
        ({"longest_pause": -1.0}, "seconds, 0 or more"),
        ({"longest_retry_after": -1.0}, "seconds, 0 or more"),
        ({"budget": -1.0}, "seconds, 0 or more"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(fields: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        RetryPolicy(**fields)  # type: ignore[arg-type]  # numbers for numbers


async def test_a_dead_api_fails_within_the_budget(api: respx.MockRouter, clock: MovedClock) -> None:
    route = api.get("/thing").respond(503, json=refusal())
    async with client(clock, RetryPolicy(attempts=100, budget=20.0, jitter=0)) as cloud:
        with pytest.raises(ServerFault):
            await cloud.request("GET", "/thing")
    assert clock.slept == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert route.call_count == 6


async def test_one_attempt_never_repeats(api: respx.MockRouter, clock: MovedClock) -> None:
    route = api.get("/thing").respond(503, json=refusal())
    async with client(clock, RetryPolicy(attempts=1)) as cloud:
        with pytest.raises(ServerFault):
            await cloud.request("GET", "/thing")
    assert route.call_count == 1


async def test_each_repetition_is_told_and_logged(
    api: respx.MockRouter, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Retry] = []
    api.get("/thing").mock(side_effect=[refused(503), httpx.ConnectError("no"), httpx.Response(200)])
    with caplog.at_level(logging.WARNING, logger="upcloud_sdk"):
        async with client(clock, RetryPolicy(jitter=0, on_retry=told.append)) as cloud:
            await cloud.request("GET", "/thing")
    assert [(each.call, each.attempt, each.pause) for each in told] == [("GET /thing", 1, 0.5), ("GET /thing", 2, 1.0)]
    assert "HTTP 503" in told[0].reason
    assert "could not connect to api.upcloud.com, port 443: ConnectError" in told[1].reason
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 2
    assert warnings[0].startswith("GET /thing: ")
    assert warnings[0].endswith("attempt 1, again in 0.5 s")


async def test_each_request_is_logged_for_debugging_without_its_query(
    api: respx.MockRouter, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    api.get("/thing").respond(200)
    with caplog.at_level(logging.DEBUG, logger="upcloud_sdk"):
        async with client(clock) as cloud:
            await cloud.request("GET", "/thing", params={"secret": "MUST_NOT_BE_SHOWN"})
    assert [record.getMessage() for record in caplog.records if record.name == "upcloud_sdk"] == ["GET /thing 200 0 ms"]


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
def test_the_forms_of_retry_after(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value, NOON) == seconds


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_obeyed_and_never_shortened(api: respx.MockRouter, clock: MovedClock, status: int) -> None:
    api.get("/thing").mock(side_effect=[refused(status, headers={"Retry-After": "30"}), httpx.Response(200)])
    async with client(clock) as cloud:
        await cloud.request("GET", "/thing")
    assert clock.now() == 30.0


async def test_a_post_that_was_refused_for_now_is_sent_again_when_it_may_be(
    api: respx.MockRouter, clock: MovedClock
) -> None:
    route = api.post("/thing").mock(side_effect=[refused(429, headers={"Retry-After": "30"}), httpx.Response(201)])
    async with client(clock) as cloud:
        await cloud.request("POST", "/thing", json={"a": 1})
    assert [request.content for request in requests(route)] == [b'{"a": 1}', b'{"a": 1}']
    assert clock.now() == 30.0


async def test_a_date_of_retry_after_counts_from_the_apis_own_clock(api: respx.MockRouter, clock: MovedClock) -> None:
    headers = {"Date": "Thu, 01 Jan 2026 12:00:00 GMT", "Retry-After": "Thu, 01 Jan 2026 12:00:20 GMT"}
    api.get("/thing").mock(side_effect=[refused(429, headers=headers), httpx.Response(200)])
    async with client(clock) as cloud:
        await cloud.request("GET", "/thing")
    assert clock.now() == 20.0


async def test_without_a_readable_retry_after_the_pauses_are_our_own(api: respx.MockRouter, clock: MovedClock) -> None:
    api.get("/thing").mock(
        side_effect=[refused(429), refused(429, headers={"Retry-After": "soon"}), httpx.Response(200)]
    )
    async with client(clock) as cloud:
        await cloud.request("GET", "/thing")
    assert clock.slept == [0.5, 1.0]


async def test_a_retry_after_that_is_too_long_is_an_error_that_tells_it(
    api: respx.MockRouter, clock: MovedClock
) -> None:
    route = api.get("/thing").respond(429, json=refusal(), headers={"Retry-After": "3600"})
    async with client(clock) as cloud:
        with pytest.raises(RateLimited) as caught:
            await cloud.request("GET", "/thing")
    assert caught.value.retry_after == 3600.0
    assert route.call_count == 1
    assert clock.slept == []


async def test_a_maintenance_that_is_too_long_to_wait_for_is_an_error_at_once(
    api: respx.MockRouter, clock: MovedClock
) -> None:
    route = api.get("/thing").respond(503, json=refusal(), headers={"Retry-After": "3600"})
    async with client(clock) as cloud:
        with pytest.raises(ServerFault):
            await cloud.request("GET", "/thing")
    assert route.call_count == 1


async def test_the_last_429_tells_its_retry_after_too(api: respx.MockRouter, clock: MovedClock) -> None:
    api.get("/thing").respond(429, json=refusal(), headers={"Retry-After": "5"})
    async with client(clock, RetryPolicy(attempts=2)) as cloud:
        with pytest.raises(RateLimited) as caught:
            await cloud.request("GET", "/thing")
    assert caught.value.retry_after == 5.0


async def test_all_calls_of_a_client_obey_what_one_was_told(api: respx.MockRouter, clock: MovedClock) -> None:
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
    assert sorted(sent[1:]) == [("/told", 30.0), ("/untold", 30.0)]


async def test_a_call_that_waits_for_its_turn_obeys_what_is_told_meanwhile(clock: MovedClock) -> None:
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
    assert sorted(sent) == [("/late", 45.0), ("/slow", 0.0), ("/slow", 45.0), ("/told", 0.5), ("/told", 45.0)]


async def test_a_post_of_unknown_outcome_is_sent_once(api: respx.MockRouter, clock: MovedClock) -> None:
    api.post("/thing").mock(side_effect=httpx.ReadTimeout("no answer"))
    async with client(clock) as cloud:
        with pytest.raises(OutcomeUnknown, match=r"POST /thing: no usable answer came back \(ReadTimeout\)"):
            await cloud.request("POST", "/thing")
    assert lines(api) == ["POST /thing"]


async def test_an_answer_that_does_not_come_is_given_up(clock: MovedClock) -> None:
    sent: list[str] = []

    async def hang(request: httpx.Request) -> httpx.Response:
        sent.append(request.method)
        await anyio.sleep_forever()
        raise AssertionError("never")

    transport = httpx.MockTransport(hang)
    async with UpCloud(Token("ucat_x"), transport=transport, timeout=0.01, waits=WaitPolicy(clock=clock)) as cloud:
        with pytest.raises(OutcomeUnknown, match=r"POST /thing: no answer within 0\.01 s"):
            await cloud.request("POST", "/thing")
        with pytest.raises(OutcomeUnknown, match=r"GET /thing: no answer within 0\.01 s"):
            await cloud.request("GET", "/thing")
    assert sent == ["POST", "GET", "GET", "GET", "GET", "GET"]


@pytest.mark.parametrize(
    ("raised", "kind"),
    [(httpx.ReadTimeout, OutcomeUnknown), (httpx.ConnectTimeout, NotSent), (None, OutcomeUnknown)],
)
async def test_a_call_that_timed_out_is_a_timeout_error_as_well(
    clock: MovedClock, raised: type[httpx.TransportError] | None, kind: type[UpCloudError]
) -> None:
    async def answer(_: httpx.Request) -> httpx.Response:
        if raised is None:
            await anyio.sleep_forever()
            raise AssertionError("never")
        raise raised("too late")

    transport = httpx.MockTransport(answer)
    waits = WaitPolicy(clock=clock)
    async with UpCloud(Token("ucat_x"), transport=transport, timeout=0.01, waits=waits) as cloud:
        with pytest.raises(TimeoutError) as caught:
            await cloud.request("GET", "/thing")
    assert isinstance(caught.value, kind)


async def test_a_fault_in_the_program_is_not_taken_for_a_lost_answer(clock: MovedClock) -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise TypeError("a fault in a transport")

    async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(broken), waits=WaitPolicy(clock=clock)) as cloud:
        with pytest.raises(TypeError, match="a fault in a transport"):
            await cloud.request("GET", "/thing")
    assert clock.slept == []


class _Body(httpx.AsyncByteStream):
    """Breaks while it is read."""

    closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{"
        raise ConnectionResetError("reset by peer")

    async def aclose(self) -> None:
        self.closed = True


async def test_an_answer_that_breaks_off_is_closed(clock: MovedClock) -> None:
    bodies: list[_Body] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(_Body())
        return httpx.Response(200, stream=bodies[-1])

    async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(answer), waits=WaitPolicy(clock=clock)) as cloud:
        with pytest.raises(OutcomeUnknown, match="ConnectionResetError"):
            await cloud.request("POST", "/thing")
    assert [body.closed for body in bodies] == [True]
