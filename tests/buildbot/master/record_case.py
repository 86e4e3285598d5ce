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
from upcloud_sdk._identity import RUN
from upcloud_sdk.buildbot.master.service import UpcloudService
from upcloud_sdk.buildbot.www.live import live_view
from upcloud_sdk.ci.record.queries import servers_known

if TYPE_CHECKING:
    from upcloud_sdk.ci import LiveView, RecordedServer


class RecordCase(MasterCase):
    async def service(self) -> UpcloudService:
        return await UpcloudService.of(self.master)

    async def history(self) -> list[RecordedServer]:
        return await (await self.service()).record.ask(servers_known)

    async def phases(self) -> list[str]:
        """Of the servers that are up."""
        return [str(server.phase) for server in (await self.service()).record.view.servers]

    async def view(self) -> LiveView:
        return await live_view(await self.service())

    async def all_gone(self) -> list[RecordedServer]:
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
