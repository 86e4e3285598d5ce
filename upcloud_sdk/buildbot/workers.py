"""Many workers from one definition."""

from __future__ import annotations

from typing import Any

from upcloud_sdk.buildbot.worker import UpcloudLatentWorker


def upcloud_workers(count: int, name: str, *args: Any, **kwargs: Any) -> list[UpcloudLatentWorker]:  # noqa: ANN401 - the worker's own
    """So many workers that differ in their names only: `name` with a number behind it, from 1.

    The rest is what one worker takes. Each has a password of its own unless one is given; put `server_group=` with
    the uuid of a group of strict or best-effort anti-affinity, and their servers run on different hosts.

    Raises:
        ValueError: `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"{count} workers: give 1 or more")
    return [UpcloudLatentWorker(f"{name}-{number}", *args, **kwargs) for number in range(1, count + 1)]
