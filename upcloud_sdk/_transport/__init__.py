"""One call: build, send, repeat if allowed, decode, raise, log."""

from __future__ import annotations

import contextlib
import json as jsonlib
import logging
import time
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote, urlencode

import anyio
import httpx

from upcloud_sdk._retry import Outcome, RetryPolicy, is_idempotent, is_unknown, may_repeat, read_retry_after
from upcloud_sdk._transport.answers import CLOSE_TIMEOUT, CONNECT_TIMEOUT, NOT_OPEN, Answer
from upcloud_sdk._transport.failures import failure_of
from upcloud_sdk._transport.problem import read_error
from upcloud_sdk._transport.streams import Streams
from upcloud_sdk._wire import Unreadable
from upcloud_sdk.credentials import ask
from upcloud_sdk.errors import (
    AnswerTimeout,
    ApiError,
    ConnectTimeout,
    ForeignAnswer,
    NotFound,
    NotOpen,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    UnexpectedAnswer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from upcloud_sdk._emitter import Emitter
    from upcloud_sdk._transport.sender import Sender
    from upcloud_sdk._transport.streams import Send
    from upcloud_sdk._wire import Envelope
    from upcloud_sdk.credentials import Basic, Credentials, Token
    from upcloud_sdk.events import Retry

    class Clock(Protocol):
        """What time is read and waited by: that of the client's `WaitPolicy`."""

        def now(self) -> float: ...

        async def sleep(self, seconds: float) -> None: ...


log = logging.getLogger("upcloud_sdk")

T = TypeVar("T")


def segment(value: str, what: str) -> str:
    """A value as one segment of a path: quoted, and never empty, since `DELETE /server/` means something else."""
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # a server itself is an easy mistake
        raise TypeError(f"the {what} is text, not {type(value).__name__}")
    if not value or value in {".", ".."}:
        raise ValueError(f"the {what} is empty: nothing was sent")
    return quote(value, safe=":")


class Transport(Streams):
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
    ) -> None:
        self._send: Send = _unopened
        self._stream = _unopened
        self._proxy_to: Callable[[httpx.URL], str | None] = _no_proxy
        self.base_url = base_url
        self._credentials = credentials
        self.retry = retry
        self.timeout = timeout
        self._clock = clock
        self._emit = emit
        self._slots = anyio.Semaphore(max_concurrency, fast_acquire=True)
        self.user_agent = user_agent
        # Calls with a limit of their own take long: a fifth of the slots is not theirs, so that polls go on meanwhile.
        self._long_slots = anyio.Semaphore(max(1, max_concurrency - max(1, max_concurrency // 5)), fast_acquire=True)
        self._headers = [("accept", "application/json"), ("user-agent", user_agent)]
        self._not_before = 0.0
        self._asking = anyio.Lock()
        self._date: tuple[str, float] | None = None
        self.is_open = False

    def use(self, sender: Sender) -> None:
        """Send requests by this from now on."""
        self._send, self._stream, self._proxy_to = sender.send, sender.stream, sender.proxy

    def api_time(self) -> float | None:
        """Now by the API's clock, as Unix time; None before the first answer. Behind by a second at most."""
        if self._date is None:
            return None
        text, seen = self._date
        try:
            return parsedate_to_datetime(text).timestamp() + (self._clock.now() - seen)
        except ValueError:
            return None

    async def ask_time(self) -> float | None:
        """The same, asking the API where it was not heard yet: once, however many want to know."""
        async with self._asking:
            if self._date is None:
                answer = await self.send("GET", "/account")
                if b'"account"' not in answer.content:
                    raise _foreign("GET /account", answer)
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
            raise _unknown(foreign) from foreign

    def decode(self, call: str, answer: Answer, read: Envelope[T]) -> T:
        """The model in an answer.

        Raises:
            ForeignAnswer: it is a document of another shape.
            UnexpectedAnswer: something inside it is not what the model says.
        """
        try:
            value = read.read(answer.content)
        except Unreadable as error:
            if not read.is_wrapped(answer.content):
                raise _foreign(call, answer) from None
            raise UnexpectedAnswer(call, error.model, error.path, error.problem) from error.__cause__
        self._hear_time(answer)
        return value

    def _hear_time(self, answer: Answer) -> None:
        """Learn the API's time from an answer that is known to be its own."""
        if (date := answer.header(b"date")) is not None:
            self._date = (date, answer.at)

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
        """A successful answer, after as many attempts as the policy allows.

        `timeout`: seconds, for a call that the API answers late.
        `on_send` is called just before each attempt leaves, and may raise to hold it back.

        Raises:
            NotSent, OutcomeUnknown: there was no answer.
            ForeignAnswer: what answered is not the API; of a call that must not be repeated it is the cause of
                OutcomeUnknown.
            ApiError: it was a refusal.
        """
        call = f"{method} {path}"
        content = None if json is None else jsonlib.dumps(json).encode()
        url = self.base_url + path + (f"?{urlencode(params, quote_via=quote)}" if params else "")
        limit = self.timeout if timeout is None else timeout
        started, attempt, unknown = self._clock.now(), 0, False
        while True:
            attempt += 1
            began = self._clock.now()
            result = await self._attempt(call, method, url, content, limit, long=timeout is not None, on_send=on_send)
            self._tell(method, path, result.status if isinstance(result, Answer) else result, began)
            error = self._refusal(call, result) if isinstance(result, Answer) else result
            if isinstance(result, Answer):
                if error is None:
                    return result
                if isinstance(error, NotFound) and method == "DELETE" and unknown:
                    return replace(result, status=204, content=b"")
            assert error is not None
            outcome = error.status if isinstance(error, ApiError) else error
            unknown = unknown or is_unknown(method, outcome)
            pause = self._pause(attempt, error, self._asked(result))
            in_budget = self._clock.now() - started + pause <= self.retry.budget
            if not (may_repeat(method, outcome, idempotent=idempotent) and attempt < self.retry.attempts and in_budget):
                if isinstance(error, ForeignAnswer) and not is_idempotent(method, idempotent=idempotent):
                    raise _unknown(error) from error
                raise error
            from upcloud_sdk.events import Retry  # noqa: PLC0415 - as in `_tell`

            await self._wait_to_repeat(
                Retry(at=self._clock.now(), call=call, attempt=attempt, reason=_reason(error), pause=pause)
            )

    def _tell(self, method: str, path: str, outcome: Outcome, began: float) -> None:
        if not self._emit.is_heard:
            return
        from upcloud_sdk.events import RequestEvent  # noqa: PLC0415 - four milliseconds that most clients do without

        status, problem = (outcome, None) if isinstance(outcome, int) else (None, _reason(outcome))
        now = self._clock.now()
        self._emit(RequestEvent(at=now, method=method, path=path, status=status, seconds=now - began, problem=problem))

    def _asked(self, answer: Answer | NotSent | OutcomeUnknown) -> float | None:
        """Seconds that an answer asks to wait for."""
        if not isinstance(answer, Answer) or answer.status not in {429, 503}:
            return None
        return read_retry_after(answer.header(b"retry-after"), self.api_time() or time.time())

    def _refusal(self, call: str, answer: Answer) -> ApiError | ForeignAnswer | None:
        """The error for an answer; None for a success."""
        if 200 <= answer.status < 300:
            return None if _may_be_the_apis(answer) else _foreign(call, answer)
        error = read_error(call, answer.status, answer.content)
        if error is None:
            return _foreign(call, answer)
        self._hear_time(answer)
        if isinstance(error, RateLimited):
            error.retry_after = self._asked(answer)
        return error

    def _pause(self, attempt: int, error: Exception, asked: float | None) -> float:
        if asked is None:
            return self.retry.pause(attempt)
        if asked > self.retry.longest_retry_after:
            raise error
        # All calls of the client obey, not only the one that was told.
        self._not_before = max(self._not_before, self._clock.now() + asked)
        return asked

    async def _wait_to_repeat(self, retry: Retry) -> None:
        log.warning("%s: %s; attempt %d, again in %.1f s", retry.call, retry.reason, retry.attempt, retry.pause)
        self._emit(retry)
        if self.retry.on_retry is not None:
            self.retry.on_retry(retry)
        await self._clock.sleep(retry.pause)

    async def _attempt(
        self,
        call: str,
        method: str,
        url: str,
        content: bytes | None,
        limit: float,
        *,
        long: bool,
        on_send: Callable[[], None] | None,
    ) -> Answer | NotSent | OutcomeUnknown:
        if not self.is_open:
            raise NotOpen(f"{call}: {NOT_OPEN}")
        request = await self._request(call, method, url, content, limit)
        # No limit of its own on the wait for a slot: each call that holds one has a limit, so the queue moves.
        async with self._long_slots if long else contextlib.nullcontext(), self._slots:
            while (held := self._not_before - self._clock.now()) > 0:
                await self._clock.sleep(held)
            if on_send is not None:
                on_send()
            began = self._clock.now()
            try:
                response = await self._exchange(request, limit)
            except Exception as error:
                failure = failure_of(call, error, request.url, self._proxy_to(request.url))
                if failure is None:
                    raise
                return failure
        if response is None:
            return AnswerTimeout(call, f"no answer within {limit:g} s")
        log.debug("%s %d %.0f ms", call, response.status_code, (self._clock.now() - began) * 1000)
        return Answer(response.status_code, response.headers.raw, response.content, at=self._clock.now())

    async def _exchange(self, request: httpx.Request, limit: float) -> httpx.Response | None:
        """A whole answer, or None if there is none in time."""
        response: httpx.Response | None = None
        try:
            with anyio.move_on_after(limit):
                response = await self._send(request)
                await response.aread()
                return response
        finally:
            if response is not None and not response.is_closed:
                with anyio.move_on_after(CLOSE_TIMEOUT, shield=True):
                    await response.aclose()
        return None

    async def _credentials_now(self, call: str, limit: float) -> Token | Basic:
        if not callable(self._credentials):
            return self._credentials
        with anyio.move_on_after(limit):
            return await ask(self._credentials)
        raise ConnectTimeout(call, f"the credentials' callable returned nothing within {limit:g} s")

    async def _request(self, call: str, method: str, url: str, content: bytes | None, limit: float) -> httpx.Request:
        credentials = await self._credentials_now(call, limit)
        headers = [*self._headers, ("authorization", credentials.authorization())]
        if content is not None:
            headers.append(("content-type", "application/json"))
        timeout = {"connect": min(limit, CONNECT_TIMEOUT), "read": limit, "write": limit, "pool": limit}
        return httpx.Request(method, url, headers=headers, content=content, extensions={"timeout": timeout})


def _may_be_the_apis(answer: Answer) -> bool:
    """Whether a success looks like one of the API, whose documents are JSON."""
    return not answer.content or answer.content.lstrip()[:1] in {b"{", b"["}


def _foreign(call: str, answer: Answer) -> ForeignAnswer:
    return ForeignAnswer(call, status=answer.status, content_type=answer.header(b"content-type") or "")


def _unknown(foreign: ForeignAnswer) -> OutcomeUnknown:
    """What becomes of a call that must not be repeated when something else than the API answers."""
    return OutcomeUnknown(foreign.call, foreign.problem)


async def _unopened(_: httpx.Request) -> httpx.Response:
    raise NotOpen(NOT_OPEN)


def _no_proxy(_: httpx.URL) -> None:
    """Nothing is sent yet."""


def _reason(error: object) -> str:
    text = str(error)
    return text.split(": ", 1)[-1]
