"""Checks of UpCloud workers before their first build. They change nothing."""

from __future__ import annotations

from upcloud_sdk.buildbot.check.config import KnownWorker, UnreadableConfig, read_workers
from upcloud_sdk.buildbot.check.questions import check_workers
from upcloud_sdk.ci.servers.check import Finding

__all__ = ["Finding", "KnownWorker", "UnreadableConfig", "check_workers", "read_workers"]
