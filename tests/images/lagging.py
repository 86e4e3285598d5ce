"""A cloud whose lists show the state of some time ago, and processes that end in the middle of a bake there."""

from __future__ import annotations

import copy
import os
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal

import anyio
import httpx

from tests.fleet.programs.test_missing_fields import Edited
from tests.images.baking import RECIPE, ZONE, complete_images
from tests.moved_time import MovedCloud, MovedTransport
from upcloud_sdk._identity import RUN
from upcloud_sdk.errors import UpCloudError
from upcloud_sdk.simulator.state.faults import Faults

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from upcloud_sdk.simulator.records.records import Storage

ZONES = [ZONE, "de-fra1"]
USUAL: dict[str, Any] = {"boot_seconds": 33, "stop_seconds": 16, "storage_seconds": 17}
LENGTH = 160
"""Seconds of a bake in two zones with these times, and a little more."""

STEP = int(os.environ.get("CUTPOINTS_STEP", "1"))
"""1 tries each second, answer and field; 10 only one of ten. For `make cutpoints-images`."""

LOST: dict[str, Any] = {"after_effect": True, "drop": True}


class Lists:
    """The servers and storages of a simulator as they were before."""

    def __init__(self, moved: MovedCloud, lag: float) -> None:
        self._moved, self._lag = moved, lag
        self._seen: list[tuple[float, dict[str, Any], dict[str, Any]]] = [(0.0, {}, {})]

    def note(self) -> None:
        sim = self._moved.sim
        sim.settle()
        self._seen.append((self._moved.hand.now(), copy.deepcopy(dict(sim.servers)), copy.deepcopy(sim.storages)))

    def old(self) -> tuple[dict[str, Any], dict[str, Any]]:
        when = self._moved.hand.now() - self._lag
        _, servers, storages = next(each for each in reversed(self._seen) if each[0] <= when)
        return servers, storages


class LaggingTransport(MovedTransport):
    """The transport of a process. Its lists are old. A process that is killed sends nothing more."""

    def __init__(self, moved: MovedCloud, lists: Lists) -> None:
        super().__init__(moved.sim, moved.clock)
        self._lists = lists
        self.is_dead = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.is_dead:
            await anyio.sleep_forever()
        answer = await super().handle_async_request(request)
        if self.is_dead:
            await anyio.sleep_forever()
        return answer

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self._lists.note()
        answer = await super()._answer(request)
        self._lists.note()
        if answer.status_code == 200 and request.method == "GET" and request.url.path.removeprefix("/1.3") in LISTS:
            return self._old(request, answer)
        return answer

    def _old(self, request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        """The answer to this request as it was some time ago."""
        sim, headers = self._sim, {name.lower(): value for name, value in request.headers.items()}
        now, (sim.servers, sim.storages) = (sim.servers, sim.storages), self._lists.old()
        faults, sim.faults = sim.faults, Faults(sim.random)
        body = b""
        try:
            next(sim.exchange(request.method, request.url.raw_path.decode(), headers, request.content))
        except StopIteration as end:
            body = end.value.body
        finally:
            (sim.servers, sim.storages), sim.faults = now, faults
            sim.requests.pop()
        return httpx.Response(200, headers=answer.headers, content=body, request=request)


LISTS = {"/server", "/storage", "/storage/private", "/storage/template", "/storage/normal/private"}


@asynccontextmanager
async def lagging(lag: float) -> AsyncGenerator[tuple[MovedCloud, Lists]]:
    """A cloud whose lists are this many seconds old."""
    async with MovedCloud.open(**USUAL) as moved:
        yield moved, Lists(moved, lag)


async def ended(
    how: Literal["Ctrl-C", "SIGKILL"], second: float, lag: float, *, lost: int | None = None
) -> list[Storage]:
    """End a bake at this second, reap once, and check that all storages are complete images. Returns them.

    `lost`: the number of a request whose answer is lost.
    """
    async with lagging(lag) as (moved, lists):
        transport = LaggingTransport(moved, lists)
        if lost is not None:
            moved.sim.fail("*", skip=lost, **LOST)
        run, RUN.id = RUN.id, "a-dead-run"
        try:
            async with anyio.create_task_group() as group:
                over = anyio.Event()

                async def bake() -> None:
                    with suppress(UpCloudError):
                        async with moved.client(
                            transport=transport, close_timeout=600 if how == "Ctrl-C" else 0.1
                        ) as cloud:
                            with moved.clock.limit(second if how == "Ctrl-C" else 10_000):
                                await cloud.images.bake(RECIPE, zones=ZONES)
                    over.set()

                group.start_soon(bake)
                if how == "SIGKILL":
                    await moved.later(second)
                    transport.is_dead = True
                    group.cancel_scope.cancel()
                else:
                    await over.wait()
        finally:
            RUN.id = run
        moved.sim.faults.clear()
        await moved.later(lag + 70)
        async with moved.client(transport=LaggingTransport(moved, lists)) as cloud:
            report = await cloud.leases.reap(exclusive=True)
            assert report.failed == {}
        return complete_images(moved)


class EditedAnswer(Edited):
    """Changes the answer to the first `wanted` request."""

    wanted = ""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if f"{request.method} {request.url.path.removeprefix('/1.3')}" == self.wanted:
            self.number, self.wanted = len(self.documents), ""
        return await super().handle_async_request(request)
