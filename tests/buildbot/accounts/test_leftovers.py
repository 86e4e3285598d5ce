"""Leftover servers of a master's last run are destroyed at the start, and their guests take no build."""

from __future__ import annotations

import json
from functools import partial
from typing import Any
from unittest import mock

import anyio
from twisted.internet import defer, threads

from tests.buildbot._types import SUCCESS, ForceScheduler, UnauthorizedLogin
from tests.buildbot.harness import MasterCase, pause
from tests.buildbot.quick import QuickWorker
from tests.moved_time import server_spec
from upcloud_sdk import Basic, UpCloud
from upcloud_sdk._identity import RUN
from upcloud_sdk.buildbot._buildbot.api import States
from upcloud_sdk.ci import ReapPace


class Leftovers(MasterCase):
    def setUp(self) -> None:
        super().setUp()
        pace = mock.patch.object(QuickWorker, "reaps", ReapPace(retry=0.05))
        pace.start()
        self.addCleanup(pace.stop)

    def configuration(self, *workers: QuickWorker, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - the harness's
        """A single master with its own owner."""
        config = super().configuration(*workers, **options)
        scheduler = ForceScheduler(name="force", builderNames=["any", *(worker.name for worker in workers)])
        return {**config, "multiMaster": False, "schedulers": [scheduler]}

    async def an_earlier_run_leaves_a_server(self) -> None:
        async def leave() -> None:
            async with UpCloud(
                Basic("user", "secret-password"), base_url=self.url, owner="ci", waits=QuickWorker.waits
            ) as cloud:
                await cloud.servers.create(server_spec(), lease=3600)

        self.guests.attaches = False
        with mock.patch.object(RUN, "id", "an-earlier-run"):
            await threads.deferToThread(partial(anyio.run, leave))

    async def none_left(self) -> None:
        while self.cloud.servers:
            await pause()

    async def test_a_server_of_an_earlier_run_is_destroyed_at_the_start(self) -> None:
        self.serve(boot_seconds=0.05)
        await self.an_earlier_run_leaves_a_server()
        await self.start_master(self.worker(owner="ci"))
        await self.none_left()

    async def test_the_first_build_waits_until_the_server_of_an_earlier_run_is_destroyed(self) -> None:
        self.serve(boot_seconds=0.05)
        await self.an_earlier_run_leaves_a_server()
        await self.server_in("started")
        self.guests.attaches = True
        self.cloud.fail("GET /server", status=503, times=None)
        await self.start_master(self.worker(owner="ci", password="fixed"))
        building = defer.ensureDeferred(self.build())
        worker = self.master.workers.workers["bot"]
        while worker.state is not States.SUBSTANTIATING_STARTING:
            await pause()
        login = {"host": "127.0.0.1", "port": worker.registration.getPBPort(), "name": "bot", "passwd": "fixed"}
        self.guests.connect("an-old-guest", json.dumps(login))
        while not self.flushLoggedErrors(UnauthorizedLogin):
            await pause()
        assert len(self.cloud.servers) == 1
        self.guests.stop("an-old-guest", hard=True)
        self.cloud.faults.clear()
        assert (await building).results == [SUCCESS]
        order = [f"{call.method} {call.path.partition('?')[0]}" for call in self.cloud.requests]
        made, *_, made_next = [index for index, call in enumerate(order) if call == "POST /server"]
        destroyed = next(index for index, call in enumerate(order) if call.startswith("DELETE /server/"))
        assert made < destroyed < made_next
