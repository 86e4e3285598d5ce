"""A Buildbot worker on UpCloud servers. Needs the extra `buildbot`."""

from __future__ import annotations

import upcloud_sdk.buildbot._extra  # noqa: F401  # pyright: ignore[reportUnusedImport]  # first: says what is missing
from upcloud_sdk.buildbot.bootstrap import Bootstrap
from upcloud_sdk.buildbot.worker import UpcloudLatentWorker
from upcloud_sdk.buildbot.workers import upcloud_workers
from upcloud_sdk.placement import Budget, PaidHour

__all__ = ["Bootstrap", "Budget", "PaidHour", "UpcloudLatentWorker", "upcloud_workers"]
