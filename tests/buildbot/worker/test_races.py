"""Pairs of events of a worker at the same time. Each pair has failed once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet import defer

from tests.buildbot._types import CANCELLED, RETRY, SUCCESS, Interpolate, renderer
from tests.buildbot.harness import IMAGE, MasterCase, pause
from upcloud_sdk.buildbot._buildbot.api import States
from upcloud_sdk.buildbot._buildbot.private import is_lost
from upcloud_sdk.buildbot.current_server import CurrentServer
from upcloud_sdk.buildbot.master import service
from upcloud_sdk.simulator import never

if TYPE_CHECKING:
    from tests.buildbot.harness import Outcome
    from tests.buildbot.quick import QuickWorker
    from upcloud_sdk.buildbot._buildbot.api import Build

pytestmark = pytest.mark.full


def do_nothing() -> None:
    """Do nothing, as a replacement."""


class Cancelled(MasterCase):
    """Somebody cancels a build that has no server yet."""

    async def test_a_build_is_cancelled_while_its_server_starts(self) -> None:
        self.serve()
        self.cloud.boot_next(never())
        await self.start_master(self.worker())
        building = defer.ensureDeferred(self.build())
        server = await self.starting_server()
        await self.cancel(1)
        assert (await building).results == [CANCELLED]
        # Nobody can delete it before.
        self.cloud.break_server(server.uuid, leaves_after=0)
        while self.cloud.servers:
            await pause()
        assert (await self.build()).results == [SUCCESS]

    async def test_a_build_is_cancelled_while_its_create_is_answered_and_its_log_ends_with_it(self) -> None:
        self.serve()
        self.cloud.boot_next(never())
        self.cloud.fail("POST /server", delay=1, after_effect=True)
        destroy = CurrentServer.destroy

        async def destroy_when_it_has_appeared(current: CurrentServer) -> None:
            server = current.server
            while server is not None and server.details is None:
                await pause()
            await destroy(current)

        self.patch(CurrentServer, "destroy", destroy_when_it_has_appeared)
        await self.start_master(self.worker())
        building = defer.ensureDeferred(self.build())
        server = await self.starting_server()
        await self.cancel(1)
        # `build` waits until all logs are closed. Nobody can delete the server before.
        assert (await building).results == [CANCELLED]
        self.cloud.break_server(server.uuid, leaves_after=0)

    async def test_a_build_is_cancelled_while_the_last_server_stops_and_the_next_build_is_not(self) -> None:
        self.serve()
        # It stops for as long as this test wants.
        self.cloud.fail("POST /server/{uuid}/stop", status=503, times=None)
        bot = self.worker()
        await self.start_master(bot)
        await self.build()
        building = defer.ensureDeferred(self.build())
        while bot.state is not States.INSUBSTANTIATING_SUBSTANTIATING:
            await pause()
        await self.cancel(2)
        assert (await building).results == [CANCELLED]
        self.cloud.faults.clear()
        assert (await self.build()).results == [SUCCESS]
        assert self.cloud.count("POST /server") == 2

    async def a_login_that_waits(self) -> tuple[QuickWorker, defer.Deferred[Outcome], defer.Deferred[None]]:
        """The worker, a build that is stopped while its guest logs in, and what lets the login go on."""
        self.serve()
        bot = self.worker()
        await self.start_master(bot)
        known: defer.Deferred[None] = defer.Deferred()
        attaching: defer.Deferred[None] = defer.Deferred()

        def wait(**_: object) -> defer.Deferred[None]:
            # Also called when the price comes.
            if not attaching.called:
                attaching.callback(None)
            return known

        self.patch(self.master.data.updates, "workerConnected", wait)
        building = defer.ensureDeferred(self.build())
        await attaching
        while not bot.is_up:
            await pause()
        await self.cancel(1)
        while bot.state is States.SUBSTANTIATING_STARTING:
            await pause()
        return bot, building, known

    async def test_a_build_is_cancelled_while_its_worker_attaches_and_the_master_still_stops(self) -> None:
        bot, building, known = await self.a_login_that_waits()
        known.callback(None)
        assert (await building).results == [CANCELLED]
        while bot.conn is not None:
            await pause()

    async def test_a_build_is_cancelled_while_its_worker_attaches_and_hangs_up_and_the_master_still_stops(self) -> None:
        bot, building, known = await self.a_login_that_waits()
        conn = bot.conn
        assert conn is not None
        while not is_lost(conn):
            await pause()
        known.callback(None)
        assert (await building).results == [CANCELLED]
        while bot.conn is not None:
            await pause()

    async def test_a_build_is_cancelled_twice_and_the_start_for_the_next_build_is_not(self) -> None:
        self.serve()
        self.cloud.boot_next(never())
        bot = self.worker()
        await self.start_master(bot)
        building = defer.ensureDeferred(self.build())
        server = await self.starting_server()
        while not bot.knows_server:
            await pause()
        await self.cancel(1)
        await self.cancel(1)
        assert (await building).results == [CANCELLED]
        following = defer.ensureDeferred(self.build())
        while bot.state is not States.INSUBSTANTIATING_SUBSTANTIATING:
            await pause()
        self.let_start(server)
        assert (await following).results == [SUCCESS]
        assert self.cloud.count("POST /server") == 2


class Servers(MasterCase):
    async def test_no_build_joins_the_server_of_a_build_with_other_values_while_the_last_server_goes(self) -> None:
        self.serve()
        self.cloud.stop_seconds = 3
        bot = self.worker(image=Interpolate("%(prop:image)s"))
        await self.start_master(bot)
        first = defer.ensureDeferred(self.build(image=IMAGE))
        while bot.conn is None:
            await pause()
        # As with a guest that does not answer: its connection lasts as long as its server.
        bot.conn.loseConnection = do_nothing  # type: ignore[method-assign]  # for the time of the test
        await first
        images = {"bot": IMAGE, "any": "Ubuntu Server 24.04 LTS (Noble Numbat)"}
        outcomes = await defer.gatherResults(
            [defer.ensureDeferred(self.build(builder, image=image)) for builder, image in images.items()]
        )
        assert [outcome.properties["upcloud_image"] for outcome in outcomes] == list(images.values())

    async def test_a_server_that_stays_is_destroyed_when_its_worker_is_gone_for_good(self) -> None:
        self.serve()
        await self.start_master(self.worker(build_wait_timeout=-1))
        await self.build()
        self.config.update(self.configuration(self.worker(build_wait_timeout=-1, attach_timeout=2)))
        await self.master.reconfig()
        [server] = self.cloud.servers.values()
        self.guests.shut_down(server.uuid)
        while self.cloud.servers:
            await pause()
        assert (await self.build()).results == [SUCCESS]

    async def test_a_server_counts_until_it_is_gone_though_its_worker_no_longer_waits_for_that(self) -> None:
        cloud = self.serve()
        cloud.stop_seconds = 1
        self.patch(service, "_DESTROY_WAIT", 0.05)
        there: list[int] = []
        start = cloud.start_boot

        def count(server: object) -> None:
            start(server)  # type: ignore[arg-type]  # handed through
            there.append(len(cloud.servers))

        cloud.start_boot = count  # type: ignore[method-assign]  # to see how many there are at each create
        await self.start_master(*(self.worker(f"bot-{number}", max_servers=1) for number in (1, 2)))
        for _ in range(2):
            assert (await self.build()).results == [SUCCESS]
        assert there == [1, 1]


class Stopped(MasterCase):
    async def test_a_master_that_stops_before_a_start_has_ended_waits_for_no_guest_afterwards(self) -> None:
        """A remaining delayed call would fail the test."""
        self.serve()
        bot = self.worker(build_wait_timeout=60)
        await self.start_master(bot)
        start, may_return = bot.start_instance, defer.Deferred[None]()

        def held(build: Build) -> defer.Deferred[bool]:
            return start(build).addCallback(lambda started: may_return.addCallback(lambda _: started))

        bot.start_instance = held  # type: ignore[method-assign]  # as with a create that is not answered yet
        assert (await self.build()).results == [SUCCESS]
        stopping = self.tested_master.shutdown()
        while bot.conn is not None:
            await pause()
        assert bot.state is States.SUBSTANTIATED
        may_return.callback(None)
        await stopping


class Reconfigured(MasterCase):
    """Reconfigurations just before a create."""

    async def test_a_build_that_failed_by_an_earlier_configuration_is_tried_again_with_the_new_one(self) -> None:
        self.serve()
        self.cloud.fail("GET /storage/template", delay=6)
        bot = self.worker(image="Debian GNU/Linux 99")
        await self.start_master(bot)
        building = defer.ensureDeferred(self.build())
        while bot.state is not States.SUBSTANTIATING_STARTING:
            await pause()
        self.config.update(self.configuration(self.worker()))
        await self.master.reconfig()
        assert (await building).results == [RETRY, SUCCESS]

    async def test_a_server_whose_values_were_being_found_is_as_the_new_configuration_says(self) -> None:
        asked: defer.Deferred[None] = defer.Deferred()
        answer: defer.Deferred[str] = defer.Deferred()

        @renderer
        def image(_: object) -> defer.Deferred[str]:
            asked.callback(None)
            return answer

        self.serve()
        before = self.worker(image=image)
        # Where the next server is made. It must be served until the master has stopped.
        self.serve()
        await self.start_master(before)
        building = defer.ensureDeferred(self.build())
        await asked
        self.config.update(self.configuration(self.worker(hostconfig={"plan": "2xCPU-4GB"})))
        await self.master.reconfig()
        answer.callback(IMAGE)
        outcome = await building
        assert outcome.results == [SUCCESS]
        assert outcome.properties["upcloud_plan"] == "2xCPU-4GB"
