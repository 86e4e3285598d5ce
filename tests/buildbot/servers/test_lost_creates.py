"""Servers that exist although their create failed: its answer is lost, and the API's list cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet import defer

from tests.buildbot._types import RETRY, SUCCESS
from tests.buildbot.harness import pause, until
from tests.buildbot.master.record_case import RecordCase
from upcloud_sdk.buildbot import current_server

if TYPE_CHECKING:
    from tests.buildbot.harness import Outcome
    from tests.buildbot.quick import QuickWorker
    from upcloud_sdk.simulator.records.records import Server


class LostCreates(RecordCase):
    """The guests of such servers attach."""

    async def start(self, *steps: object) -> QuickWorker:
        self.serve(boot_seconds=0)
        bot = self.worker(build_wait_timeout=3600)
        await self.start_master(bot, steps=steps)
        while not bot.has_reaped:
            await pause()
        self.cloud.fail("POST /server", status=503, after_effect=True)
        # The search repeats for much longer than a guest needs to attach.
        self.cloud.fail("GET /server", status=503, times=None)
        return bot

    def fail_create(self) -> None:
        """Let the list refuse, so that it is not requested again."""
        with self.cloud.lock:
            self.cloud.faults.clear()
            self.cloud.fail("GET /server", status=409, code="SERVER_STATE_ILLEGAL", times=None)

    async def runs_on_a_lost_server(self, bot: QuickWorker) -> defer.Deferred[Outcome]:
        """A build whose create has failed while its guest attached."""
        building = defer.ensureDeferred(self.build())
        while not bot.is_building:
            await pause()
        self.fail_create()
        while not bot.is_outdated:
            await pause()
        return building

    async def agrees_with_the_bill(self) -> None:
        servers = [server for server in await self.all_gone() if server.uuid]
        billed = [each.resource_id for each in self.cloud.usages if each.category == "server"]
        assert sorted(str(server.uuid) for server in servers) == sorted(billed)
        assert [(server.hours, server.cost is None) for server in servers] == [(1, False)] * 2
        assert self.cloud.count("POST /server") == 2

    async def is_replaced_for_the_next_build(self, bot: QuickWorker) -> None:
        while bot.has_server:
            await pause()
        self.cloud.faults.clear()
        assert (await self.build()).results == [SUCCESS]
        bot.insubstantiate()
        await self.agrees_with_the_bill()

    async def test_an_idle_server_is_given_up_and_the_next_build_gets_another_at_once(self) -> None:
        bot = await self.start()
        building = defer.ensureDeferred(self.build())
        while bot.conn is None or bot.building:
            await pause()
        self.fail_create()
        assert (await building).results == [SUCCESS]
        await self.is_replaced_for_the_next_build(bot)

    async def test_a_build_ends_on_it_and_it_is_given_up_after_that(self) -> None:
        gate = self.gate()
        bot = await self.start(until(gate))
        building = await self.runs_on_a_lost_server(bot)
        gate.touch()
        assert (await building).results == [SUCCESS]
        await self.is_replaced_for_the_next_build(bot)

    async def test_one_that_its_client_cannot_read_does_not_stay_in_the_record(self) -> None:
        self.patch(current_server, "_LATE_GONE_WITHIN", 1.0)
        gate = self.gate()
        bot = await self.start(until(gate))
        building = await self.runs_on_a_lost_server(bot)
        gate.touch()
        assert (await building).results == [SUCCESS]
        while bot.has_server:
            await pause()
        with self.cloud.lock:
            self.cloud.faults.clear()
            self.cloud.fail("GET /server/{uuid}", status=401, code="AUTHENTICATION_FAILED")
        [server] = await self.all_gone()
        assert server.uuid is None

    async def test_one_that_its_client_cannot_destroy_in_time_is_recorded_as_left(self) -> None:
        self.patch(current_server, "_LATE_GONE_WITHIN", 1.0)
        gate = self.gate()
        bot = await self.start(until(gate))
        building = await self.runs_on_a_lost_server(bot)
        gate.touch()
        assert (await building).results == [SUCCESS]
        with self.cloud.lock:
            self.cloud.faults.clear()
            # A proxy's page each time.
            self.cloud.fail("POST /server/{uuid}/stop", status=502, times=None)
            self.cloud.fail("DELETE /server/*", status=502, times=None)
        while not any(server.phase == "not destroyed" for server in await self.history()):
            await pause(0.05)
        self.cloud.faults.clear()
        while self.cloud.servers:
            await pause()

    async def test_a_build_is_tried_again_if_it_is_destroyed_meanwhile(self) -> None:
        gate = self.gate()
        bot = await self.start(until(gate))
        building = await self.runs_on_a_lost_server(bot)
        self.cloud.faults.clear()
        while self.cloud.count("POST /server") == 1:
            await pause()
        gate.touch()
        assert (await building).results == [RETRY, SUCCESS]
        bot.insubstantiate()
        await self.agrees_with_the_bill()

    async def test_one_whose_guest_does_not_attach_is_on_record_and_bill_too(self) -> None:
        bot = await self.start()
        connect = self.guests.start

        def connect_the_second(server: Server) -> None:
            if self.cloud.count("POST /server") == 2:
                connect(server)

        self.patch(self.guests, "start", connect_the_second)
        with self.cloud.lock:
            self.cloud.faults.clear()
            self.cloud.fail("POST /server", status=503, after_effect=True)
            # For the search, and for the first read after it.
            self.cloud.fail("GET /server", status=409, code="SERVER_STATE_ILLEGAL", times=4)
        assert (await self.build()).results == [RETRY, SUCCESS]
        bot.insubstantiate()
        await self.agrees_with_the_bill()
