"""A Buildbot worker on UpCloud servers. Needs the extra `buildbot`."""

from __future__ import annotations

import upcloud_sdk.buildbot._buildbot.extra  # noqa: F401  # pyright: ignore[reportUnusedImport]  # first: says what is missing
from upcloud_sdk import Recipe
from upcloud_sdk.buildbot.configuration.bootstrap import Bootstrap
from upcloud_sdk.buildbot.configuration.standby import standby_builders, standby_scheduler
from upcloud_sdk.buildbot.worker import UpcloudLatentWorker
from upcloud_sdk.buildbot.workers import upcloud_workers
from upcloud_sdk.placement import Budget, PaidHour, Standby

__all__ = [
    "Bootstrap",
    "Budget",
    "PaidHour",
    "Recipe",
    "Standby",
    "UpcloudLatentWorker",
    "standby_builders",
    "standby_scheduler",
    "upcloud_workers",
]
