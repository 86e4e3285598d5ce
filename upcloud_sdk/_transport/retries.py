"""Repeats calls according to the client's policy, and delays all calls after a `Retry-After`."""

from __future__ import annotations

import itertools
import logging
import math
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from upcloud_sdk._retry import is_idempotent, is_unknown, may_repeat, next_pause, read_retry_after
from upcloud_sdk.errors import ApiError, ForeignAnswer, NotFound, NotSent, OutcomeUnknown, RateLimited

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

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
    """Repeats the calls of one client."""

    def __init__(self, policy: RetryPolicy, clock: Clock, emit: Emitter) -> None:
        self.policy, self._clock, self._emit = policy, clock, emit
        self.forget()

    def forget(self) -> None:
        """Forget all delays."""
        self._held_until = self._last_turn = -math.inf

    async def run(
        self,
        call: str,
        method: str,
        attempt: Callable[[CallAttempts], Awaitable[Answer | Failure]],
        *,
        idempotent: bool | None = None,
    ) -> Answer:
        """Run a call until it succeeds. The 404 of a repeated DELETE that may have succeeded is returned too.

        `attempt` awaits `begin` before it sends.

        Raises:
            NotSent, OutcomeUnknown, ForeignAnswer, ApiError: The error of the last attempt.
        """
        attempts, unknown = CallAttempts(self, call), False
        for number in itertools.count(1):
            result = await attempt(attempts)
            if not isinstance(result, Failure):
                return result
            error, asked = result.error, result.retry_after
            if unknown and method == "DELETE" and isinstance(error, NotFound) and result.answer is not None:
                return result.answer
            outcome = error.status if isinstance(error, ApiError) else error
            unknown = unknown or is_unknown(method, outcome)
            self._hold(asked)
            pause = next_pause(self.policy, number, asked=asked, spent=attempts.spent())
            attempts.failed = _final(result, repeatable=is_idempotent(method, idempotent=idempotent))
            if pause is None or not may_repeat(method, outcome, idempotent=idempotent):
                raise attempts.failed
            await self._wait(call, number, error.problem, pause)
        raise AssertionError("unreachable: the count does not end")

    def _hold(self, asked: float | None) -> None:
        """Delay all calls of the client, not only this one."""
        if asked is not None and asked <= self.policy.longest_retry_after:
            self._held_until = max(self._held_until, self._clock.now() + asked)

    async def _wait(self, call: str, number: int, reason: str, pause: float) -> None:
        from upcloud_sdk.events import Retry  # noqa: PLC0415 - takes 4 ms, and most clients do not need it

        retry = Retry(at=self._clock.now(), call=call, attempt=number, reason=reason, pause=pause)
        log.warning("%s: %s; attempt %d, again in %.1f s", call, reason, number, pause)
        self._emit(retry)
        if self.policy.on_retry is not None:
            self.policy.on_retry(retry)
        await self._clock.sleep(pause)

    async def wait_for_turn(self, now: float, latest: float) -> float | None:
        """Wait until a call may be sent, and return that time. None if it would be after `latest`."""
        while True:
            turn = max(self._held_until, self._last_turn + SPACING)
            if turn <= now:
                return now
            if turn > latest:
                return None
            self._last_turn = turn
            await self._clock.sleep(turn - now)
            now = self._clock.now()
            # The API may have asked for a longer pause meanwhile.
            if self._held_until <= turn:
                return now

    def now(self) -> float:
        return self._clock.now()


class CallAttempts:
    """The attempts of one call. Its budget begins when the first attempt is sent."""

    def __init__(self, retries: Retries, call: str) -> None:
        self._retries, self._call = retries, call
        self._began: float | None = None
        self.failed: Exception | None = None
        """The error of the last attempt."""

    def spent(self) -> float:
        """Used seconds of the budget."""
        return 0.0 if self._began is None else self._retries.now() - self._began

    async def begin(self) -> float:
        """Wait until the call may be sent, and return that time.

        Raises:
            NotSent: The API asked other calls to wait (`Retry-After`), longer than this call can wait. After the first
                attempt, that attempt's error is raised instead.
        """
        now = self._retries.now()
        if self._began is None:
            self._began = now
        policy = self._retries.policy
        budget = policy.budget if self.failed else max(policy.budget, policy.longest_retry_after)
        left = await self._retries.wait_for_turn(now, self._began + budget)
        if left is None:
            problem = f"the API asks to wait (Retry-After) longer than {budget:g} s: not sent"
            raise self.failed or NotSent(self._call, problem)
        return left


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
