"""Building blocks for CI adapters: servers of jobs, and what they share, record and cost.

Independent of any CI system. `upcloud_sdk.buildbot` is built on it, and adapters for other systems can be. What is in
`servers.check`, `money.reconciliation`, `record.life` and `web` is imported from there.
"""

from __future__ import annotations

from upcloud_sdk.ci.account.cache import AccountCache
from upcloud_sdk.ci.account.event_router import EventRouter, sentence_of, server_of
from upcloud_sdk.ci.account.images import ChosenImage, RecipeImages
from upcloud_sdk.ci.account.open_account import OpenAccount
from upcloud_sdk.ci.account.permanent import is_permanent
from upcloud_sdk.ci.account.reaper import PacedReaper, ReapPace
from upcloud_sdk.ci.money.price import Quote, price_of
from upcloud_sdk.ci.record.changes import BuildChange, Phase, ServerChange
from upcloud_sdk.ci.record.claims import Claim, Limits, Refused
from upcloud_sdk.ci.record.database import RecordProblem
from upcloud_sdk.ci.record.live import LeftDisk, LiveServer, LiveView
from upcloud_sdk.ci.record.record import Record, View
from upcloud_sdk.ci.record.recorded import RecordedBuild, RecordedServer
from upcloud_sdk.ci.servers.choice import LeastSize, PossibleServers, ServerChoice
from upcloud_sdk.ci.servers.fresh_disk import FreshDisk
from upcloud_sdk.ci.servers.job_server import JobServer

__all__ = [
    "AccountCache",
    "BuildChange",
    "ChosenImage",
    "Claim",
    "EventRouter",
    "FreshDisk",
    "JobServer",
    "LeastSize",
    "LeftDisk",
    "Limits",
    "LiveServer",
    "LiveView",
    "OpenAccount",
    "PacedReaper",
    "Phase",
    "PossibleServers",
    "Quote",
    "ReapPace",
    "RecipeImages",
    "Record",
    "RecordProblem",
    "RecordedBuild",
    "RecordedServer",
    "Refused",
    "ServerChange",
    "ServerChoice",
    "View",
    "is_permanent",
    "price_of",
    "sentence_of",
    "server_of",
]
