"""Building blocks for CI adapters: servers of jobs, and what they share, record and cost.

Independent of any CI system. `upcloud_sdk.buildbot` is built on it, and adapters for other systems can be. What
is in `server_check`, `reconciliation`, `life` and `web` is imported from there.
"""

from __future__ import annotations

from upcloud_sdk.ci.account import OpenAccount
from upcloud_sdk.ci.cache import AccountCache
from upcloud_sdk.ci.choice import LeastSize, PossibleServers, ServerChoice
from upcloud_sdk.ci.costs import Billed, Costs
from upcloud_sdk.ci.event_router import EventRouter, sentence_of, server_of
from upcloud_sdk.ci.fresh_disk import FreshDisk
from upcloud_sdk.ci.images import ChosenImage, RecipeImages
from upcloud_sdk.ci.job_server import JobServer
from upcloud_sdk.ci.live import LeftDisk, LiveServer, LiveView, left_disks, live_servers
from upcloud_sdk.ci.permanent import is_permanent
from upcloud_sdk.ci.price import Price, price_of
from upcloud_sdk.ci.reaper import PacedReaper, ReapPace
from upcloud_sdk.ci.record import BuildRecord, RecordReader, ServerRecord
from upcloud_sdk.ci.record_history import RecordHistory
from upcloud_sdk.ci.recorder import ServerRecorder
from upcloud_sdk.ci.server_limit import ServerLimit
from upcloud_sdk.ci.server_log import ServerEntry, ServerLog
from upcloud_sdk.ci.spending import Spending

__all__ = [
    "AccountCache",
    "Billed",
    "BuildRecord",
    "ChosenImage",
    "Costs",
    "EventRouter",
    "FreshDisk",
    "JobServer",
    "LeastSize",
    "LeftDisk",
    "LiveServer",
    "LiveView",
    "OpenAccount",
    "PacedReaper",
    "PossibleServers",
    "Price",
    "ReapPace",
    "RecipeImages",
    "RecordHistory",
    "RecordReader",
    "ServerChoice",
    "ServerEntry",
    "ServerLimit",
    "ServerLog",
    "ServerRecord",
    "ServerRecorder",
    "Spending",
    "is_permanent",
    "left_disks",
    "live_servers",
    "price_of",
    "sentence_of",
    "server_of",
]
