"""Building blocks for CI adapters, shared by all workers: cached answers, a reaper, a server limit, a server record.

Independent of any CI system. `upcloud_sdk.buildbot` is built on it, and adapters for other systems can be.
"""

from __future__ import annotations

from upcloud_sdk.ci.cache import AccountCache
from upcloud_sdk.ci.costs import Billed, Costs
from upcloud_sdk.ci.event_router import EventRouter, server_of
from upcloud_sdk.ci.fresh_disk import FreshDisk
from upcloud_sdk.ci.images import ChosenImage, RecipeImages
from upcloud_sdk.ci.live import LeftDisk, LiveServer, LiveView, left_disks, live_servers
from upcloud_sdk.ci.permanent import is_permanent
from upcloud_sdk.ci.reaper import PacedReaper, ReapPace
from upcloud_sdk.ci.record import BuildRecord, RecordReader, ServerRecord
from upcloud_sdk.ci.server_limit import ServerLimit
from upcloud_sdk.ci.server_log import ServerEntry, ServerLog

__all__ = [
    "AccountCache",
    "Billed",
    "BuildRecord",
    "ChosenImage",
    "Costs",
    "EventRouter",
    "FreshDisk",
    "LeftDisk",
    "LiveServer",
    "LiveView",
    "PacedReaper",
    "ReapPace",
    "RecipeImages",
    "RecordReader",
    "ServerEntry",
    "ServerLimit",
    "ServerLog",
    "ServerRecord",
    "is_permanent",
    "left_disks",
    "live_servers",
    "server_of",
]
