"""A test case for the record of a master and its view of running servers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from unittest import mock

import anyio
from twisted.internet import threads

from tests.buildbot.harness import MasterCase, pause
from tests.moved_time import server_spec
from upcloud_sdk import Basic, UpCloud
from upcloud_sdk.buildbot.master.service import UpcloudService
from upcloud_sdk.buildbot.www.live import live_view
from upcloud_sdk.ci.record import history
from upcloud_sdk.fleet.records.identity import RUN

if TYPE_CHECKING:
    from upcloud_sdk.ci import LiveView, ServerRecord


class RecordCase(MasterCase):
    def setUp(self) -> None:
        super().setUp()
        # On a busy machine, it may take longer until what was recorded is in the file.
        self.patch(history, "_FLUSH_WITHIN", self.timeout)

    async def service(self) -> UpcloudService:
        return await UpcloudService.of(self.master)

    async def history(self) -> list[ServerRecord]:
        return await (await self.service()).record.history()

    async def view(self) -> LiveView:
        return await live_view(await self.service())

    async def all_gone(self) -> list[ServerRecord]:
        while self.cloud.servers or any(server.gone is None for server in await self.history()):
            await pause(0.05)
        return await self.history()

    async def leave(self, owner: str, *, run: str) -> str:
        """Create a server as another process would."""

        async def make() -> str:
            async with UpCloud(Basic("user", "secret-password"), base_url=self.url, owner=owner) as cloud:
                return (await cloud.servers.create(server_spec(), lease=3600)).uuid

        self.guests.attaches = False
        with mock.patch.object(RUN, "id", run):
            return await threads.deferToThread(partial(anyio.run, make))
