"""Computes what past builds would have cost with other policies, by a simulation with its own clock."""

from __future__ import annotations

from upcloud_sdk.replay.engine import Outcome, Policy, play, usual_policies
from upcloud_sdk.replay.optimum import busy_hours, fewest_hours, most_at_once
from upcloud_sdk.replay.picture import draw
from upcloud_sdk.replay.trace import Build, Trace, UnreadableTrace, builds_of_buildbot, read_csv, trace_of

__all__ = [
    "Build",
    "Outcome",
    "Policy",
    "Trace",
    "UnreadableTrace",
    "builds_of_buildbot",
    "busy_hours",
    "draw",
    "fewest_hours",
    "most_at_once",
    "play",
    "read_csv",
    "trace_of",
    "usual_policies",
]
