"""How a change of state goes on: after some time, after some polls, never, or into `error`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from upcloud_sdk.simulator.records.records import Server


@dataclass(frozen=True, slots=True)
class Progress:
    """Made by `after_seconds`, `after_polls`, `never` and `to_error`."""

    seconds: float | None = None
    polls: int | None = None
    state: str = "started"
    error_seconds: float | None = None


Boot = Progress | Callable[[Server], Progress]


def after_seconds(seconds: float) -> Progress:
    """The server starts so many seconds of the clock later."""
    return Progress(seconds=seconds)


def after_polls(polls: int) -> Progress:
    """The server starts when it has been read so often, alone or in a list."""
    return Progress(polls=polls)


def never() -> Progress:
    """The server stays in `maintenance`."""
    return Progress()


def to_error(seconds: float = 0, *, leaves_after: float | None = None) -> Progress:
    """The server ends in `error`, and `leaves_after` seconds later in `stopped` (None: never)."""
    return Progress(seconds=seconds, state="error", error_seconds=leaves_after)
