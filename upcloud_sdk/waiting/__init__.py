"""The pace of all waiting, waits with deadlines, and the one watcher that the waits of a client share."""

from __future__ import annotations

from upcloud_sdk.waiting.policy import Clock, LoopClock, WaitPolicy, fails_on_error, is_one_look, look_once, poll

__all__ = ["Clock", "LoopClock", "WaitPolicy", "fails_on_error", "is_one_look", "look_once", "poll"]
