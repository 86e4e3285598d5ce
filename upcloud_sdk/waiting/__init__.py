"""Waiting: its policy, waits with timeouts, and the watcher that all waits of a client share."""

from __future__ import annotations

from upcloud_sdk._tasks import Clock, LoopClock
from upcloud_sdk.waiting.policy import (
    WaitPolicy,
    check_number,
    fails_on_error,
    poll,
    read_once,
    reads_once,
)

__all__ = ["Clock", "LoopClock", "WaitPolicy", "check_number", "fails_on_error", "poll", "read_once", "reads_once"]
