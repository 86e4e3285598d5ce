"""How servers boot: after some time, after some polls, never, or into `error`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from upcloud_sdk.simulator.records.records import Server


@dataclass(frozen=True, slots=True)
class Progress:
    """How a server boots. Made by `after_seconds`, `after_polls`, `never` and `to_error`."""

    seconds: float | None = None
    polls: int | None = None
    state: str = "started"
    error_seconds: float | None = None


Boot = Progress | Callable[[Server], Progress]


def after_seconds(seconds: float) -> Progress:
    """The server starts after this many seconds of the clock."""
    return Progress(seconds=seconds)


def after_polls(polls: int) -> Progress:
    """The server starts after it was read this many times, alone or in a list."""
    return Progress(polls=polls)


def never() -> Progress:
    """The server stays in `maintenance`."""
    return Progress()


def to_error(seconds: float = 0, *, leaves_after: float | None = None) -> Progress:
    """The server ends in `error`, and `leaves_after` seconds later in `stopped` (None: never)."""
    return Progress(seconds=seconds, state="error", error_seconds=leaves_after)
