"""A master whose clock jumps, and one whose database is locked."""

from __future__ import annotations

import sqlite3
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet import defer

from tests.buildbot._types import RETRY, SUCCESS, reactor
from tests.buildbot.harness import MasterCase, pause, until
from tests.buildbot.processes import eventually
from upcloud_sdk.buildbot import PaidHour
from upcloud_sdk.buildbot._buildbot.api import States
from upcloud_sdk.buildbot.current_server import CurrentServer
from upcloud_sdk.buildbot.servers import heartbeat
from upcloud_sdk.simulator import Simulator, never

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.buildbot.harness import Outcome
    from tests.buildbot.processes import MasterProcess
    from upcloud_sdk.simulator.records.records import Server

HOURS = 5 * 3600.0


class Clocks(MasterCase):
    timeout = HOURS + 240
    """Postpone the test's own time limit, which uses the same clock."""

    def jump(self, seconds: float) -> None:
        """Move the reactor's wall clock ahead or back by this many seconds."""
        now = reactor.seconds
        self.patch(reactor, "seconds", lambda: now() + seconds)

    async def test_a_clock_that_jumps_ahead_while_a_server_starts_costs_one_attempt_at_most(self) -> None:
        self.serve()
        self.cloud.boot_next(never())
        await self.start_master(self.worker())
        building = defer.ensureDeferred(self.build())
        server = await self.starting_server()
        self.jump(HOURS)
        self.let_start(server)
        outcome = await building
        assert outcome.results[-1] == SUCCESS
        assert set(outcome.results) <= {RETRY, SUCCESS}
        # Of Buildbot's `missing_timeout`.
        self.flushLoggedErrors(defer.TimeoutError)

    async def test_the_log_of_a_start_is_closed_though_its_server_ends_after_the_next_start_has_begun(self) -> None:
        self.serve()
        self.cloud.fail("POST /server", delay=2, after_effect=True, times=1)
        self.cloud.fail("POST /server/*/stop", delay=2, times=1)
        destroy = CurrentServer.destroy

        async def destroy_when_it_has_appeared(current: CurrentServer) -> None:
            first = current.server
            while first is not None and first.details is None:
                await pause()
            await destroy(current)

        self.patch(CurrentServer, "destroy", destroy_when_it_has_appeared)
        await self.start_master(self.worker())
        building = defer.ensureDeferred(self.build())
        await self.starting_server()
        self.jump(HOURS)
        # `build` waits until all logs are closed.
        assert (await building).results == [RETRY, SUCCESS]
        self.flushLoggedErrors(defer.TimeoutError)

    async def test_a_clock_that_jumps_ahead_ends_no_build(self) -> None:
        self.serve()
        gate = self.gate()
        await self.start_master(self.worker(), steps=[until(gate)])
        building = defer.ensureDeferred(self.build())
        await self.server_in("started")
        while self.master.workers.workers["bot"].state is not States.SUBSTANTIATED:
            await pause()
        self.jump(HOURS)
        await pause(0.5)
        gate.touch()
        assert (await building).results == [SUCCESS]

    async def test_a_clock_that_jumps_ahead_before_a_guest_has_answered_ends_no_build(self) -> None:
        self.serve()
        self.patch(heartbeat, "_ASK_EVERY", 0.2)
        gate = self.gate()
        bot = self.worker()
        await self.start_master(bot, steps=[until(gate)])
        building = defer.ensureDeferred(self.build())
        while not bot.is_building:
            await pause()
        asked, answer = defer.Deferred[None](), defer.Deferred[object]()

        def ask(message: str) -> defer.Deferred[object]:
            asked.callback(None)
            return answer

        assert bot.conn is not None
        conn, print_there = bot.conn, bot.conn.remotePrint
        conn.remotePrint = ask  # type: ignore[method-assign]  # an answer that takes as long as this test wants
        await asked
        conn.remotePrint = print_there  # type: ignore[method-assign]  # the same
        self.jump(HOURS)
        await pause(0.5)
        answer.callback(None)
        gate.touch()
        assert (await building).results == [SUCCESS]

    async def a_guest_is_awaited(self, **options: Any) -> tuple[defer.Deferred[Outcome], Server]:  # noqa: ANN401 - the worker's
        self.serve()
        self.guests.attaches = False
        bot = self.worker(check_instance_interval=0.1, **options)
        await self.start_master(bot)
        building = defer.ensureDeferred(self.build())
        server = await self.server_in("started")
        while not bot.is_up:
            await pause()
        self.guests.attaches = True
        return building, server

    async def test_a_clock_that_jumps_ahead_while_a_guest_is_awaited_costs_one_attempt_at_most(self) -> None:
        building, server = await self.a_guest_is_awaited()
        self.jump(HOURS)
        self.guests.connect(server.uuid, str(server.user_data))
        results = (await building).results
        assert results in ([SUCCESS], [RETRY, SUCCESS])
        # Of Buildbot's `missing_timeout`.
        self.flushLoggedErrors(defer.TimeoutError)

    async def test_a_clock_that_jumps_back_while_a_guest_is_awaited_lets_it_attach(self) -> None:
        building, server = await self.a_guest_is_awaited()
        self.jump(-HOURS)
        self.guests.connect(server.uuid, str(server.user_data))
        assert (await building).results == [SUCCESS]

    async def test_an_idle_server_is_given_up_by_a_new_configuration_though_the_clock_has_jumped_back(self) -> None:
        self.serve()
        bot = self.worker(build_wait_timeout=PaidHour())
        await self.start_master(bot)
        await self.build()
        while not bot.is_idle:
            await pause()
        self.jump(-HOURS)
        self.config.update(self.configuration(self.worker(build_wait_timeout=PaidHour(margin=3599))))
        await self.master.reconfig()
        while self.cloud.servers:
            await pause()

    async def test_a_clock_that_jumps_back_keeps_no_build_waiting(self) -> None:
        self.serve()
        await self.start_master(self.worker(build_wait_timeout=3600))
        assert (await self.build()).results == [SUCCESS]
        self.jump(-HOURS)
        assert (await self.build()).results == [SUCCESS]


@pytest.mark.full
def test_a_database_that_is_locked_for_a_minute_costs_no_build_and_leaves_nothing(
    master_process: Callable[..., MasterProcess],
) -> None:
    cloud = Simulator(
        boot_seconds=0.2,
        stop_seconds=0.1,
        guests="process",
        username="user",
        password="secret-password",
    )
    with cloud, cloud.serve() as url:
        workers: dict[str, dict[str, Any]] = {"one": {}, "two": {}}
        master = master_process(url, workers, command="sleep 2")
        master.start()
        requests = [master.force(name) for name in workers]
        eventually("two servers", lambda: len(cloud.servers) == len(workers))
        database = sqlite3.connect(master.basedir / "state.sqlite", isolation_level=None)
        database.execute("BEGIN EXCLUSIVE")
        threading.Event().wait(60)
        database.execute("ROLLBACK")
        database.close()
        results: list[list[int]] = [eventually("the builds to end", partial(master.results, each)) for each in requests]
        assert [each[-1] for each in results] == [SUCCESS, SUCCESS]
        eventually("no servers", lambda: not cloud.servers)
        master.terminate(within=30)
