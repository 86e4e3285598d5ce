"""Whether and when calls are sent again: the client's policy, and the pauses that the API asks for."""

from __future__ import annotations

import logging
import math
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from upcloud_sdk._retry import is_idempotent, is_unknown, may_repeat, next_pause, read_retry_after
from upcloud_sdk.errors import ApiError, ForeignAnswer, NotFound, NotSent, OutcomeUnknown, RateLimited

if TYPE_CHECKING:
    from upcloud_sdk._emitter import Emitter
    from upcloud_sdk._retry import RetryPolicy
    from upcloud_sdk._tasks import Clock
    from upcloud_sdk._transport.answers import Answer


log = logging.getLogger("upcloud_sdk")

SPACING = 0.05
"""Seconds between two delayed calls, so that they are not sent at the same moment."""


class Failure(NamedTuple):
    """A failed attempt."""

    error: ApiError | ForeignAnswer | NotSent | OutcomeUnknown
    answer: Answer | None = None
    """The answer. None if there was none."""
    retry_after: float | None = None
    """Seconds that the API asks to wait."""


def asked_pause(answer: Answer, api_time: float | None) -> float | None:
    """The pause that an answer asks for, in seconds."""
    if answer.status not in {429, 503}:
        return None
    return read_retry_after(answer.header(b"retry-after"), api_time or time.time())


class Retries:
    """The pauses that the API asks the calls of one client to make."""

    def __init__(self, policy: RetryPolicy, clock: Clock, emit: Emitter) -> None:
        self.policy, self.clock, self.emit = policy, clock, emit
        self.forget()

    def forget(self) -> None:
        """Forget all delays."""
        self._held_until = self._last_turn = -math.inf

    def hold(self, asked: float | None) -> None:
        """Delay all calls of the client by this many seconds, if that is not too long."""
        if asked is not None and asked <= self.policy.longest_retry_after:
            self._held_until = max(self._held_until, self.clock.now() + asked)

    async def wait_for_turn(self, now: float, latest: float) -> float | None:
        """Wait until a call may be sent, and return that time. None if it would be after `latest`."""
        while True:
            turn = max(self._held_until, self._last_turn + SPACING)
            if turn <= now:
                return now
            if turn > latest:
                return None
            self._last_turn = turn
            await self.clock.sleep(turn - now)
            now = self.clock.now()
            # The API may have asked for a longer pause meanwhile.
            if self._held_until <= turn:
                return now


class CallAttempts:
    """The attempts of one call. Its budget begins when the first attempt is sent."""

    def __init__(self, retries: Retries, call: str, method: str, *, idempotent: bool | None = None) -> None:
        self._retries, self._call, self._method, self._idempotent = retries, call, method, idempotent
        self.number = 1
        """Of the current attempt."""
        self._began: float | None = None
        self._failed: Exception | None = None
        """The error of the last attempt."""
        self._is_unknown = False
        """Whether an earlier attempt may have had an effect."""

    async def begin(self) -> float:
        """Wait until the call may be sent, and return that time.

        Raises:
            NotSent: The API asked other calls to wait (`Retry-After`), longer than this call can wait. After the first
                attempt, that attempt's error is raised instead.
        """
        now = self._retries.clock.now()
        if self._began is None:
            self._began = now
        policy = self._retries.policy
        budget = policy.budget if self._failed else max(policy.budget, policy.longest_retry_after)
        left = await self._retries.wait_for_turn(now, self._began + budget)
        if left is None:
            problem = f"the API asks to wait (Retry-After) longer than {budget:g} s: not sent"
            raise self._failed or NotSent(self._call, problem)
        return left

    async def wait_after(self, failure: Failure) -> Answer | None:
        """Wait before the next attempt. Returns the 404 of a repeated DELETE that may have succeeded: it needs none.

        Raises:
            NotSent, OutcomeUnknown, ForeignAnswer, ApiError: There is no next attempt.
        """
        method, idempotent, policy = self._method, self._idempotent, self._retries.policy
        error, asked = failure.error, failure.retry_after
        if self._is_unknown and method == "DELETE" and isinstance(error, NotFound) and failure.answer is not None:
            return failure.answer
        outcome = error.status if isinstance(error, ApiError) else error
        self._is_unknown = self._is_unknown or is_unknown(method, outcome)
        self._retries.hold(asked)
        now = self._retries.clock.now()
        pause = next_pause(policy, self.number, asked=asked, spent=0.0 if self._began is None else now - self._began)
        self._failed = _final(failure, repeatable=is_idempotent(method, idempotent=idempotent))
        if pause is None or not may_repeat(method, outcome, idempotent=idempotent):
            raise self._failed
        log.warning("%s: %s; attempt %d, again in %.1f s", self._call, error.problem, self.number, pause)
        self._tell(error.problem, pause, now)
        self.number += 1
        await self._retries.clock.sleep(pause)
        return None

    def _tell(self, reason: str, pause: float, now: float) -> None:
        if self._retries.emit.has_listener:
            from upcloud_sdk.events import Retry  # noqa: PLC0415 - takes 4 ms, and most clients do not need it

            self._retries.emit(Retry(at=now, call=self._call, attempt=self.number, reason=reason, pause=pause))


def _final(failure: Failure, *, repeatable: bool) -> Exception:
    """The final error of a call."""
    error = failure.error
    if not isinstance(error, ForeignAnswer):
        return error
    if not repeatable:
        return unknown_outcome(error)
    if error.status != HTTPStatus.TOO_MANY_REQUESTS:
        return error
    limited = RateLimited(error.call, status=error.status, message=error.problem)
    limited.retry_after, limited.__cause__ = failure.retry_after, error
    return limited


def unknown_outcome(foreign: ForeignAnswer) -> OutcomeUnknown:
    """The error of a call that must not be repeated, after an answer that is not from the API."""
    unknown = OutcomeUnknown(foreign.call, foreign.problem)
    unknown.__cause__ = foreign
    return unknown
