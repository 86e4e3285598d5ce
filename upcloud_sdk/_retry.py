"""Which calls may be repeated, and when. Pure functions."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from upcloud_sdk.errors import ForeignAnswer, NotSent, OutcomeUnknown

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
TRANSIENT = frozenset({500, 502, 503, 504})
PASSING = TRANSIENT | {408, 429}
"""Retryable statuses of answers that are not in the API's format."""

Outcome = int | NotSent | OutcomeUnknown | ForeignAnswer
"""The result of an attempt: the HTTP status of the API's answer, or the error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When a call is sent again.

    | what happened                                                         | GET, PUT, DELETE | POST, PATCH |
    |-----------------------------------------------------------------------|------------------|-------------|
    | no connection: certainly not sent                                     | again            | again       |
    | the certificate is not trusted, or the proxy wants a password         | never            | never       |
    | 429: refused before it had an effect                                  | again            | again       |
    | 500, 502, 503, 504                                                    | again            | never       |
    | no answer, or only part of one                                        | again            | never       |
    | 408, 429 or one of these 5xx, but not in the API's format             | again            | never       |
    | any other answer                                                      | never            | never       |

    All calls of the client obey the `Retry-After` of a 429 or a 503, and are then sent one after the other. Zero is no
    pause. If it is longer than `longest_retry_after`, the call fails with `RateLimited` or `ServerFault`. If a DELETE
    is repeated after an unknown outcome and finds nothing, it has succeeded. Pauses double from `first_pause` to
    `longest_pause`, and each is shortened by a random part of up to `jitter`.
    """

    attempts: int = 5
    """Maximum number of attempts. 1: no retry."""
    first_pause: float = 0.5
    """Seconds before the first retry."""
    longest_pause: float = 8.0
    """The longest pause, in seconds."""
    jitter: float = 0.25
    """Each pause is shortened at random by up to this part, 0 to 1."""
    longest_retry_after: float = 60.0
    """The longest `Retry-After` to wait for, in seconds."""
    budget: float = 90.0
    """A call is not repeated later than this after its first attempt, in seconds.

    Pauses that the API requests for other calls count too: a call that would have to wait longer fails (`NotSent`).
    """

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError("RetryPolicy.attempts is at least 1: the first attempt counts")
        if not 0 <= self.jitter <= 1:
            raise ValueError("RetryPolicy.jitter is a number from 0 to 1")
        if min(self.first_pause, self.longest_pause, self.longest_retry_after, self.budget) < 0:
            raise ValueError("RetryPolicy's pauses and budget are in seconds: 0 or more")

    def pause(self, attempt: int) -> float:
        """Seconds to wait after this attempt, counted from 1."""
        full: float = min(self.longest_pause, self.first_pause * 2 ** min(attempt - 1, 30))
        return full * (1 - self.jitter * random.random())  # noqa: S311 - not for secrets


def next_pause(policy: RetryPolicy, attempt: int, *, asked: float | None, spent: float) -> float | None:
    """Seconds until the next attempt. None: no retry.

    `asked`: seconds that the API asks to wait. `spent`: used seconds of the budget.
    """
    if attempt >= policy.attempts or (asked is not None and asked > policy.longest_retry_after):
        return None
    # Zero or a past time is no pause.
    pause = asked or policy.pause(attempt)
    return pause if spent + pause <= policy.budget else None


def is_idempotent(method: str, *, idempotent: bool | None = None) -> bool:
    """Whether a call can be sent twice without a different result."""
    return method in IDEMPOTENT if idempotent is None else idempotent


def may_repeat(method: str, outcome: Outcome, *, idempotent: bool | None = None) -> bool:
    """Whether a call may be sent again: it had no effect, or it is idempotent.

    `idempotent` overrides the default of the HTTP method: deleting "rule 1" twice deletes two rules.
    """
    if isinstance(outcome, NotSent):
        return outcome.may_pass
    if outcome == 429:
        return True
    if not is_idempotent(method, idempotent=idempotent):
        return False
    if isinstance(outcome, ForeignAnswer):
        return outcome.status in PASSING
    return _proves_nothing(outcome)


def _proves_nothing(outcome: Outcome) -> bool:
    return isinstance(outcome, OutcomeUnknown | ForeignAnswer) or outcome in TRANSIENT


def is_unknown(method: str, outcome: Outcome) -> bool:
    """Whether an attempt without a usable answer may have had an effect."""
    return method not in {"GET", "HEAD"} and _proves_nothing(outcome)


def read_retry_after(value: str | None, now: float) -> float | None:
    """Seconds in a `Retry-After` header: a number, or a date relative to `now` (Unix time)."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    # "-0000" is UTC too, but is parsed without a time zone.
    aware = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max(0.0, aware.timestamp() - now)
