"""Which calls are repeated, and when."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from tests.sdk.authorities import authorities
from tests.sdk.documents import refusal, refused
from tests.sdk.sent import lines
from upcloud_sdk import RetryPolicy, Token, UpCloud, WaitPolicy
from upcloud_sdk._retry import may_repeat
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
from upcloud_sdk.events import Retry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import respx

    from tests.sdk.clock import AutojumpClock
    from upcloud_sdk.events import Event, Listener

METHODS = ("GET", "PUT", "DELETE", "POST", "PATCH")
IDEMPOTENT = {"GET", "PUT", "DELETE"}

Row = tuple[int | type[httpx.TransportError], set[str], type[UpCloudError]]

OUTCOMES: list[Row] = [
    # what happened, the repeated methods, the error if it happens each time
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
    # an answer that is not from the API, the repeated methods
    *((status, IDEMPOTENT) for status in (408, 429, 500, 502, 503, 504)),
    *((status, set[str]()) for status in (200, 302, 304, 400, 401, 403, 404, 409, 418, 501)),
]


def _mock(what: int | type[httpx.TransportError]) -> httpx.Response | httpx.TransportError:
    return refused(what) if isinstance(what, int) else what("it went wrong")


def client(
    clock: AutojumpClock,
    retry: RetryPolicy = RetryPolicy(jitter=0),  # noqa: B008 - frozen
    on_event: Listener | None = None,
) -> UpCloud:
    waits = WaitPolicy(clock=clock)
    return UpCloud(Token("ucat_x"), retry=retry, waits=waits, ssl_context=authorities(), on_event=on_event)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("row", OUTCOMES, ids=[str(row[0]) for row in OUTCOMES])
async def test_calls_are_repeated_as_the_table_says(
    api: respx.MockRouter,
    clock: AutojumpClock,
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
async def test_an_answer_that_is_not_from_the_api_proves_nothing_whatever_its_status(
    api: respx.MockRouter, clock: AutojumpClock, method: str, status: int, repeated: set[str]
) -> None:
    page = httpx.Response(status, html="<h1>MUST_NOT_BE_SHOWN</h1>", headers={"Date": "Fri, 01 Jan 2100 12:00:00 GMT"})
    route = api.request(method, "/thing").mock(side_effect=[page, page])
    async with client(clock, RetryPolicy(attempts=2)) as cloud:
        own = RateLimited if status == 429 else ForeignAnswer
        with pytest.raises(own if method in IDEMPOTENT else OutcomeUnknown) as caught:
            await cloud.request(method, "/thing")
    assert isinstance(caught.value, ForeignAnswer) or isinstance(caught.value.__cause__, ForeignAnswer)
    assert f"the answer is not the API's own (HTTP {status}, text/html)" in str(caught.value)
    assert "MUST_NOT" not in str(caught.value)
    assert route.call_count == (2 if method in repeated else 1)


@pytest.mark.parametrize(
    "body", [{}, {"error": "no"}, {"error": {"error_message": "No."}}, {"title": "No."}, {"type": "about:blank"}, []]
)
@pytest.mark.parametrize("status", [401, 404])
async def test_an_error_without_a_code_is_not_from_the_api(
    api: respx.MockRouter, clock: AutojumpClock, status: int, body: object
) -> None:
    api.get("/thing").respond(status, json=body)
    async with client(clock) as cloud:
        with pytest.raises(ForeignAnswer) as caught:
            await cloud.request("GET", "/thing")
    assert caught.value.status == status


@pytest.mark.parametrize("row", OUTCOMES, ids=[str(row[0]) for row in OUTCOMES])
async def test_a_lasting_fault_raises_the_error_of_the_last_attempt(
    api: respx.MockRouter,
    clock: AutojumpClock,
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
    api: respx.MockRouter, clock: AutojumpClock, first: int | type[httpx.TransportError]
) -> None:
    route = api.delete("/storage/01a1").mock(side_effect=[_mock(first), refused(404)])
    async with client(clock) as cloud:
        await cloud.storages.delete("01a1")
    assert route.call_count == 2


async def test_the_404_of_a_repeated_delete_is_returned_unchanged(api: respx.MockRouter, clock: AutojumpClock) -> None:
    api.delete("/thing").mock(side_effect=[refused(503), refused(404)])
    async with client(clock) as cloud:
        answer = await cloud.request("DELETE", "/thing")
    assert answer.status == 404
    assert answer.document["error"]["error_code"] == "SOMETHING"


@pytest.mark.parametrize("before", [[], [429], [httpx.ConnectError], [429, httpx.ConnectTimeout]])
async def test_the_404_of_a_delete_whose_first_attempt_had_no_effect_is_raised(
    api: respx.MockRouter, clock: AutojumpClock, before: list[int | type[httpx.TransportError]]
) -> None:
    api.delete("/storage/01a1").mock(side_effect=[*map(_mock, before), refused(404)])
    async with client(clock) as cloud:
        with pytest.raises(NotFound):
            await cloud.storages.delete("01a1")


# --- pauses -----------------------------------------------------------------------------------------------------------


def test_pauses_double_up_to_the_maximum() -> None:
    policy = RetryPolicy(first_pause=0.5, longest_pause=8.0, jitter=0)
    assert [policy.pause(attempt) for attempt in range(1, 8)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert policy.pause(100_000) == 8.0


def test_jitter_shortens_a_pause_by_at_most_its_share() -> None:
    policy = RetryPolicy(first_pause=1.0, jitter=0.25)
    pauses = {policy.pause(1) for _ in range(200)}
    assert all(0.75 <= pause <= 1.0 for pause in pauses)
    assert len(pauses) > 1


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"attempts": 0}, "attempts is at least 1"),
        ({"jitter": 1.5}, "jitter is a number"),
        ({"jitter": -0.1}, "jitter is a number"),
        ({"first_pause": -1.0}, "seconds: 0 or more"),
        ({"longest_pause": -1.0}, "seconds: 0 or more"),
        ({"longest_retry_after": -1.0}, "seconds: 0 or more"),
        ({"budget": -1.0}, "seconds: 0 or more"),
    ],
)
def test_an_invalid_policy_is_refused(fields: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        RetryPolicy(**fields)  # type: ignore[arg-type]  # numbers for numbers


async def test_a_call_fails_within_the_budget_if_the_api_does_not_answer(
    api: respx.MockRouter, clock: AutojumpClock
) -> None:
    route = api.get("/thing").respond(503, json=refusal())
    async with client(clock, RetryPolicy(attempts=100, budget=20.0, jitter=0)) as cloud:
        with pytest.raises(ServerFault):
            await cloud.request("GET", "/thing")
    assert clock.slept == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert route.call_count == 6


async def test_a_policy_of_one_attempt_never_repeats(api: respx.MockRouter, clock: AutojumpClock) -> None:
    route = api.get("/thing").respond(503, json=refusal())
    async with client(clock, RetryPolicy(attempts=1)) as cloud:
        with pytest.raises(ServerFault):
            await cloud.request("GET", "/thing")
    assert route.call_count == 1


async def test_each_retry_is_reported_and_logged(
    api: respx.MockRouter, clock: AutojumpClock, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[Event] = []
    api.get("/thing").mock(side_effect=[refused(503), httpx.ConnectError("no"), httpx.Response(200)])
    with caplog.at_level(logging.WARNING, logger="upcloud_sdk"):
        async with client(clock, RetryPolicy(jitter=0), on_event=events.append) as cloud:
            await cloud.request("GET", "/thing")
    told = [each for each in events if isinstance(each, Retry)]
    assert [(each.call, each.attempt, each.pause) for each in told] == [("GET /thing", 1, 0.5), ("GET /thing", 2, 1.0)]
    assert "HTTP 503" in told[0].reason
    assert "could not connect to api.upcloud.com, port 443: ConnectError" in told[1].reason
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 2
    assert warnings[0].startswith("GET /thing: ")
    assert warnings[0].endswith("attempt 1, again in 0.5 s")


async def test_each_request_is_logged_at_debug_without_its_query(
    api: respx.MockRouter, clock: AutojumpClock, caplog: pytest.LogCaptureFixture
) -> None:
    api.get("/thing").respond(200)
    with caplog.at_level(logging.DEBUG, logger="upcloud_sdk"):
        async with client(clock) as cloud:
            await cloud.request("GET", "/thing", params={"secret": "MUST_NOT_BE_SHOWN"})
    assert [record.getMessage() for record in caplog.records if record.name == "upcloud_sdk"] == ["GET /thing 200 0 ms"]


# --- no answer --------------------------------------------------------------------------------------------------------


async def test_a_post_of_unknown_outcome_is_sent_once(api: respx.MockRouter, clock: AutojumpClock) -> None:
    api.post("/thing").mock(side_effect=httpx.ReadTimeout("no answer"))
    async with client(clock) as cloud:
        with pytest.raises(OutcomeUnknown, match=r"POST /thing: no usable answer came \(ReadTimeout\)"):
            await cloud.request("POST", "/thing")
    assert lines(api) == ["POST /thing"]


async def test_a_missing_answer_ends_in_a_timeout(clock: AutojumpClock) -> None:
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
    clock: AutojumpClock, raised: type[httpx.TransportError] | None, kind: type[UpCloudError]
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


async def test_a_bug_in_the_program_is_not_taken_for_a_lost_answer(clock: AutojumpClock) -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise TypeError("a fault in a transport")

    async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(broken), waits=WaitPolicy(clock=clock)) as cloud:
        with pytest.raises(TypeError, match="a fault in a transport"):
            await cloud.request("GET", "/thing")
    assert clock.slept == []


class _Body(httpx.AsyncByteStream):
    """A body whose connection breaks while it is read."""

    closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{"
        raise ConnectionResetError("reset by peer")

    async def aclose(self) -> None:
        self.closed = True


async def test_an_incomplete_answer_is_closed(clock: AutojumpClock) -> None:
    bodies: list[_Body] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(_Body())
        return httpx.Response(200, stream=bodies[-1])

    async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(answer), waits=WaitPolicy(clock=clock)) as cloud:
        with pytest.raises(OutcomeUnknown, match="ConnectionResetError"):
            await cloud.request("POST", "/thing")
    assert [body.closed for body in bodies] == [True]
