"""Buildbot builders and a scheduler that start the servers of a `Standby`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.buildbot._buildbot.api import BuilderSettings, BuildFactory, Nightly

if TYPE_CHECKING:
    from upcloud_sdk.placement import Standby


def standby_builders(standby: Standby) -> list[BuilderSettings]:
    """A builder for each worker of a `Standby`. Its builds do nothing, but they start the worker's server."""
    return [
        BuilderSettings(
            name=f"standby-{worker}",
            workernames=[worker],
            factory=BuildFactory(),
            tags=["standby"],
            description="Keeps a server of this worker up during the working day",
        )
        for worker in standby.workers
    ]


def standby_scheduler(standby: Standby, name: str = "standby") -> Nightly:
    """A `Nightly` that requests a build of each of these builders at `start`, and each hour until `end`.

    So a lost server is replaced within the hour. A busy worker is not disturbed.
    """
    starts, ends = standby.starts, standby.ends
    last = ends.hour if ends.minute > starts.minute else ends.hour - 1
    return Nightly(
        name=name,
        builderNames=[f"standby-{worker}" for worker in standby.workers],
        minute=starts.minute,
        hour=list(range(starts.hour, max(starts.hour, last) + 1)),
        dayOfWeek=sorted(set(standby.days)),
    )
