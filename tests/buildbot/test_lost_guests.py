"""Guests whose connection is lost: during their login, while no build runs, and as a build begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet import defer

from tests.buildbot._types import RETRY, SUCCESS, PingException
from tests.buildbot.harness import MasterCase, pause
from upcloud_sdk.buildbot._buildbot_api import is_lost

if TYPE_CHECKING:
    from tests.buildbot.quick import QuickWorker


class LostGuests(MasterCase):
    async def hang_up(self, bot: QuickWorker) -> None:
        """Let its guest hang up, and wait until its connection is closed here too."""
        conn = bot.conn
        assert conn is not None
        for uuid in list(self.guests.running):
            self.guests.stop(uuid, hard=True)
        while conn.mind is not None and not is_lost(conn):
            await pause()

    async def test_one_that_hangs_up_while_its_login_is_written_down_wedges_nothing(self) -> None:
        self.serve()
        bot = self.worker()
        await self.start_master(bot)
        write, writes = self.master.data.updates.workerConnected, 0

        async def hang_up_during_the_second(**values: Any) -> None:  # noqa: ANN401 - Buildbot's
            nonlocal writes
            writes += 1
            if writes == 2:
                await self.hang_up(bot)
            await write(**values)

        def patched(**values: Any) -> defer.Deferred[None]:  # noqa: ANN401 - the same
            return defer.ensureDeferred(hang_up_during_the_second(**values))

        self.patch(self.master.data.updates, "workerConnected", patched)
        outcome = await self.build()
        assert outcome.results[-1] == SUCCESS
        assert set(outcome.results) <= {RETRY, SUCCESS}
        # The build had begun.
        self.flushLoggedErrors(PingException)

    async def test_one_that_comes_back_while_no_build_runs_gets_the_next_build(self) -> None:
        self.serve()
        bot = self.worker(build_wait_timeout=3600)
        await self.start_master(bot)
        await self.build()
        lost = bot.conn
        assert lost is not None
        lost.loseConnection()
        while bot.conn in {lost, None}:
            await pause()
        assert (await self.build()).results == [SUCCESS]
        assert self.cloud.count("POST /server") == 1

    async def test_one_that_does_not_come_back_costs_its_server_after_attach_timeout(self) -> None:
        self.serve()
        bot = self.worker(build_wait_timeout=3600, attach_timeout=1)
        await self.start_master(bot)
        await self.build()
        await self.hang_up(bot)
        while self.cloud.servers:
            await pause()

    async def test_one_that_is_lost_as_its_build_begins_costs_its_server_and_the_build_is_tried_again(self) -> None:
        """Buildbot itself believes for ever that the build runs."""
        self.serve()
        bot = self.worker(attach_timeout=5)
        await self.start_master(bot)
        tell, told = self.master.data.updates.setStepStateString, 0

        async def lose_before_the_first_step(stepid: int, text: str) -> None:
            nonlocal told
            if text.endswith(" ready") and not told:
                told = 1
                self.guests.shut_down(next(iter(self.cloud.servers)))
                while bot.conn is not None:
                    await pause()
            await tell(stepid, text)

        def patched(stepid: int, text: str) -> defer.Deferred[None]:
            return defer.ensureDeferred(lose_before_the_first_step(stepid, text))

        self.patch(self.master.data.updates, "setStepStateString", patched)
        outcome = await self.build()
        assert outcome.results == [RETRY, SUCCESS]
        assert len(self.flushLoggedErrors(AttributeError)) == 1
