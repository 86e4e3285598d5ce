"""Many workers from one definition."""

from __future__ import annotations

from typing import Any, Literal

from upcloud_sdk.buildbot.worker import UpcloudLatentWorker
from upcloud_sdk.models import ServerGroupSpec


def upcloud_workers(
    count: int,
    name: str,
    *args: Any,  # noqa: ANN401 - the worker's own
    anti_affinity: Literal["strict", "yes"] | None = None,
    **kwargs: Any,  # noqa: ANN401 - the same
) -> list[UpcloudLatentWorker]:
    """So many workers that differ in their names only: `name` with a number behind it, from 1.

    The rest is what one worker takes. Each has a password of its own unless one is given. With `anti_affinity` their
    servers are in one group of this policy, and run on different hosts: always ("strict": a server that finds no host
    of its own does not start, and its build is tried again), or where that can be ("yes"). The group is made for the
    first server, and stays: it costs nothing.

    Raises:
        ValueError: `count` is below 1; `anti_affinity` is none of the above, or given beside `server_group`.
    """
    if count < 1:
        raise ValueError(f"{count} workers: give 1 or more")
    if anti_affinity is not None:
        if anti_affinity not in {"strict", "yes"}:
            raise ValueError(f"anti_affinity is 'strict', 'yes' (best effort) or None, not {anti_affinity!r}")
        if kwargs.get("server_group") is not None:
            raise ValueError("server_group and anti_affinity both say which group servers join: give one of them")
        kwargs["server_group"] = ServerGroupSpec(title=f"buildbot-{name}", anti_affinity=anti_affinity)
    return [UpcloudLatentWorker(f"{name}-{number}", *args, **kwargs) for number in range(1, count + 1)]
