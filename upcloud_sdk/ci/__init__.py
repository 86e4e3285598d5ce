"""What an adapter for a CI system shares among its workers: cached answers, a reaper at a pace, a limit of servers.

It knows no CI system. `upcloud_sdk.buildbot` is built on it; an adapter for another one can be, too.
"""

from __future__ import annotations

from upcloud_sdk.ci.cache import AccountCache
from upcloud_sdk.ci.permanent import is_permanent
from upcloud_sdk.ci.reaper import PacedReaper, ReapPace
from upcloud_sdk.ci.server_limit import ServerLimit

__all__ = ["AccountCache", "PacedReaper", "ReapPace", "ServerLimit", "is_permanent"]
