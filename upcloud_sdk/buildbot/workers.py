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
    """Make several workers that differ in their names only: `name` and a number, from 1.

    All other arguments are those of one worker. Each worker has its own password unless one is given. The server group
    of `anti_affinity` is created with the first server and stays: it costs nothing.

    Args:
        count: How many workers.
        name: The first part of their names.
        *args: Positional arguments of each worker.
        anti_affinity: Run their servers on different hosts: always ("strict": without a free host a server does not
            start, and its build is tried again), or if possible ("yes").
        **kwargs: Arguments of each worker.

    Raises:
        ValueError: `count` is below 1; `anti_affinity` is another word, or is given with `server_group`.
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
