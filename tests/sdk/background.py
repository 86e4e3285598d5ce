"""An open `Background`, and work for it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from upcloud_sdk._background import Background

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


class Work:
    """Work that runs until the test ends it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun, self.may_end = anyio.Event(), anyio.Event()
        self.ended = False
        self.error = error

    async def __call__(self, _: object) -> str:
        self.begun.set()
        await self.may_end.wait()
        self.ended = True
        if self.error is not None:
            raise self.error
        return "value"


@asynccontextmanager
async def background(timeout: float = 60.0) -> AsyncGenerator[Background]:
    """An open background, closed at the end of the block."""
    tasks = Background()
    tasks.open()
    try:
        yield tasks
    finally:
        await tasks.close(timeout)
