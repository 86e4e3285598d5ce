"""Who may be repeated, and when: pure functions over values."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from upcloud_sdk.errors import ForeignAnswer, NotSent, OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk.events import Retry

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
TRANSIENT = frozenset({500, 502, 503, 504})
PASSING = TRANSIENT | {408, 429}
"""Statuses of a page in other words than the API's, which the next attempt may be spared."""

Outcome = int | NotSent | OutcomeUnknown | ForeignAnswer
"""What became of an attempt: an HTTP status in the API's own words, or why there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When a call is sent again.

    | what happened                         | GET, PUT, DELETE | POST, PATCH |
    |---------------------------------------|------------------|-------------|
    | could not connect: certainly not sent | again            | again       |
    | the certificate is not trusted, or    | never            | never       |
    | the proxy wants a password            |                  |             |
    | 429: refused before it had an effect  | again            | again       |
    | 500, 502, 503, 504                    | again            | never       |
    | no answer, or only part of one        | again            | never       |
    | 408, 429 or one of these 5xx, but not | again            | never       |
    | in the API's own words                |                  |             |
    | any other answer                      | never            | never       |

    A `Retry-After` of a 429 or a 503 is obeyed as it is, by all calls of the client, which then leave one after the
    other; one of no time is no pause. One that is longer than `longest_retry_after` is not waited for: the call fails
    with `RateLimited` or `ServerFault`.
    A DELETE that was repeated after an unknown outcome and then finds nothing has succeeded.
    Pauses double from `first_pause` to `longest_pause`, each shortened by a random share of up to `jitter`.
    """

    attempts: int = 5
    """How often a call is sent at most; 1 never repeats."""
    first_pause: float = 0.5
    """Seconds before the first repetition."""
    longest_pause: float = 8.0
    """Seconds that pauses grow to."""
    jitter: float = 0.25
    """The largest share by which chance shortens a pause, 0 to 1."""
    longest_retry_after: float = 60.0
    """The longest `Retry-After` that is waited for, seconds."""
    budget: float = 90.0
    """Seconds after its first turn to be sent at which a call is not sent again: a dead API fails in bounded time.

    What others were told to wait for counts, too: a call that would have to wait for longer is not sent (`NotSent`).
    """
    on_retry: Callable[[Retry], None] | None = None
    """Called before each repetition's pause; `UpCloud(on_event=...)` is told of it too."""

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError("RetryPolicy.attempts is at least 1: the first attempt counts")
        if not 0 <= self.jitter <= 1:
            raise ValueError("RetryPolicy.jitter is a share, 0 to 1")
        if min(self.first_pause, self.longest_pause, self.longest_retry_after, self.budget) < 0:
            raise ValueError("RetryPolicy's pauses and budget are seconds, 0 or more")

    def pause(self, attempt: int) -> float:
        """Seconds to wait after the attempt of this number, counted from 1."""
        full: float = min(self.longest_pause, self.first_pause * 2 ** min(attempt - 1, 30))
        return full * (1 - self.jitter * random.random())  # noqa: S311 - spreads load, keeps no secret


def next_pause(policy: RetryPolicy, attempt: int, *, asked: float | None, spent: float) -> float | None:
    """Seconds until a call is sent again after the attempt of this number; None if it is not.

    `asked`: what the API asks to wait for. `spent`: seconds of the budget that are used up.
    """
    if attempt >= policy.attempts or (asked is not None and asked > policy.longest_retry_after):
        return None
    # No time, or one that is over, is no pause.
    pause = asked or policy.pause(attempt)
    return pause if spent + pause <= policy.budget else None


def is_idempotent(method: str, *, idempotent: bool | None = None) -> bool:
    """Whether a second effect of a call is the same as the first."""
    return method in IDEMPOTENT if idempotent is None else idempotent


def may_repeat(method: str, outcome: Outcome, *, idempotent: bool | None = None) -> bool:
    """Whether a call may be sent again: it had no effect, or a second effect is the same as the first.

    `idempotent` overrides what the method says: deleting "rule 1" twice deletes two rules.
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
    """Whether an attempt may have had its effect although it did not answer so."""
    return method not in {"GET", "HEAD"} and _proves_nothing(outcome)


def read_retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks for: a number, or a date against `now` (Unix time)."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    # "-0000" is UTC too, but comes without a zone.
    aware = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max(0.0, aware.timestamp() - now)
