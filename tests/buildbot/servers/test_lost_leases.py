"""Somebody keeps, takes or deletes the server of a worker: its build logs it, and the server is left alone.

Tests marked `full` run in `make races`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from twisted.internet import defer, threads

from tests.buildbot._types import RETRY, SUCCESS
from tests.buildbot.harness import MasterCase, pause, until
from tests.buildbot.recorded import read_record
from upcloud_sdk import Basic, UpCloud
from upcloud_sdk.buildbot import PaidHour
from upcloud_sdk.models.ownership import LEASE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.buildbot.harness import Outcome
    from tests.buildbot.quick import QuickWorker
    from upcloud_sdk.simulator.records.records import Server


class LostLeases(MasterCase):
    async def by_somebody(self, deed: Callable[[UpCloud], Awaitable[object]]) -> None:
        """Run an operation of somebody else with access to the account."""

        async def do() -> None:
            async with UpCloud(Basic("user", "secret-password"), base_url=self.url, owner="somebody") as cloud:
                await deed(cloud)

        await threads.deferToThread(partial(anyio.run, do))

    async def keep(self, server: Server) -> None:
        await self.by_somebody(lambda cloud: cloud.leases.keep(server.uuid))

    async def take(self, server: Server) -> None:
        await self.by_somebody(lambda cloud: cloud.leases.take(server.uuid, 3600))

    def lose(self, server: Server) -> None:
        """The server is deleted, and its guest's connection stays open for a while."""
        with self.cloud.lock:
            for device in server.devices:
                self.cloud.storages.pop(device.storage or "", None)
            del self.cloud.servers[server.uuid]

    def check_left_alone(self, server: Server) -> None:
        """Check that the server runs as before. Then remove it, so that the test leaves nothing."""
        assert self.cloud.servers[server.uuid].state == "started"
        assert self.cloud.count(f"POST /server/{server.uuid}/stop") == 0
        self.lose(server)

    async def kept_while_it_builds(self, bot: QuickWorker) -> tuple[defer.Deferred[Outcome], Server, Path]:
        """Run a build until the file exists, while somebody keeps its server."""
        gate = self.gate()
        await self.start_master(bot, steps=[until(gate)])
        building = defer.ensureDeferred(self.build())
        server = await self.server_in("started")
        while not bot.is_building:
            await pause()
        await self.keep(server)
        return building, server, gate

    async def no_server(self, bot: QuickWorker) -> None:
        while bot.has_server:
            await pause()

    async def reason(self) -> str:
        """The reason for the end of the first server, in the master's record."""
        while True:
            server = next(iter(read_record(Path(self.master.basedir)).values()), None)
            if server is not None and server.gone is not None:
                return str(server.error)
            await pause()

    async def test_a_build_whose_server_is_kept_ends_on_it_and_says_so_and_the_next_gets_another(self) -> None:
        self.serve()
        bot = self.worker(build_wait_timeout=3600)
        building, server, gate = await self.kept_while_it_builds(bot)
        bot.renew_lease()
        while not bot.is_outdated:
            await pause()
        assert bot.is_building
        gate.touch()
        outcome = await building
        assert outcome.results == [SUCCESS]
        assert f"the lease of server {server.uuid} is lost" in outcome.logs
        await self.no_server(bot)
        assert "somebody ended it" in await self.reason()
        assert (await self.build()).properties["upcloud_uuid"] != server.uuid
        self.check_left_alone(server)

    async def test_an_idle_server_that_somebody_took_is_let_go_at_once(self) -> None:
        self.serve()
        bot = self.worker(build_wait_timeout=-1)
        await self.start_master(bot)
        await self.build()
        [server] = self.cloud.servers.values()
        await self.take(server)
        bot.renew_lease()
        await self.no_server(bot)
        while bot.conn is not None:
            await pause()
        self.check_left_alone(server)

    async def test_a_kept_server_is_left_alone_before_a_renewal_has_noticed(self) -> None:
        self.serve()
        bot = self.worker()
        building, server, gate = await self.kept_while_it_builds(bot)
        bot.let_pass(600)
        gate.touch()
        assert (await building).results == [SUCCESS]
        await self.no_server(bot)
        assert f"server {server.uuid} is not destroyed" in await self.reason()
        self.check_left_alone(server)

    @pytest.mark.full
    async def test_a_server_that_is_kept_in_its_first_minutes_is_started_again(self) -> None:
        """A read before the stop would cost each short build one more request."""
        self.serve(boot_seconds=0.05)
        bot = self.worker()
        building, server, gate = await self.kept_while_it_builds(bot)
        gate.touch()
        assert (await building).results == [SUCCESS]
        assert f"server {server.uuid} is not destroyed" in await self.reason()
        assert self.cloud.count("POST /server/{uuid}/start") == 1
        await self.server_in("started")
        assert LEASE not in server.labels
        self.lose(server)

    @pytest.mark.full
    async def test_a_build_whose_server_is_gone_is_tried_again_though_its_connection_is_open(self) -> None:
        self.serve()
        gate, bot = self.gate(), self.worker()
        await self.start_master(bot, steps=[until(gate)])
        building = defer.ensureDeferred(self.build())
        server = await self.server_in("started")
        while not await self.master.data.get(("builds", 1, "steps", 1, "logs")):
            await pause()
        self.lose(server)
        bot.renew_lease()
        while self.cloud.count("POST /server") == 1:
            await pause()
        gate.touch()
        outcome = await building
        assert outcome.results == [RETRY, SUCCESS]
        assert f"the lease of server {server.uuid} is lost, and not renewed any more: it is gone" in outcome.logs

    @pytest.mark.full
    async def test_a_server_that_is_taken_before_its_guest_attaches_is_used_once(self) -> None:
        self.serve()
        self.guests.attaches = False
        bot = self.worker(build_wait_timeout=3600)
        await self.start_master(bot)
        building = defer.ensureDeferred(self.build())
        server = await self.server_in("started")
        await self.take(server)
        bot.renew_lease()
        while not bot.is_outdated:
            await pause()
        self.guests.connect(server.uuid, str(server.user_data))
        outcome = await building
        assert outcome.results == [SUCCESS]
        assert f"the lease of server {server.uuid} is lost" in outcome.logs
        await self.no_server(bot)
        self.check_left_alone(server)

    @pytest.mark.full
    async def test_a_kept_server_is_not_switched_off_for_a_fresh_disk(self) -> None:
        self.serve()
        bot = self.worker(build_wait_timeout=PaidHour(), fresh_disk=True)
        building, server, gate = await self.kept_while_it_builds(bot)
        gate.touch()
        assert (await building).results == [SUCCESS]
        await self.no_server(bot)
        self.check_left_alone(server)

    @pytest.mark.full
    async def test_a_server_that_is_kept_while_switched_off_keeps_its_disk(self) -> None:
        self.serve()
        bot = self.worker(build_wait_timeout=PaidHour(), fresh_disk=True)
        await self.start_master(bot)
        await self.build()
        server = await self.server_in("stopped")
        [disk] = self.cloud.storages
        await self.keep(server)
        outcome = await self.build()
        assert outcome.results == [SUCCESS]
        assert outcome.properties["upcloud_uuid"] != server.uuid
        assert disk in self.cloud.storages
        assert self.cloud.servers[server.uuid].state == "stopped"
        self.lose(server)
