"""Processes that are killed in the middle of a bake."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from tests.images.baking import RECIPE, ZONE
from tests.moved_time import MovedCloud, MovedTransport
from upcloud_sdk._identity import RUN
from upcloud_sdk.errors import UpCloudError

if TYPE_CHECKING:
    import httpx
    import pytest

ZONES = [ZONE, "de-fra1"]


class DyingTransport(MovedTransport):
    """The transport of a process that is killed at a request that changes something: before or after its effect."""

    def __init__(self, moved: MovedCloud, number: int, *, after: bool) -> None:
        super().__init__(moved.sim, moved.clock)
        self.left, self.after = number, after
        self.killed = anyio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.killed.is_set():
            await anyio.sleep_forever()
        if request.method != "GET":
            self.left -= 1
            if self.left < 0:
                if self.after:
                    await super().handle_async_request(request)
                self.killed.set()
                await anyio.sleep_forever()
        return await super().handle_async_request(request)


async def killed_in(moved: MovedCloud, number: int, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> bool:
    """Run a bake whose process dies at the request with this number. False if there was no such request."""
    transport = DyingTransport(moved, number, after=after)
    ended = False
    with monkeypatch.context() as patch:
        patch.setattr(RUN, "id", "a-dead-run")
        async with anyio.create_task_group() as group:

            async def bake() -> None:
                nonlocal ended
                # A killed process reports nothing.
                with suppress(UpCloudError):
                    async with moved.client(transport=transport, close_timeout=0.1) as cloud:
                        await cloud.images.bake(RECIPE, zones=ZONES)
                        ended = True
                transport.killed.set()

            group.start_soon(bake)
            await transport.killed.wait()
            group.cancel_scope.cancel()
    return not ended
