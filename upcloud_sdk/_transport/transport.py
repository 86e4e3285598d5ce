"""Sends calls: builds requests, repeats them if allowed, decodes answers, raises errors, logs."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import anyio

from upcloud_sdk._background import WhileOpen
from upcloud_sdk._retry import is_idempotent
from upcloud_sdk._transport.answers import CLOSE_TIMEOUT, Answer
from upcloud_sdk._transport.error_documents import read_error
from upcloud_sdk._transport.failures import failure_of
from upcloud_sdk._transport.requests import RequestBuilder
from upcloud_sdk._transport.retries import CallAttempts, Failure, Retries, asked_pause, unknown_outcome
from upcloud_sdk._transport.streams import Streams
from upcloud_sdk._wire import Unreadable
from upcloud_sdk._wire.reading import Reading
from upcloud_sdk.errors import AnswerTimeout, ForeignAnswer, NotSent, OutcomeUnknown, RateLimited, UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Mapping, Sequence

    import httpx

    from upcloud_sdk._background import OpenState
    from upcloud_sdk._emitter import Emitter
    from upcloud_sdk._retry import RetryPolicy
    from upcloud_sdk._tasks import Clock
    from upcloud_sdk._transport.sender import Sender
    from upcloud_sdk._transport.streams import ByteStream
    from upcloud_sdk._wire import Envelope
    from upcloud_sdk.credentials import Credentials

log = logging.getLogger("upcloud_sdk")

T = TypeVar("T")

SLEPT = 10.0
"""If the wall clock is ahead of the waiting clock by this many seconds, the machine has slept."""


class _Opened(NamedTuple):
    """What an open client sends with. It belongs to one event loop."""

    sender: Sender
    slots: anyio.Semaphore
    long_slots: anyio.Semaphore
    """For slow calls. A fifth of the slots is reserved for other calls, so that waits continue."""
    asking: anyio.Lock


class _Call(NamedTuple):
    """One call, whatever number of attempts it needs."""

    name: str
    """Method and path, for errors and logs."""
    method: str
    path: str
    url: str
    json: Mapping[str, Any] | None
    timeout: float | None
    """Limit in seconds of a call that the API answers slowly. None: the client's limit."""
    on_send: Callable[[], None] | None


class Transport:
    """Sends the calls of one client."""

    def __init__(
        self,
        *,
        base_url: str,
        credentials: Credentials,
        retry: RetryPolicy,
        timeout: float,
        max_concurrency: int,
        user_agent: str,
        open_state: OpenState,
        clock: Clock,
        emit: Emitter,
        strict: bool = False,
    ) -> None:
        self.base_url, self.user_agent, self.timeout = base_url, user_agent, timeout
        self.open_state = open_state
        self._clock, self._emit = clock, emit
        self._requests = RequestBuilder(base_url, credentials, user_agent)
        self._retries = Retries(retry, clock, emit)
        self._streams = Streams(self._requests, self._retries, self.open_state, self._judge)
        self._max_concurrency = max_concurrency
        self._opened: _Opened | None = None
        self._date: tuple[str, float] | None = None
        self.reading = Reading(strict=strict)
        self._wall = 0.0

    def open(self, sender: Sender) -> None:
        """Start with this sender and without old state."""
        most = self._max_concurrency
        self._opened = _Opened(
            sender,
            anyio.Semaphore(most, fast_acquire=True),
            anyio.Semaphore(max(1, most - max(1, most // 5)), fast_acquire=True),
            anyio.Lock(),
        )
        self._date = None
        self._streams.use(sender)
        self._retries.forget()

    def api_time(self) -> float | None:
        """The current Unix time by the API's clock, at most a second late. None before the first answer."""
        if self._date is None:
            return None
        text, seen = self._date
        try:
            return parsedate_to_datetime(text).timestamp() + (self._clock.now() - seen)
        except ValueError:
            return None

    def _time_is_old(self, older_than: float) -> bool:
        if self._date is None:
            return True
        # While the machine sleeps, the clock of the waits may stop. The wall clock does not.
        passed, by_the_wall = self._clock.now() - self._date[1], time.time() - self._wall
        return by_the_wall - passed > SLEPT or max(passed, abs(by_the_wall)) > older_than

    async def ask_time(self, older_than: float = math.inf) -> float | None:
        """Same as `api_time`. Sends a request if the last answer is older than this many seconds, or there is none.

        Concurrent callers share one request.
        """
        call = "GET /account"
        with WhileOpen(self.open_state, call):
            assert self._opened is not None
            async with self._opened.asking:
                if self._time_is_old(older_than):
                    answer = await self.send("GET", "/account")
                    if b'"account"' not in answer.content:
                        raise answer.foreign(call)
                    self._learn_time(answer)
        return self.api_time()

    async def call(
        self,
        method: str,
        path: str,
        read: Envelope[T],
        *,
        params: Sequence[tuple[str, str]] = (),
        json: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        on_send: Callable[[], None] | None = None,
    ) -> T:
        """Send a call and decode its answer.

        Raises:
            UnexpectedAnswer: The answer cannot be read.
        """
        answer = await self.send(method, path, params=params, json=json, timeout=timeout, on_send=on_send)
        try:
            return self.decode(f"{method} {path}", answer, read)
        except ForeignAnswer as foreign:
            if is_idempotent(method):
                raise
            raise unknown_outcome(foreign) from foreign

    def decode(self, call: str, answer: Answer, read: Envelope[T]) -> T:
        """Decode an answer.

        Raises:
            ForeignAnswer: The document has another structure.
            UnexpectedAnswer: A part of it does not fit the model.
        """
        try:
            value = read.read(answer.content, self.reading)
        except Unreadable as error:
            if not read.is_wrapped(answer.content):
                raise answer.foreign(call) from None
            path, problem, uuid = answer.words(error.path), answer.words(error.problem), answer.words(error.uuid or "")
            raise UnexpectedAnswer(call, error.model, path, problem, uuid=uuid or None) from error.__cause__
        self._learn_time(answer)
        return value

    def _learn_time(self, answer: Answer) -> None:
        """Learn the API's time from an answer that is certainly from the API."""
        if (date := answer.header(b"date")) is not None:
            self._date, self._wall = (date, answer.at), answer.wall

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        json: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        idempotent: bool | None = None,
        on_send: Callable[[], None] | None = None,
    ) -> Answer:
        """Send a call, with retries. Returns a successful answer, or the 404 of a repeated DELETE.

        `timeout`: limit in seconds, for calls that the API answers slowly.
        `on_send` is called just before each attempt is sent. If it raises, the attempt is not sent.

        Raises:
            NotSent, OutcomeUnknown: There was no answer.
            ForeignAnswer: The answer is not from the API. For calls that must not be repeated, it is the cause of
                OutcomeUnknown.
            ApiError: The API refused the call.
        """
        call = _Call(f"{method} {path}", method, path, self._requests.url(path, params), json, timeout, on_send)
        with WhileOpen(self.open_state, call.name):
            attempts = CallAttempts(self._retries, call.name, method, idempotent=idempotent)
            while True:
                result = await self._attempt(call, attempts)
                if not isinstance(result, Failure):
                    return result
                if (gone := await attempts.wait_after(result)) is not None:
                    return gone
        raise AssertionError("unreachable")

    def stream(self, method: str, path: str, *, params: Sequence[tuple[str, str]] = ()) -> ByteStream:
        """Open a stream. The limit for each piece is the client's `timeout`.

        Reading raises the same errors as `send`.
        """
        return self._streams.open(method, path, params, self.timeout)

    async def upload(
        self, call: str, url: str, content: AsyncIterable[bytes], headers: Mapping[str, str], *, limit: float
    ) -> Answer:
        """Send content to another host, without credentials: see `Streams.upload`."""
        return await self._streams.upload(call, url, content, headers, limit=limit)

    def _tell(self, call: _Call, status: int | None, problem: str | None, began: float) -> None:
        if not self._emit.has_listener:
            return
        from upcloud_sdk.events import RequestEvent  # noqa: PLC0415 - takes 4 ms, and most clients do not need it

        now, method, path = self._clock.now(), call.method, call.path
        self._emit(RequestEvent(at=now, method=method, path=path, status=status, seconds=now - began, problem=problem))

    def _judge(self, call: str, answer: Answer) -> Answer | Failure:
        """The answer if it is a success from the API, or else the failure."""
        if answer.is_success:
            return answer if answer.may_be_the_apis() else Failure(answer.foreign(call), answer)
        error = read_error(call, answer.status, answer.content, answer.words)
        if error is not None:
            self._learn_time(answer)
        asked = asked_pause(answer, self.api_time())
        if isinstance(error, RateLimited):
            error.retry_after = asked
        return Failure(error or answer.foreign(call), answer, asked)

    async def _attempt(self, call: _Call, attempts: CallAttempts) -> Answer | Failure:
        """Send one attempt. Returns a success from the API, or else the failure."""
        began = self._clock.now()
        limit = self.timeout if call.timeout is None else call.timeout
        try:
            request = await self._requests.build(call.name, call.method, call.url, call.json, limit=limit)
            answer = await self._exchange(call, request, limit, attempts)
        except (NotSent, OutcomeUnknown) as error:
            self._tell(call, None, error.problem, began)
            return Failure(error)
        self._tell(call, answer.status, None, began)
        return self._judge(call.name, answer)

    async def _exchange(self, call: _Call, request: httpx.Request, limit: float, attempts: CallAttempts) -> Answer:
        """Wait for a slot and a turn, send a request, and read the whole answer.

        Raises:
            NotSent, OutcomeUnknown: There was no answer.
        """
        assert self._opened is not None
        sender, slots, long_slots, _ = self._opened
        response: httpx.Response | None = None
        is_whole = False
        # No limit on the wait for a slot: each running call has a limit, so the queue moves.
        async with contextlib.nullcontext() if call.timeout is None else long_slots, slots:
            began = await attempts.begin()
            if call.on_send is not None:
                call.on_send()
            try:
                with anyio.move_on_after(limit):
                    response = await sender.send(request)
                    await response.aread()
                    is_whole = True
            except Exception as error:
                failure = failure_of(call.name, error, request, sender.proxy(request.url))
                if failure is None:
                    raise
                raise failure from failure.__cause__
            finally:
                if response is not None and not response.is_closed:
                    with anyio.move_on_after(CLOSE_TIMEOUT, shield=True):
                        await response.aclose()
        if response is None or not is_whole:
            raise AnswerTimeout(call.name, f"no answer within {limit:g} s")
        now, headers = self._clock.now(), response.headers.raw
        log.debug("%s %d %.0f ms", call.name, response.status_code, (now - began) * 1000)
        status, content = response.status_code, response.content
        return Answer(request, status, headers, content, at=now, wall=time.time(), attempt=attempts.number)
