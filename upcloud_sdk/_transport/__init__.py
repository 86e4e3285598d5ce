"""One call: build, send, repeat if allowed, decode, raise, log."""

from __future__ import annotations

import contextlib
import json as jsonlib
import logging
import math
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import anyio

from upcloud_sdk._retry import is_idempotent
from upcloud_sdk._second_reading import Reading
from upcloud_sdk._transport.answers import CLOSE_TIMEOUT, Answer
from upcloud_sdk._transport.error_documents import read_error
from upcloud_sdk._transport.failures import failure_of
from upcloud_sdk._transport.open_state import OpenState
from upcloud_sdk._transport.requests import RequestBuilder
from upcloud_sdk._transport.retries import Failure, Retries, asked_pause, unknown_outcome
from upcloud_sdk._transport.streams import Streams
from upcloud_sdk._wire import Unreadable, uuid_of
from upcloud_sdk.errors import AnswerTimeout, ForeignAnswer, NotSent, OutcomeUnknown, RateLimited, UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Mapping, Sequence

    import httpx

    from upcloud_sdk._emitter import Emitter
    from upcloud_sdk._retry import RetryPolicy
    from upcloud_sdk._transport.retries import Clock, Turns
    from upcloud_sdk._transport.sender import Send, Sender
    from upcloud_sdk._transport.streams import ByteStream
    from upcloud_sdk._wire import Envelope, Uuid
    from upcloud_sdk.credentials import Credentials

log = logging.getLogger("upcloud_sdk")

T = TypeVar("T")


def segment(value: Uuid, what: str) -> str:
    """A value as one segment of a path: quoted, and never empty, since `DELETE /server/` means something else."""
    value = uuid_of(value, what)
    if not value or value in {".", ".."}:
        raise ValueError(f"the {what} is empty: nothing was sent")
    return quote(value, safe=":")


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
        clock: Clock,
        emit: Emitter,
        strict: bool = False,
    ) -> None:
        self.base_url, self.user_agent, self.timeout = base_url, user_agent, timeout
        self.open_state = OpenState()
        self._clock, self._emit = clock, emit
        self._requests = RequestBuilder(base_url, credentials, user_agent)
        self._retries = Retries(retry, clock, emit)
        self._streams = Streams(self._requests, self._retries, self.open_state, self._judge)
        self._sender: Sender | None = None
        self._slots = anyio.Semaphore(max_concurrency, fast_acquire=True)
        # Calls with a limit of their own take long: a fifth of the slots is not theirs, so that polls go on meanwhile.
        self._long_slots = anyio.Semaphore(max(1, max_concurrency - max(1, max_concurrency // 5)), fast_acquire=True)
        self._asking = anyio.Lock()
        self._date: tuple[str, float] | None = None
        self.reading = Reading(strict=strict)
        self._wall = 0.0

    def open(self, sender: Sender) -> None:
        """Send requests by this from now on, with a clean slate."""
        self._sender, self._date = sender, None
        self._streams.use(sender)
        self._retries.forget()
        self.open_state.open()

    def api_time(self) -> float | None:
        """Now by the API's clock, as Unix time; None before the first answer. Behind by a second at most."""
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
        # The clock that is waited by may stand still while a machine sleeps; the wall clock does not.
        return max(self._clock.now() - self._date[1], abs(time.time() - self._wall)) > older_than

    async def ask_time(self, older_than: float = math.inf) -> float | None:
        """The same, asking the API where its last answer is older than so many seconds, or there is none.

        It is asked once, however many want to know.
        """
        async with self._asking:
            if self._time_is_old(older_than):
                answer = await self.send("GET", "/account")
                if b'"account"' not in answer.content:
                    raise answer.foreign("GET /account")
                self._hear_time(answer)
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
        """What a call answers, as a model.

        Raises:
            UnexpectedAnswer: it answered something else.
        """
        answer = await self.send(method, path, params=params, json=json, timeout=timeout, on_send=on_send)
        try:
            return self.decode(f"{method} {path}", answer, read)
        except ForeignAnswer as foreign:
            if is_idempotent(method):
                raise
            raise unknown_outcome(foreign) from foreign

    def decode(self, call: str, answer: Answer, read: Envelope[T]) -> T:
        """The model in an answer.

        Raises:
            ForeignAnswer: it is a document of another shape.
            UnexpectedAnswer: something inside it is not what the model says.
        """
        try:
            value = read.read(answer.content, self.reading)
        except Unreadable as error:
            if not read.is_wrapped(answer.content):
                raise answer.foreign(call) from None
            raise UnexpectedAnswer(call, error.model, error.path, error.problem, uuid=error.uuid) from error.__cause__
        self._hear_time(answer)
        return value

    def _hear_time(self, answer: Answer) -> None:
        """Learn the API's time from an answer that is known to be its own."""
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
        """A successful answer, or the 404 of a DELETE that was repeated, after as many attempts as the policy allows.

        `timeout`: seconds, for a call that the API answers late.
        `on_send` is called just before each attempt leaves, and may raise to hold it back.

        Raises:
            NotSent, OutcomeUnknown: there was no answer.
            ForeignAnswer: what answered is not the API; of a call that must not be repeated it is the cause of
                OutcomeUnknown.
            ApiError: it was a refusal.
        """
        call, url = f"{method} {path}", self._requests.url(path, params)
        content = None if json is None else jsonlib.dumps(json).encode()
        limit = self.timeout if timeout is None else timeout

        async def attempt(turns: Turns) -> Answer | Failure:
            began = self._clock.now() if self._emit.is_heard else 0.0
            try:
                request = await self._requests.build(call, method, url, content, limit=limit)
                result = await self._attempt(call, request, limit, turns, long=timeout is not None, on_send=on_send)
            except (NotSent, OutcomeUnknown) as error:
                self._tell(method, path, None, error.problem, began)
                return Failure(error)
            self._tell(method, path, result.status, None, began)
            return self._judge(call, result)

        with self.open_state.required(call):
            return await self._retries.run(call, method, attempt, idempotent=idempotent)
        raise AssertionError("unreachable")

    def stream(self, method: str, path: str, *, params: Sequence[tuple[str, str]] = ()) -> ByteStream:
        """A successful answer, to be read piece by piece; each piece has the client's `timeout`.

        Reading it raises what `send` raises.
        """
        return self._streams.open(method, path, params, self.timeout)

    async def upload(
        self, call: str, url: str, content: AsyncIterable[bytes], headers: Mapping[str, str], *, limit: float
    ) -> Answer:
        """Sends content as it comes, to another host than the API, which gets no credentials: see `Streams.upload`."""
        return await self._streams.upload(call, url, content, headers, limit=limit)

    def _tell(self, method: str, path: str, status: int | None, problem: str | None, began: float) -> None:
        if not self._emit.is_heard:
            return
        from upcloud_sdk.events import RequestEvent  # noqa: PLC0415 - four milliseconds that most clients do without

        now = self._clock.now()
        self._emit(RequestEvent(at=now, method=method, path=path, status=status, seconds=now - began, problem=problem))

    def _judge(self, call: str, answer: Answer) -> Answer | Failure:
        """An answer, if it is a success of the API's own."""
        if answer.is_success:
            return answer if answer.may_be_the_apis() else Failure(answer.foreign(call), answer)
        error = read_error(call, answer.status, answer.content)
        if error is not None:
            self._hear_time(answer)
        asked = asked_pause(answer, self.api_time())
        if isinstance(error, RateLimited):
            error.retry_after = asked
        return Failure(error or answer.foreign(call), answer, asked)

    async def _attempt(
        self,
        call: str,
        request: httpx.Request,
        limit: float,
        turns: Turns,
        *,
        long: bool,
        on_send: Callable[[], None] | None,
    ) -> Answer:
        """Whatever answers.

        Raises:
            NotSent, OutcomeUnknown: nothing did.
        """
        assert self._sender is not None
        # No limit of its own on the wait for a slot: each call that holds one has a limit, so the queue moves.
        async with self._long_slots if long else contextlib.nullcontext(), self._slots:
            began = await turns.begin()
            if on_send is not None:
                on_send()
            try:
                response = await self._exchange(self._sender.send, request, limit)
            except Exception as error:
                failure = failure_of(call, error, request.url, self._sender.proxy(request.url))
                if failure is None:
                    raise
                raise failure from error
        if response is None:
            raise AnswerTimeout(call, f"no answer within {limit:g} s")
        now = self._clock.now()
        log.debug("%s %d %.0f ms", call, response.status_code, (now - began) * 1000)
        return Answer(response.status_code, response.headers.raw, response.content, at=now, wall=time.time())

    async def _exchange(self, send: Send, request: httpx.Request, limit: float) -> httpx.Response | None:
        """A whole answer, or None if there is none in time."""
        response: httpx.Response | None = None
        try:
            with anyio.move_on_after(limit):
                response = await send(request)
                await response.aread()
                return response
        finally:
            if response is not None and not response.is_closed:
                with anyio.move_on_after(CLOSE_TIMEOUT, shield=True):
                    await response.aclose()
        return None
