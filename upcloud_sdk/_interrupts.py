"""Ctrl-C is for the program's own task, not for those that a client runs beside it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def protected(work: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
    """Keep Ctrl-C out of a task that is to be started with `work`: trio raises it in whichever task happens to run.

    It then comes to the program's own task, which waits for what we do. On asyncio that is so anyway.
    """
    trio = sys.modules.get("trio")
    if trio is None or not trio.lowlevel.in_trio_run():
        return work

    async def run(*args: Any) -> None:  # noqa: ANN401 - those of `work`
        await work(*args)

    guarded: Callable[..., Coroutine[Any, Any, None]] = trio.lowlevel.enable_ki_protection(run)
    return guarded
